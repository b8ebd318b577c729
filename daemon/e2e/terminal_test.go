package e2e

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/coder/websocket"

	"volundr/ui/client"
)

// TestTerminalsOfTheContract: a client that knows nothing of ours types in the
// session's terminal, resizes it, has one more and ends it; what runs in a
// terminal goes on while nobody looks.
func TestTerminalsOfTheContract(t *testing.T) {
	_, env := provider(t)
	p := install(t, env...)
	id := p.create(client.SessionCreate{Name: "terminals", Source: &client.Source{Type: client.SourceGit, Repo: repository(t)}}).ID

	main := p.terminal(id, "main")
	main.types("echo $((6*7))\r")
	main.until("42")
	main.says(`{"type":"resize","cols":132,"rows":40}`)
	// The terminal hears of its size by a way of its own, not in order with keys.
	main.types("keep=here; until [ \"$(stty size)\" = '40 132' ]; do sleep .1; done; echo wide-$((6*7))\r")
	main.until("wide-42")
	main.ws.Close(websocket.StatusNormalClosure, "")
	main = p.terminal(id, "main") // nobody was there meanwhile
	main.types("echo it-is-$keep\r")
	main.until("it-is-here")

	const zsh = `{"terminalId":"zsh-1","label":"zsh-1","cli_type":"zsh"}`
	p.terminals(id, "POST", "preferences", `{"default_shell":"zsh"}`, `{"default_shell":"zsh"}`)
	p.terminals(id, "GET", "preferences", "", `{"default_shell":"zsh"}`)
	p.terminals(id, "POST", "spawn", "{}", zsh)
	p.terminals(id, "GET", "sessions", "", `{"sessions":[{"terminalId":"main","label":"main","cli_type":"shell","status":"running"},`+
		strings.Replace(zsh, "}", `,"status":"running"}`, 1)+`],"tmux":true}`)
	other := p.terminal(id, "zsh-1")
	other.types("echo $ZSH_NAME-$((6*7))\r")
	other.until("zsh-42")
	p.terminals(id, "POST", "dotfiles", `{"filename":".inputrc","content":"set bell-style none\n"}`, `{"ok":true,"filename":".inputrc"}`)
	other.types("cat ~/.inputrc\r")
	other.until("bell-style none")
	p.terminals(id, "DELETE", "dotfiles/.inputrc", "", `{"ok":true,"filename":".inputrc"}`)
	p.terminals(id, "POST", "kill", `{"terminalId":"zsh-1"}`, `{"ok":true}`)
	other.until(`{"data":"","type":"exit"}`)
	main.types("echo $((6*111))\r")
	main.until("666")

	// A daemon that ends tells who is there, and leaves nobody in the session.
	gone := make(chan error, 1)
	go func() {
		for {
			if _, _, err := main.ws.Read(t.Context()); err != nil {
				gone <- err
				return
			}
		}
	}()
	p.down()
	if err := <-gone; websocket.CloseStatus(err) != websocket.StatusGoingAway {
		t.Error(err)
	}
	p.start()
	main = p.terminal(id, "main")
	main.types("echo there-are-$(tmux list-clients | wc -l)-and-$keep\r")
	main.until("there-are-1-and-here")
}

// terminals asks a route of a session's terminals.
func (p *product) terminals(id, method, route, body, want string) {
	p.t.Helper()
	c := p.client()
	req, err := http.NewRequestWithContext(p.t.Context(), method, "http://"+p.addr+"/s/"+id+"/terminal/api/terminal/"+route, strings.NewReader(body))
	if err != nil {
		p.t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+c.Token)
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		p.t.Fatal(err)
	}
	defer res.Body.Close()
	got, err := io.ReadAll(res.Body)
	if err != nil || res.StatusCode != 200 || string(bytes.TrimSpace(got)) != want {
		p.t.Errorf("%s %s %s: %d %s %v, want %s", method, route, body, res.StatusCode, got, err, want)
	}
}

// contractTerminal is a terminal's socket.
type contractTerminal struct {
	t  *testing.T
	ws *websocket.Conn
}

func (p *product) terminal(id, name string) contractTerminal {
	p.t.Helper()
	ws, _, err := websocket.Dial(p.t.Context(), "ws://"+p.addr+"/s/"+id+"/terminal/ws/"+name,
		&websocket.DialOptions{HTTPHeader: http.Header{"Authorization": {"Bearer " + p.client().Token}}})
	if err != nil {
		p.t.Fatal(err)
	}
	ws.SetReadLimit(1 << 20)
	p.t.Cleanup(func() { ws.CloseNow() })
	x := contractTerminal{p.t, ws}
	x.until("/workspace")
	return x
}

func (x contractTerminal) says(frame string) {
	x.t.Helper()
	if err := x.ws.Write(x.t.Context(), websocket.MessageText, []byte(frame)); err != nil {
		x.t.Fatal(err)
	}
}

func (x contractTerminal) types(keys string) {
	x.t.Helper()
	frame, err := json.Marshal(map[string]string{"type": "input", "data": keys})
	if err != nil {
		x.t.Fatal(err)
	}
	x.says(string(frame))
}

// until reads frames until something was said in them.
func (x contractTerminal) until(text string) {
	x.t.Helper()
	ctx, cancel := context.WithTimeout(x.t.Context(), limit)
	defer cancel()
	var all strings.Builder
	for {
		_, b, err := x.ws.Read(ctx)
		if err != nil {
			x.t.Fatalf("%q is never said: %v in %q", text, err, all.String())
		}
		var f struct{ Type, Data string }
		if json.Unmarshal(b, &f) == nil && f.Type == "output" {
			all.WriteString(f.Data)
		} else {
			all.Write(b)
		}
		if strings.Contains(all.String(), text) {
			return
		}
	}
}
