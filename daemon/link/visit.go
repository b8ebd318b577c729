package link

import (
	"context"
	"errors"
	"fmt"
	"time"

	"volundr/runtime/broker/wire"
	"volundr/store"
)

// visitTimeout bounds how long a helper may take to answer.
const visitTimeout = time.Minute

// Visit connects to the helper that was started for a session which does not
// run, for as long as do takes: Pack and Unpack go to it meanwhile. It waits
// until the helper's runner answers.
func (l *Links) Visit(ctx context.Context, s store.Session, run int, do func(context.Context) error) error {
	soon, cancel := context.WithTimeout(ctx, visitTimeout)
	defer cancel()
	c, err := l.reach(soon, s, run)
	if err != nil {
		return lost(s.ID, err)
	}
	defer c.close()
	defer context.AfterFunc(ctx, func() { c.mux.Close() })()
	l.mu.Lock()
	l.visits[s.ID] = c
	l.mu.Unlock()
	defer func() {
		l.mu.Lock()
		defer l.mu.Unlock()
		if l.visits[s.ID] == c {
			delete(l.visits, s.ID)
		}
	}()
	return do(ctx)
}

// reach dials until the helper answers or ctx ends.
func (l *Links) reach(ctx context.Context, s store.Session, run int) (c *conn, err error) {
	for {
		if c, err = l.visit(ctx, s, run); err == nil {
			return c, nil
		}
		select {
		case <-ctx.Done():
			return nil, fmt.Errorf("%w: %w", ctx.Err(), err)
		case <-time.After(l.pace.first):
		}
	}
}

func (l *Links) visit(ctx context.Context, s store.Session, run int) (*conn, error) {
	rt := l.Runtime(s.Runtime)
	if rt == nil {
		return nil, ErrNotConnected
	}
	soon, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	raw, err := rt.Dial(soon, s.ID, 0)
	if err != nil {
		return nil, err
	}
	c, err := open(soon, raw)
	if err != nil {
		return nil, err
	}
	h, err := c.health(soon, l.Redact(s.Owner()))
	switch {
	case err != nil:
	case c.hello.Session != s.ID || c.hello.Run != run || c.hello.Version > wire.Version || c.hello.Version < wire.Version-1:
		err = errors.New("another one answered than the session's helper")
	case !h.Ready():
		err = fmt.Errorf("the helper is not ready: %s", h.Detail)
	}
	if err != nil {
		c.close()
		return nil, err
	}
	return c, nil
}

// volumes gives the connection by which a session's volumes are reached: of its
// helper, or its own; nil when there is none.
func (l *Links) volumes(id string) *conn {
	l.mu.Lock()
	c := l.visits[id]
	l.mu.Unlock()
	if c == nil {
		_, c = l.connected(id)
	}
	return c
}
