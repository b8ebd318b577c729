package inner

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"volundr/runtime/broker/sandbox/sandboxtest"
	"volundr/runtime/broker/wire"
)

// hostile is a client of a sandbox whose runner answers everything with answer.
func hostile(t *testing.T, answer http.HandlerFunc) *Client {
	t.Helper()
	srv := httptest.NewServer(answer)
	c := New(func(ctx context.Context) (net.Conn, error) {
		return (&net.Dialer{}).DialContext(ctx, "tcp", srv.Listener.Addr().String())
	})
	t.Cleanup(func() { c.Close(); srv.CloseClientConnections(); srv.Close() })
	return c
}

func text(s string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, s) }
}

// No answer of a sandbox costs the daemon more than its bounds, or is taken for
// a result when it is none.
func TestHostileAnswers(t *testing.T) {
	frame := func(kind byte, data string) string { return string(wire.AppendFrame(nil, kind, []byte(data))) }
	endless := func(w http.ResponseWriter, _ *http.Request) {
		io.WriteString(w, `{"claim":"`)
		for {
			if _, err := io.WriteString(w, strings.Repeat("x", 64<<10)); err != nil {
				return
			}
		}
	}
	run := func(c *Client) error {
		_, err := c.Collect(t.Context(), wire.Run{ID: "x", Argv: Bash("true")})
		return err
	}
	state := func(c *Client) error { _, err := c.State(t.Context()); return err }
	produced := func(c *Client) error {
		_, err := c.Produced(t.Context(), 10, func(_ wire.SandboxEntry, data io.Reader) error { _, err := io.ReadAll(data); return err })
		return err
	}
	for name, test := range map[string]struct {
		answer http.HandlerFunc
		ask    func(*Client) error
		want   error // nil: any
	}{
		"JSON without an end":     {endless, state, nil},
		"no JSON":                 {text("<html>"), state, nil},
		"an error without an end": {func(w http.ResponseWriter, r *http.Request) { w.WriteHeader(500); endless(w, r) }, state, nil},
		"a redirect elsewhere": {func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, "http://127.0.0.1:1/", http.StatusTemporaryRedirect)
		}, state, nil},
		"a frame of 4 GiB":           {text("o\xff\xff\xff\xffx"), run, wire.ErrFrame},
		"no result":                  {text(frame(wire.FrameStdout, "x")), run, io.ErrUnexpectedEOF},
		"half a frame":               {text(frame(wire.FrameStdout, "x")[:5]), run, io.ErrUnexpectedEOF},
		"a result that is none":      {text(frame(wire.FrameResult, "}")), run, nil},
		"an error in the middle":     {text(frame(wire.FrameError, `{"detail":"it broke"}`)), run, nil},
		"a file outside":             {text(frame(wire.FrameFile, `{"path":"../../etc/passwd"}`)), produced, wire.ErrPath},
		"bytes of no file":           {text(frame(wire.FrameStdout, "x")), produced, wire.ErrFrame},
		"a file that breaks off":     {text(frame(wire.FrameFile, `{"path":"a"}`) + frame(wire.FrameStdout, "x")), produced, io.ErrUnexpectedEOF},
		"a status for what is ended": {func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusGone) }, run, ErrEnded},
	} {
		t.Run(name, func(t *testing.T) {
			done := make(chan error, 1)
			c := hostile(t, test.answer)
			go func() { done <- test.ask(c) }()
			select {
			case err := <-done:
				if err == nil || test.want != nil && !errors.Is(err, test.want) {
					t.Errorf("%v", err)
				}
			case <-time.After(30 * time.Second):
				t.Fatal("it waits for ever")
			}
		})
	}
}

// One connection serves one command after another.
func TestConnectionsAreUsedAgain(t *testing.T) {
	s := sandboxtest.Start(t)
	dialled := 0
	c := New(func(ctx context.Context) (net.Conn, error) { dialled++; return s.Dial(ctx) })
	defer c.Close()
	for range 20 {
		if _, err := c.Collect(t.Context(), wire.Run{ID: "x", Argv: Bash("echo out; nope")}); err != nil {
			t.Fatal(err)
		}
		if err := c.Put(t.Context(), "f", 0, strings.NewReader("x")); err != nil {
			t.Fatal(err)
		}
		if _, err := c.State(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	if dialled != 1 {
		t.Errorf("%d connections", dialled)
	}
}

// A way that broke meanwhile is not used again.
func TestABrokenConnection(t *testing.T) {
	s := sandboxtest.Start(t)
	var last net.Conn
	c := New(func(ctx context.Context) (conn net.Conn, err error) {
		last, err = s.Dial(ctx)
		return last, err
	})
	defer c.Close()
	for range 5 {
		if out, err := c.Collect(t.Context(), wire.Run{ID: "x", Argv: Bash("echo out")}); err != nil || string(out.Stdout) != "out\n" {
			b, _ := json.Marshal(out)
			t.Fatalf("%s %v", b, err)
		}
		last.Close()
	}
}
