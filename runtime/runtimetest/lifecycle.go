package runtimetest

import (
	"errors"
	"slices"
	"sync"
	"testing"
	"time"

	"volundr/runtime"
)

var lifecycleCases = []test{
	{"Start/brings every part up", 0, func(t *testing.T, s *suite) {
		spec := s.spec(t)
		w := s.start(t, spec)
		if len(w.Parts) != len(spec.Parts) {
			t.Fatalf("parts %+v, want %d", w.Parts, len(spec.Parts))
		}
		for _, p := range w.Parts {
			if !p.Running || p.Started.IsZero() || !p.Finished.IsZero() {
				t.Errorf("part %+v does not run", p)
			}
		}
	}},
	{"Start/again changes nothing", 0, func(t *testing.T, s *suite) {
		spec := s.spec(t)
		before := s.start(t, spec)
		after := s.start(t, spec)
		for i := range before.Parts {
			if !before.Parts[i].Started.Equal(after.Parts[i].Started) {
				t.Errorf("%s was started anew", before.Parts[i].Name)
			}
		}
	}},
	{"Start/a greater run replaces containers and keeps volumes", 0, func(t *testing.T, s *suite) {
		spec := s.spec(t)
		before := s.start(t, spec)
		s.keep(t, spec.ID)
		spec.Run = 2
		after := s.start(t, spec)
		if after.Run != 2 {
			t.Errorf("run %d, want 2", after.Run)
		}
		for i := range before.Parts {
			if !after.Parts[i].Started.After(before.Parts[i].Started) {
				t.Errorf("%s was not replaced", before.Parts[i].Name)
			}
		}
		s.kept(t, spec)
	}},
	{"Start/a greater run with fewer parts removes the others", 0, func(t *testing.T, s *suite) {
		spec := s.spec(t)
		s.start(t, spec)
		s.keep(t, spec.ID)
		helper := spec
		helper.Run, helper.Parts = 2, spec.Parts[:1]
		w := s.start(t, helper)
		if len(w.Parts) != 1 || w.Parts[0].Name != runtime.PartBroker {
			t.Errorf("parts %+v, want the broker alone", w.Parts)
		}
		spec.Run = 3
		s.start(t, spec)
		s.kept(t, spec)
	}},
	{"Start/a helper replaces ended containers of its run, and they the helper", 0, func(t *testing.T, s *suite) {
		spec := s.spec(t)
		s.start(t, spec)
		s.keep(t, spec.ID)
		s.stop(t, spec.ID)
		helper := spec
		helper.Helper, helper.Parts = true, spec.Parts[:2]
		if w := s.start(t, helper); !w.Helper || len(w.Parts) != 2 || w.Run != 1 {
			t.Errorf("%+v, want a helper of two parts", w)
		}
		s.stop(t, spec.ID)
		w := s.start(t, helper)
		s.stop(t, spec.ID)
		if ended, found := s.find(t, spec.ID); !found || len(ended.Parts) > 0 && !ended.Helper || !w.Helper {
			t.Errorf("after Stop: %+v", ended)
		}
		if w := s.start(t, spec); w.Helper || len(w.Parts) != len(spec.Parts) {
			t.Errorf("%+v, want the session itself", w)
		}
		s.kept(t, spec)
	}},
	{"Start/after Stop keeps the volumes", 0, func(t *testing.T, s *suite) {
		spec := s.spec(t)
		s.start(t, spec)
		s.keep(t, spec.ID)
		s.stop(t, spec.ID)
		spec.Run = 2
		s.start(t, spec)
		s.kept(t, spec)
	}},
	{"Start/after Stop with the same run", 0, func(t *testing.T, s *suite) {
		spec := s.spec(t)
		s.start(t, spec)
		s.stop(t, spec.ID)
		s.start(t, spec)
	}},
	{"Start/several at once", 0, func(t *testing.T, s *suite) {
		var wg sync.WaitGroup
		specs := []runtime.Spec{s.spec(t), s.spec(t), s.spec(t)}
		for _, spec := range specs {
			s.clean(t, spec.ID)
			wg.Go(func() {
				if err := s.rt.Start(s.ctx(t), spec); err != nil {
					t.Errorf("start: %v", err)
				}
			})
		}
		wg.Wait()
		for _, spec := range specs {
			s.await(t, spec.ID, "up", func(w runtime.Workload) bool { return w.State == runtime.Up })
		}
	}},
	{"Stop/ends the processes, keeps the volumes, again and again", 0, func(t *testing.T, s *suite) {
		spec := s.spec(t)
		s.start(t, spec)
		for range 2 {
			s.stop(t, spec.ID)
			w, found := s.find(t, spec.ID)
			if !found || w.State != runtime.Down || !slices.Equal(w.Volumes, spec.Volumes()) {
				t.Fatalf("after Stop: %+v", w)
			}
			for _, p := range w.Parts {
				if p.Running {
					t.Errorf("%s runs", p.Name)
				}
			}
		}
	}},
	{"Remove/takes everything, again and again", 0, func(t *testing.T, s *suite) {
		spec := s.spec(t)
		s.start(t, spec)
		for range 2 {
			if err := s.rt.Remove(s.ctx(t), spec.ID); err != nil {
				t.Fatalf("remove: %v", err)
			}
			if w, found := s.find(t, spec.ID); found {
				t.Fatalf("after Remove: %+v", w)
			}
		}
	}},
	{"Remove/of a stopped workload", 0, func(t *testing.T, s *suite) {
		spec := s.spec(t)
		s.start(t, spec)
		s.stop(t, spec.ID)
		if err := s.rt.Remove(s.ctx(t), spec.ID); err != nil {
			t.Fatalf("remove: %v", err)
		}
		if w, found := s.find(t, spec.ID); found {
			t.Fatalf("after Remove: %+v", w)
		}
	}},
	{"Stop and Remove/of the absent are no errors", 0, func(t *testing.T, s *suite) {
		spec := s.spec(t)
		if err := s.rt.Stop(s.ctx(t), spec.ID); err != nil {
			t.Errorf("stop: %v", err)
		}
		if err := s.rt.Remove(s.ctx(t), spec.ID); err != nil {
			t.Errorf("remove: %v", err)
		}
	}},
	{"Start/after Remove is a new life", 0, func(t *testing.T, s *suite) {
		spec := s.spec(t)
		s.start(t, spec)
		s.keep(t, spec.ID)
		if err := s.rt.Remove(s.ctx(t), spec.ID); err != nil {
			t.Fatalf("remove: %v", err)
		}
		s.start(t, spec)
		if s.Processes {
			s.sh(t, spec.ID, "test ! -e /workspace/kept")
		}
	}},
}

