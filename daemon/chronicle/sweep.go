package chronicle

import (
	"context"
	"errors"
	"sync"

	"volundr/store"
)

// fresh are archives that were made and perhaps not noted yet, by session.
type fresh struct {
	mu sync.Mutex
	m  map[string]archive
}

type archive struct {
	digest  string
	release func()
}

// hold keeps an archive until it is named or not wanted any more.
func (c *Chronicles) hold(session, digest string, release func()) {
	c.fresh.mu.Lock()
	defer c.fresh.mu.Unlock()
	if old, ok := c.fresh.m[session]; ok {
		old.release()
	}
	c.fresh.m[session] = archive{digest, release}
}

// settleFresh lets go of archives whose rows have been written.
func (c *Chronicles) settleFresh(ctx context.Context) error {
	c.fresh.mu.Lock()
	defer c.fresh.mu.Unlock()
	for id, a := range c.fresh.m {
		s, err := c.db.SystemSession(ctx, id)
		switch {
		case err != nil && !errors.Is(err, store.ErrNotFound):
			return err
		case err == nil && s.Want == store.WantArchived && s.Archive != a.digest:
			continue
		}
		a.release()
		delete(c.fresh.m, id)
	}
	return nil
}

// Sweep takes away the packs that no chronicle, archive or launch request names
// any more, and tells how many bytes that freed.
func (c *Chronicles) Sweep(ctx context.Context) (freed int64, err error) {
	if c.Volumes.Blobs == nil {
		return 0, nil
	}
	if err := c.settleFresh(ctx); err != nil {
		return 0, err
	}
	return c.Volumes.Blobs.Sweep(ctx)
}
