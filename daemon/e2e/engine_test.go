package e2e

import (
	"io"
	"net"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"volundr/runtime/docker"
)

// enginePath is a way to a real engine, or to another server, that can be cut and
// mended.
type enginePath struct {
	t       *testing.T
	network string // "unix" or "tcp"
	socket  string // ours: a path, or an address
	real    string

	mu    sync.Mutex
	ln    net.Listener // nil while cut
	conns map[net.Conn]bool
	wg    sync.WaitGroup
}

// newEnginePath gives one that is cut.
func newEnginePath(t *testing.T) *enginePath {
	t.Helper()
	found, _, err := docker.Find(t.Context(), "")
	if err != nil {
		t.Fatal(err)
	}
	return newPath(t, "unix", filepath.Join(t.TempDir(), "engine.sock"), strings.TrimPrefix(found.Host, "unix://"))
}

func newPath(t *testing.T, network, socket, real string) *enginePath {
	e := &enginePath{t: t, network: network, socket: socket, real: real, conns: map[net.Conn]bool{}}
	t.Cleanup(e.cut)
	return e
}

func (e *enginePath) mend() {
	e.t.Helper()
	ln, err := net.Listen(e.network, e.socket)
	if err != nil {
		e.t.Fatal(err)
	}
	e.mu.Lock()
	e.ln = ln
	e.mu.Unlock()
	e.wg.Go(func() {
		for {
			c, err := ln.Accept()
			if err != nil {
				return // cut
			}
			e.wg.Go(func() { e.carry(c) })
		}
	})
}

// cut refuses new connections and ends those that are open.
func (e *enginePath) cut() {
	e.mu.Lock()
	if e.ln != nil {
		e.ln.Close()
		e.ln = nil
	}
	for c := range e.conns {
		c.Close()
	}
	e.mu.Unlock()
	e.wg.Wait()
}

func (e *enginePath) carry(c net.Conn) {
	up, err := net.Dial(e.network, e.real)
	if err != nil || !e.keep(c, up) {
		c.Close()
		return
	}
	var wg sync.WaitGroup
	for _, way := range [][2]net.Conn{{up, c}, {c, up}} {
		wg.Go(func() {
			io.Copy(way[0], way[1])
			way[0].(interface{ CloseWrite() error }).CloseWrite() // the other way may go on: an exec whose input ended
		})
	}
	wg.Wait()
	c.Close()
	up.Close()
	e.mu.Lock()
	delete(e.conns, c)
	delete(e.conns, up)
	e.mu.Unlock()
}

// keep notes a pair of connections, unless the path was cut meanwhile.
func (e *enginePath) keep(c, up net.Conn) bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.ln == nil {
		up.Close()
		return false
	}
	e.conns[c], e.conns[up] = true, true
	return true
}
