package docker

import (
	"context"
	"maps"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/containerd/errdefs"
	"github.com/docker/docker/api/types/container"
	"github.com/docker/docker/api/types/volume"

	"volundr/runtime"
)

// inspections remembers what only an inspection tells (exit code, OOM) of
// containers whose state line has not changed since: a saving, not a truth.
type inspections struct {
	mu sync.Mutex
	m  map[string]runtime.PartStatus // by container id and state line
}

// List implements runtime.Runtime by two calls, and one for each container that
// ended since the last.
func (r *Runtime) List(ctx context.Context) ([]runtime.Workload, error) {
	all, err := r.api.ContainerList(ctx, container.ListOptions{All: true, Filters: r.ours("")})
	if err != nil {
		return nil, translate(err)
	}
	vols, err := r.api.VolumeList(ctx, volume.ListOptions{Filters: r.ours("")})
	if err != nil {
		return nil, translate(err)
	}
	found := map[string]*runtime.Workload{}
	expected := map[string]int{}
	at := func(labels map[string]string) *runtime.Workload {
		id := labels[runtime.LabelSession]
		if id == "" {
			return nil
		}
		w := found[id]
		if w == nil {
			w = workload(labels)
			found[id] = w
		}
		return w
	}
	fresh := map[string]runtime.PartStatus{}
	for _, c := range all {
		w := at(c.Labels)
		if w == nil || strings.HasPrefix(c.Labels[runtime.LabelPart], "chown-") {
			continue
		}
		p, ok, err := r.status(ctx, c, fresh)
		if err != nil {
			return nil, translate(err)
		}
		if !ok {
			continue // removed meanwhile
		}
		run, _ := strconv.Atoi(c.Labels[runtime.LabelRun])
		w.Run = max(w.Run, run)
		w.Parts = append(w.Parts, p)
		expected[w.ID] = max(expected[w.ID], len(strings.Split(c.Labels[labelParts], ",")))
	}
	r.seen.mu.Lock()
	r.seen.m = fresh
	r.seen.mu.Unlock()
	for _, v := range vols.Volumes {
		if w := at(v.Labels); w != nil {
			w.Volumes = append(w.Volumes, v.Labels[runtime.LabelPart])
		}
	}
	out := make([]runtime.Workload, 0, len(found))
	for _, id := range slices.Sorted(maps.Keys(found)) {
		w := found[id]
		slices.SortFunc(w.Parts, func(a, b runtime.PartStatus) int { return strings.Compare(a.Name, b.Name) })
		slices.Sort(w.Volumes)
		w.State = stateOf(w.Parts, expected[id])
		out = append(out, *w)
	}
	return out, nil
}

func workload(labels map[string]string) *runtime.Workload {
	created, _ := time.Parse(time.RFC3339Nano, labels[runtime.LabelCreated])
	expires, _ := time.Parse(time.RFC3339Nano, labels[labelExpires])
	return &runtime.Workload{ID: labels[runtime.LabelSession], Kind: runtime.Kind(labels[runtime.LabelComponent]),
		Name: labels[runtime.LabelName], Owner: labels[runtime.LabelOwner], Tenant: labels[runtime.LabelTenant], Created: created, Expires: expires}
}

func stateOf(parts []runtime.PartStatus, expected int) runtime.State {
	running := 0
	for _, p := range parts {
		if p.Running {
			running++
		}
	}
	switch {
	case running == 0:
		return runtime.Down
	case running < expected:
		return runtime.Partial
	}
	return runtime.Up
}

// status is one container's. ok is false when it is gone.
func (r *Runtime) status(ctx context.Context, c container.Summary, fresh map[string]runtime.PartStatus) (p runtime.PartStatus, ok bool, err error) {
	key := c.ID + " " + c.State
	r.seen.mu.Lock()
	p, ok = r.seen.m[key]
	r.seen.mu.Unlock()
	if !ok {
		in, err := r.api.ContainerInspect(ctx, c.ID)
		if errdefs.IsNotFound(err) {
			return p, false, nil
		}
		if err != nil {
			return p, false, err
		}
		p = partStatus(c.Labels[runtime.LabelPart], in.State)
		key = c.ID + " " + in.State.Status
	}
	fresh[key] = p
	return p, true, nil
}

func partStatus(name string, s *container.State) runtime.PartStatus {
	p := runtime.PartStatus{Name: name, Running: s.Running, Error: s.Error}
	p.Started, _ = time.Parse(time.RFC3339Nano, s.StartedAt)
	if p.Started.Year() < 2000 {
		p.Started = time.Time{}
	}
	if !s.Running {
		p.ExitCode, p.OOMKilled = s.ExitCode, s.OOMKilled
		p.Finished, _ = time.Parse(time.RFC3339Nano, s.FinishedAt)
		if p.Finished.Year() < 2000 {
			p.Finished = time.Time{}
		}
	}
	return p
}

// drop forgets a container: a restart within one state line changes its times.
func (i *inspections) drop(container string) {
	i.mu.Lock()
	defer i.mu.Unlock()
	for key := range i.m {
		if strings.HasPrefix(key, container) {
			delete(i.m, key)
		}
	}
}
