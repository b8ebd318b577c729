package api

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/coder/websocket"
	"github.com/google/go-cmp/cmp"

	"volundr/daemon/auth"
	"volundr/daemon/terminal"
	"volundr/runtime"
	"volundr/store"
	"volundr/ui/client"
)

// terminalOf opens a terminal as somebody. The status is the one of the answer
// where it is not opened.
func (w *world) terminalOf(x who, session, name string, change ...func(*http.Request)) (*websocket.Conn, int) {
	w.t.Helper()
	like, err := http.NewRequestWithContext(w.t.Context(), "GET", x.base, nil)
	if err != nil {
		w.t.Fatal(err)
	}
	x.present(like)
	for _, c := range change {
		c(like)
	}
	ws, res, err := websocket.Dial(w.t.Context(), strings.Replace(x.base, "http", "ws", 1)+"/s/"+session+"/terminal/ws/"+name,
		&websocket.DialOptions{HTTPHeader: like.Header, Host: like.Host})
	if err != nil {
		if res == nil {
			w.t.Fatal(err)
		}
		return nil, res.StatusCode
	}
	w.t.Cleanup(func() { ws.CloseNow() })
	return ws, 0
}

type terminalFrame struct{ Type, Data string }

// frame is the next frame of a terminal.
func (w *world) frame(ws *websocket.Conn) (f terminalFrame) {
	w.t.Helper()
	ctx, cancel := context.WithTimeout(w.t.Context(), time.Minute)
	defer cancel()
	kind, b, err := ws.Read(ctx)
	if err == nil {
		err = json.Unmarshal(b, &f)
	}
	if err != nil || kind != websocket.MessageText {
		w.t.Fatalf("%v frame %s: %v", kind, b, err)
	}
	return f
}

// running begins a session of somebody's.
func (w *world) running(x who) string {
	w.t.Helper()
	w.drive()
	_, body := w.told(x, "POST", "/sessions", `{"name":"s"}`)
	return w.is(parse[client.Session](w.t, body).ID, client.Running).ID
}

// A terminal's socket carries keys and sizes in, what is printed and the end out,
// in frames of whole characters.
func TestATerminalsSocketSpeaksAsTheContractSays(t *testing.T) {
	w := newWorld(t)
	x := w.person("local", "default", store.RoleAdmin)
	id := w.running(x)
	var asked atomic.Value
	w.rt.OnExec(func(_ context.Context, _ string, o runtime.ExecOptions) (int, error) {
		if !o.TTY { // is there such a terminal?
			if o.Command[len(o.Command)-1] == "none" {
				return 1, nil
			}
			return 0, nil
		}
		asked.Store(o.Command[len(o.Command)-1] + " in " + o.Part)
		if s := <-o.Resize; s != [2]uint{80, 24} {
			t.Errorf("it begins with %v", s)
		}
		if s := <-o.Resize; s != [2]uint{132, 43} {
			t.Errorf("it is resized to %v", s)
		}
		typed := make([]byte, 5)
		if _, err := io.ReadFull(o.Stdin, typed); err != nil || string(typed) != "ls é" {
			t.Errorf("typed %q, %v", typed, err)
		}
		for _, piece := range []string{"<b>\x1b[1m\xe2\x82", "\xac", "\xf0\x9f", "\x98", "\x80\xff", "done"} { // €, 😀, no character
			if n, err := o.Stdout.Write([]byte(piece)); err != nil || n != len(piece) {
				t.Error(n, err)
			}
		}
		return 0, nil
	})
	for _, name := range []string{"main", "zsh-1"} {
		ws, status := w.terminalOf(x, id, name)
		if ws == nil {
			t.Fatal(status)
		}
		for _, f := range []string{`{"type":"resize","cols":132,"rows":43}`, "no JSON", `{"type":"resize","cols":0,"rows":9}`, `{"type":"other"}`, `{"type":"input","data":"ls "}`} {
			if err := ws.Write(t.Context(), websocket.MessageText, []byte(f)); err != nil {
				t.Fatal(err)
			}
		}
		if err := ws.Write(t.Context(), websocket.MessageBinary, []byte("é")); err != nil { // as some clients do
			t.Fatal(err)
		}
		var got []terminalFrame
		for len(got) == 0 || got[len(got)-1].Type != "exit" {
			got = append(got, w.frame(ws))
		}
		want := []terminalFrame{{"output", "<b>\x1b[1m"}, {"output", "€"}, {"output", "😀\ufffd"}, {"output", "done"}, {"exit", ""}}
		if d := cmp.Diff(want, got); d != "" {
			t.Errorf("%s:\n%s", name, d)
		}
		var closed websocket.CloseError
		if _, _, err := ws.Read(t.Context()); !errors.As(err, &closed) || closed.Code != websocket.StatusNormalClosure {
			t.Errorf("it ends with %v", err)
		}
		if asked.Load() != name+" in "+runtime.PartTerminal {
			t.Errorf("%s is %v", name, asked.Load())
		}
	}
	for _, name := range []string{"none", "a:b", "a%3Bb"} {
		ws, _ := w.terminalOf(x, id, name)
		if f := w.frame(ws); f.Type != "error" || !strings.HasSuffix(f.Data, "not found") {
			t.Errorf("%s: %v", name, f)
		}
		var closed websocket.CloseError
		if _, _, err := ws.Read(t.Context()); !errors.As(err, &closed) || closed.Code != 4404 {
			t.Errorf("%s ends with %v", name, err)
		}
	}
	if _, status := w.terminalOf(x, w.created("idle").ID, "main"); status != http.StatusConflict {
		t.Errorf("of a session that does not run: %d", status)
	}
}

