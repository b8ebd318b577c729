package engine

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"volundr/runtime"
	"volundr/store"
)

// life is next for a sandbox. It has one run and no chronicle: whoever asked for
// it waits until it runs, or is told that it does not. What ended, what is over
// and what a crash has cut off goes.
func (r rules) life(want store.Want, s store.Session, seen sight, now time.Time) (store.State, action) {
	if want == store.WantRunning && !s.Over(now) {
		switch {
		case s.ReadyAt.IsZero() && s.Attempts <= 1 && now.Before(s.RetryAt): // else that is of its removal
			return store.Starting, action{wake: s.RetryAt} // it is about to be started
		case !s.ReadyAt.IsZero() && seen.State == runtime.Up && seen.Run == s.Run:
			return store.Running, action{wake: s.ExpiresAt}
		}
	}
	if seen.here {
		return store.Stopping, action{deed: remove}
	}
	return store.Stopping, action{deed: forget}
}

// birth asks Run to start a sandbox whose row has just been written.
type birth struct {
	s     store.Session
	reply chan delivered
}

type delivered struct {
	s   store.Session
	err error
}

// Sandbox makes a sandbox and returns its row when it runs: the row first, then
// the container, without a look at what is there, for nothing can be. When that
// fails, or ctx ends before, the sandbox goes. Errors wrap the runtime's
// sentinels.
func (e *Engine) Sandbox(ctx context.Context, s store.Session) (store.Session, error) {
	s, err := e.DB.CreateSandbox(ctx, s)
	if err != nil {
		return store.Session{}, err
	}
	b := birth{s, make(chan delivered, 1)}
	select {
	case e.births <- b:
	case <-ctx.Done():
		return store.Session{}, e.drop(s, ctx.Err())
	}
	select {
	case d := <-b.reply:
		if d.err != nil {
			return store.Session{}, e.drop(s, d.err)
		}
		return d.s, nil
	case <-ctx.Done():
		return store.Session{}, e.drop(s, ctx.Err())
	}
}

// dropping bounds the last write for a sandbox that nobody waits for.
const dropping = 10 * time.Second

// drop lets a sandbox go. If that cannot be written down now, the row tells it
// all the same: it never ran, or its time will be over.
func (e *Engine) drop(s store.Session, why error) error {
	ctx, cancel := context.WithTimeout(context.Background(), dropping)
	defer cancel()
	err := e.DB.DropSandbox(ctx, s.ID)
	e.Poke()
	if err != nil {
		e.Log.Warn("A sandbox that did not start is not marked", "sandbox", s.ID, "error", err)
	}
	return fmt.Errorf("start sandbox %s: %w", s.Name, why)
}

// deliver begins to start a new sandbox. Unless a look came first and found that
// it had waited too long.
func (e *Engine) deliver(ctx context.Context, wg *sync.WaitGroup, b birth) {
	if e.busy[b.s.ID] != nil {
		b.reply <- delivered{err: fmt.Errorf("%w: it was given up", runtime.ErrUnavailable)}
		return
	}
	p := &round{Engine: e, ctx: ctx, wg: wg}
	p.spawn(b.s.ID, deeds{on: b.s.Runtime, want: b.s.Want, wished: b.s.WantedAt}, func(ctx context.Context) error {
		s, err := e.bear(ctx, b.s)
		b.reply <- delivered{s, err}
		return nil
	})
}

// bear starts a sandbox and notes that it runs.
func (e *Engine) bear(ctx context.Context, s store.Session) (store.Session, error) {
	rt := e.Runtimes[s.Runtime]
	if rt == nil {
		return s, fmt.Errorf("there is no runtime %q here: %w", s.Runtime, runtime.ErrUnsupported)
	}
	image := ""
	if images, ok := rt.(runtime.Images); ok {
		var err error
		if image, err = images.EnsureImage(ctx, runtime.Sandbox, func(runtime.Progress) {}); err != nil {
			return s, err
		}
	}
	spec, err := e.Spec(ctx, s, image)
	if err != nil {
		return s, err
	}
	spec.ID, spec.Run = s.ID, s.Run
	if err := within(ctx, startTimeout, func(ctx context.Context) error { return rt.Start(ctx, spec) }); err != nil {
		return s, err
	}
	runs := s
	runs.State, runs.ReadyAt = store.Running, time.Now().UTC().Truncate(time.Millisecond)
	runs.Attempts, runs.RetryAt = 0, time.Time{}
	if runs, err = e.DB.Conclude(ctx, s, runs); errors.Is(err, store.ErrStale) || errors.Is(err, store.ErrNotFound) {
		return s, fmt.Errorf("%w: it was ended meanwhile", runtime.ErrNotFound)
	}
	return runs, err
}

// Ended asks for a look soon: a sandbox was ended. Many of them are one look.
func (e *Engine) Ended() {
	for _, y := range e.eyes {
		signal(y.nudged)
	}
}
