package docker

import (
	"context"
	"fmt"
	"strconv"

	"github.com/containerd/errdefs"
	"github.com/docker/docker/api/types/container"
	units "github.com/docker/go-units"

	"volundr/runtime"
)

// startSandbox makes a sandbox's container and starts it: two calls, for nothing
// else can be there yet. One of its name is what an earlier Start left.
func (r *Runtime) startSandbox(ctx context.Context, s runtime.Spec) error {
	network := noNetwork
	if s.Network == runtime.NetworkOpen {
		r.network.RLock()
		defer r.network.RUnlock()
		var err error
		if network, err = r.ensureNetwork(ctx); err != nil {
			return err
		}
		r.closeFirewall(ctx)
	}
	id, err := r.createSandbox(ctx, s, network)
	if err != nil {
		return fmt.Errorf("start %s: %w", s.Name, err)
	}
	if id == "" {
		return nil // it runs already
	}
	way := r.attach(ctx, s, id)
	if err := r.api.ContainerStart(context.WithoutCancel(ctx), id, container.StartOptions{}); err != nil {
		if way != nil {
			way.end()
		}
		return fmt.Errorf("start %s: %w", s.Name, err)
	}
	if way != nil {
		r.dialer.take(s.ID, id, way)
	}
	return nil
}

// attach takes the input and output of a new sandbox's runner, before it starts,
// to carry connections: a way in that needs no process of its own, and costs a
// tenth of an exec. There is one in a sandbox's life. When it breaks, and with
// the next daemon, an exec takes its place. None is nil, and no error.
func (r *Runtime) attach(ctx context.Context, s runtime.Spec, id string) *muxed {
	if s.Network != runtime.NetworkNone && !r.opts.ForceExec {
		return nil // it has an address
	}
	h, err := r.api.ContainerAttach(context.WithoutCancel(ctx), id, container.AttachOptions{Stream: true, Stdin: true, Stdout: true})
	if err == nil {
		var m *muxed
		if m, err = carry(h); err == nil {
			return m
		}
	}
	r.log.Debug("A sandbox is not attached to", "sandbox", s.ID, "error", err)
	return nil
}

// createSandbox gives a container that is yet to be started; none when it runs.
func (r *Runtime) createSandbox(ctx context.Context, s runtime.Spec, network string) (id string, err error) {
	if ctx.Err() != nil {
		return "", ctx.Err()
	}
	conf, host := r.container(s, s.Parts[0], network)
	conf.OpenStdin, conf.StdinOnce, conf.AttachStdin, conf.AttachStdout = true, true, true, true
	// The kernel's own loopback is all that it needs. The engine's network of that
	// name is as empty, and costs as much as all the rest of the start.
	conf.NetworkDisabled = network == noNetwork
	host.AutoRemove = true // with the daemon dead, it goes at its deadline all the same
	name := sandboxName(s.ID)
	whole := context.WithoutCancel(ctx)
	for {
		c, err := r.api.ContainerCreate(whole, conf, host, nil, nil, name)
		if !errdefs.IsConflict(err) {
			return c.ID, err
		}
		there, inspectErr := r.api.ContainerInspect(ctx, name)
		switch {
		case errdefs.IsNotFound(inspectErr): // it went meanwhile
			continue
		case inspectErr != nil:
			return "", inspectErr
		}
		labels := there.Config.Labels
		run, _ := strconv.Atoi(labels[runtime.LabelRun])
		switch {
		case labels[runtime.LabelInstallation] != r.opts.Installation || labels[runtime.LabelSession] != s.ID || kindOf(labels) != runtime.Sandbox || !contracted(labels):
			return "", fmt.Errorf("a container that is not ours has the name %s: rename or remove it: %w", name, err)
		case run > s.Run:
			return "", fmt.Errorf("run %d is there already: %w", run, runtime.ErrInvalid)
		case run == s.Run && there.State.Running:
			return "", nil
		case run == s.Run && there.State.Status == container.StateCreated:
			return there.ID, nil
		}
		if err := r.removeContainers(ctx, []string{there.ID}); err != nil {
			return "", err
		}
	}
}

// removeSandbox takes a sandbox away that is there; false when none is.
func (r *Runtime) removeSandbox(ctx context.Context, id string) (was bool, err error) {
	all, err := r.containers(ctx, id)
	if err != nil {
		return false, err
	}
	open := false
	ids := make([]string, len(all))
	for i, c := range all {
		if kindOf(c.Labels) != runtime.Sandbox {
			return false, nil
		}
		ids[i], open = c.ID, open || c.HostConfig.NetworkMode != noNetwork
	}
	if len(ids) == 0 {
		return false, nil
	}
	if err := r.removeContainers(ctx, ids); err != nil {
		return false, err
	}
	if open {
		r.removeNetworks(ctx)
	}
	return true, nil
}

// sandboxed makes a container's shape that of a sandbox: what it prints goes
// nowhere, no process leaves a memory dump, and it can write only where its
// mounts are.
func sandboxed(host *container.HostConfig) {
	host.LogConfig = container.LogConfig{Type: "none"}
	host.Ulimits = append(host.Ulimits, &units.Ulimit{Name: "core"})
	delete(host.Tmpfs, "/run")
}

// room is a file system in memory as the engine takes it. Small files cost
// memory that its size does not count, so their number is bounded too.
func room(m runtime.Mount, p runtime.Part) string {
	const perFile = 8 << 10
	uid, gid := m.UID, m.GID
	if uid == 0 {
		uid, gid = p.UID, p.GID
	}
	return fmt.Sprintf("rw,exec,nosuid,nodev,size=%d,nr_inodes=%d,uid=%d,gid=%d,mode=755", m.Size, max(1024, m.Size/perFile), uid, gid)
}
