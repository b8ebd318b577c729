package engine

import (
	"context"
	"errors"
	"log/slog"
	"sync/atomic"
	"time"

	"volundr/runtime"
)

// eye looks at one runtime, at a pace of its own: one that is silent holds up
// nothing but its own sessions.
type eye struct {
	name   string
	rt     runtime.Runtime
	asked  chan struct{} // look now
	nudged chan struct{} // look in a moment
	blind  atomic.Bool   // its watch broke since the last look
	log    *slog.Logger
}

// glance is what a look has shown.
type glance struct {
	on   string
	list []runtime.Workload
	err  error              // nothing was seen
	gap  bool               // its watch had broken
	over int64              // how many deeds were over when the look began
	next chan time.Duration // is told when to look again at the latest
}

func newEye(name string, rt runtime.Runtime, log *slog.Logger) *eye {
	return &eye{name: name, rt: rt, asked: make(chan struct{}, 1), nudged: make(chan struct{}, 1), log: log}
}

// run looks until ctx ends, and waits for the answer to each glance.
func (y *eye) run(ctx context.Context, over *atomic.Int64, glances chan<- glance) {
	var wait, took time.Duration // of the last look, to its answer: with much to see it has a fifth of the time
	for y.rest(ctx, wait, took) {
		began := time.Now()
		g := glance{on: y.name, gap: y.blind.Swap(false), over: over.Load(), next: make(chan time.Duration, 1)}
		g.list, g.err = y.list(ctx)
		select {
		case glances <- g:
		case <-ctx.Done():
			return
		}
		select {
		case wait = <-g.next:
		case <-ctx.Done():
			return
		}
		took = time.Since(began)
	}
}

func (y *eye) list(ctx context.Context) ([]runtime.Workload, error) {
	ctx, cancel := context.WithTimeout(ctx, listTimeout)
	defer cancel()
	return y.rt.List(ctx)
}

// rest ends when it is time to look; false when ctx has ended.
func (y *eye) rest(ctx context.Context, wait, took time.Duration) bool {
	late := time.NewTimer(wait)
	defer late.Stop()
	var merged <-chan time.Time
	for {
		select {
		case <-ctx.Done():
			return false
		case <-y.nudged:
			if merged == nil {
				merged = time.After(min(max(merge, 4*took), mergeMost))
			}
			continue
		case <-y.asked:
		case <-merged:
		case <-late.C:
		}
		return ctx.Err() == nil
	}
}

// watch has the runtime nudge us. A watch that broke leaves a gap in the view.
func (y *eye) watch(ctx context.Context) {
	for {
		err := y.rt.Watch(ctx, func() { signal(y.nudged) })
		if ctx.Err() != nil {
			return
		}
		if !errors.Is(err, runtime.ErrUnavailable) {
			y.log.Debug("A watch ended", "runtime", y.name, "error", err)
		}
		y.blind.Store(true)
		signal(y.nudged)
		select {
		case <-ctx.Done():
			return
		case <-time.After(2 * time.Second):
		}
	}
}
