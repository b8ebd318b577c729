package chronicle

import (
	"context"
	"errors"
	"fmt"

	"volundr/daemon/chronicle/blob"
	"volundr/runtime"
	"volundr/store"
)

// Order says what a new session goes on from.
type Order struct {
	Chronicle  store.Chronicle
	Checkpoint string // of the chronicle's session; empty: the run's end, or now
	Agent      string // of the new session
	For        store.Principal
}

// Beginning is what a reforged session begins with.
type Beginning struct {
	Workspace string // digest of its pack; empty: a live folder
	Context   string // digest; empty: the agent begins with the briefing
	Briefing  string
}

// Reforge makes ready what a new session goes on from: the chronicle's snapshot,
// or one that is taken now from what the session has, running, at rest or
// archived. Nothing of it is taken away before release was called: until then it
// should stand in the new session's request. store.ErrConflict, with a sentence,
// where there is nothing to go on from.
func (c *Chronicles) Reforge(ctx context.Context, o Order) (b Beginning, release func(), err error) {
	var held []func()
	release = func() {
		for _, r := range held {
			r()
		}
	}
	packs, hold, err := c.origin(ctx, o)
	held = append(held, hold)
	if err != nil {
		return b, release, err
	}
	from := blob.Owner{UserID: o.Chronicle.OwnerID, TenantID: o.Chronicle.TenantID}
	to := blob.Owner{UserID: o.For.UserID, TenantID: o.For.TenantID}
	b.Workspace = packs.Workspace
	if packs.Agent == o.Agent {
		b.Context = packs.Context
	}
	for _, digest := range []string{b.Workspace, b.Context} {
		if digest == "" {
			continue
		}
		hold, err := c.Volumes.Blobs.Share(ctx, from, to, digest)
		held = append(held, hold)
		if err != nil {
			return b, release, err
		}
	}
	if b.Context == "" {
		b.Briefing, err = c.briefing(ctx, o.Chronicle, o.Checkpoint)
	}
	return b, release, err
}

func conflict(format string, args ...any) error {
	return &store.ConflictError{Detail: fmt.Sprintf(format, args...)}
}

// origin finds or makes the packs to go on from.
func (c *Chronicles) origin(ctx context.Context, o Order) (p store.Packs, release func(), err error) {
	nothing := func() {}
	if c.Volumes.Blobs == nil {
		return p, nothing, fmt.Errorf("reforge: %w", runtime.ErrUnsupported)
	}
	row := o.Chronicle
	s, err := c.db.SystemSession(ctx, row.SessionID)
	gone := errors.Is(err, store.ErrNotFound)
	switch {
	case err != nil && !gone:
		return p, nothing, err
	case gone && o.Checkpoint != "":
		return p, nothing, conflict("The session was deleted, and its checkpoints with it: reforge the chronicle itself.")
	case o.Checkpoint != "":
		return c.taken(ctx, s, o.Checkpoint)
	case row.Status == "draft" && !gone && s.Run == row.Run && s.Run > s.ChronicledRun:
		return c.taken(ctx, s, "")
	case row.Workspace != "" || row.Context != "":
		return row.Packs, nothing, nil
	case gone || s.Run != row.Run:
		return p, nothing, conflict("%s Reforge another run of the session.", or(row.Missing, "There is no snapshot of this run."))
	case s.Archive != "":
		return c.unarchived(ctx, s)
	}
	p, release, err = c.taken(ctx, s, "")
	if err == nil { // better late than never
		err = c.db.SetPacks(ctx, s.ID, s.Run, p)
	}
	return p, release, err
}

// taken packs what a session has now, or had at a checkpoint.
func (c *Chronicles) taken(ctx context.Context, s store.Session, checkpoint string) (p store.Packs, release func(), err error) {
	release = func() {}
	ctx, cancel := context.WithTimeout(ctx, snapshotTimeout)
	defer cancel()
	switch s.State {
	case store.Running:
		p, release, err = c.packs(ctx, s, checkpoint)
	case store.Stopped, store.Failed:
		err = c.Volumes.Aside(ctx, s.ID, func(ctx context.Context, s store.Session) error {
			return c.beside(ctx, s, func(ctx context.Context) (err error) {
				p, release, err = c.packs(ctx, s, checkpoint)
				return err
			})
		})
	case store.Archived:
		err = conflict("Session %s is archived: restore it first, then go back to its checkpoints.", s.Name)
	default:
		err = conflict("Session %s is %s: wait until it runs or has stopped.", s.Name, s.State)
	}
	if err == nil && p.Missing != "" && p.Workspace == "" && p.Context == "" {
		err = conflict("%s", p.Missing)
	}
	if err != nil {
		release()
		return p, func() {}, err
	}
	return p, release, nil
}

// unarchived gives what of an archive can be gone on from: the workspace, with
// what git ignores in it.
func (c *Chronicles) unarchived(ctx context.Context, s store.Session) (p store.Packs, release func(), err error) {
	m, err := c.archived(ctx, s)
	if err != nil {
		return p, func() {}, err
	}
	for _, v := range m.Volumes {
		if v.Name == runtime.VolumeWorkspace {
			return store.Packs{Workspace: v.Digest, Agent: asked(s).Agent}, func() {}, nil
		}
	}
	return p, func() {}, conflict("The archive of session %s holds no workspace: restore it instead.", s.Name)
}
