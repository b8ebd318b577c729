package docker

import (
	"context"
	"crypto/sha256"
	"fmt"
	"net"
	"slices"

	"github.com/docker/docker/api/types/container"
	"github.com/docker/docker/api/types/filters"
	"github.com/docker/docker/api/types/network"

	"volundr/runtime"
)

// noNetwork gives a workload its own loopback and nothing else. The daemon
// reaches its broker by exec. (An internal network would still lead to the
// host's services, and on older engines to names of the internet.)
const noNetwork = "none"

// networkName is the one bridge of an installation, without traffic between
// containers: a bridge for each session would exhaust the engine's address
// pools.
func (r *Runtime) networkName() string { return r.prefix() + "-" + string(runtime.NetworkOpen) }

// bridge is the name of its interface on the engine's machine: 15 bytes at most.
func (r *Runtime) bridge() string {
	return fmt.Sprintf("volundr%x", sha256.Sum256([]byte(r.opts.Installation)))[:15]
}

// bridgeHere reports whether the bridge is on this machine and in our network
// namespace: then containers' addresses can be dialled, and rules for it set.
// It is not with rootless engines, with those in a virtual machine, with remote
// ones, and when we are in a container ourselves.
func (r *Runtime) bridgeHere() bool {
	_, err := net.InterfaceByName(r.bridge())
	return err == nil
}

// ensureNetwork gives the id of the installation's network. The engine allows several networks of one name, so making it is
// one at a time; of several that another process made, the first is meant.
func (r *Runtime) ensureNetwork(ctx context.Context) (string, error) {
	r.making.Lock()
	defer r.making.Unlock()
	name := r.networkName()
	there, err := r.api.NetworkList(ctx, network.ListOptions{Filters: filters.NewArgs(filters.Arg("name", "^"+name+"$"))})
	if err != nil {
		return "", err
	}
	if len(there) > 0 {
		return slices.MinFunc(there, func(a, b network.Summary) int { return a.Created.Compare(b.Created) }).ID, nil
	}
	made, err := r.api.NetworkCreate(context.WithoutCancel(ctx), name, network.CreateOptions{
		Driver: "bridge",
		Options: map[string]string{
			"com.docker.network.bridge.enable_icc": "false",
			"com.docker.network.bridge.name":       r.bridge(),
		},
		Labels: map[string]string{runtime.LabelApp: "volundr", runtime.LabelInstallation: r.opts.Installation},
	})
	if err != nil {
		return "", fmt.Errorf("make network %s: %w", name, err)
	}
	return made.ID, nil
}

// removeNetworks takes our network and its rules away once no container of ours
// is left.
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
		if err := r.api.NetworkRemove(ctx, n.ID); ignoreNotFound(err) != nil {
			r.log.Debug("Network kept", "network", n.Name, "error", err)
			return
		}
	}
	r.openFirewall(ctx)
}
