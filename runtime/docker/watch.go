package docker

import (
	"context"

	"github.com/docker/docker/api/types/events"
)

// Watch implements runtime.Runtime on the engine's event stream.
func (r *Runtime) Watch(ctx context.Context, changed func()) error {
	f := r.ours("")
	f.Add("type", string(events.ContainerEventType))
	for _, a := range []events.Action{events.ActionCreate, events.ActionStart, events.ActionDie, events.ActionDestroy,
		events.ActionOOM, events.ActionPause, events.ActionUnPause} {
		f.Add("event", string(a))
	}
	messages, failed := r.api.Events(ctx, events.ListOptions{Filters: f})
	changed() // what happened before the stream stood
	for {
		select {
		case m := <-messages:
			if m.Action == events.ActionStart || m.Action == events.ActionDie {
				r.dialer.forget(m.Actor.Attributes["volundr.session"])
				r.seen.drop(m.Actor.ID)
			}
			changed()
		case err := <-failed:
			if ctx.Err() != nil {
				return ctx.Err()
			}
			return translate(err)
		}
	}
}
