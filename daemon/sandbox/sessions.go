package sandbox

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"volundr/daemon/launch"
	"volundr/daemon/sandbox/inner"
	"volundr/runtime"
	"volundr/store"
)

// Sandbox is one as its owner sees it.
type Sandbox struct {
	Name    string // the id that clients know
	Created time.Time
	Expires time.Time
	Request launch.SandboxRequest
}

func view(s store.Session) (Sandbox, error) {
	out := Sandbox{Name: s.Name, Created: s.CreatedAt, Expires: s.ExpiresAt}
	if err := json.Unmarshal(s.Request, &out.Request); err != nil {
		return out, fmt.Errorf("sandbox %s: its request: %w", s.Name, err)
	}
	return out, nil
}

// Creation is what a sandbox is made with.
type Creation struct {
	TTL     time.Duration
	Request launch.SandboxRequest
	Files   []Staged
}

// Create gives p a sandbox with its files in place.
func (x *Sandboxes) Create(ctx context.Context, p store.Principal, n Creation) (out Sandbox, err error) {
	if n.TTL > x.Limits.MaxLifetime {
		return out, &BadRequest{fmt.Sprintf("ttl_seconds exceeds maximum of %d", int(x.Limits.MaxLifetime.Seconds()))}
	}
	files, err := x.resolve(ctx, p, n.Files)
	if err != nil {
		return out, err
	}
	defer files.close()
	s, err := x.take(ctx, p, n.Request, time.Now().Add(n.TTL))
	if err != nil {
		return out, err
	}
	if err := x.stage(ctx, s, files, false); err != nil {
		x.drop(ctx, s)
		return out, err
	}
	return view(s)
}

// Get gives p's sandbox of that name; store.ErrNotFound when there is none, or
// its time is over.
func (x *Sandboxes) Get(ctx context.Context, p store.Principal, name string) (Sandbox, error) {
	s, err := x.row(ctx, p, name)
	if err != nil {
		return Sandbox{}, err
	}
	return view(s)
}

func (x *Sandboxes) row(ctx context.Context, p store.Principal, name string) (store.Session, error) {
	id, ok := runtime.SandboxID(name)
	if !ok {
		return store.Session{}, store.ErrNotFound
	}
	x.pool.used()
	s, err := x.DB.Sandbox(ctx, p, id)
	if err == nil && s.State != store.Running { // nobody was told of it yet
		return store.Session{}, store.ErrNotFound
	}
	return s, err
}

// List gives p's sandboxes, the newest first.
func (x *Sandboxes) List(ctx context.Context, p store.Principal) ([]Sandbox, error) {
	rows, err := x.DB.Sandboxes(ctx, p)
	if err != nil {
		return nil, err
	}
	out := make([]Sandbox, 0, len(rows))
	for _, s := range rows {
		if s.State != store.Running {
			continue
		}
		one, err := view(s)
		if err != nil {
			return nil, err
		}
		out = append(out, one)
	}
	return out, nil
}

// Extend has p's sandbox end after ttl from now, sooner or later than before.
func (x *Sandboxes) Extend(ctx context.Context, p store.Principal, name string, ttl time.Duration) (Sandbox, error) {
	s, err := x.row(ctx, p, name)
	if err != nil {
		return Sandbox{}, err
	}
	// The row first: whoever dies now leaves one that ends by the sooner of both.
	if s, err = x.DB.ExtendSandbox(ctx, p, s.ID, time.Now().Add(ttl)); err != nil {
		return Sandbox{}, err
	}
	x.Ended()
	if _, err := x.guests.of(s).SetDeadline(ctx, s.ExpiresAt); err != nil {
		return Sandbox{}, x.trouble(ctx, p, s, err)
	}
	return view(s)
}

// Delete ends p's sandbox and returns when its processes are dead.
func (x *Sandboxes) Delete(ctx context.Context, p store.Principal, name string) error {
	id, ok := runtime.SandboxID(name)
	if !ok {
		return store.ErrNotFound
	}
	s, err := x.DB.EndSandbox(ctx, p, id)
	if err != nil {
		return err
	}
	x.kill(ctx, s)
	return nil
}

// kill ends what runs in a sandbox whose row says that it goes. One that does
// not answer is the engine's to remove.
func (x *Sandboxes) kill(ctx context.Context, s store.Session) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), endTimeout)
	defer cancel()
	if err := x.guests.of(s).End(ctx); err != nil && !errors.Is(err, inner.ErrEnded) {
		x.Log.Debug("A sandbox did not end by itself", "sandbox", s.Name, "error", err)
	}
	x.guests.drop(s.ID)
	x.Ended()
}

// trouble says what an error of a sandbox's runner means. Only the row tells
// whether the sandbox is still there.
func (x *Sandboxes) trouble(ctx context.Context, p store.Principal, s store.Session, err error) error {
	if ctx.Err() != nil {
		return ctx.Err()
	}
	if _, gone := x.DB.Sandbox(ctx, p, s.ID); gone != nil {
		return gone
	}
	switch {
	case errors.Is(err, inner.ErrBusy):
		return &Busy{Full: true, After: time.Second, Detail: "The sandbox runs as many processes as it may: end some of them, or try again later."}
	case errors.Is(err, inner.ErrNotFound), errors.Is(err, inner.ErrConflict), errors.Is(err, inner.ErrInvalid), errors.Is(err, inner.ErrFull):
		return err
	}
	x.Ended() // it may be dead
	x.Log.Warn("A sandbox does not answer", "sandbox", s.Name, "error", err)
	return &Busy{After: time.Second, Detail: "The sandbox does not answer: try again in a moment."}
}