var brokenCases = []test{
	{"Start/an invalid spec is ErrInvalid", 0, func(t *testing.T, s *suite) {
		for name, breakIt := range map[string]func(*runtime.Spec){
			"no id":       func(b *runtime.Spec) { b.ID = "" },
			"no parts":    func(b *runtime.Spec) { b.Parts = nil },
			"no image":    func(b *runtime.Spec) { b.Image = "" },
			"run 0":       func(b *runtime.Spec) { b.Run = 0 },
			"root":        func(b *runtime.Spec) { b.Parts[0].UID = 0 },
			"no command":  func(b *runtime.Spec) { b.Parts[0].Command = nil },
			"no broker":   func(b *runtime.Spec) { b.Parts = b.Parts[1:] },
			"mount on /":  func(b *runtime.Spec) { b.Parts[0].Mounts[0].Path = "/" },
			"host root":   func(b *runtime.Spec) { b.Parts[0].Mounts = []runtime.Mount{{Host: "/", Path: "/host"}} },
			"bad network": func(b *runtime.Spec) { b.Network = "host" },
		} {
			spec := s.spec(t)
			id := spec.ID
			s.clean(t, id)
			breakIt(&spec)
			if err := s.rt.Start(s.ctx(t), spec); !errors.Is(err, runtime.ErrInvalid) {
				t.Errorf("%s: %v, want ErrInvalid", name, err)
			}
			if w, found := s.find(t, id); found {
				t.Errorf("%s: left %+v", name, w)
			}
		}
	}},
	{"Start/an image that does not exist is ErrInvalid", 0, func(t *testing.T, s *suite) {
		spec := s.spec(t)
		s.clean(t, spec.ID)
		spec.Image = "volundr-conformance-no-such-image:never"
		if err := s.rt.Start(s.ctx(t), spec); !errors.Is(err, runtime.ErrInvalid) {
			t.Errorf("%v, want ErrInvalid", err)
		}
		if w, _ := s.find(t, spec.ID); w.State == runtime.Up || w.State == runtime.Partial {
			t.Errorf("something runs: %+v", w)
		}
	}},
	{"Start/a command that does not exist does not look started", processes, func(t *testing.T, s *suite) {
		spec := s.spec(t)
		s.clean(t, spec.ID)
		agent(t, &spec).Command = []string{"/no/such/program"}
		err := s.rt.Start(s.ctx(t), spec)
		w := s.await(t, spec.ID, "not up", func(w runtime.Workload) bool { return w.State != runtime.Up })
		p := part(w, runtime.PartAgent)
		if err == nil && p.Finished.IsZero() && p.Error == "" {
			t.Errorf("no error and no trace of it: %+v", p)
		}
	}},
}

// keep leaves a mark on the volumes that kept looks for.
func (s *suite) keep(t *testing.T, id string) {
	t.Helper()
	if s.Processes {
		s.sh(t, id, "echo mark > /workspace/kept; echo mark > "+runtime.PathHome+"/kept")
	}
}

func (s *suite) kept(t *testing.T, spec runtime.Spec) {
	t.Helper()
	if w, _ := s.find(t, spec.ID); !slices.Equal(w.Volumes, spec.Volumes()) {
		t.Errorf("volumes %v, want %v", w.Volumes, spec.Volumes())
	}
	if s.Processes {
		s.sh(t, spec.ID, "grep -q mark /workspace/kept && grep -q mark "+runtime.PathHome+"/kept")
	}
}

func (s *suite) stop(t *testing.T, id string) {
	t.Helper()
	began := time.Now()
	if err := s.rt.Stop(s.ctx(t), id); err != nil {
		t.Fatalf("stop after %s: %v", time.Since(began), err)
	}
}
