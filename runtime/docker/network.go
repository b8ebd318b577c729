package docker

import (
	"context"
	"fmt"
	"slices"

	"github.com/containerd/errdefs"
	"github.com/docker/docker/api/types/container"
	"github.com/docker/docker/api/types/filters"
	"github.com/docker/docker/api/types/network"

	"volundr/runtime"
)

// One bridge per installation and kind of network, without traffic between
// containers: a bridge for each session would exhaust the engine's address
// pools.
func (r *Runtime) networkName(n runtime.Network) string { return r.prefix() + "-" + string(n) }

// ensureNetwork gives the network's id. The engine allows several networks of
// one name, so making it is one at a time; of several that another process
// made, the first is meant.
func (r *Runtime) ensureNetwork(ctx context.Context, n runtime.Network) (string, error) {
	r.making.Lock()
	defer r.making.Unlock()
	name := r.networkName(n)
	there, err := r.api.NetworkList(ctx, network.ListOptions{Filters: filters.NewArgs(filters.Arg("name", "^"+name+"$"))})
	if err != nil {
		return "", err
	}
	if len(there) > 0 {
		return slices.MinFunc(there, func(a, b network.Summary) int { return a.Created.Compare(b.Created) }).ID, nil
	}
	made, err := r.api.NetworkCreate(context.WithoutCancel(ctx), name, network.CreateOptions{
		Driver: "bridge", Internal: n == runtime.NetworkNone,
		Options: map[string]string{"com.docker.network.bridge.enable_icc": "false"},
		Labels:  map[string]string{runtime.LabelApp: "volundr", runtime.LabelInstallation: r.opts.Installation},
	})
	if err != nil {
		return "", fmt.Errorf("make network %s: %w", name, err)
	}
	return made.ID, nil
}

// removeNetworks takes our networks away once no container of ours is left. A
// start that runs beside it is waited for, and makes them again.
func (r *Runtime) removeNetworks(ctx context.Context) {
	if !r.network.TryLock() {
		return // somebody starts
	}
	defer r.network.Unlock()
	left, err := r.api.ContainerList(ctx, container.ListOptions{All: true, Filters: r.ours("")})
	if err != nil || len(left) > 0 {
		return
	}
	ours, err := r.api.NetworkList(ctx, network.ListOptions{Filters: r.ours("")})
	if err != nil {
		return
	}
	for _, n := range ours {
		if err := r.api.NetworkRemove(ctx, n.ID); err != nil && !errdefs.IsNotFound(err) {
			r.log.Debug("Network kept", "network", n.Name, "error", err)
		}
	}
}
