package docker

import (
	"context"
	"encoding/json"
	"fmt"
	"sync/atomic"
	"time"

	"github.com/docker/docker/api/types/container"
	"golang.org/x/sync/errgroup"

	"volundr/runtime"
)

// Pause implements runtime.Pauser.
func (r *Runtime) Pause(ctx context.Context, id string) error {
	return r.each(ctx, id, container.StateRunning, r.api.ContainerPause)
}

// Resume implements runtime.Pauser.
func (r *Runtime) Resume(ctx context.Context, id string) error {
	return r.each(ctx, id, container.StatePaused, r.api.ContainerUnpause)
}

// Used implements runtime.Pauser.
func (r *Runtime) Used(ctx context.Context, id string) (time.Duration, error) {
	var used atomic.Int64
	err := r.each(ctx, id, container.StateRunning, func(ctx context.Context, c string) error {
		res, err := r.api.ContainerStatsOneShot(ctx, c)
		if err != nil {
			return err
		}
		defer res.Body.Close()
		var s container.StatsResponse
		if err := json.NewDecoder(res.Body).Decode(&s); err != nil {
			return err
		}
		used.Add(int64(s.CPUStats.CPUUsage.TotalUsage)) // nanoseconds
		return nil
	})
	return time.Duration(used.Load()), err
}

// each does something with every part in a state, but with the broker.
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
		if string(c.State) == state && c.Labels[runtime.LabelPart] != runtime.PartBroker {
			g.Go(func() error { return do(ctx, c.ID) })
		}
	}
	if err := g.Wait(); err != nil {
		return fmt.Errorf("%s: %w", id, translate(err))
	}
	return nil
}
