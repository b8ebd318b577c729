package docker

import (
	"context"
	"fmt"
	"time"

	"github.com/containerd/errdefs"
	"github.com/docker/docker/api/types/container"
	"github.com/docker/docker/api/types/volume"
	"golang.org/x/sync/errgroup"

	"volundr/runtime"
)

// grace is how many seconds processes have between SIGTERM and SIGKILL.
const grace = 5

// Stop implements runtime.Runtime: the broker, which holds the journal, last.
func (r *Runtime) Stop(ctx context.Context, id string) error {
	if err := r.ready(ctx); err != nil {
		return err
	}
	all, err := r.containers(ctx, id)
	if err != nil {
		return translate(err)
	}
	var brokers, others []string
	for _, c := range all {
		switch {
		case c.State != container.StateRunning && c.State != container.StatePaused && c.State != container.StateRestarting:
		case c.Labels[runtime.LabelPart] == runtime.PartBroker:
			brokers = append(brokers, c.ID)
		default:
			others = append(others, c.ID)
		}
	}
	for _, ids := range [][]string{others, brokers} {
		g, ctx := errgroup.WithContext(ctx)
		for _, c := range ids {
			g.Go(func() error {
				wait := grace
				err := r.api.ContainerStop(ctx, c, container.StopOptions{Timeout: &wait})
				if errdefs.IsNotFound(err) || errdefs.IsNotModified(err) {
					return nil
				}
				return err
			})
		}
		if err := g.Wait(); err != nil {
			return fmt.Errorf("stop %s: %w", id, translate(err))
		}
	}
	r.dialer.forget(id)
	return nil
}

// Remove implements runtime.Runtime. It looks until nothing is left: a Start
// that was cut off may still have the engine make something. With the last
// workload the network goes too.
func (r *Runtime) Remove(ctx context.Context, id string) error {
	if err := r.ready(ctx); err != nil {
		return err
	}
	r.dialer.forget(id)
	if was, err := r.removeSandbox(ctx, id); was || err != nil {
		if err != nil {
			err = fmt.Errorf("remove %s: %w", id, translate(err))
		}
		return err
	}
	for {
		r.dialer.forget(id)
		left, err := r.removeOnce(ctx, id)
		if err != nil {
			return fmt.Errorf("remove %s: %w", id, translate(err))
		}
		if !left {
			break
		}
	}
	r.removeNetworks(ctx)
	return nil
}

// busy is how long Remove waits for a volume that something still uses.
const busy = 50 * time.Millisecond

// removeOnce takes away what is there, and reports whether there was anything.
func (r *Runtime) removeOnce(ctx context.Context, id string) (bool, error) {
	all, err := r.containers(ctx, id)
	if err != nil {
		return false, err
	}
	ids := make([]string, len(all))
	for i, c := range all {
		ids[i] = c.ID
	}
	if err := r.removeContainers(ctx, ids); err != nil {
		return false, err
	}
	vols, err := r.api.VolumeList(ctx, volume.ListOptions{Filters: r.ours(id)})
	if err != nil {
		return false, err
	}
	g, gctx := errgroup.WithContext(ctx)
	for _, v := range vols.Volumes {
		g.Go(func() error {
			switch err := r.api.VolumeRemove(gctx, v.Name, false); {
			case err == nil, errdefs.IsNotFound(err):
				return nil
			case !errdefs.IsConflict(err):
				return fmt.Errorf("volume %s: %w", v.Name, err)
			}
			select {
			case <-time.After(busy):
				return nil // and look again at what uses it
			case <-gctx.Done():
				return fmt.Errorf("volume %s is still in use: %w", v.Name, gctx.Err())
			}
		})
	}
	return len(all)+len(vols.Volumes) > 0, g.Wait()
}

// removeContainers takes containers away, in parallel, running or not.
func (r *Runtime) removeContainers(ctx context.Context, ids []string) error {
	g, ctx := errgroup.WithContext(ctx)
	for _, id := range ids {
		g.Go(func() error {
			for {
				err := r.api.ContainerRemove(ctx, id, container.RemoveOptions{Force: true, RemoveVolumes: true})
				switch {
				case err == nil, errdefs.IsNotFound(err):
					return nil
				case errdefs.IsConflict(err): // somebody else removes it
					if gone, err := r.awaitRemoved(ctx, id); gone || err != nil {
						return err
					}
				default:
					return err
				}
			}
		})
	}
	return g.Wait()
}

// removing is how long somebody else's removal of a container is waited for
// before it is tried again: one whose caller went away may never end.
const removing = 2 * time.Second

// awaitRemoved reports whether a container that is being removed is gone.
func (r *Runtime) awaitRemoved(ctx context.Context, id string) (gone bool, err error) {
	short, cancel := context.WithTimeout(ctx, removing)
	defer cancel()
	ended, failed := r.api.ContainerWait(short, id, container.WaitConditionRemoved)
	select {
	case <-ended:
		return true, nil
	case err = <-failed:
	}
	switch {
	case errdefs.IsNotFound(err):
		return true, nil
	case ctx.Err() != nil:
		return false, ctx.Err()
	case short.Err() != nil:
		return false, nil
	}
	return false, err
}
