package chronicle

import (
	"context"
	"fmt"
	"io"
	"net/url"
	"time"

	"volundr/daemon/chronicle/blob"
	"volundr/runtime"
	"volundr/store"
)

// Volumes reach what a session has left, running or not. All are required.
type Volumes struct {
	Blobs *blob.Blobs
	// Pack, Unpack and Visit are the link's.
	Pack   func(ctx context.Context, id, what string, query url.Values) (io.ReadCloser, error)
	Unpack func(ctx context.Context, id, what, digest string, r io.Reader) error
	Visit  func(ctx context.Context, s store.Session, run int, do func(context.Context) error) error
	// Aside is the engine's: it leaves a session that is at rest alone meanwhile.
	Aside func(ctx context.Context, id string, do func(context.Context, store.Session) error) error
	// Runtime gives the runtime of that name; nil when there is none.
	Runtime func(name string) runtime.Runtime
	// Helper builds the spec of a helper.
	Helper func(ctx context.Context, s store.Session, image string) (runtime.Spec, error)
}

const (
	helperStart = 2 * time.Minute // until its broker answers
	helperStop  = time.Minute
)

func owner(s store.Session) blob.Owner { return blob.Owner{UserID: s.OwnerID, TenantID: s.TenantID} }

// beside does something with the volumes of a session that does not run: a
// helper is started, connected and stopped again. When ctx ends it is left to
// the engine, which stops what it finds.
func (c *Chronicles) beside(ctx context.Context, s store.Session, do func(context.Context) error) error {
	rt := c.Volumes.Runtime(s.Runtime)
	if rt == nil {
		return fmt.Errorf("there is no runtime %q here: %w", s.Runtime, runtime.ErrUnavailable)
	}
	soon, cancel := context.WithTimeout(ctx, helperStart)
	defer cancel()
	image := ""
	if images, ok := rt.(runtime.Images); ok {
		var err error
		if image, err = images.EnsureImage(soon, runtime.Session, func(runtime.Progress) {}); err != nil {
			return fmt.Errorf("make the session image: %w", err)
		}
	}
	spec, err := c.Volumes.Helper(soon, s, image)
	if err != nil {
		return err
	}
	err = rt.Start(soon, spec)
	if err == nil {
		err = c.Volumes.Visit(ctx, s, spec.Run, do)
	}
	if ctx.Err() != nil {
		return ctx.Err()
	}
	late, end := context.WithTimeout(ctx, helperStop)
	defer end()
	if stopErr := rt.Stop(late, s.ID); stopErr != nil {
		c.Log.Warn("A helper was not stopped", "session", s.ID, "error", stopErr)
	}
	return err
}

// put has something packed and stores it.
func (c *Chronicles) put(ctx context.Context, s store.Session, what string, query url.Values, limit int64) (store.Blob, func(), error) {
	r, err := c.Volumes.Pack(ctx, s.ID, what, query)
	if err != nil {
		return store.Blob{}, func() {}, err
	}
	defer r.Close()
	return c.Volumes.Blobs.Put(ctx, owner(s), r, limit)
}
