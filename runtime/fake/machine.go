package fake

import (
	"slices"
	"time"

	"volundr/runtime"
)

// end is a container's end. Ended ones stay as they are.
func (c *container) end(code int, oom bool) {
	if c.Running {
		c.frozen = false
		c.Running, c.Finished, c.ExitCode, c.OOMKilled = false, time.Now(), code, oom
	}
}

// End ends a part as if its process had exited. It reports a part that does
// not run.
func (r *Runtime) End(id, part string, code int, oom bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	c := r.part(id, part)
	if c == nil || !c.Running {
		r.opts.Report("the test ends %s of %s, which does not run", part, id)
		return
	}
	c.end(code, oom)
	r.change()
}

// Evict ends every part of a workload as a cluster does that wants its room, and
// says why.
func (r *Runtime) Evict(id, why string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if w := r.workloads[key{r.installation, id}]; w != nil {
		for _, c := range w.parts {
			c.end(137, false)
			c.Error = why
		}
	}
	r.change()
}

// Reboot ends every container on the machine with an exit code (255 is what
// Docker says of a machine that went away) and breaks every watch.
func (r *Runtime) Reboot(code int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, w := range r.workloads {
		for _, c := range w.parts {
			c.end(code, false)
		}
	}
	r.breakWatches()
	r.change()
}

// BreakWatch breaks every watch, as a restarted engine does.
func (r *Runtime) BreakWatch() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.breakWatches()
}

func (r *Runtime) breakWatches() {
	for w := range r.watchers {
		close(w.broken)
		delete(r.watchers, w)
	}
}

// Lose removes a part's container behind everybody's back. A part that is not
// there is no matter.
func (r *Runtime) Lose(id, part string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	k := key{r.installation, id}
	if w := r.workloads[k]; w != nil {
		delete(w.parts, part)
		r.forgetEmpty(k)
	}
	r.change()
}

// Revive makes ended or running containers of a workload run, as somebody with
// the engine's own tools might.
func (r *Runtime) Revive(id string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if w := r.workloads[key{r.installation, id}]; w != nil {
		for _, c := range w.parts {
			c.frozen = false
			c.Running, c.Started, c.Finished, c.ExitCode, c.OOMKilled = true, time.Now(), time.Time{}, 0, false
		}
	}
	r.change()
}

// Put places a workload on the machine as if an earlier daemon had started it.
func (r *Runtime) Put(spec runtime.Spec) {
	r.mu.Lock()
	defer r.mu.Unlock()
	k := key{r.installation, spec.ID}
	w := &workload{spec: spec, volumes: map[string]bool{}, parts: map[string]*container{}}
	for _, v := range spec.Volumes() {
		w.volumes[v] = true
	}
	r.workloads[k] = w
	for _, p := range spec.Parts {
		r.bring(k, spec, p)
	}
	r.change()
}

// Show gives one workload as List would, without a call that Script sees.
func (r *Runtime) Show(id string) (runtime.Workload, bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	w := r.workloads[key{r.installation, id}]
	if w == nil {
		return runtime.Workload{}, false
	}
	return w.show(), true
}

// IDs of everything there, sorted.
func (r *Runtime) IDs() (ids []string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for k := range r.workloads {
		if k.installation == r.installation {
			ids = append(ids, k.id)
		}
	}
	slices.Sort(ids)
	return ids
}

// Removed tells every volume that Remove ever took, as "id/volume".
func (r *Runtime) Removed() []string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Clone(r.removed)
}

// part finds a container. The lock is held.
func (r *Runtime) part(id, part string) *container {
	w := r.workloads[key{r.installation, id}]
	if w == nil {
		return nil
	}
	return w.parts[part]
}
