package fake

import (
	"context"
	"fmt"
	"maps"
	"slices"

	"volundr/runtime"
)

// List implements runtime.Runtime. Workloads come in no order.
func (r *Runtime) List(ctx context.Context) (list []runtime.Workload, err error) {
	err = r.step(ctx, Call{Op: "list"}, func() error {
		for k, w := range r.workloads {
			if k.installation == r.installation {
				list = append(list, w.show())
			}
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return list, nil
}

// show gives the workload as labels and containers tell it.
func (w *workload) show() runtime.Workload {
	v := runtime.Workload{
		ID: w.spec.ID, Kind: w.spec.Kind, Name: w.spec.Name, Owner: w.spec.Owner, Tenant: w.spec.Tenant,
		Created: w.spec.Created, Expires: w.spec.Deadline, State: runtime.Down,
		Volumes: slices.Sorted(maps.Keys(w.volumes)),
	}
	running, wanted := 0, 0
	for _, name := range slices.Sorted(maps.Keys(w.parts)) {
		c := w.parts[name]
		v.Parts = append(v.Parts, c.PartStatus)
		v.Run = max(v.Run, c.run)
		v.Helper = v.Helper || c.helper
		v.Paused = v.Paused || c.frozen
		wanted = max(wanted, c.parts)
		if c.Running {
			running++
		}
	}
	switch {
	case running == 0:
	case running == wanted && len(v.Parts) == wanted:
		v.State = runtime.Up
	default:
		v.State = runtime.Partial
	}
	return v
}

type watcher struct {
	ch     chan struct{}
	broken chan struct{}
}

func (w *watcher) nudge() {
	select {
	case w.ch <- struct{}{}:
	default:
	}
}

// Watch implements runtime.Runtime.
func (r *Runtime) Watch(ctx context.Context, changed func()) error {
	w := &watcher{ch: make(chan struct{}, 1), broken: make(chan struct{})}
	err := r.step(ctx, Call{Op: "watch"}, func() error {
		r.watchers[w] = true
		return nil
	})
	defer func() {
		r.mu.Lock()
		defer r.mu.Unlock()
		delete(r.watchers, w)
	}()
	if err != nil {
		return err
	}
	for {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-w.broken:
			return fmt.Errorf("watch: %w: the stream broke", runtime.ErrUnavailable)
		case <-w.ch:
			changed()
		}
	}
}
