package cli

import (
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/coder/websocket"

	"volundr/ui/client"
)

// A conversation that is cut in the middle says what became of it: of a token that
// was revoked meanwhile in the daemon's words, and else where to look.
func TestAConversationThatIsCutEndsInASentence(t *testing.T) {
	const invalid = "This token is not valid: it was revoked."
	for name, c := range map[string]struct {
		revoked bool
		want    string
	}{
		"the token is revoked":   {true, "the conversation was cut, and the agent works on: " + invalid},
		"the connection is lost": {false, "the conversation was cut (the daemon does not answer any more): `volundr sessions show work` shows where it stands"},
	} {
		t.Run(name, func(t *testing.T) {
			const id = "6f0e1a52-9a52-4c0e-8a6e-0d3f5a6b7c8d"
			session := `{"id":"` + id + `","name":"work","status":"running","source":{"type":"git"}}`
			var revoked, heard atomic.Bool
			daemon := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				w.Header().Set("Content-Type", "application/json")
				switch path := r.URL.Path; {
				case revoked.Load():
					w.WriteHeader(http.StatusUnauthorized)
					io.WriteString(w, `{"detail":"`+invalid+`"}`)
				case strings.HasSuffix(path, "/session"):
					w.Header().Del("Content-Type")
					conn, err := websocket.Accept(w, r, &websocket.AcceptOptions{Subprotocols: []string{client.ChatProtocol}})
					if err != nil {
						t.Error(err)
						return
					}
					defer conn.CloseNow()
					for _, part := range []string{`"hello"`, "look at it"} {
						if _, frame, err := conn.Read(r.Context()); err != nil || !strings.Contains(string(frame), part) {
							t.Errorf("%s: %v, want %s", frame, err, part)
						}
					}
					heard.Store(true)
					revoked.Store(c.revoked)
				case strings.HasSuffix(path, "/sessions"):
					io.WriteString(w, "["+session+"]")
				case strings.HasSuffix(path, "/sessions/"+id), strings.HasSuffix(path, "/sessions/work"):
					io.WriteString(w, session)
				default:
					io.WriteString(w, `{}`)
				}
			}))
			defer daemon.Close()
			_, root := tree(Daemon{})
			root.SetOut(io.Discard)
			root.SetErr(io.Discard)
			root.SetArgs([]string{"--data-dir", t.TempDir(), "--server", daemon.URL, "--token", "t", "sessions", "chat", "work", "look at it"})
			if err := root.ExecuteContext(t.Context()); err == nil || err.Error() != c.want || !heard.Load() {
				t.Errorf("%v, want %s", err, c.want)
			}
		})
	}
}
