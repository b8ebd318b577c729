package docker

import (
	"fmt"
	"maps"
	"net"
	"net/url"
	"slices"
	"strings"

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
	dir := p.Dir
	if dir == "" {
		dir = "/"
	}
	conf := &container.Config{
		Image: s.Image, Entrypoint: p.Command, Env: env, WorkingDir: dir,
		User: fmt.Sprintf("%d:%d", p.UID, p.GID), Labels: r.labels(s, p.Name), StopSignal: "SIGTERM",
		Healthcheck: &container.HealthConfig{Test: []string{"NONE"}},
	}
	if !strings.HasPrefix(network, "container:") { // those take over the name too
		conf.Hostname = hostname(s.Name)
	}
	pids, noSwap, no := s.Resources.PIDs, int64(0), false
	if pids == 0 {
		pids = defaultPIDs
	}
	memory, cpu := limits(s, p)
	host := &container.HostConfig{
		NetworkMode: container.NetworkMode(network), Mounts: r.mounts(s, p), ReadonlyRootfs: true,
		CapDrop: []string{"ALL"}, SecurityOpt: []string{"no-new-privileges:true"},
		Tmpfs: map[string]string{
			"/tmp": "rw,exec,nosuid,nodev,size=1g,mode=1777",
			"/run": fmt.Sprintf("rw,noexec,nosuid,nodev,size=16m,uid=%d,gid=%d,mode=755", p.UID, p.GID),
		},
		Init:      &no, // the runner is process 1, whatever the engine's default is
		LogConfig: container.LogConfig{Type: "json-file", Config: map[string]string{"max-size": "5m", "max-file": "2"}},
		Resources: container.Resources{Memory: memory, MemorySwap: memory, MemorySwappiness: &noSwap, NanoCPUs: cpu * 1e6, PidsLimit: &pids},
	}
	for _, m := range p.Mounts {
		if m.Size > 0 {
			host.Tmpfs[m.Path] = room(m, p)
		}
	}
	if s.Kind == runtime.Sandbox {
		sandboxed(host)
	}
	if s.Resources.GPU > 0 && p.Name == runtime.PartAgent {
		host.DeviceRequests = []container.DeviceRequest{{Count: s.Resources.GPU, Capabilities: [][]string{{"gpu"}}}}
	}
	return conf, host
}

// limits are a part's own, or else what the others leave of the workload's.
// The engine has no limit over several containers: parts that name none may
// each use all that is left.
func limits(s runtime.Spec, p runtime.Part) (memory, cpu int64) {
	memory, cpu = s.Resources.Memory, s.Resources.CPU
	if memory == 0 {
		memory = defaultMemory
	}
	for _, other := range s.Parts {
		memory -= other.Memory
		if s.Resources.CPU > 0 {
			cpu -= other.CPU
		}
	}
	if p.Memory > 0 {
		memory = p.Memory
	}
	if p.CPU > 0 {
		cpu = p.CPU
	}
	return memory, cpu
}

// fits says what of a spec this engine cannot do.
func (r *Runtime) fits(s runtime.Spec) error {
	for _, p := range s.Parts {
		if memory, cpu := limits(s, p); memory < 16<<20 || s.Resources.CPU > 0 && cpu < 1 {
			return fmt.Errorf("%w: the other parts leave nothing of memory or CPU for %s: ask for more", runtime.ErrInvalid, p.Name)
		}
		for _, m := range p.Mounts {
			if m.Host != "" && elsewhere(r.api.DaemonHost()) {
				return fmt.Errorf("%w: the Docker engine %s is on another machine, which does not have the folder %s: use a copy of it",
					runtime.ErrInvalid, r.api.DaemonHost(), m.Host)
			}
		}
	}
	return nil
}

// elsewhere reports whether an engine's address is on another machine. One
// that runs in a virtual machine of this one shares its folders.
func elsewhere(engine string) bool {
	u, err := url.Parse(engine)
	if err != nil || u.Scheme != "tcp" && u.Scheme != "ssh" && u.Scheme != "http" && u.Scheme != "https" {
		return false
	}
	ip := net.ParseIP(u.Hostname())
	return u.Hostname() != "localhost" && (ip == nil || !ip.IsLoopback())
}

// hostname is a name for people as a host name: what a shell's prompt shows.
func hostname(name string) string {
	h := strings.Map(func(c rune) rune {
		switch {
		case c >= 'a' && c <= 'z', c >= '0' && c <= '9':
			return c
		case c >= 'A' && c <= 'Z':
			return c + 'a' - 'A'
		}
		return '-'
	}, name)
	if len(h) > 40 {
		h = h[:40]
	}
	if h = strings.Trim(h, "-"); h == "" {
		return "session"
	}
	return h
}

func (r *Runtime) mounts(s runtime.Spec, p runtime.Part) []mount.Mount {
	out := make([]mount.Mount, 0, len(p.Mounts))
	for _, m := range p.Mounts {
		if m.Size > 0 {
			continue // not of this list
		}
		if m.Host != "" {
			out = append(out, mount.Mount{Type: mount.TypeBind, Source: m.Host, Target: m.Path, ReadOnly: m.ReadOnly,
				BindOptions: &mount.BindOptions{Propagation: mount.PropagationRPrivate}})
			continue
		}
		out = append(out, mount.Mount{Type: mount.TypeVolume, Source: r.volumeName(s.ID, m.Volume), Target: m.Path, ReadOnly: m.ReadOnly,
			VolumeOptions: r.volumeOptions(s, m)})
	}
	return out
}
