package engine

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"volundr/runtime"
	"volundr/store"
)

// errWishChanged is why an action is given up: its owner wants something else
// now. A shutdown is not a wish.
var errWishChanged = errors.New("the owner wants something else")

// errOutdated: the row has moved on, and what an action has to say is no news.
var errOutdated = errors.New("the session has moved on")

// deeds is an action under way.
type deeds struct {
	on     string // the runtime; empty: not known
	want   store.Want
	wished time.Time
	cancel context.CancelCauseFunc
}

func (d *deeds) changed(s store.Session) bool {
	return d.want != "" && (d.want != s.Want || !d.wished.Equal(s.WantedAt))
}

// outcome is told to Run when an action is over.
type outcome struct {
	id  string
	err error // of deeds that are not paid on the row
}

// begin runs an action beside the decisions.
func (p *round) begin(s store.Session, act action) {
	p.spawn(s.ID, deeds{on: s.Runtime, want: s.Want, wished: s.WantedAt}, func(ctx context.Context) error {
		err := p.do(ctx, s, act)
		if err == nil || ctx.Err() != nil || errors.Is(err, errOutdated) {
			return nil
		}
		p.Log.Warn("An action failed", "session", s.ID, "action", act.deed.String(), "error", err)
		if act.deed == archive || act.deed == restore {
			return errors.Join(err, p.amend(ctx, s, func(n *store.Session) { n.Doing = stuck(act.deed, err) }))
		}
		if !act.paid() {
			return err
		}
		return p.refused(ctx, s, act, err)
	})
}

func (p *round) spawn(id string, d deeds, fn func(context.Context) error) {
	ctx, cancel := context.WithCancelCause(p.ctx)
	d.cancel = cancel
	p.busy[id] = &d
	p.wg.Go(func() {
		err := fn(ctx)
		select {
		case p.done <- outcome{id, err}:
		case <-p.ctx.Done():
		}
		cancel(nil)
	})
}

// finish takes an action's outcome, and asks for a look at what has come of it.
func (e *Engine) finish(o outcome) {
	var wished time.Time
	var on string
	if b := e.busy[o.id]; b != nil {
		wished, on = b.wished, b.on
	}
	delete(e.busy, o.id)
	e.acted[o.id] = e.over.Add(1)
	if y := e.eyes[on]; y != nil {
		defer signal(y.asked)
	} else {
		defer e.Poke()
	}
	if o.err == nil {
		delete(e.pause, o.id)
		return
	}
	n := e.pause[o.id].n + 1
	e.pause[o.id] = pause{time.Now().Add(backoff(n)), n, wished}
}

func (e *Engine) do(ctx context.Context, s store.Session, act action) error {
	rt := e.Runtimes[s.Runtime]
	switch act.deed {
	case start:
		return e.start(ctx, rt, s)
	case stop:
		if !act.rough {
			e.endPolitely(ctx, rt, s)
		}
		if ctx.Err() != nil { // shutting down, or another wish
			return ctx.Err()
		}
		return within(ctx, callTimeout, func(ctx context.Context) error { return rt.Stop(ctx, s.ID) })
	case remove:
		if s.Run > s.ChronicledRun && s.Kind != store.KindSandbox {
			e.endPolitely(ctx, rt, s)
		}
		if ctx.Err() != nil {
			return ctx.Err()
		}
		return within(ctx, callTimeout, func(ctx context.Context) error { return rt.Remove(ctx, s.ID) })
	case complete:
		return e.Completed(ctx, s, act.reason, act.at)
	case fail:
		f := act.failure
		if f.Part != "" && len(f.Lines) == 0 {
			f.Lines = append(f.Lines, lastLines(ctx, rt, s.ID, f.Part)...)
		}
		return e.fail(ctx, s, f)
	case forget:
		if err := e.DB.Forget(ctx, s); !errors.Is(err, store.ErrStale) {
			return err
		}
		return nil
	case archive:
		hash, err := e.Archive(ctx, s)
		if err != nil {
			return err
		}
		return e.amend(ctx, s, func(n *store.Session) { n.Archive = hash })
	case restore:
		if err := e.Restore(ctx, s); err != nil {
			return err
		}
		return e.amend(ctx, s, func(n *store.Session) { n.Archive = "" })
	case idle:
		return e.pauseIdle(ctx, rt, s, act.at)
	case resume:
		return e.awake(ctx, rt, s.ID)
	}
	return fmt.Errorf("%s is not done here", act.deed)
}

