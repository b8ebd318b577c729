// Package loopback opens and carries connections to ports on this host's
// loopback, which in a session is the session's own.
package loopback

import (
	"fmt"
	"io"
	"net"
	"strconv"
	"sync"
	"time"
)

// Dial connects to a port on 127.0.0.1, or on ::1 where only that listens.
func Dial(port int) (net.Conn, error) {
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
