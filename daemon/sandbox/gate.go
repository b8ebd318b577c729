package sandbox

import (
	"context"
	"fmt"
	"sync/atomic"
	"time"
)

// gate lets a number of things be under way at a time. Some more wait for a
// bounded time; whoever finds the queue full is sent away at once.
type gate struct {
	what    string // in the plural, for people
	slots   chan struct{}
	queue   int64
	patient time.Duration
	waiting atomic.Int64
}

func newGate(what string, slots, queue int, patient time.Duration) *gate {
	return &gate{what: what, slots: make(chan struct{}, slots), queue: int64(queue), patient: patient}
}

// enter takes a slot; leave gives it back and may be called more than once. The
// error is a *Busy, or ctx's own.
func (g *gate) enter(ctx context.Context) (leave func(), err error) {
	select {
	case g.slots <- struct{}{}:
		return g.leave(), nil
	default:
	}
	if g.waiting.Add(1) > g.queue {
		g.waiting.Add(-1)
		return nil, g.busy()
	}
	defer g.waiting.Add(-1)
	timer := time.NewTimer(g.patient)
	defer timer.Stop()
	select {
	case g.slots <- struct{}{}:
		return g.leave(), nil
	case <-timer.C:
		return nil, g.busy()
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

func (g *gate) leave() func() {
	var left atomic.Bool
	return func() {
		if left.CompareAndSwap(false, true) {
			<-g.slots
		}
	}
}

func (g *gate) busy() error {
	return &Busy{Full: true, After: time.Second,
		Detail: fmt.Sprintf("Too many %s are under way (the limit is %d): try again in a moment.", g.what, cap(g.slots))}
}
