package docker

import (
	"context"
	"fmt"

	"github.com/docker/docker/api/types/container"
	"golang.org/x/sync/errgroup"
)

// Pause implements runtime.Pauser: every part is frozen.
func (r *Runtime) Pause(ctx context.Context, id string) error {
	return r.each(ctx, id, container.StateRunning, r.api.ContainerPause)
}

// Resume implements runtime.Pauser.
func (r *Runtime) Resume(ctx context.Context, id string) error {
	return r.each(ctx, id, container.StatePaused, r.api.ContainerUnpause)
}

func (r *Runtime) each(ctx context.Context, id, state string, do func(context.Context, string) error) error {
	if err := r.ready(ctx); err != nil {
		return err
	}
	all, err := r.containers(ctx, id)
	if err != nil {
		return translate(err)
	}
	g, ctx := errgroup.WithContext(ctx)
	for _, c := range all {
		if string(c.State) == state {
			g.Go(func() error { return do(ctx, c.ID) })
		}
	}
	if err := g.Wait(); err != nil {
		return fmt.Errorf("%s: %w", id, translate(err))
	}
	return nil
}
