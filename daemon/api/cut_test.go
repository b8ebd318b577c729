package api

import (
	"context"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/coder/websocket"

	"volundr/daemon/auth"
	"volundr/store"
	"volundr/ui/client"
)

// What was opened with a login ends with it, in the middle: an event stream and
// a chat, by cookie and by token, however the login ends.
func TestWhatWasOpenedEndsWithItsLogin(t *testing.T) {
	type ending struct {
		token bool
		end   func(w *world, x who, token string)
	}
	ok := func(w *world, err error) {
		if err != nil {
			w.t.Error(err)
		}
	}
	tenant := store.Principal{UserID: "local", TenantID: "default", Admin: true}
	for name, c := range map[string]ending{
		"the token is revoked":          {true, func(w *world, x who, token string) { ok(w, w.auth.RevokeToken(w.t.Context(), x.p, token)) }},
		"the user is removed":           {true, func(w *world, x who, _ string) { ok(w, w.auth.RemoveUser(w.t.Context(), tenant, x.p.UserID)) }},
		"the browser's user is removed": {false, func(w *world, x who, _ string) { ok(w, w.auth.RemoveUser(w.t.Context(), tenant, x.p.UserID)) }},
		"the role is another": {false, func(w *world, x who, _ string) {
			_, err := w.auth.SetRole(w.t.Context(), tenant, x.p.UserID, store.RoleViewer)
			ok(w, err)
		}},
		"the browser logs out": {false, func(w *world, x who, _ string) {
			if status, _, body := w.ask("POST", "/logout", "", x.present); status != http.StatusSeeOther {
				w.t.Errorf("%d %s", status, body)
			}
		}},
		"the token expires": {true, nil},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			x := w.person("ann", "default", store.RoleDeveloper)
			s, err := w.db.CreateSession(t.Context(), store.Session{Name: "mine", OwnerID: x.p.UserID, TenantID: x.p.TenantID, Runtime: "fake"})
			if err != nil {
				t.Fatal(err)
			}
			id := ""
			if c.token {
				life := time.Hour
				if c.end == nil {
					life = 2 * time.Second
				}
				k, text, err := w.auth.NewToken(t.Context(), x.p, "t", []string{auth.ScopeRead}, time.Now().Add(life))
				if err != nil {
					t.Fatal(err)
				}
				id, x.present = k.ID, func(r *http.Request) { r.Header.Set("Authorization", "Bearer "+text) }
			}
			stream, chat := w.opened(x, s.ID)
			if c.end != nil {
				c.end(w, x, id)
			}
			late := time.AfterFunc(time.Minute, func() { stream.Close(); chat.CloseNow(); t.Error("still open after a minute") })
			defer late.Stop()
			_, _ = io.Copy(io.Discard, stream)
			for err = nil; err == nil; {
				_, _, err = chat.Read(t.Context())
			}
			chat.CloseNow()
			stream.Close()
		})
	}
}

// opened are an event stream and a chat of somebody's that have begun.
func (w *world) opened(x who, session string) (io.ReadCloser, *websocket.Conn) {
	w.t.Helper()
	req, err := http.NewRequestWithContext(w.t.Context(), "GET", x.base+Prefix+"/sessions/stream", nil)
	if err != nil {
		w.t.Fatal(err)
	}
	x.present(req)
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		w.t.Fatal(err)
	}
	w.t.Cleanup(func() { res.Body.Close() })
	if n, err := res.Body.Read(make([]byte, 64)); err != nil || n == 0 {
		w.t.Fatalf("the stream does not begin: %d %v", res.StatusCode, err)
	}
	return res.Body, w.chatAs(x, session)
}

// chatAs opens a chat as somebody and waits until it has told all.
func (w *world) chatAs(x who, session string) *websocket.Conn {
	w.t.Helper()
	chat := w.dialAs(x, session, client.ChatProtocol)
	w.hears(chat, client.FrameCaughtUp)
	return chat
}

