package fake

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"volundr/runtime"
)

// Start implements runtime.Runtime: volumes first, then the parts in order.
func (r *Runtime) Start(ctx context.Context, spec runtime.Spec) error {
	if err := spec.Validate(); err != nil {
		return err
	}
	defer r.alone("start", spec.ID)()
	if err := r.step(ctx, Call{Op: "start", ID: spec.ID}, func() error { return r.admit(spec) }); err != nil {
		return err
	}
	k := key{r.installation, spec.ID}
	for _, v := range spec.Volumes() {
		err := r.step(ctx, Call{Op: "start", ID: spec.ID, Step: "volume " + v}, func() error {
			w := r.workloads[k]
			if w == nil {
				w = &workload{spec: spec, volumes: map[string]bool{}, parts: map[string]*container{}}
				r.workloads[k] = w
			}
			if !w.volumes[v] {
				w.volumes[v] = true
				r.change()
			}
			return nil
		})
		if err != nil {
			return err
		}
	}
	for _, name := range r.outdated(spec) {
		if err := r.step(ctx, Call{Op: "start", ID: spec.ID, Step: "replace " + name}, func() error {
			delete(r.workloads[k].parts, name)
			r.change()
			return nil
		}); err != nil {
			return err
		}
	}
	for _, p := range spec.Parts {
		if err := r.step(ctx, Call{Op: "start", ID: spec.ID, Step: "part " + p.Name}, func() error {
			r.bring(k, spec, p)
			return nil
		}); err != nil {
			return err
		}
	}
	return r.step(ctx, Call{Op: "start", ID: spec.ID}, func() error { return nil })
}

// admit refuses what a real backend would refuse. The lock is held.
func (r *Runtime) admit(spec runtime.Spec) error {
	if spec.Image != r.opts.Image {
		return fmt.Errorf("%w: there is no image %q", runtime.ErrInvalid, spec.Image)
	}
	for _, p := range spec.Parts {
		if p.Image != "" && (!r.fitted[p.Image] || strings.HasPrefix(p.Image, "pulled:") != (p.Service() != "")) {
			r.opts.Report("start of %s with the image %q of %s, which was never made ready for that", spec.ID, p.Image, p.Name)
		}
	}
	if w := r.workloads[key{r.installation, spec.ID}]; w != nil {
		for _, c := range w.parts {
			if c.run > spec.Run {
				r.opts.Report("start of %s with run %d after run %d", spec.ID, spec.Run, c.run)
				break
			}
		}
		w.spec.Name, w.spec.Owner, w.spec.Tenant = spec.Name, spec.Owner, spec.Tenant
	}
	return nil
}

// outdated names the containers that spec does not want as they are.
func (r *Runtime) outdated(spec runtime.Spec) []string {
	r.mu.Lock()
	defer r.mu.Unlock()
	w := r.workloads[key{r.installation, spec.ID}]
	if w == nil {
		return nil
	}
	broker := w.parts[spec.Parts[0].Name]
	var names []string
	for name, c := range w.parts {
		wanted := slices.ContainsFunc(spec.Parts, func(p runtime.Part) bool { return p.Name == name })
		// Who joined a network that is gone cannot be healed, only replaced.
		cutOff := broker == nil || !broker.Running || broker.run < spec.Run || broker.helper != spec.Helper || c.net != broker.net
		if !wanted || c.run < spec.Run || c.helper != spec.Helper || cutOff && c != broker {
			names = append(names, name)
		}
	}
	return slices.Sorted(slices.Values(names))
}

// bring makes one part run. The lock is held.
func (r *Runtime) bring(k key, spec runtime.Spec, p runtime.Part) {
	w := r.workloads[k]
	if w == nil { // no volumes at all
		w = &workload{spec: spec, volumes: map[string]bool{}, parts: map[string]*container{}}
		r.workloads[k] = w
	}
	if c := w.parts[p.Name]; c != nil && c.Running {
		if c.frozen {
			c.frozen = false
			r.change()
		}
		return
	}
	c := &container{run: spec.Run, helper: spec.Helper, parts: len(spec.Parts)}
	if old := w.parts[p.Name]; old != nil {
		c.lines = old.lines
	}
	c.Name, c.Running, c.Started = p.Name, true, time.Now()
	if first := spec.Parts[0].Name; p.Name == first {
		r.nets++
		c.net = r.nets
	} else {
		c.net = w.parts[first].net
	}
	w.parts[p.Name] = c
	w.spec.Run, w.spec.Deadline = spec.Run, spec.Deadline
	r.change()
}

