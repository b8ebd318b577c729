package loopback

import (
	"io"
	"net"
	"sync"

	"github.com/hashicorp/yamux"

	"volundr/runtime/broker/wire"
)

// Many serves each stream that the other end opens in conn as a connection of
// its own. It returns when conn and all of them have ended.
func Many(conn net.Conn, serve func(net.Conn)) {
	c := yamux.DefaultConfig()
	c.LogOutput = io.Discard
	c.MaxStreamWindowSize = 1 << 20
	s, err := yamux.Server(conn, c)
	if err != nil {
		conn.Close()
		return
	}
	defer s.Close()
	var wg sync.WaitGroup
	defer wg.Wait()
	for {
		stream, err := s.AcceptStream()
		if err != nil {
			return
		}
		wg.Go(func() { serve(wire.Lane{Stream: stream}) })
	}
}
