package broker

import (
	"context"
	"fmt"
	"io"
	"net"
	"strconv"
	"sync"
	"time"

	"volundr/runtime/broker/wire"
)

// servePort answers the one port that is reachable from outside: after the
// signed handshake a connection is the link or a byte stream to a port on
// loopback.
func (b *Broker) servePort(ctx context.Context, ln net.Listener) {
	var wg sync.WaitGroup
	defer wg.Wait()
	stop := context.AfterFunc(ctx, func() { ln.Close() })
	defer stop()
	for {
		conn, err := ln.Accept()
		if ctx.Err() != nil {
			if err == nil {
				conn.Close()
			}
			return
		}
		if err != nil { // out of descriptors: the next accept may do
			b.log.Warn("Could not accept a connection", "error", err)
			time.Sleep(50 * time.Millisecond)
			continue
		}
		wg.Go(func() {
			stop := context.AfterFunc(ctx, func() { conn.Close() })
			defer stop()
			b.connection(conn)
		})
	}
}

func (b *Broker) connection(raw net.Conn) {
	var target net.Conn
	conn, port, err := wire.Server(raw, b.key, b.config.Session, func(port int) (err error) {
		if port != 0 {
			target, err = dialLoopback(port)
		}
		return err
	})
	if err != nil {
		if target != nil {
			target.Close()
		}
		b.log.Debug("Connection refused", "error", err)
		return
	}
	if port == 0 {
		b.links.serve(conn, b.api, b.log)
		return
	}
	Pipe(conn, target)
}

// dialLoopback connects to a port on 127.0.0.1, or on ::1 where only that
// listens.
func dialLoopback(port int) (net.Conn, error) {
	p := strconv.Itoa(port)
	conn, err := net.DialTimeout("tcp", net.JoinHostPort("127.0.0.1", p), 3*time.Second)
	if err != nil {
		if six, err6 := net.DialTimeout("tcp", net.JoinHostPort("::1", p), 3*time.Second); err6 == nil {
			return six, nil
		}
		return nil, fmt.Errorf("nothing answers on port %d", port)
	}
	return conn, nil
}

// Pipe carries bytes both ways, passes half-closes on, and closes both.
func Pipe(a, b net.Conn) {
	var wg sync.WaitGroup
	one := func(dst, src net.Conn) {
		_, err := io.Copy(dst, src)
		if c, ok := dst.(interface{ CloseWrite() error }); ok && err == nil {
			c.CloseWrite()
			return
		}
		dst.Close()
		src.Close()
	}
	wg.Go(func() { one(a, b) })
	wg.Go(func() { one(b, a) })
	wg.Wait()
	a.Close()
	b.Close()
}
