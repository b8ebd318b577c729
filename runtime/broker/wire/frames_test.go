package wire

import (
	"bytes"
	"io"
	"net"
	"sync"
	"testing"

	"github.com/hashicorp/yamux"
)

// counted counts what is written at once.
type counted struct {
	net.Conn
	mu     sync.Mutex
	writes int
}

func (c *counted) Write(b []byte) (int, error) {
	c.mu.Lock()
	c.writes++
	c.mu.Unlock()
	return c.Conn.Write(b)
}

func TestWholeFrames(t *testing.T) {
	a, b := net.Pipe()
	way := &counted{Conn: a}
	near, err := yamux.Client(WholeFrames(way), yamux.DefaultConfig())
	if err != nil {
		t.Fatal(err)
	}
	defer near.Close()
	far, err := yamux.Server(WholeFrames(b), yamux.DefaultConfig())
	if err != nil {
		t.Fatal(err)
	}
	defer far.Close()
	go func() { // ends with the session
		for {
			c, err := far.Accept()
			if err != nil {
				return
			}
			go func() { io.Copy(c, c); c.Close() }()
		}
	}()
	for _, size := range []int{1, 100, muxWhole, muxWhole + 1, 3 << 20} {
		c, err := near.Open()
		if err != nil {
			t.Fatal(err)
		}
		sent := bytes.Repeat([]byte("0123456789ab"), size/12+1)[:size]
		way.mu.Lock()
		before := way.writes
		way.mu.Unlock()
		go func() {
			c.Write(sent)
			c.Close()
		}()
		got, err := io.ReadAll(c)
		if err != nil || !bytes.Equal(got, sent) {
			t.Errorf("%d bytes came back as %d, %v", size, len(got), err)
		}
		way.mu.Lock()
		if n := way.writes - before; size <= 100 && n > 4 { // opened, the bytes, the end, the other's end
			t.Errorf("%d bytes took %d writes", size, n)
		}
		way.mu.Unlock()
	}
}
