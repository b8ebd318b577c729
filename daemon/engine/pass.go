package engine

import (
	"context"
	"errors"
	"maps"
	"reflect"
	"slices"
	"sync"
	"time"

	"volundr/runtime"
	"volundr/store"
)

// pause holds back a deed that failed and is not paid for on the row, until its
// owner wishes anew.
type pause struct {
	until  time.Time
	n      int
	wished time.Time // when what failed was wished
}

// pass takes what a look at a runtime has shown, concludes of its sessions, and
// begins what is to be done. It returns how long the next look may wait.
func (e *Engine) pass(ctx context.Context, wg *sync.WaitGroup, g glance) (time.Duration, error) {
	if ctx.Err() != nil {
		return resync, ctx.Err()
	}
	changed := e.see(g)
	defer e.forgetActed()
	if changed {
		if err := e.DB.TellSeen(ctx, g.on); err != nil {
			return unreachable, err
		}
	}
	e.seeRests(g.on)
	var ids []string
	wait := unreachable
	if v := e.views[g.on]; v != nil {
		wait, ids = resync, slices.Collect(maps.Keys(v.seen))
	}
	// The rows are read after the list: a workload without a row then really
	// has none, for rows come first and go last.
	rows, err := e.DB.Unrest(ctx, ids)
	if err != nil {
		return unreachable, err
	}
	e.keep(g.on, rows)
	p := &round{Engine: e, ctx: ctx, wg: wg, on: g.on, now: time.Now().UTC(), wait: wait}
	known := map[string]string{} // id → runtime
	for _, s := range rows {
		known[s.ID] = s.Runtime
		if err := p.session(s); err != nil {
			return unreachable, err
		}
	}
	p.leftovers(known)
	return p.wait, nil
}

// keep tells the link which sessions have a broker: those of which something
// of the current run is alive. What was not looked at now stays as it was. A
// helper is its starter's.
func (e *Engine) keep(on string, rows []store.Session) {
	keep := map[string]int{}
	for _, s := range rows {
		v := e.views[s.Runtime]
		if v == nil || s.Runtime != on {
			if run, ok := e.kept[s.ID]; ok {
				keep[s.ID] = run
			}
			continue
		}
		w := v.seen[s.ID]
		if s.Kind == string(runtime.Session) && w.Run == s.Run && s.Run > s.ChronicledRun && !w.Helper && alive(w, runtime.PartBroker) {
			keep[s.ID] = s.Run
		}
	}
	if !maps.Equal(keep, e.kept) {
		e.kept = keep
		e.Keep(maps.Clone(keep))
	}
}

func alive(w runtime.Workload, part string) bool {
	for _, p := range w.Parts {
		if p.Name == part {
			return p.Running
		}
	}
	return false
}

// round is one pass, over the sessions of one runtime.
type round struct {
	*Engine
	ctx  context.Context
	wg   *sync.WaitGroup
	on   string // the runtime that was looked at
	now  time.Time
	wait time.Duration
}

// wake makes the next look happen at t at the latest.
func (p *round) wake(t time.Time) {
	if d := t.Sub(p.now); !t.IsZero() && d < p.wait {
		p.wait = max(d, time.Millisecond)
	}
}

// session concludes what is to be said of one session and done for it.
func (p *round) session(s store.Session) error {
	if b := p.busy[s.ID]; b != nil {
		if b.changed(s) {
			b.cancel(errWishChanged)
		}
		return nil
	}
	if s.Runtime != p.on && p.Runtimes[s.Runtime] != nil {
		return nil // its turn comes when that has been looked at
	}
	seen, ok := p.sight(s)
	if !ok {
		return nil // not seeing is not the same as nothing there
	}
	state, act := p.rules.next(s.Want, s, seen, p.now)
	new := s
	if act.deed == begin {
		new.Run = max(s.Run, seen.Run) + 1
		new.ReadyAt, new.SubmittedAt, new.RetryAt = time.Time{}, time.Time{}, time.Time{}
		new.Ended, new.Failure, new.Attempts = nil, nil, 0
		state, act = p.rules.next(new.Want, new, seen, p.now)
	}
	if act.deed == lapse {
		var err error
		if s, err = p.DB.Lapse(p.ctx, s); errors.Is(err, store.ErrStale) || errors.Is(err, store.ErrNotFound) {
			p.Poke()
			return nil
		} else if err != nil {
			return err
		}
		p.Log.Info("The time of a session is over", "session", s.ID, "since", s.ExpiresAt)
		new = s
		state, act = p.rules.next(s.Want, s, seen, p.now)
	}
	held := p.pause[s.ID]
	waits := !act.paid() && act.deed != nothing && p.now.Before(held.until) && held.wished.Equal(s.WantedAt)
	if waits {
		act = action{wake: held.until}
	}
	p.wake(act.wake)
	new.State = state
	if !waits { // else it is said why
		new.Doing = doing(s, state, act, seen)
	}
	if act.ended != nil {
		new.Ended = act.ended
	}
	switch {
	case act.paid():
		new.Attempts++
		new.RetryAt = p.now.Add(backoff(new.Attempts))
	case state == store.Running || state == store.Stopped || state == store.Failed:
		new.Attempts, new.RetryAt = 0, time.Time{}
	}
	if !reflect.DeepEqual(s, new) {
		var err error
		if new, err = p.DB.Conclude(p.ctx, s, new); errors.Is(err, store.ErrStale) || errors.Is(err, store.ErrNotFound) {
			p.Poke()
			return nil
		} else if err != nil {
			return err
		}
		if s.State != new.State {
			p.Log.Info("Session changed", "session", s.ID, "from", s.State, "to", new.State, "run", new.Run)
		}
	}
	if act.deed == start {
		p.views[s.Runtime].running[s.ID] = new.Run
	}
	if act.deed != nothing {
		p.begin(new, act)
	}
	return nil
}

// doing says what goes on, for people.
func doing(s store.Session, state store.State, act action, seen sight) string {
	switch {
	case state == store.Starting && act.deed == start:
		return "getting ready"
	case state == store.Provisioning && act.deed == start:
		return "starting containers"
	case state == store.Provisioning && seen.State == runtime.Up && seen.known && seen.health.Detail != "":
		return seen.health.Detail
	case state == store.Provisioning && seen.State == runtime.Up:
		return "waiting for the " + silent(seen) + " to answer"
	case state == store.Starting || state == store.Provisioning:
		return s.Doing
	case state == store.Stopping && act.deed == remove:
		return "removing containers and volumes"
	case state == store.Stopping && act.deed == stop:
		return "ending the last turn and the containers"
	case state == store.Stopping:
		return s.Doing
	case state == store.Running && !seen.over.IsZero():
		return "a container was killed; looking whether the machine shuts down"
	case act.soon:
		return "its time to live is nearly over"
	case act.deed == archive:
		return "packing the volumes"
	case act.deed == restore:
		return "unpacking the volumes"
	}
	return ""
}
