package broker

import (
	"context"
	"net"
	"sync"
	"time"

	"volundr/runtime/broker/loopback"
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
		if port > 0 {
			target, err = loopback.Dial(port)
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
	switch port {
	case 0:
		b.links.serve(conn, b.api, b.log)
	case wire.PortMany:
		loopback.Many(conn, b.connection)
	default:
		loopback.Pipe(conn, target)
	}
}
