package docker

import (
	"context"
	"fmt"
	"sync/atomic"
)

// negotiation of the API's version, before the first of our calls. The client
// would do it by itself, but reads the version unguarded meanwhile.
type negotiation struct {
	done atomic.Bool
	turn chan struct{} // of one element
}

// ready returns once the API's version is settled; every method calls it first.
func (r *Runtime) ready(ctx context.Context) error {
	n := &r.negotiation
	if n.done.Load() {
		return ctx.Err()
	}
	select {
	case n.turn <- struct{}{}:
		defer func() { <-n.turn }()
	case <-ctx.Done():
		return ctx.Err()
	}
	if n.done.Load() {
		return nil
	}
	answer, err := r.api.Ping(ctx)
	if err != nil {
		return fmt.Errorf("engine at %s: %w", r.api.DaemonHost(), translate(err))
	}
	r.api.NegotiateAPIVersionPing(answer)
	n.done.Store(true)
	return nil
}
