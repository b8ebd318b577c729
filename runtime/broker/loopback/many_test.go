package loopback

import (
	"crypto/ed25519"
	"crypto/rand"
	"errors"
	"io"
	"net"
	"sync"
	"testing"
	"time"

	"github.com/hashicorp/yamux"

	"volundr/runtime/broker/wire"
)

// serving answers as a session does: connections, many in one, and an echo.
func serving(t *testing.T, key ed25519.PublicKey) net.Listener {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	t.Cleanup(func() { ln.Close(); wg.Wait() })
	var answer func(net.Conn)
	answer = func(raw net.Conn) {
		conn, port, err := wire.Server(raw, key, "s", func(port int) error {
			if port == 9 {
				return errors.New("nothing answers on port 9")
			}
			return nil
		})
		switch {
		case err != nil:
		case port == wire.PortMany:
			Many(conn, answer)
		default:
			io.Copy(conn, conn)
			conn.Close()
		}
	}
	wg.Go(func() {
		for {
			conn, err := ln.Accept()
			if err != nil {
				return
			}
			wg.Go(func() { answer(conn) })
		}
	})
	return ln
}

// Many connections in one are as separate as connections of their own: each
// proves whose it is, is refused alone, and ends alone.
func TestManyConnectionsInOne(t *testing.T) {
	public, key, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	raw, err := net.Dial("tcp", serving(t, public).Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	conn, err := wire.Client(raw, key, "s", wire.PortMany)
	if err != nil {
		t.Fatal(err)
	}
	mux, err := yamux.Client(conn, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer mux.Close()
	dial := func(key ed25519.PrivateKey, port int) (net.Conn, error) {
		stream, err := mux.OpenStream()
		if err != nil {
			t.Fatal(err)
		}
		return wire.Client(wire.Lane{Stream: stream}, key, "s", port)
	}
	idle, err := dial(key, 1) // whose answers nobody reads
	if err != nil {
		t.Fatal(err)
	}
	if _, err := idle.Write(make([]byte, 128<<10)); err != nil {
		t.Fatal(err)
	}
	_, foreign, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	for what, c := range map[string]struct {
		key  ed25519.PrivateKey
		port int
	}{"a key of others": {foreign, 1}, "a port that is closed": {key, 9}, "a port that is none": {key, -2}} {
		if _, err := dial(c.key, c.port); !errors.Is(err, wire.ErrRefused) {
			t.Errorf("%s: %v, want ErrRefused", what, err)
		}
	}
	for range 3 {
		c, err := dial(key, 1)
		if err != nil {
			t.Fatal(err)
		}
		c.SetDeadline(time.Now().Add(30 * time.Second))
		if _, err := io.WriteString(c, "hello"); err != nil {
			t.Fatal(err)
		}
		if err := c.(interface{ CloseWrite() error }).CloseWrite(); err != nil {
			t.Fatal(err)
		}
		if got, err := io.ReadAll(c); err != nil || string(got) != "hello" {
			t.Errorf("%q %v", got, err)
		}
		c.Close()
	}
}
