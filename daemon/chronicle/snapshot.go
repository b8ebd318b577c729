package chronicle

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"strings"
	"time"

	"volundr/daemon/chronicle/blob"
	"volundr/runtime"
	"volundr/runtime/broker/wire"
	"volundr/store"
)

// Bounds of a snapshot. Larger work is kept in the session's volumes alone, and
// the chronicle says so.
const (
	maxWorkspace = 8 << 30
	maxContext   = 1 << 30

	snapshotTimeout = 5 * time.Minute // of all of it
)

// snapshot stores what the run that is ending can be continued from, while its
// containers still run. It does nothing when that is done already, and leaves it
// to settle when the run ends in a hurry.
func (c *Chronicles) snapshot(ctx context.Context, s store.Session) error {
	if c.Volumes.Blobs == nil || !keeps(s) || s.Hurry {
		return nil
	}
	have, err := c.db.ChronicleOfRun(ctx, s.ID, s.Run)
	if err != nil || settled(have) {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, snapshotTimeout)
	defer cancel()
	packs, release, err := c.packs(ctx, s, "")
	defer release()
	if err != nil {
		return fmt.Errorf("snapshot of session %s: %w", s.ID, err)
	}
	return c.db.SetPacks(ctx, s.ID, s.Run, packs)
}

// settled reports whether it is known what a chronicle can be continued from.
func settled(c store.Chronicle) bool { return c.Workspace != "" || c.Context != "" || c.Missing != "" }

// keeps reports whether a session's snapshots are wanted: not those of one that
// is deleted together with them.
func keeps(s store.Session) bool { return s.Want != store.WantGone || len(s.Cleanup) == 0 }

// packs has workspace and conversation packed, as they are or as they were at a
// checkpoint, and stores them. They are held until release is called. A live
// folder is its owner's and is not packed; an agent may have no conversation.
func (c *Chronicles) packs(ctx context.Context, s store.Session, checkpoint string) (p store.Packs, release func(), err error) {
	var held []func()
	release = func() {
		for _, r := range held {
			r()
		}
	}
	r, query := asked(s), url.Values{}
	if checkpoint != "" {
		query.Set("checkpoint", checkpoint)
	}
	p.Agent = r.Agent
	if !r.live() {
		b, hold, err := c.put(ctx, s, wire.PackWorkspace, query, maxWorkspace)
		held = append(held, hold)
		switch {
		case final(err):
			return store.Packs{Missing: missing(err)}, release, nil
		case err != nil:
			return p, release, err
		}
		p.Workspace = b.Digest
	}
	b, hold, err := c.put(ctx, s, wire.PackContext, query, maxContext)
	held = append(held, hold)
	switch {
	case errors.Is(err, store.ErrNotFound), errors.Is(err, store.ErrConflict):
		if p.Workspace == "" {
			p.Missing = "The agent has no conversation that could be kept, and the workspace is a live folder."
		}
	case final(err):
		p.Missing = missing(fmt.Errorf("the agent's conversation: %w", err))
	case err != nil:
		return p, release, err
	}
	p.Context = b.Digest
	return p, release, nil
}

// final reports whether packing again would fail in the same way.
func final(err error) bool {
	return errors.Is(err, blob.ErrTooLarge) || errors.Is(err, store.ErrFull) || errors.Is(err, runtime.ErrInvalid)
}

func missing(err error) string {
	if errors.Is(err, store.ErrFull) {
		return "There is no snapshot of this run: the disk is full. Free some space where Volundr's data lies; as long as its session is there, a reforge takes one."
	}
	return fmt.Sprintf("There is no snapshot of this run: %s.", strings.TrimRight(err.Error(), ".: "))
}

// settle sees to it that the chronicle of a run that is over says what it can be
// continued from: by what a helper finds in the volumes when the run could not
// be asked, and by a sentence when that fails. A run whose session is started
// again at once, because machine or containers were lost, is left to resettle.
func (c *Chronicles) settle(ctx context.Context, s store.Session) error {
	if c.Volumes.Blobs == nil {
		return nil
	}
	have, err := c.db.ChronicleOfRun(ctx, s.ID, s.Run)
	if err != nil || settled(have) || s.Want == store.WantRunning && s.Failure == nil {
		return err
	}
	note := func(why string) error { return c.db.SetPacks(ctx, s.ID, s.Run, store.Packs{Missing: why}) }
	switch {
	case s.Want == store.WantGone:
		return note("The session was deleted before a snapshot of its end was taken.")
	case s.SubmittedAt.IsZero():
		return c.inherit(ctx, s)
	}
	return c.besides(ctx, s, s.Run)
}

// resettle does for the run before s.Run what settle left to do.
func (c *Chronicles) resettle(ctx context.Context, s store.Session) error {
	if c.Volumes.Blobs == nil || s.Run < 2 || !s.SubmittedAt.IsZero() {
		return nil
	}
	before, err := c.db.ChronicleOfRun(ctx, s.ID, s.Run-1)
	if errors.Is(err, store.ErrNotFound) || err == nil && (settled(before) || before.Status != "complete") {
		return nil
	}
	if err != nil {
		return err
	}
	return c.besides(ctx, s, s.Run-1)
}

// besides has a helper pack what lies in the volumes, for the chronicle of run.
// Only the end of ctx is an error: a run's end does not wait for ever.
func (c *Chronicles) besides(ctx context.Context, s store.Session, run int) error {
	limited, cancel := context.WithTimeout(ctx, snapshotTimeout)
	defer cancel()
	err := c.beside(limited, s, func(ctx context.Context) error {
		packs, release, err := c.packs(ctx, s, "")
		defer release()
		if err != nil {
			return err
		}
		return c.db.SetPacks(ctx, s.ID, run, packs)
	})
	if err == nil {
		return nil
	}
	if ctx.Err() != nil {
		return ctx.Err()
	}
	c.Log.Warn("A run has no snapshot", "session", s.ID, "run", run, "error", err)
	return c.db.SetPacks(ctx, s.ID, run, store.Packs{Missing: missing(err)})
}

// inherit gives a run that never got as far as containers the snapshot of the
// one before: nothing has changed since.
func (c *Chronicles) inherit(ctx context.Context, s store.Session) error {
	before, err := c.db.ChronicleOfRun(ctx, s.ID, s.Run-1)
	packs := before.Packs
	if errors.Is(err, store.ErrNotFound) || err == nil && !settled(before) {
		packs, err = store.Packs{Missing: "Nothing ran, so there is nothing to go on from."}, nil
	}
	if err != nil {
		return err
	}
	return c.db.SetPacks(ctx, s.ID, s.Run, packs)
}
