package client

import (
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/coder/websocket"
)

// A conversation that ends says so in words, whether the daemon took its leave
// or was killed.
func TestACutConversationSaysWhy(t *testing.T) {
	for want, end := range map[string]func(*websocket.Conn){
		"the daemon restarts":                 func(c *websocket.Conn) { c.Close(websocket.StatusGoingAway, "the daemon restarts") },
		"the daemon does not answer any more": func(c *websocket.Conn) { c.CloseNow() },
	} {
		daemon := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			conn, err := websocket.Accept(w, r, &websocket.AcceptOptions{Subprotocols: []string{ChatProtocol}})
			if err != nil {
				t.Error(err)
				return
			}
			if _, _, err := conn.Read(r.Context()); err != nil { // hello
				t.Error(err)
			}
			end(conn)
		}))
		chat, err := New(daemon.URL, "t").Chat(t.Context(), "s", 0)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := chat.Receive(t.Context()); err == nil || err.Error() != want {
			t.Errorf("%v, want %s", err, want)
		}
		daemon.Close()
	}
}
