package docker

import (
	"cmp"
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

// defaultPIDs is how many processes a part may have where a spec names no limit.
const defaultPIDs = 2048

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
		Image: cmp.Or(p.Image, s.Image), Entrypoint: p.Command, Env: env, WorkingDir: dir,
		User: fmt.Sprintf("%d:%d", p.UID, p.GID), Labels: r.labels(s, p.Name), StopSignal: "SIGTERM",
		Healthcheck: &container.HealthConfig{Test: []string{"NONE"}},
	}
	if !strings.HasPrefix(network, "container:") { // those take over the name too
		conf.Hostname = s.Hostname()
	}
	pids, noSwap, no := s.Resources.PIDs, int64(0), false
	if pids == 0 {
		pids = defaultPIDs
	}
	memory, cpu := s.Limits(p)
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
	if p.Service() != "" { // as its image says, and writable
		conf.Entrypoint, conf.Cmd, conf.WorkingDir, conf.StopSignal = nil, p.Command, p.Dir, ""
		host.ReadonlyRootfs = false
		delete(host.Tmpfs, "/run")
	}
	if p.Name == s.Parts[0].Name { // the others have its hosts
		for _, name := range s.Services() {
			host.ExtraHosts = append(host.ExtraHosts, name+":127.0.0.1")
		}
	}
	if s.Resources.GPU > 0 && p.Name == runtime.PartAgent {
		host.DeviceRequests = []container.DeviceRequest{{Count: s.Resources.GPU, Capabilities: [][]string{{"gpu"}}}}
	}
	return conf, host
}

// fits says what of a spec this engine cannot do.
func (r *Runtime) fits(s runtime.Spec) error {
	for _, p := range s.Parts {
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
