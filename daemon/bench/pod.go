package main

import (
	"context"
	"crypto/ed25519"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/docker/docker/api/types/container"
	"github.com/docker/docker/api/types/filters"
	"github.com/docker/docker/api/types/network"
	"github.com/docker/docker/client"

	"volundr/runtime"
	"volundr/runtime/broker/wire"
)

// label marks what the floor makes, so that all of it is found again.
const label = "volundr.bench"

// pod is a session's containers and network as the engine was told to make
// them. The first part is the broker, which the others join.
type pod struct {
	session string
	network network.Inspect
	parts   []container.InspectResponse
}

// copyPod takes the pattern of a session that runs. Its broker will let in who
// has the other half of key.
func copyPod(ctx context.Context, engine *client.Client, session string, key ed25519.PublicKey) (*pod, error) {
	all, err := engine.ContainerList(ctx, container.ListOptions{Filters: filters.NewArgs(filters.Arg("label", runtime.LabelSession+"="+session))})
	if err != nil {
		return nil, err
	}
	p := &pod{session: session}
	for _, c := range all {
		in, err := engine.ContainerInspect(ctx, c.ID)
		if err != nil {
			return nil, err
		}
		p.parts = append(p.parts, in)
	}
	joined := func(c container.InspectResponse) bool { return c.HostConfig.NetworkMode.IsContainer() }
	broker := slices.IndexFunc(p.parts, func(c container.InspectResponse) bool { return !joined(c) })
	if broker < 0 {
		return nil, fmt.Errorf("session %s has no container that owns its network", session)
	}
	p.parts[0], p.parts[broker] = p.parts[broker], p.parts[0]
	if p.network, err = engine.NetworkInspect(ctx, p.parts[0].HostConfig.NetworkMode.NetworkName(), network.InspectOptions{}); err != nil {
		return nil, err
	}
	for _, c := range p.parts {
		c.Config.Labels = map[string]string{label: session}
		if joined(c) {
			c.Config.Hostname = "" // theirs is the broker's
		}
		for _, m := range c.HostConfig.Mounts {
			if m.VolumeOptions != nil {
				m.VolumeOptions.Labels = map[string]string{label: session}
			}
		}
	}
	return p, p.admit(key)
}

// admit puts another key into the broker's configuration.
func (p *pod) admit(key ed25519.PublicKey) error {
	for i, env := range p.parts[0].Config.Env {
		raw, ok := strings.CutPrefix(env, wire.EnvConfig+"=")
		if !ok {
			continue
		}
		var c wire.Config
		if err := json.Unmarshal([]byte(raw), &c); err != nil {
			return err
		}
		c.DaemonKey = base64.StdEncoding.EncodeToString(key)
		changed, err := json.Marshal(c)
		p.parts[0].Config.Env[i] = wire.EnvConfig + "=" + string(changed)
		return err
	}
	return fmt.Errorf("the broker of %s has no configuration", p.session)
}
