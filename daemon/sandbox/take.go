package sandbox

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/google/uuid"

	"volundr/daemon/launch"
	"volundr/daemon/sandbox/inner"
	"volundr/runtime"
	"volundr/store"
)

const (
	claimTimeout = 10 * time.Second // of the message to the runner
	startTimeout = time.Minute      // of a sandbox that was not made ahead
	endTimeout   = 5 * time.Second  // of the kill inside
	spare        = 10 * time.Second // a container outlives the deadline that it was asked for
)

// admit lets the sandbox with that id be made, or says that there are too many.
// made is called when its row is in the store, or will never be.
func (x *Sandboxes) admit(ctx context.Context, id string) (made func(), err error) {
	x.admission.Lock()
	defer x.admission.Unlock()
	n, err := x.DB.LivingSandboxes(ctx, slices.Collect(maps.Keys(x.making))...)
	if err != nil {
		return nil, err
	}
	if n += len(x.making); n >= x.Limits.Sandboxes {
		return nil, &Busy{Full: true, After: 5 * time.Second,
			Detail: fmt.Sprintf("There are %d sandboxes, as many as are allowed: end one, or try again later.", n)}
	}
	x.making[id] = true
	return func() {
		x.admission.Lock()
		defer x.admission.Unlock()
		delete(x.making, id)
	}, nil
}

// take gives p a sandbox that lives until expires: one of the pool, or a new one.
func (x *Sandboxes) take(ctx context.Context, p store.Principal, req launch.SandboxRequest, expires time.Time) (store.Session, error) {
	id := uuid.NewString()
	made, err := x.admit(ctx, id)
	if err != nil {
		return store.Session{}, err
	}
	defer made()
	s, err := x.claim(ctx, p, req.Shape(), expires, made)
	if !errors.Is(err, store.ErrNotFound) {
		return s, err
	}
	latest := time.Now().Add(max(x.Limits.MaxLifetime, time.Until(expires))).Add(spare)
	return x.start(ctx, id, p, req, expires, latest) // it knows whose end it lives to
}

// start makes a sandbox with its final name and returns when it runs.
func (x *Sandboxes) start(ctx context.Context, id string, p store.Principal, req launch.SandboxRequest, expires, latest time.Time) (store.Session, error) {
	if err := x.Ready(ctx); err != nil {
		return store.Session{}, err
	}
	raw, err := json.Marshal(req)
	if err != nil {
		return store.Session{}, err
	}
	ctx, cancel := context.WithTimeout(ctx, startTimeout)
	defer cancel()
	s, err := x.Make(ctx, store.Session{ID: id, Name: runtime.SandboxName(id), OwnerID: p.UserID, TenantID: p.TenantID,
		Runtime: x.Runtime, Request: raw, Shape: req.Shape(), ExpiresAt: expires, LatestAt: latest})
	if err != nil {
		return s, notStarted(err)
	}
	return s, nil
}

func notStarted(err error) error {
	if errors.Is(err, context.DeadlineExceeded) || errors.Is(err, runtime.ErrNotFound) {
		return &Busy{After: 10 * time.Second, Detail: "The sandbox did not start in time: try again in a moment."}
	}
	return fmt.Errorf("start a sandbox: %w", err)
}

// claim gives p one that was made ahead; store.ErrNotFound when there is none.
// One that does not answer is let go.
func (x *Sandboxes) claim(ctx context.Context, p store.Principal, shape string, expires time.Time, made func()) (store.Session, error) {
	x.pool.used()
	for {
		s, err := x.DB.ClaimSandbox(ctx, p, x.Runtime, shape, expires)
		if err != nil {
			return s, err
		}
		made()
		x.pool.claimed()
		if err = x.settle(ctx, s); err == nil {
			return s, nil
		}
		x.drop(ctx, s)
		if ctx.Err() != nil {
			return s, ctx.Err()
		}
		x.Log.Warn("A sandbox made ahead does not answer", "sandbox", s.Name, "error", err)
	}
}

// settle tells the runner inside whose it is now, and until when.
func (x *Sandboxes) settle(ctx context.Context, s store.Session) error {
	return patiently(ctx, func(ctx context.Context) error {
		_, err := x.guests.of(s).Claim(ctx, "owner", s.ExpiresAt)
		return err
	})
}

// patiently asks a runner that may have begun a moment ago and not listen yet.
func patiently(ctx context.Context, ask func(context.Context) error) error {
	ctx, cancel := context.WithTimeout(ctx, claimTimeout)
	defer cancel()
	for {
		err := ask(ctx)
		if err == nil || errors.Is(err, inner.ErrConflict) || errors.Is(err, inner.ErrInvalid) || errors.Is(err, inner.ErrEnded) {
			return err
		}
		select {
		case <-ctx.Done():
			return err
		case <-time.After(20 * time.Millisecond):
		}
	}
}

// drop lets a sandbox go that nobody will hear of any more, whatever became of
// the request.
func (x *Sandboxes) drop(ctx context.Context, s store.Session) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), endTimeout)
	defer cancel()
	if err := x.DB.DropSandbox(ctx, s.ID); err != nil {
		x.Log.Warn("A sandbox lives on until its deadline", "sandbox", s.Name, "error", err)
	}
	x.guests.drop(s.ID)
	x.Ended()
}
