package docker

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"time"

	"github.com/containerd/errdefs"
	"github.com/docker/docker/api/types/container"
	"golang.org/x/sync/errgroup"

	"volundr/runtime"
)

// Start implements runtime.Runtime. The broker is started first, the other
// containers are created meanwhile and join its network namespace.
//
// The engine goes on with a call whose caller went away. So that what Start
// left half done does not appear after a Stop, single calls are waited for:
// they take a fraction of a second.
func (r *Runtime) Start(ctx context.Context, s runtime.Spec) error {
	if err := s.Validate(); err != nil {
		return err
	}
	if err := r.fits(s); err != nil {
		return err
	}
	if err := r.ready(ctx); err != nil {
		return err
	}
	if s.Kind == runtime.Sandbox {
		return translate(r.startSandbox(ctx, s))
	}
	r.network.RLock()
	defer r.network.RUnlock()
	all, err := r.containers(ctx, s.ID)
	if err != nil {
		return translate(err)
	}
	have, old, again, err := sorted(s, all)
	if err != nil {
		return err
	}
	network := noNetwork
	g, gctx := errgroup.WithContext(ctx)
	g.Go(func() error { return r.removeContainers(gctx, old) })
	if s.Network == runtime.NetworkOpen {
		g.Go(func() (err error) {
			if network, err = r.ensureNetwork(gctx); err == nil {
				r.closeFirewall(gctx)
			}
			return err
		})
	}
	if err := g.Wait(); err != nil {
		return translate(err)
	}
	return translate(r.bringUp(ctx, s, network, have, again))
}

// sorted gives the containers that stay, by part, and those that must go: of
// another run, of a helper or the other way round, of no part, and those joined to a broker that is gone, which can
// never run again. again: volumes were perhaps not handed over.
func sorted(s runtime.Spec, all []container.Summary) (have map[string]container.Summary, old []string, again bool, err error) {
	have = map[string]container.Summary{}
	wanted := map[string]bool{}
	for _, p := range s.Parts {
		wanted[p.Name] = true
	}
	again = len(all) == 0 && s.Run == 1
	for _, c := range all {
		run, _ := strconv.Atoi(c.Labels[runtime.LabelRun])
		part := c.Labels[runtime.LabelPart]
		switch {
		case part == partOwner:
			again = true
			old = append(old, c.ID)
		case run > s.Run:
			return nil, nil, false, fmt.Errorf("start run %d of %s: run %d is there already: %w", s.Run, s.ID, run, runtime.ErrInvalid)
		case run == s.Run && wanted[part] && (c.Labels[runtime.LabelHelper] != "") == s.Helper:
			have[part] = c
		default:
			old = append(old, c.ID)
		}
	}
	owner := s.Parts[0].Name
	first, ok := have[owner]
	for part, c := range have {
		if part != owner && (!ok || c.HostConfig.NetworkMode != "container:"+first.ID) {
			old = append(old, c.ID)
			delete(have, part)
		}
	}
	return have, old, again, nil
}

// bringUp creates and starts what is missing. Volumes are handed over before
// any container that mounts them is made: what exists was handed over.
func (r *Runtime) bringUp(ctx context.Context, s runtime.Spec, network string, have map[string]container.Summary, again bool) error {
	first := s.Parts[0]
	owner, there := have[first.Name]
	volumes, handing := errgroup.WithContext(ctx)
	volumes.Go(func() error { return r.handOverVolumes(handing, s, again) })
	if slices.ContainsFunc(first.Mounts, func(m runtime.Mount) bool { return m.Volume != "" && !imageOwns(m) }) {
		if err := volumes.Wait(); err != nil {
			return err
		}
	}
	if !there {
		var err error
		if owner.ID, err = r.create(ctx, s, first, network); err != nil {
			return errors.Join(err, volumes.Wait())
		}
	}
	var since time.Time // the network namespace that is joined is not older
	g, ctx := errgroup.WithContext(ctx)
	g.Go(volumes.Wait)
	up := make(chan struct{})
	g.Go(func() (err error) {
		since, err = r.raise(ctx, owner, first.Name, time.Time{}, len(have) > 1)
		if err == nil {
			close(up)
		}
		return err
	})
	for _, p := range s.Parts[1:] {
		g.Go(func() error {
			if err := volumes.Wait(); err != nil {
				return err
			}
			c, there := have[p.Name]
			if !there {
				var err error
				if c.ID, err = r.create(ctx, s, p, "container:"+owner.ID); err != nil {
					return err
				}
			}
			select {
			case <-up:
			case <-ctx.Done():
				return ctx.Err()
			}
			_, err := r.raise(ctx, c, p.Name, since, false)
			return err
		})
	}
	return g.Wait()
}

// raise makes a container run. One that has run since before a given time is
// in a network namespace that died with its owner, with nothing in it but lo,
// and is started anew. when: the caller needs to know since when it runs.
func (r *Runtime) raise(ctx context.Context, c container.Summary, part string, notBefore time.Time, when bool) (since time.Time, err error) {
	if ctx.Err() != nil {
		return since, ctx.Err()
	}
	fail := func(err error) (time.Time, error) { return since, fmt.Errorf("start %s: %w", part, err) }
	whole := context.WithoutCancel(ctx)
	r.seen.drop(c.ID)
	if c.State == container.StatePaused {
		if err := r.api.ContainerUnpause(whole, c.ID); err != nil {
			return fail(err)
		}
		c.State = container.StateRunning
	}
	if c.State != container.StateRunning {
		if err := r.api.ContainerStart(whole, c.ID, container.StartOptions{}); err != nil {
			return fail(err)
		}
	}
	if !when && (c.State != container.StateRunning || notBefore.IsZero()) {
		return since, nil
	}
	in, err := r.api.ContainerInspect(ctx, c.ID)
	if err != nil {
		return fail(err)
	}
	since, _ = time.Parse(time.RFC3339Nano, in.State.StartedAt)
	if since.Before(notBefore) {
		now := 0
		if err := r.api.ContainerRestart(whole, c.ID, container.StopOptions{Timeout: &now}); err != nil {
			return fail(err)
		}
	}
	return since, nil
}

// create makes one container. A container of the name that an interrupted call
// left is taken away first, if it is ours.
func (r *Runtime) create(ctx context.Context, s runtime.Spec, p runtime.Part, network string) (string, error) {
	if ctx.Err() != nil {
		return "", ctx.Err()
	}
	ctx = context.WithoutCancel(ctx)
	conf, host := r.container(s, p, network)
	name := r.containerName(s.ID, p.Name)
	c, err := r.api.ContainerCreate(ctx, conf, host, nil, nil, name)
	if errdefs.IsConflict(err) {
		if there, inspectErr := r.api.ContainerInspect(ctx, name); inspectErr == nil && there.Config.Labels[runtime.LabelInstallation] != r.opts.Installation {
			return "", fmt.Errorf("create %s: a container that is not ours has the name %s: rename or remove it: %w", p.Name, name, err)
		}
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
