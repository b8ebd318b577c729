package sandbox

import (
	"context"
	"net"
	"sync"
	"time"

	"volundr/daemon/sandbox/inner"
	"volundr/store"
)

// guests are the connections to sandboxes, each opened when it is first used
// and kept until the sandbox ends.
type guests struct {
	dial func(context.Context, store.Session) (net.Conn, error)
	mu   sync.Mutex
	open map[string]*guest // by our id
}

type guest struct {
	*inner.Client
	expires time.Time
}

func newGuests(dial func(context.Context, store.Session) (net.Conn, error)) *guests {
	return &guests{dial: dial, open: map[string]*guest{}}
}

// of is the way into a sandbox.
func (g *guests) of(s store.Session) *inner.Client {
	g.mu.Lock()
	defer g.mu.Unlock()
	in, ok := g.open[s.ID]
	if !ok {
		in = &guest{Client: inner.New(func(ctx context.Context) (net.Conn, error) { return g.reach(ctx, s) })}
		g.open[s.ID] = in
	}
	in.expires = s.ExpiresAt
	return in.Client
}

// reach opens a connection. One that has begun a moment ago may not listen yet.
func (g *guests) reach(ctx context.Context, s store.Session) (conn net.Conn, err error) {
	if time.Since(s.ReadyAt) > claimTimeout {
		return g.dial(ctx, s)
	}
	err = patiently(ctx, func(ctx context.Context) error {
		conn, err = g.dial(ctx, s)
		return err
	})
	return conn, err
}

func (g *guests) drop(id string) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if in, ok := g.open[id]; ok {
		in.Close()
		delete(g.open, id)
	}
}

// sweep drops those whose sandbox has expired.
func (g *guests) sweep(now time.Time) {
	g.mu.Lock()
	defer g.mu.Unlock()
	for id, in := range g.open {
		if now.After(in.expires) {
			in.Close()
			delete(g.open, id)
		}
	}
}

func (g *guests) close() { g.sweep(time.Now().Add(100 * 365 * 24 * time.Hour)) }
