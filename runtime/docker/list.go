package docker

import (
	"context"
	"errors"
	"maps"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/docker/docker/api/types/container"
	"github.com/docker/docker/api/types/volume"
	"golang.org/x/sync/errgroup"

	"volundr/runtime"
)

// inspections remembers what only an inspection tells (exit code, OOM, times)
// of containers whose state has not changed since: a saving, not a truth.
// Events and our own starts take entries out.
type inspections struct {
	mu    sync.Mutex
	m     map[string]runtime.PartStatus // by container id and state
	drops int                           // counts what was taken out
}

// inspecting bounds how many inspections are under way at once.
const inspecting = 8

// List implements runtime.Runtime by two calls, and one for each container that
// started or ended since the last.
func (r *Runtime) List(ctx context.Context) ([]runtime.Workload, error) {
	if err := r.ready(ctx); err != nil {
		return nil, err
	}
	var vols volume.ListResponse
	g, gctx := errgroup.WithContext(ctx)
	g.Go(func() (err error) {
		vols, err = r.api.VolumeList(gctx, volume.ListOptions{Filters: r.ours("")})
		return err
	})
	all, err := r.containers(ctx, "")
	if err := errors.Join(err, g.Wait()); err != nil {
		return nil, translate(err)
	}
	parts, err := r.statuses(ctx, all)
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
	for i, c := range all {
		w := at(c.Labels)
		if w == nil || c.Labels[runtime.LabelPart] == partOwner || parts[i] == nil {
			continue
		}
		run, _ := strconv.Atoi(c.Labels[runtime.LabelRun])
		w.Run = max(w.Run, run)
		w.Helper = w.Helper || c.Labels[runtime.LabelHelper] != ""
		w.Paused = w.Paused || c.State == container.StatePaused
		w.Parts = append(w.Parts, *parts[i])
		expected[w.ID] = max(expected[w.ID], len(strings.Split(c.Labels[labelParts], ",")))
	}
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
	return &runtime.Workload{ID: labels[runtime.LabelSession], Kind: kindOf(labels),
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

// statuses gives each container's; nil for one that is gone meanwhile.
func (r *Runtime) statuses(ctx context.Context, all []container.Summary) ([]*runtime.PartStatus, error) {
	parts := make([]*runtime.PartStatus, len(all))
	fresh := map[string]runtime.PartStatus{}
	key := func(id string, state container.ContainerState) string { return id + " " + state }
	r.seen.mu.Lock()
	drops := r.seen.drops
	for i, c := range all {
		if p, ok := r.seen.m[key(c.ID, c.State)]; ok {
			parts[i], fresh[key(c.ID, c.State)] = &p, p
		}
	}
	r.seen.mu.Unlock()
	var mu sync.Mutex
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(inspecting)
	for i, c := range all {
		if parts[i] != nil {
			continue
		}
		g.Go(func() error {
			in, err := r.api.ContainerInspect(ctx, c.ID)
			if err != nil {
				return ignoreNotFound(err)
			}
			p := partStatus(c.Labels[runtime.LabelPart], in.State)
			mu.Lock()
			defer mu.Unlock()
			parts[i], fresh[key(c.ID, in.State.Status)] = &p, p
			return nil
		})
	}
	if err := g.Wait(); err != nil {
		return nil, err
	}
	r.seen.mu.Lock()
	defer r.seen.mu.Unlock()
	if drops == r.seen.drops { // else some may be old already
		r.seen.m = fresh
	}
	return parts, nil
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
	i.drops++
	for key := range i.m {
		if strings.HasPrefix(key, container) {
			delete(i.m, key)
		}
	}
}
