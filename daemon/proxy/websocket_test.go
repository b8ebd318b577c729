package proxy

import (
	"context"
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/coder/websocket"

	"volundr/daemon/auth"
	"volundr/runtime/broker/wire"
)

var errRefused = errors.Join(wire.ErrRefused, errors.New("nothing listens there"))

// echo is a program with a WebSocket that checks Origin against Host, as
// code-server and ttyd do.
func echo(w http.ResponseWriter, r *http.Request) {
	c, err := websocket.Accept(w, r, &websocket.AcceptOptions{Subprotocols: []string{"tty"}})
	if err != nil {
		return
	}
	defer c.CloseNow()
	c.SetReadLimit(-1)
	for {
		typ, data, err := c.Read(r.Context())
		if err != nil {
			return
		}
		if string(data) == "bye" {
			c.Close(4321, "as you wish")
			return
		}
		if c.Write(r.Context(), typ, data) != nil {
			return
		}
	}
}

func (x *rig) socket(ctx context.Context, host string) (*websocket.Conn, error) {
	c, _, err := websocket.Dial(ctx, x.server.URL+"/ws", &websocket.DialOptions{
		Host: host, Subprotocols: []string{"tty"}, HTTPHeader: http.Header{"Origin": {"http://" + host}},
	})
	return c, err
}

func TestWebSocketsPassThrough(t *testing.T) {
	x := newRig(t, http.HandlerFunc(echo))
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	c, err := x.socket(ctx, x.open(auth.Terminal, 0))
	if err != nil {
		t.Fatal(err)
	}
	defer c.CloseNow()
	c.SetReadLimit(-1)
	if c.Subprotocol() != "tty" || x.asked.Load() != wire.TerminalPort {
		t.Errorf("subprotocol %q, port %d", c.Subprotocol(), x.asked.Load())
	}
	for _, m := range []string{"hello", strings.Repeat("x", 1<<20)} {
		if err := c.Write(ctx, websocket.MessageBinary, []byte(m)); err != nil {
			t.Fatal(err)
		}
		typ, data, err := c.Read(ctx)
		if err != nil || typ != websocket.MessageBinary || string(data) != m {
			t.Fatalf("%d bytes back, %v", len(data), err)
		}
	}
	c.Write(ctx, websocket.MessageText, []byte("bye"))
	_, _, err = c.Read(ctx)
	var closed websocket.CloseError
	if !errors.As(err, &closed) || closed.Code != 4321 || closed.Reason != "as you wish" {
		t.Errorf("closed with %v", err)
	}
}

func TestARevokedLoginIsCutOff(t *testing.T) {
	release := make(chan struct{})
	defer close(release)
	x := newRig(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/ws" {
			echo(w, r)
			return
		}
		io.WriteString(w, "begun")
		w.(http.Flusher).Flush()
		select {
		case <-release:
		case <-r.Context().Done():
		}
	}))
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	host := x.open(auth.Terminal, 0)
	c, err := x.socket(ctx, host)
	if err != nil {
		t.Fatal(err)
	}
	defer c.CloseNow()
	stream := x.do("GET", host, "/")
	if err := x.auth.Revoke(ctx, auth.Local, x.login.ID); err != nil {
		t.Fatal(err)
	}
	if _, _, err := c.Read(ctx); err == nil || ctx.Err() != nil {
		t.Errorf("the socket is still open: %v", err)
	}
	if _, err := io.ReadAll(stream.Body); err == nil {
		t.Error("the stream ended as if it were complete")
	}
	if res := x.do("GET", host, "/"); res.StatusCode != 404 {
		t.Errorf("a new request: %d", res.StatusCode)
	}
}

func TestStreamsAreNotHeldBack(t *testing.T) {
	next := make(chan struct{})
	x := newRig(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/event-stream")
		io.WriteString(w, "data: 1\n\n")
		w.(http.Flusher).Flush()
		<-next
		io.WriteString(w, "data: 2\n\n")
	}))
	res := x.do("GET", x.open(auth.Preview, 3000), "/")
	buf := make([]byte, 9)
	if _, err := io.ReadFull(res.Body, buf); err != nil || string(buf) != "data: 1\n\n" {
		t.Fatalf("%q %v", buf, err)
	}
	close(next)
	if rest, err := io.ReadAll(res.Body); err != nil || string(rest) != "data: 2\n\n" {
		t.Errorf("%q %v", rest, err)
	}
}
