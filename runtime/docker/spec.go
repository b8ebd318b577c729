package docker

import (
	"fmt"
	"maps"
	"slices"

	"github.com/docker/docker/api/types/container"
	"github.com/docker/docker/api/types/mount"

	"volundr/runtime"
)

// Defaults where a spec names no limit. The editor needs about 1 GiB in use.
const (
	defaultMemory = 4 << 30
	defaultPIDs   = 2048
)

// container is a part as the engine takes it: no root, no capability, a
// read-only root, limits, nothing of the host but the mounts of the spec.
func (r *Runtime) container(s runtime.Spec, p runtime.Part, network string) (*container.Config, *container.HostConfig) {
	env := make([]string, 0, len(p.Env))
	for _, k := range slices.Sorted(maps.Keys(p.Env)) {
		env = append(env, k+"="+p.Env[k])
	}
	memory, cpu, pids := p.Memory, p.CPU, s.Resources.PIDs
	if memory == 0 {
		memory = s.Resources.Memory
	}
	if memory == 0 {
		memory = defaultMemory
	}
	if cpu == 0 {
		cpu = s.Resources.CPU
	}
	if pids == 0 {
		pids = defaultPIDs
	}
	dir := p.Dir
	if dir == "" {
		dir = "/"
	}
	conf := &container.Config{
		Image: s.Image, Entrypoint: p.Command, Cmd: nil, Env: env, WorkingDir: dir,
		User: fmt.Sprintf("%d:%d", p.UID, p.GID), Labels: r.labels(s, p.Name),
		Hostname: "", StopSignal: "SIGTERM",
	}
	noSwap := int64(0)
	host := &container.HostConfig{
		NetworkMode: container.NetworkMode(network), Mounts: r.mounts(s.ID, p), ReadonlyRootfs: true,
		CapDrop: []string{"ALL"}, SecurityOpt: []string{"no-new-privileges:true"},
		Tmpfs: map[string]string{
			"/tmp": "rw,exec,nosuid,nodev,size=1g,mode=1777",
			"/run": fmt.Sprintf("rw,noexec,nosuid,nodev,size=16m,uid=%d,gid=%d,mode=755", p.UID, p.GID),
		},
		LogConfig: container.LogConfig{Type: "json-file", Config: map[string]string{"max-size": "5m", "max-file": "2"}},
		Resources: container.Resources{Memory: memory, MemorySwap: memory, MemorySwappiness: &noSwap, NanoCPUs: cpu * 1e6, PidsLimit: &pids},
	}
	if s.Resources.GPU > 0 && p.Name == runtime.PartAgent {
		host.DeviceRequests = []container.DeviceRequest{{Count: s.Resources.GPU, Capabilities: [][]string{{"gpu"}}}}
	}
	return conf, host
}

func (r *Runtime) mounts(id string, p runtime.Part) []mount.Mount {
	out := make([]mount.Mount, 0, len(p.Mounts))
	for _, m := range p.Mounts {
		if m.Host != "" {
			out = append(out, mount.Mount{Type: mount.TypeBind, Source: m.Host, Target: m.Path, ReadOnly: m.ReadOnly,
				BindOptions: &mount.BindOptions{Propagation: mount.PropagationRPrivate}})
			continue
		}
		out = append(out, mount.Mount{Type: mount.TypeVolume, Source: r.volumeName(id, m.Volume), Target: m.Path, ReadOnly: m.ReadOnly})
	}
	return out
}
