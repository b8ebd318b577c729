package runtimetest

import (
	"errors"
	"testing"
	"time"

	"volundr/runtime"
)

// pauseCases are for runtimes that can freeze a session (runtime.Pauser).
var pauseCases = []test{
	{"Pause/shows, twice is once, and Resume undoes it", pausing, func(t *testing.T, s *suite) {
		p, spec, before := s.paused(t)
		if err := p.Pause(s.ctx(t), spec.ID); err != nil {
			t.Errorf("again: %v", err)
		}
		for range 2 {
			if err := p.Resume(s.ctx(t), spec.ID); err != nil {
				t.Fatal(err)
			}
		}
		after := s.await(t, spec.ID, "awake", func(w runtime.Workload) bool { return w.State == runtime.Up && !w.Paused })
		for i := range before.Parts {
			if !before.Parts[i].Started.Equal(after.Parts[i].Started) {
				t.Errorf("%s was started anew", before.Parts[i].Name)
			}
		}
	}},
	{"Pause/programs stand still, and the broker answers", pausing | processes | dialling, func(t *testing.T, s *suite) {
		spec, p := s.spec(t), s.pauser(t)
		agent(t, &spec).Command = []string{"sh", "-c", "while :; do :; done"}
		s.start(t, spec)
		first := s.used(t, p, spec.ID, 0)
		s.used(t, p, spec.ID, first+50*time.Millisecond)
		if err := p.Pause(s.ctx(t), spec.ID); err != nil {
			t.Fatal(err)
		}
		s.link(t, spec.ID)
		if err := p.Resume(s.ctx(t), spec.ID); err != nil {
			t.Fatal(err)
		}
		again := s.used(t, p, spec.ID, 0)
		s.used(t, p, spec.ID, again+50*time.Millisecond)
	}},
	{"Pause/the next daemon finds it, and a start wakes it", pausing, func(t *testing.T, s *suite) {
		_, spec, _ := s.paused(t)
		next := &suite{Backend: s.Backend, rt: s.Again(t, s.rt)}
		if w, _ := next.find(t, spec.ID); !w.Paused || w.State != runtime.Up {
			t.Fatalf("it finds %+v", w)
		}
		if err := next.rt.Start(s.ctx(t), spec); err != nil {
			t.Fatal(err)
		}
		next.await(t, spec.ID, "awake", func(w runtime.Workload) bool { return w.State == runtime.Up && !w.Paused })
	}},
	{"Pause/what is paused can be stopped", pausing, func(t *testing.T, s *suite) {
		_, spec, _ := s.paused(t)
		s.stop(t, spec.ID)
		if w, found := s.find(t, spec.ID); !found || w.Paused || w.State != runtime.Down {
			t.Errorf("it is %+v", w)
		}
	}},
	{"Pause/what is paused can be removed", pausing, func(t *testing.T, s *suite) {
		_, spec, _ := s.paused(t)
		if err := s.rt.Remove(s.ctx(t), spec.ID); err != nil {
			t.Fatal(err)
		}
		if w, found := s.find(t, spec.ID); found {
			t.Errorf("left: %+v", w)
		}
	}},
	{"Pause/what is not there is no error", pausing, func(t *testing.T, s *suite) {
		p, id := s.pauser(t), s.spec(t).ID
		if err := errors.Join(p.Pause(s.ctx(t), id), p.Resume(s.ctx(t), id)); err != nil {
			t.Error(err)
		}
	}},
}

func (s *suite) pauser(t *testing.T) runtime.Pauser {
	t.Helper()
	p, ok := s.rt.(runtime.Pauser)
	if !ok {
		t.Fatal("Backend.Pauses is set, and the runtime is no Pauser")
	}
	return p
}

// paused gives a session that is frozen, and what it showed before.
func (s *suite) paused(t *testing.T) (runtime.Pauser, runtime.Spec, runtime.Workload) {
	t.Helper()
	p, spec := s.pauser(t), s.spec(t)
	w := s.start(t, spec)
	if w.Paused {
		t.Errorf("it is paused from its start: %+v", w)
	}
	if err := p.Pause(s.ctx(t), spec.ID); err != nil {
		t.Fatal(err)
	}
	s.await(t, spec.ID, "paused and up", func(w runtime.Workload) bool { return w.State == runtime.Up && w.Paused })
	return p, spec, w
}

// used waits until a session's programs have used so much processor time.
func (s *suite) used(t *testing.T, p runtime.Pauser, id string, least time.Duration) (used time.Duration) {
	t.Helper()
	s.until(t, "its programs have worked", func() bool {
		var err error
		if used, err = p.Used(s.ctx(t), id); err != nil {
			t.Fatal(err)
		}
		return used >= least
	}, func() any { return used })
	return used
}
