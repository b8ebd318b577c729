package docker

import (
	"context"
	"fmt"
	"strconv"

	"github.com/containerd/errdefs"
	"github.com/docker/docker/api/types/container"
	"golang.org/x/sync/errgroup"

	"volundr/runtime"
)

// Start implements runtime.Runtime. The broker is started first, the other
// containers are created meanwhile and join its network namespace.
func (r *Runtime) Start(ctx context.Context, s runtime.Spec) error {
	if err := s.Validate(); err != nil {
		return err
	}
	r.network.RLock()
	defer r.network.RUnlock()
	var have map[string]container.Summary
	network := noNetwork
	g, gctx := errgroup.WithContext(ctx)
	g.Go(func() (err error) { have, err = r.leftOf(gctx, s); return err })
	if s.Network == runtime.NetworkOpen {
		g.Go(func() (err error) { network, err = r.ensureNetwork(gctx); return err })
	}
	if err := g.Wait(); err != nil {
		return translate(err)
	}
	if err := r.handOverVolumes(ctx, s); err != nil {
		return translate(err)
	}
	return translate(r.bringUp(ctx, s, network, have))
}

// leftOf gives the containers of the same run by part, and removes all others
// of the workload.
func (r *Runtime) leftOf(ctx context.Context, s runtime.Spec) (map[string]container.Summary, error) {
	all, err := r.api.ContainerList(ctx, container.ListOptions{All: true, Filters: r.ours(s.ID)})
	if err != nil {
		return nil, err
	}
	have := map[string]container.Summary{}
	wanted := map[string]bool{}
	for _, p := range s.Parts {
		wanted[p.Name] = true
	}
	var old []string
	for _, c := range all {
		run, _ := strconv.Atoi(c.Labels[runtime.LabelRun])
		part := c.Labels[runtime.LabelPart]
		if run > s.Run {
			return nil, fmt.Errorf("start run %d of %s: run %d is there already: %w", s.Run, s.ID, run, runtime.ErrInvalid)
		}
		if run == s.Run && wanted[part] {
			have[part] = c
		} else {
			old = append(old, c.ID)
		}
	}
	// Those that joined the network of a broker that is gone can never run again.
	first, ok := have[s.Parts[0].Name]
	for part, c := range have {
		if part != s.Parts[0].Name && (!ok || c.HostConfig.NetworkMode != "container:"+first.ID) {
			old = append(old, c.ID)
			delete(have, part)
		}
	}
	return have, r.removeContainers(ctx, old)
}

// bringUp creates and starts what is missing.
func (r *Runtime) bringUp(ctx context.Context, s runtime.Spec, network string, have map[string]container.Summary) error {
	first := s.Parts[0]
	owner, there := have[first.Name]
	running := there && owner.State == container.StateRunning
	id := owner.ID
	if !there {
		var err error
		if id, err = r.create(ctx, s, first, network); err != nil {
			return err
		}
	}
	g, ctx := errgroup.WithContext(ctx)
	up := make(chan struct{})
	g.Go(func() error {
		defer close(up)
		if running {
			return nil
		}
		return r.start(ctx, id, first.Name)
	})
	for _, p := range s.Parts[1:] {
		g.Go(func() error {
			c, there := have[p.Name]
			part := c.ID
			if !there {
				var err error
				if part, err = r.create(ctx, s, p, "container:"+id); err != nil {
					return err
				}
			}
			select {
			case <-up:
			case <-ctx.Done():
			}
			if ctx.Err() != nil {
				return ctx.Err()
			}
			switch {
			case there && c.State == container.StateRunning && running:
				return nil
			case there && c.State == container.StateRunning: // still in the namespace of a dead broker
				now := 0
				return r.api.ContainerRestart(ctx, part, container.StopOptions{Timeout: &now})
			}
			return r.start(ctx, part, p.Name)
		})
	}
	return g.Wait()
}

func (r *Runtime) start(ctx context.Context, id, part string) error {
	if ctx.Err() != nil {
		return ctx.Err()
	}
	if err := r.api.ContainerStart(context.WithoutCancel(ctx), id, container.StartOptions{}); err != nil {
		return fmt.Errorf("start %s: %w", part, err)
	}
	return nil
}

// The engine goes on with a call whose caller went away. So that what Start
// left half done does not appear after a Stop, single calls are waited for:
// they take a fraction of a second.

// create makes one container. A container of the name that an interrupted call
// left is taken away first.
func (r *Runtime) create(ctx context.Context, s runtime.Spec, p runtime.Part, network string) (string, error) {
	if ctx.Err() != nil {
		return "", ctx.Err()
	}
	ctx = context.WithoutCancel(ctx)
	conf, host := r.container(s, p, network)
	name := r.containerName(s.ID, p.Name)
	c, err := r.api.ContainerCreate(ctx, conf, host, nil, nil, name)
	if errdefs.IsConflict(err) {
		if err := r.removeContainers(ctx, []string{name}); err != nil {
			return "", err
		}
		c, err = r.api.ContainerCreate(ctx, conf, host, nil, nil, name)
	}
	if err != nil {
		return "", fmt.Errorf("create %s: %w", p.Name, err)
	}
	return c.ID, nil
}