// A terminal is work, asked for from our own pages or by a token for it, and it
// ends with what it was opened with.
func TestWhoMayOpenATerminal(t *testing.T) {
	w := newWorld(t)
	ann, bert, vic := w.person("ann", "default", store.RoleDeveloper), w.person("bert", "default", store.RoleDeveloper), w.person("vic", "default", store.RoleViewer)
	id := w.running(ann)
	ended := make(chan struct{}, 8)
	w.rt.OnExec(func(ctx context.Context, _ string, o runtime.ExecOptions) (int, error) {
		_, _ = o.Stdout.Write([]byte("$ "))
		<-ctx.Done()
		ended <- struct{}{}
		return 0, ctx.Err()
	})
	if status, body := w.told(ann, "PUT", "/sessions/"+id+"/shares/"+bert.p.UserID, ""); status != 200 {
		t.Fatal(body)
	}
	foreign := func(r *http.Request) { r.Header.Set("Origin", "http://terminal--x.localhost") }
	for name, c := range map[string]struct {
		x      who
		change []func(*http.Request)
		want   int
	}{
		"a guest": {bert, nil, 404}, "a viewer": {vic, nil, 403}, "a token to read": {w.program(ann, auth.ScopeRead, time.Hour), nil, 403},
		"another origin": {ann, []func(*http.Request){foreign}, 403}, "no origin": {ann, []func(*http.Request){func(r *http.Request) { r.Header.Del("Origin") }}, 403},
	} {
		if ws, status := w.terminalOf(c.x, id, "main", c.change...); ws != nil || status != c.want {
			t.Errorf("%s: %d, want %d", name, status, c.want)
		}
	}
	k, text, err := w.auth.NewToken(t.Context(), ann.p, "t", []string{auth.ScopeWork}, time.Now().Add(time.Hour))
	if err != nil {
		t.Fatal(err)
	}
	program := ann
	program.present = func(r *http.Request) { r.Header.Set("Authorization", "Bearer "+text) }
	w.cutOff("the token is revoked", program, id, ended, func() error { return w.auth.RevokeToken(t.Context(), ann.p, k.ID) })
	w.cutOff("the role is another", ann, id, ended, func() error {
		_, err := w.auth.SetRole(t.Context(), auth.Local, ann.p.UserID, store.RoleViewer)
		return err
	})
}

// cutOff fails unless a terminal ends, and what runs for it, when end is called.
func (w *world) cutOff(why string, x who, id string, ended <-chan struct{}, end func() error) {
	w.t.Helper()
	ws, status := w.terminalOf(x, id, terminal.Main)
	if ws == nil {
		w.t.Fatalf("%s: %d", why, status)
	}
	if f := w.frame(ws); f != (terminalFrame{"output", "$ "}) {
		w.t.Errorf("%s: %v", why, f)
	}
	if err := end(); err != nil {
		w.t.Fatalf("%s: %v", why, err)
	}
	select {
	case <-ended:
	case <-time.After(time.Minute):
		w.t.Fatalf("%s, and the terminal goes on", why)
	}
	for err := error(nil); err == nil; {
		_, _, err = ws.Read(w.t.Context())
	}
}
