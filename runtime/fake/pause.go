package fake

import (
	"context"
	"time"

	"volundr/runtime"
)

// Pause implements runtime.Pauser.
func (r *Runtime) Pause(ctx context.Context, id string) error {
	return r.freeze(ctx, "pause", id, true)
}

// Resume implements runtime.Pauser.
func (r *Runtime) Resume(ctx context.Context, id string) error {
	return r.freeze(ctx, "resume", id, false)
}

// Used implements runtime.Pauser: what Work said.
func (r *Runtime) Used(ctx context.Context, id string) (used time.Duration, err error) {
	err = r.step(ctx, Call{Op: "used", ID: id}, func() error {
		used = r.usage[key{r.installation, id}]
		return nil
	})
	return used, err
}

// Work says that the programs of a workload have used so much more processor
// time.
func (r *Runtime) Work(id string, more time.Duration) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.usage[key{r.installation, id}] += more
}

func (r *Runtime) freeze(ctx context.Context, op, id string, frozen bool) error {
	defer r.alone(op, id)()
	for _, name := range r.order(key{r.installation, id}) {
		if name == runtime.PartBroker {
			continue
		}
		if err := r.step(ctx, Call{Op: op, ID: id, Step: "part " + name}, func() error {
			if c := r.part(id, name); c != nil && c.Running && c.frozen != frozen {
				c.frozen = frozen
				r.change()
			}
			return nil
		}); err != nil {
			return err
		}
	}
	return r.step(ctx, Call{Op: op, ID: id}, func() error { return nil })
}
