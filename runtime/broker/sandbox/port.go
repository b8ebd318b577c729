package sandbox

import (
	"context"
	"errors"
	"net"
	"sync"
	"sync/atomic"
	"time"

	"volundr/runtime/broker/loopback"
	"volundr/runtime/broker/wire"
)

// maxConnections bounds the connections at once, strangers' included: every
// command of the sandbox can open some, and a handshake fails after 10 s.
const maxConnections = 256

// servePort answers the one port that is reachable from outside until ctx ends:
// after the signed handshake a connection is one to the API or a byte stream to
// a port on loopback.
func (s *Sandbox) servePort(ctx context.Context, ln net.Listener) {
	var wg sync.WaitGroup
	defer wg.Wait()
	stop := context.AfterFunc(ctx, func() { ln.Close() })
	defer stop()
	room := make(chan struct{}, maxConnections)
	for {
		conn, err := ln.Accept()
		if ctx.Err() != nil {
			if err == nil {
				conn.Close()
			}
			return
		}
		if err != nil { // out of descriptors: the next accept may do
			s.log.Warn("Could not accept a connection", "error", err)
			time.Sleep(50 * time.Millisecond)
			continue
		}
		select {
		case room <- struct{}{}:
		default:
			conn.Close()
			continue
		}
		wg.Go(func() {
			defer func() { <-room }()
			s.connect(conn)
		})
	}
}

// connect answers one connection until it, or the sandbox, ends.
func (s *Sandbox) connect(conn net.Conn) {
	stop := context.AfterFunc(s.ctx, func() { conn.Close() })
	defer stop()
	s.connection(conn)
}

// connection returns when conn is closed.
func (s *Sandbox) connection(raw net.Conn) {
	var target net.Conn
	conn, port, err := wire.Server(raw, s.opts.Key, s.opts.Session, func(port int) (err error) {
		if port > 0 {
			target, err = loopback.Dial(port)
		}
		return err
	})
	if err != nil {
		if target != nil {
			target.Close()
		}
		s.log.Debug("Connection refused", "error", err)
		return
	}
	switch port {
	case 0:
		s.inbox.take(conn)
	case wire.PortMany:
		loopback.Many(conn, s.connection)
	default:
		loopback.Pipe(conn, target)
	}
}

// inbox is the listener of the API: connections that passed the handshake.
type inbox struct {
	arrived chan net.Conn
	closed  chan struct{}
	once    sync.Once
	open    atomic.Int64 // connections that were handed over
}

func newInbox() *inbox {
	return &inbox{arrived: make(chan net.Conn), closed: make(chan struct{})}
}

// take hands conn over and returns when it is closed.
func (in *inbox) take(conn net.Conn) {
	c := &visitor{Conn: conn, gone: make(chan struct{})}
	in.open.Add(1)
	defer in.open.Add(-1)
	select {
	case in.arrived <- c:
		<-c.gone
	case <-in.closed:
		conn.Close()
	}
}

// drained returns when every connection is closed, or with the end of ctx.
func (in *inbox) drained(ctx context.Context) {
	for look := time.NewTicker(2 * time.Millisecond); in.open.Load() > 0; {
		select {
		case <-look.C:
		case <-ctx.Done():
			return
		}
	}
}

func (in *inbox) Accept() (net.Conn, error) {
	select {
	case c := <-in.arrived:
		return c, nil
	case <-in.closed:
		return nil, net.ErrClosed
	}
}

func (in *inbox) Close() error {
	in.once.Do(func() { close(in.closed) })
	return nil
}

func (in *inbox) Addr() net.Addr { return &net.TCPAddr{} }

// visitor tells when it is closed.
type visitor struct {
	net.Conn
	gone chan struct{}
	once sync.Once
}

func (v *visitor) Close() error {
	err := v.Conn.Close()
	v.once.Do(func() { close(v.gone) })
	if errors.Is(err, net.ErrClosed) {
		return nil
	}
	return err
}