func (e *Engine) endPolitely(ctx context.Context, rt runtime.Runtime, s store.Session) {
	var err error
	if e.Paused(s.ID) { // it has a last turn too
		err = e.awake(ctx, rt, s.ID)
	}
	if err == nil {
		err = within(ctx, endTimeout, func(ctx context.Context) error { return e.End(ctx, s) })
	}
	if err != nil {
		e.Log.Debug("A run did not end politely", "session", s.ID, "error", err)
	}
}

// refused notes that the runtime refused a call that was paid for.
func (e *Engine) refused(ctx context.Context, s store.Session, act action, err error) error {
	switch {
	case act.deed == start && errors.Is(err, runtime.ErrInvalid),
		act.deed == start && !errors.Is(err, runtime.ErrUnavailable) && s.Attempts >= maxAttempts:
		return e.fail(ctx, s, failedStart(err))
	}
	return e.amend(ctx, s, func(n *store.Session) {
		wait := backoff(n.Attempts)
		if errors.Is(err, runtime.ErrUnavailable) { // nobody's fault
			n.Attempts, wait = max(0, n.Attempts-1), unreachable
		}
		n.RetryAt = time.Now().UTC().Add(wait)
		first, _, _ := strings.Cut(err.Error(), "\n")
		n.Doing = fmt.Sprintf("%s Trying again in %s.", sentence(first), wait)
	})
}

// fail notes why a session is FAILED. What is left of it is stopped next.
func (e *Engine) fail(ctx context.Context, s store.Session, f store.Failure) error {
	f.At = time.Now().UTC().Truncate(time.Millisecond)
	clean := e.Redact(s.Owner())
	f.Reason = clean(f.Reason)
	if len(f.Lines) > 0 { // a secret may go over several
		f.Lines = strings.Split(clean(strings.Join(f.Lines, "\n")), "\n")
	}
	return e.amend(ctx, s, func(n *store.Session) {
		n.State, n.Failure, n.Doing = store.Stopping, &f, ""
		n.Attempts, n.RetryAt = 0, time.Time{}
	})
}

// amend changes the row for an action, unless wish or run have changed since it
// began: then errOutdated.
func (e *Engine) amend(ctx context.Context, s store.Session, change func(*store.Session)) error {
	for {
		row, err := e.DB.SystemSession(ctx, s.ID)
		if errors.Is(err, store.ErrNotFound) || err == nil && (row.Run != s.Run || row.Want != s.Want || !row.WantedAt.Equal(s.WantedAt)) {
			return errOutdated
		}
		if err != nil {
			return err
		}
		new := row
		change(&new)
		if _, err = e.DB.Conclude(ctx, row, new); !errors.Is(err, store.ErrStale) {
			return err
		}
	}
}

func within(ctx context.Context, d time.Duration, fn func(context.Context) error) error {
	ctx, cancel := context.WithTimeout(ctx, d)
	defer cancel()
	return fn(ctx)
}

// lastLines gives what a part printed last, without the times; nothing when
// that cannot be read soon.
func lastLines(ctx context.Context, rt runtime.Runtime, id, part string) (lines []string) {
	ctx, cancel := context.WithTimeout(ctx, logTimeout)
	defer cancel()
	r, err := rt.Logs(ctx, id, runtime.LogOptions{Part: part, Tail: 20})
	if err != nil {
		return nil
	}
	defer r.Close()
	sc := bufio.NewScanner(r)
	sc.Buffer(nil, 1<<20)
	for sc.Scan() && len(lines) < 20 {
		_, text, _ := strings.Cut(sc.Text(), " ")
		lines = append(lines, text[:min(len(text), 2000)])
	}
	return lines
}
