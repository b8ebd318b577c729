package docker

import (
	"context"
	"strings"

	"github.com/docker/docker/api/types/events"
	"github.com/docker/docker/api/types/filters"

	"volundr/runtime"
)

// watched are the events after which List may answer differently.
var watched = []events.Action{events.ActionCreate, events.ActionStart, events.ActionDie, events.ActionDestroy,
	events.ActionOOM, events.ActionPause, events.ActionUnPause}

// Watch implements runtime.Runtime on the engine's event stream. Events of
// volumes carry no labels, so ours are picked here.
func (r *Runtime) Watch(ctx context.Context, changed func()) error {
	if err := r.ready(ctx); err != nil {
		return err
	}
	f := filters.NewArgs(filters.Arg("type", string(events.ContainerEventType)), filters.Arg("type", string(events.VolumeEventType)))
	for _, a := range watched {
		f.Add("event", string(a))
	}
	// The client reads its API version unguarded for events: any call before
	// makes sure that it is settled.
	if _, err := r.api.ServerVersion(ctx); err != nil {
		return translate(err)
	}
	messages, failed := r.api.Events(ctx, events.ListOptions{Filters: f})
	changed() // what happened before the stream stood
	for {
		select {
		case m := <-messages:
			switch {
			case m.Type == events.VolumeEventType:
				if strings.HasPrefix(m.Actor.ID, r.prefix()+"-") {
					changed()
				}
			case m.Actor.Attributes[runtime.LabelInstallation] == r.opts.Installation:
				if m.Action == events.ActionStart || m.Action == events.ActionDie {
					r.turned(m.Actor, m.Action)
				}
				changed()
			}
		case err := <-failed:
			if ctx.Err() != nil {
				return ctx.Err()
			}
			return translate(err)
		}
	}
}

// turned forgets what was known of a container that started or ended. Only the
// one that owns the network is dialled. A sandbox starts once, and the way into
// it is there before.
func (r *Runtime) turned(c events.Actor, action events.Action) {
	r.seen.drop(c.ID)
	if action == events.ActionStart && kindOf(c.Attributes) == runtime.Sandbox {
		return
	}
	if owner, _, _ := strings.Cut(c.Attributes[labelParts], ","); owner == c.Attributes[runtime.LabelPart] {
		r.dialer.forget(c.Attributes[runtime.LabelSession])
	}
}
