package runtimetest

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"volundr/runtime"
)

var crashCases = []test{
	{"Start/cut off at any moment, completed by another daemon", 0, func(t *testing.T, s *suite) {
		for _, after := range []time.Duration{0, 5, 20, 60, 120, 200, 300, 500, 800} {
			t.Run(fmt.Sprintf("%dms", after), func(t *testing.T) {
				spec := s.spec(t)
				s.clean(t, spec.ID)
				s.cut(t, after*time.Millisecond, func(ctx context.Context) error { return s.rt.Start(ctx, spec) })
				next := &suite{Backend: s.Backend, rt: s.Again(t, s.rt)}
				w := next.start(t, spec)
				if len(w.Parts) != len(spec.Parts) || !slices.Equal(w.Volumes, spec.Volumes()) {
					t.Errorf("completed to %+v", w)
				}
				if s.Broker {
					next.link(t, spec.ID)
				}
				if v, found := s.find(t, spec.ID); !found || v.State != runtime.Up {
					t.Errorf("the first daemon sees %+v", v)
				}
			})
		}
	}},
	{"Start/cut off, then stopped and removed", 0, func(t *testing.T, s *suite) {
		for _, after := range []time.Duration{5, 60, 200, 400} {
			spec := s.spec(t)
			s.clean(t, spec.ID)
			s.cut(t, after*time.Millisecond, func(ctx context.Context) error { return s.rt.Start(ctx, spec) })
			s.stop(t, spec.ID)
			if w, found := s.find(t, spec.ID); found && w.State != runtime.Down {
				t.Errorf("after %d ms and Stop: %+v", after, w)
			}
			if err := s.rt.Remove(s.ctx(t), spec.ID); err != nil {
				t.Fatalf("remove: %v", err)
			}
			if w, found := s.find(t, spec.ID); found {
				t.Errorf("after %d ms and Remove: %+v", after, w)
			}
		}
	}},
	{"Start/of a greater run cut off, completed", 0, func(t *testing.T, s *suite) {
		for _, after := range []time.Duration{5, 60, 200, 400} {
			spec := s.spec(t)
			s.start(t, spec)
			s.keep(t, spec.ID)
			spec.Run = 2
			s.cut(t, after*time.Millisecond, func(ctx context.Context) error { return s.rt.Start(ctx, spec) })
			w := s.start(t, spec)
			if w.Run != 2 || len(w.Parts) != len(spec.Parts) {
				t.Errorf("after %d ms: %+v", after, w)
			}
			s.kept(t, spec)
		}
	}},
	{"Remove/cut off, completed", 0, func(t *testing.T, s *suite) {
		for _, after := range []time.Duration{5, 60, 200} {
			spec := s.spec(t)
			s.start(t, spec)
			s.cut(t, after*time.Millisecond, func(ctx context.Context) error { return s.rt.Remove(ctx, spec.ID) })
			if err := s.rt.Remove(s.ctx(t), spec.ID); err != nil {
				t.Fatalf("remove: %v", err)
			}
			if w, found := s.find(t, spec.ID); found {
				t.Errorf("after %d ms: %+v", after, w)
			}
		}
	}},
	{"every method/with a context that has ended does nothing", 0, func(t *testing.T, s *suite) {
		spec := s.spec(t)
		s.clean(t, spec.ID)
		dead, cancel := context.WithCancel(t.Context())
		cancel()
		if err := s.rt.Start(dead, spec); err == nil {
			t.Error("start: no error")
		}
		if _, err := s.rt.List(dead); err == nil {
			t.Error("list: no error")
		}
		s.start(t, spec)
		if err := s.rt.Remove(dead, spec.ID); err == nil {
			t.Error("remove: no error")
		}
		if w, _ := s.find(t, spec.ID); w.State != runtime.Up {
			t.Errorf("after a Remove that was never allowed to run: %+v", w)
		}
	}},
}

// cut runs fn and takes its context away after d. What fn did until then
// stands; it may have finished.
func (s *suite) cut(t *testing.T, d time.Duration, fn func(context.Context) error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), d)
	defer cancel()
	done := make(chan error, 1)
	go func() { done <- fn(ctx) }()
	select {
	case err := <-done:
		if err != nil && ctx.Err() == nil {
			t.Fatalf("failed before it was cut off: %v", err)
		}
		if err != nil && errors.Is(err, runtime.ErrInvalid) {
			t.Errorf("being cut off is called invalid: %v", err)
		}
	case <-s.ctx(t).Done():
		t.Fatal("does not return when its context ends")
	}
}
