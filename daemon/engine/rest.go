package engine

import (
	"context"
	"fmt"
	"sync"
	"time"

	"volundr/runtime"
	"volundr/store"
)

const (
	// still is how much processor time, as a part of one processor, the programs
	// of a session may use that is taken for idle.
	still = 0.05
	// wakeTimeout bounds how long whoever touches a paused session waits for it.
	wakeTimeout = 30 * time.Second
)

// rests are the sessions that are paused, or may be: nothing of it is kept, for
// the runtime shows what is paused, and a daemon begins to count anew.
type rests struct {
	mu      sync.Mutex
	touched map[string]time.Time
	used    map[string]int // by those who are in it now
	paused  map[string]paused
	samples map[string]sample
	woken   chan struct{} // closed and replaced when something wakes
}

// paused is since when a session is, as far as we know, and on which runtime.
type paused struct {
	at time.Time
	on string
}

// sample is the processor time that a session's programs had used by then.
type sample struct {
	at   time.Time
	used time.Duration
}

func newRests() *rests {
	return &rests{touched: map[string]time.Time{}, used: map[string]int{}, paused: map[string]paused{},
		samples: map[string]sample{}, woken: make(chan struct{})}
}

// Use says that somebody is in a session until done is called: it is not idle
// meanwhile. One that is paused is woken first. ErrUnavailable when it does not
// wake in time.
func (e *Engine) Use(ctx context.Context, id string) (done func(), err error) {
	e.rests.mu.Lock()
	e.rests.used[id]++
	e.rests.mu.Unlock()
	done = sync.OnceFunc(func() {
		e.rests.mu.Lock()
		defer e.rests.mu.Unlock()
		e.rests.touched[id] = time.Now()
		if e.rests.used[id]--; e.rests.used[id] == 0 {
			delete(e.rests.used, id)
		}
	})
	if err := e.Touch(ctx, id); err != nil {
		done()
		return func() {}, err
	}
	return done, nil
}

// Touch says that somebody wants something of a session: it is not idle. One
// that is paused is woken before Touch returns. ErrUnavailable when it does not
// wake in time.
func (e *Engine) Touch(ctx context.Context, id string) error {
	ctx, cancel := context.WithTimeout(ctx, wakeTimeout)
	defer cancel()
	for {
		e.rests.mu.Lock()
		e.rests.touched[id] = time.Now()
		_, paused := e.rests.paused[id]
		woken := e.rests.woken
		e.rests.mu.Unlock()
		if !paused {
			return nil
		}
		e.Poke()
		select {
		case <-woken:
		case <-ctx.Done():
			return fmt.Errorf("%w: the session is paused and did not wake: look at `volundr doctor`, then try again: %w", runtime.ErrUnavailable, ctx.Err())
		}
	}
}

// Paused reports whether a session is paused.
func (e *Engine) Paused(id string) bool {
	e.rests.mu.Lock()
	defer e.rests.mu.Unlock()
	_, paused := e.rests.paused[id]
	return paused
}

// seeRests takes over what a look at a runtime has shown, but for what is under
// way.
func (e *Engine) seeRests(on string) {
	r := e.rests
	r.mu.Lock()
	defer r.mu.Unlock()
	v := e.views[on]
	if v == nil {
		return // what is not seen is not gone
	}
	for id, w := range v.seen {
		if _, known := r.paused[id]; w.Paused && !known && e.settled(on, id) {
			r.paused[id] = paused{time.Now(), on}
		}
	}
	for id, p := range r.paused {
		if p.on == on && !v.seen[id].Paused && e.settled(on, id) {
			r.wake(id)
		}
	}
	if len(e.views) < len(e.Runtimes) {
		return // a session of another may be there
	}
	there := func(id string) bool {
		for _, v := range e.views {
			if _, ok := v.seen[id]; ok {
				return true
			}
		}
		return false
	}
	for id := range r.touched {
		if r.used[id] == 0 && !there(id) {
			delete(r.touched, id)
		}
	}
	for id := range r.samples {
		if !there(id) {
			delete(r.samples, id)
		}
	}
}

// wake notes that a session is not paused. The lock is held.
func (r *rests) wake(id string) {
	delete(r.paused, id)
	close(r.woken)
	r.woken = make(chan struct{})
}

// last is when somebody was in a session, now if somebody is, whether that was
// after it was paused, and when its programs were measured.
func (r *rests) last(id string) (at time.Time, wanted bool, measured time.Time) {
	r.mu.Lock()
	defer r.mu.Unlock()
	at = r.touched[id]
	if r.used[id] > 0 {
		at = time.Now()
	}
	p, paused := r.paused[id]
	return at, paused && !at.Before(p.at), r.samples[id].at
}

// rest is what is to be done with a session that runs and of which nothing
// else is to be done: to pause it when nothing has happened in it for long
// enough, and to wake it when somebody wants something of it.
func (r rules) rest(s store.Session, seen sight, now time.Time) action {
	working := seen.known && (seen.health.Busy || seen.health.Waiting)
	switch {
	case seen.Paused && (seen.wanted || working):
		return action{deed: resume}
	case seen.Paused, r.idle == 0, !seen.known, working:
		return action{}
	}
	since := s.ReadyAt
	for _, t := range []time.Time{seen.active, seen.since} {
		if t.After(since) {
			since = t
		}
	}
	at := since.Add(r.idle)
	if seen.measured.After(since) {
		at = seen.measured.Add(r.apart())
	}
	if now.Before(at) {
		return action{wake: at}
	}
	return action{deed: idle, at: since}
}

// apart is how long after the first a session's programs are measured again.
func (r rules) apart() time.Duration { return min(r.idle/2, time.Minute) }

// pauseIdle pauses a session in which nobody is since a time, unless its programs
// work: they are measured twice, once now and once later.
func (e *Engine) pauseIdle(ctx context.Context, rt runtime.Runtime, s store.Session, since time.Time) error {
	p, ok := rt.(runtime.Pauser)
	if !ok {
		return nil
	}
	now := time.Now()
	used, err := p.Used(ctx, s.ID)
	if err != nil {
		return err
	}
	e.rests.mu.Lock()
	before, measured := e.rests.samples[s.ID]
	delete(e.rests.samples, s.ID)
	over := now.Sub(before.at)
	switch {
	case !measured || before.at.Before(since) || over < e.rules.apart() || used < before.used:
		e.rests.samples[s.ID] = sample{now, used}
		e.rests.mu.Unlock()
		return nil
	case float64(used-before.used) > still*float64(over):
		e.rests.touched[s.ID] = now
		e.rests.mu.Unlock()
		return nil
	case e.rests.used[s.ID] > 0 || e.rests.touched[s.ID].After(before.at):
		e.rests.mu.Unlock()
		return nil // somebody came
	}
	e.rests.paused[s.ID] = paused{now, s.Runtime}
	e.rests.mu.Unlock()
	e.Log.Info("Session is idle and is paused", "session", s.ID)
	return within(ctx, callTimeout, func(ctx context.Context) error { return p.Pause(ctx, s.ID) })
}

// awake wakes a session that is paused; any other stays as it is.
func (e *Engine) awake(ctx context.Context, rt runtime.Runtime, id string) error {
	p, ok := rt.(runtime.Pauser)
	if !ok {
		return nil
	}
	if err := within(ctx, callTimeout, func(ctx context.Context) error { return p.Resume(ctx, id) }); err != nil {
		return err
	}
	e.rests.mu.Lock()
	defer e.rests.mu.Unlock()
	e.rests.touched[id] = time.Now()
	e.rests.wake(id)
	return nil
}