// dialAs opens a chat in one of our protocols as somebody, and says hello.
func (w *world) dialAs(x who, session, protocol string) *websocket.Conn {
	w.t.Helper()
	like, err := http.NewRequestWithContext(w.t.Context(), "GET", x.base, nil)
	if err != nil {
		w.t.Fatal(err)
	}
	x.present(like)
	chat, _, err := websocket.Dial(w.t.Context(), strings.Replace(x.base, "http", "ws", 1)+"/s/"+session+"/session",
		&websocket.DialOptions{HTTPHeader: like.Header, Host: like.Host, Subprotocols: []string{protocol}})
	if err != nil {
		w.t.Fatal(err)
	}
	w.t.Cleanup(func() { chat.CloseNow() })
	if err := chat.Write(w.t.Context(), websocket.MessageText, []byte(`{"type":"hello"}`)); err != nil {
		w.t.Fatal(err)
	}
	return chat
}

// hears reads frames until one holds a text.
func (w *world) hears(chat *websocket.Conn, text string) string {
	w.t.Helper()
	ctx, cancel := context.WithTimeout(w.t.Context(), time.Minute)
	defer cancel()
	for {
		_, frame, err := chat.Read(ctx)
		if err != nil {
			w.t.Fatalf("%s is never said: %v", text, err)
		}
		if strings.Contains(string(frame), text) {
			return string(frame)
		}
	}
}

// Who may only look hears a chat and is not heard in it.
func TestWhoMayOnlyLookSaysNothingInAChat(t *testing.T) {
	w := newWorld(t)
	x := w.person("vic", "default", store.RoleViewer)
	s, err := w.db.CreateSession(t.Context(), store.Session{Name: "mine", OwnerID: x.p.UserID, TenantID: x.p.TenantID, Runtime: "fake"})
	if err != nil {
		t.Fatal(err)
	}
	chat := w.chatAs(x, s.ID)
	if err := chat.Write(t.Context(), websocket.MessageText, []byte(`{"type":"prompt","id":"p","blocks":[{"type":"text","text":"delete everything"}]}`)); err != nil {
		t.Fatal(err)
	}
	if said := w.hears(chat, `"error"`); !strings.Contains(said, "Requires one of") {
		t.Error(said)
	}
	entries, err := w.db.Entries(t.Context(), x.p, s.ID, 0, 0, 10)
	if err != nil || len(entries) != 0 {
		t.Errorf("%v, %v", entries, err)
	}
}

// A program whose token was revoked in the middle learns it in words: what it
// reads ends, and what it asks next says why.
func TestARevokedTokenIsToldToTheProgram(t *testing.T) {
	w := newWorld(t)
	x := w.person("ann", "default", store.RoleDeveloper)
	s, err := w.db.CreateSession(t.Context(), store.Session{Name: "mine", OwnerID: x.p.UserID, TenantID: x.p.TenantID, Runtime: "fake"})
	if err != nil {
		t.Fatal(err)
	}
	k, text, err := w.auth.NewToken(t.Context(), x.p, "t", []string{auth.ScopeRead}, time.Now().Add(time.Hour))
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	cl := client.New(w.auth.ProgramOrigin(), text)
	chat, err := cl.Chat(ctx, s.ID, 0)
	if err != nil {
		t.Fatal(err)
	}
	for f := (client.ChatFrame{}); f.Type != client.FrameCaughtUp; {
		if f, err = chat.Receive(ctx); err != nil {
			t.Fatal(err)
		}
	}
	begun, err := w.db.Stream(ctx, x.p)
	if err != nil {
		t.Fatal(err)
	}
	if err := w.db.SetDoing(ctx, s.ID, "something"); err != nil {
		t.Fatal(err)
	}
	revoked := false
	for _, err = range cl.Stream(ctx, begun.Last) {
		if err == nil && !revoked { // in the middle of it
			if revoked = true; w.auth.RevokeToken(ctx, x.p, k.ID) != nil {
				t.Fatal("it cannot be revoked")
			}
		}
	}
	if !revoked || !client.Unauthorized(err) || !strings.Contains(err.Error(), "was revoked") {
		t.Errorf("the stream ended with %v", err)
	}
	for err = nil; err == nil; {
		_, err = chat.Receive(ctx)
	}
	if ctx.Err() != nil {
		t.Error("the conversation goes on")
	}
	if _, err := cl.Me(ctx); !client.Unauthorized(err) || !strings.Contains(err.Error(), "Make a new one") {
		t.Errorf("what is asked then: %v", err)
	}
}
