package broker

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http"
	"sync"
	"time"

	"github.com/hashicorp/yamux"
)

// links holds the connection of the daemon, the newest one where there are
// several, and lets requests for the outside wait for it.
type links struct {
	mu      sync.Mutex
	current *yamux.Session
	changed chan struct{} // closed and replaced when current changes
	rt      *http.Transport
}

// errNoLink is what outside requests see when no daemon came in time.
var errNoLink = errors.New("no daemon is connected to this session")

func newLinks() *links {
	l := &links{changed: make(chan struct{})}
	l.rt = &http.Transport{
		DialContext:         func(context.Context, string, string) (net.Conn, error) { return l.open() },
		DisableCompression:  true,
		MaxIdleConnsPerHost: 8,
		IdleConnTimeout:     30 * time.Second,
	}
	return l
}

// yamuxConfig notices a dead daemon within about 20 s even when its connection
// stays open.
func yamuxConfig() *yamux.Config {
	c := yamux.DefaultConfig()
	c.KeepAliveInterval = 10 * time.Second
	c.ConnectionWriteTimeout = 10 * time.Second
	c.MaxStreamWindowSize = 1 << 20
	c.LogOutput = io.Discard
	return c
}

// serve makes conn the link and answers the daemon's requests on it until it
// breaks.
func (l *links) serve(conn net.Conn, h http.Handler, log *slog.Logger) {
	s, err := yamux.Server(conn, yamuxConfig())
	if err != nil {
		conn.Close()
		return
	}
	l.swap(nil, s)
	log.Info("Daemon connected")
	srv := &http.Server{Handler: h, ReadHeaderTimeout: 10 * time.Second}
	srv.Serve(s) // until the session ends
	s.Close()
	srv.Close()
	l.swap(s, nil)
	log.Info("Daemon disconnected")
}

// swap sets the current session; with old, only if that is still it. The
// session that a newer one replaces is closed.
func (l *links) swap(old, s *yamux.Session) {
	l.mu.Lock()
	if old != nil && l.current != old {
		l.mu.Unlock()
		return
	}
	before := l.current
	l.current = s
	close(l.changed)
	l.changed = make(chan struct{})
	l.mu.Unlock()
	l.rt.CloseIdleConnections()
	if s != nil && before != nil {
		before.Close()
	}
}

func (l *links) open() (net.Conn, error) {
	l.mu.Lock()
	s := l.current
	l.mu.Unlock()
	if s == nil {
		return nil, errNoLink
	}
	return s.Open()
}

// wait returns when there is a link, or with the error of ctx.
func (l *links) wait(ctx context.Context) error {
	for {
		l.mu.Lock()
		s, changed := l.current, l.changed
		l.mu.Unlock()
		if s != nil && !s.IsClosed() {
			return nil
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-changed:
		case <-time.After(time.Second): // a session that is closed but not yet swapped out
		}
	}
}

func (l *links) close() {
	l.mu.Lock()
	s := l.current
	l.mu.Unlock()
	if s != nil {
		s.Close()
	}
	l.rt.CloseIdleConnections()
}
