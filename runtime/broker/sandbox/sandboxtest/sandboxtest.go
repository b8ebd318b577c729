// Package sandboxtest runs a sandbox's runner within a test: the same program,
// without a container around it. Commands run on this machine, as this user,
// in a folder of the test.
package sandboxtest

import (
	"context"
	"crypto/ed25519"
	"log/slog"
	"net"
	"os"
	"testing"

	"volundr/runtime/broker/sandbox"
	"volundr/runtime/broker/wire"
)

// Sandbox is a runner that answers on loopback until the test ends.
type Sandbox struct {
	Session   string
	Workspace string
	Done      <-chan struct{} // closed when it has ended

	addr string
	key  ed25519.PrivateKey
}

// Start starts one; change may alter what it serves.
func Start(t testing.TB, change ...func(*sandbox.Options)) *Sandbox {
	t.Helper()
	pub, key, err := ed25519.GenerateKey(nil)
	if err != nil {
		t.Fatal(err)
	}
	o := sandbox.Options{Session: "0123456789abcdef", Key: pub, Workspace: t.TempDir(), Env: os.Environ(),
		Config: wire.Sandbox{LifetimeMS: 10 * 60 * 1000}, Log: slog.New(slog.DiscardHandler)}
	for _, c := range change {
		c(&o)
	}
	s, err := sandbox.New(o)
	if err != nil {
		t.Fatal(err)
	}
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() { defer close(done); s.Serve(ctx, ln) }()
	t.Cleanup(func() { cancel(); <-done })
	return &Sandbox{o.Session, o.Workspace, done, ln.Addr().String(), key}
}

// Dial opens a connection to the runner, as a runtime's Dial with port 0.
func (s *Sandbox) Dial(ctx context.Context) (net.Conn, error) { return s.DialPort(ctx, 0) }

// DialPort opens a connection to a port on the sandbox's loopback.
func (s *Sandbox) DialPort(ctx context.Context, port int) (net.Conn, error) {
	conn, err := (&net.Dialer{}).DialContext(ctx, "tcp", s.addr)
	if err != nil {
		return nil, err
	}
	return wire.Client(conn, s.key, s.Session, port)
}