// Stop implements runtime.Runtime: the broker last.
func (r *Runtime) Stop(ctx context.Context, id string) error {
	defer r.alone("stop", id)()
	k := key{r.installation, id}
	if err := r.step(ctx, Call{Op: "stop", ID: id}, func() error { return nil }); err != nil {
		return err
	}
	for _, name := range r.order(k) {
		if err := r.step(ctx, Call{Op: "stop", ID: id, Step: "part " + name}, func() error {
			w := r.workloads[k]
			if w == nil || w.parts[name] == nil {
				return nil
			}
			w.parts[name].end(143, false)
			if !r.opts.KeepEnded {
				delete(w.parts, name)
			}
			r.forgetEmpty(k)
			r.change()
			return nil
		}); err != nil {
			return err
		}
	}
	return nil
}

// Remove implements runtime.Runtime.
func (r *Runtime) Remove(ctx context.Context, id string) error {
	defer r.alone("remove", id)()
	k := key{r.installation, id}
	if err := r.step(ctx, Call{Op: "remove", ID: id}, func() error { return nil }); err != nil {
		return err
	}
	for _, name := range r.order(k) {
		if err := r.step(ctx, Call{Op: "remove", ID: id, Step: "part " + name}, func() error {
			if w := r.workloads[k]; w != nil {
				delete(w.parts, name)
				r.forgetEmpty(k)
				r.change()
			}
			return nil
		}); err != nil {
			return err
		}
	}
	r.mu.Lock()
	var volumes []string
	if w := r.workloads[k]; w != nil {
		volumes = slices.Sorted(maps.Keys(w.volumes))
	}
	r.mu.Unlock()
	for _, v := range volumes {
		if err := r.step(ctx, Call{Op: "remove", ID: id, Step: "volume " + v}, func() error {
			if w := r.workloads[k]; w != nil {
				delete(w.volumes, v)
				r.removed = append(r.removed, id+"/"+v)
				r.forgetEmpty(k)
				r.change()
			}
			return nil
		}); err != nil {
			return err
		}
	}
	return nil
}

// order names the containers in the order in which they go: the broker last.
func (r *Runtime) order(k key) []string {
	r.mu.Lock()
	defer r.mu.Unlock()
	w := r.workloads[k]
	if w == nil {
		return nil
	}
	names := slices.Sorted(maps.Keys(w.parts))
	if i := slices.Index(names, runtime.PartBroker); i >= 0 {
		names = append(slices.Delete(names, i, i+1), runtime.PartBroker)
	}
	return names
}

func (r *Runtime) forgetEmpty(k key) {
	if w := r.workloads[k]; w != nil && len(w.parts) == 0 && len(w.volumes) == 0 {
		delete(r.workloads, k)
	}
}

// EnsureImage implements runtime.Images.
func (r *Runtime) EnsureImage(ctx context.Context, kind runtime.Kind, progress func(runtime.Progress)) (string, error) {
	for i := range r.opts.ImageSteps {
		text := fmt.Sprintf("step %d of %d", i+1, r.opts.ImageSteps)
		progress(runtime.Progress{Step: i + 1, Steps: r.opts.ImageSteps, Text: text})
		if err := r.step(ctx, Call{Op: "image", ID: string(kind), Step: text}, func() error { return nil }); err != nil {
			return "", err
		}
	}
	return r.opts.Image, r.step(ctx, Call{Op: "image", ID: string(kind)}, func() error { return nil })
}

// Fit implements runtime.Fitter: only the images of Options.Fits can be had.
func (r *Runtime) Fit(ctx context.Context, ref string, progress func(runtime.Progress)) (string, error) {
	progress(runtime.Progress{Text: ref})
	err := r.step(ctx, Call{Op: "image", ID: ref, Step: "fit"}, func() error {
		if !slices.Contains(r.opts.Fits, ref) {
			return fmt.Errorf("%w image: %s is not made from the session image", runtime.ErrInvalid, ref)
		}
		r.fitted[fitted(ref)] = true
		return nil
	})
	return fitted(ref), err
}

func fitted(ref string) string { return "fitted:" + ref }

// Pull implements runtime.Fitter: only the images of Options.Services can be had,
// and the machine's own.
func (r *Runtime) Pull(ctx context.Context, ref string, progress func(runtime.Progress)) (string, error) {
	progress(runtime.Progress{Text: ref})
	pulled := "pulled:" + ref
	err := r.step(ctx, Call{Op: "image", ID: ref, Step: "pull"}, func() error {
		if !slices.Contains(append(r.opts.Services, r.opts.Image), ref) {
			return fmt.Errorf("%w image: %s cannot be had", runtime.ErrInvalid, ref)
		}
		r.fitted[pulled] = true
		return nil
	})
	return pulled, err
}
