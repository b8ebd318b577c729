package runtimetest

import (
	"errors"
	"slices"
	"sort"
	"testing"
	"time"

	"volundr/runtime"
)

var listCases = []test{
	{"List/nothing there is an empty list", 0, func(t *testing.T, s *suite) {
		if list, err := s.rt.List(s.ctx(t)); err != nil || len(list) != 0 {
			t.Errorf("%v, %v", list, err)
		}
	}},
	{"List/shows all that Adopt needs", 0, func(t *testing.T, s *suite) {
		spec := s.spec(t)
		spec.Name, spec.Owner, spec.Tenant, spec.Run = "größer & <b>", "owner one", "tenant/2", 7
		w := s.start(t, spec)
		if w.Kind != runtime.Session || w.Name != spec.Name || w.Owner != spec.Owner || w.Tenant != spec.Tenant ||
			w.Run != 7 || !w.Created.Equal(spec.Created) || !slices.Equal(w.Volumes, spec.Volumes()) {
			t.Errorf("got %+v\nwant %+v", w, spec)
		}
		if !sort.SliceIsSorted(w.Parts, func(i, j int) bool { return w.Parts[i].Name < w.Parts[j].Name }) {
			t.Errorf("parts are not sorted: %+v", w.Parts)
		}
		s.stop(t, spec.ID)
		w, _ = s.find(t, spec.ID)
		if w.Kind != runtime.Session || w.Name != spec.Name || w.Owner != spec.Owner || w.Tenant != spec.Tenant || !w.Created.Equal(spec.Created) {
			t.Errorf("of a stopped one: %+v", w)
		}
	}},
	{"List/a lone volume is a workload that is down", losing, func(t *testing.T, s *suite) {
		spec := s.spec(t)
		s.start(t, spec)
		s.stop(t, spec.ID)
		for _, p := range spec.Parts {
			s.Lose(t, s.rt, spec.ID, p.Name)
		}
		w, found := s.find(t, spec.ID)
		if !found || w.State != runtime.Down || len(w.Parts) != 0 || !slices.Equal(w.Volumes, spec.Volumes()) ||
			w.Name != spec.Name || w.Owner != spec.Owner || w.Tenant != spec.Tenant || !w.Created.Equal(spec.Created) || w.Kind != runtime.Session {
			t.Errorf("got %+v", w)
		}
		s.start(t, spec)
	}},
	{"List/a part removed behind our back is partial, and Start brings it back", losing, func(t *testing.T, s *suite) {
		spec := s.spec(t)
		s.start(t, spec)
		s.keep(t, spec.ID)
		s.Lose(t, s.rt, spec.ID, runtime.PartAgent)
		want := runtime.Partial
		if s.Lacks&LoneParts != 0 {
			want = runtime.Down
		}
		s.await(t, spec.ID, string(want), func(w runtime.Workload) bool { return w.State == want })
		s.start(t, spec)
		s.kept(t, spec)
	}},
	{"List/two installations ignore each other", 0, func(t *testing.T, s *suite) {
		spec := s.spec(t)
		s.start(t, spec)
		other := &suite{Backend: s.Backend, rt: s.New(t)}
		if w, found := other.find(t, spec.ID); found {
			t.Fatalf("the other one sees %+v", w)
		}
		if _, err := other.rt.Dial(s.ctx(t), spec.ID, 0); !errors.Is(err, runtime.ErrNotFound) {
			t.Errorf("dial: %v, want ErrNotFound", err)
		}
		if _, err := other.rt.Logs(s.ctx(t), spec.ID, runtime.LogOptions{}); !errors.Is(err, runtime.ErrNotFound) {
			t.Errorf("logs: %v, want ErrNotFound", err)
		}
		if _, err := other.rt.Exec(s.ctx(t), spec.ID, runtime.ExecOptions{Command: []string{"true"}}); !errors.Is(err, runtime.ErrNotFound) {
			t.Errorf("exec: %v, want ErrNotFound", err)
		}
		if err := errors.Join(other.rt.Stop(s.ctx(t), spec.ID), other.rt.Remove(s.ctx(t), spec.ID)); err != nil {
			t.Errorf("stop, remove: %v", err)
		}
		if w, _ := s.find(t, spec.ID); w.State != runtime.Up {
			t.Errorf("the other one's Stop and Remove reached ours: %+v", w)
		}
	}},
}

var endCases = []test{
	{"List/the exit code of an ended part", 0, func(t *testing.T, s *suite) {
		spec := s.spec(t)
		s.start(t, spec)
		began := time.Now().Add(-time.Minute) // clocks differ a little
		s.end(t, spec.ID, runtime.PartAgent, 7)
		w := s.await(t, spec.ID, "partial", func(w runtime.Workload) bool { return w.State == runtime.Partial })
		p := part(w, runtime.PartAgent)
		if p.Running || p.ExitCode != 7 || p.OOMKilled || p.Finished.Before(began) || p.Finished.After(time.Now().Add(time.Minute)) {
			t.Errorf("got %+v", p)
		}
		if b := part(w, runtime.PartBroker); !b.Running {
			t.Errorf("the broker ended too: %+v", b)
		}
	}},
	{"List/a part that ran out of memory", oom, func(t *testing.T, s *suite) {
		spec := s.spec(t)
		a := agent(t, &spec)
		a.Memory = 64 << 20
		if s.End == nil {
			// The main process itself grows, when told to.
			a.Command = []string{"sh", "-c", `while [ ! -e /tmp/grow ]; do sleep 0.1; done; exec perl -e '$x .= "x" x 1048576 while 1'`}
		}
		s.start(t, spec)
		if s.End != nil {
			s.End(t, s.rt, spec.ID, runtime.PartAgent, 137, true)
		} else {
			s.sh(t, spec.ID, "touch /tmp/grow")
		}
		w := s.await(t, spec.ID, "partial", func(w runtime.Workload) bool { return w.State == runtime.Partial })
		if p := part(w, runtime.PartAgent); p.ExitCode != 137 || !p.OOMKilled {
			t.Errorf("got %+v", p)
		}
	}},
	{"Start/of an ended part starts it again with its volumes", 0, func(t *testing.T, s *suite) {
		spec := s.spec(t)
		s.start(t, spec)
		s.keep(t, spec.ID)
		s.end(t, spec.ID, runtime.PartAgent, 1)
		s.await(t, spec.ID, "partial", func(w runtime.Workload) bool { return w.State == runtime.Partial })
		w := s.start(t, spec)
		if w.Run != 1 {
			t.Errorf("run %d, want 1", w.Run)
		}
		s.kept(t, spec)
	}},
	{"Start/of an ended broker gives every part its network back", 0, func(t *testing.T, s *suite) {
		spec := s.spec(t)
		agent(t, &spec).Command = idle(echo("127.0.0.1"))
		s.start(t, spec)
		s.end(t, spec.ID, runtime.PartBroker, 1)
		s.await(t, spec.ID, "not up", func(w runtime.Workload) bool { return w.State != runtime.Up })
		if _, err := s.rt.Dial(s.ctx(t), spec.ID, 0); !errors.Is(err, runtime.ErrNotFound) {
			t.Errorf("dial without a broker: %v, want ErrNotFound", err)
		}
		s.start(t, spec)
		if s.Broker {
			s.link(t, spec.ID)
		}
		if s.Broker && s.Processes {
			s.echoes(t, spec.ID)
		}
	}},
}

var watchCases = []test{
	{"Watch/nudges for start, end, stop and removal", 0, func(t *testing.T, s *suite) {
		nudged := s.watch(t)
		spec := s.spec(t)
		s.clean(t, spec.ID)
		step := func(what string, fn func() error) {
			t.Helper()
			for len(nudged) > 0 {
				<-nudged
			}
			if err := fn(); err != nil {
				t.Fatalf("%s: %v", what, err)
			}
			select {
			case <-nudged:
			case <-s.ctx(t).Done():
				t.Fatalf("no nudge for %s", what)
			}
		}
		step("start", func() error { return s.rt.Start(s.ctx(t), spec) })
		step("end", func() error { s.end(t, spec.ID, runtime.PartAgent, 1); return nil })
		step("stop", func() error { return s.rt.Stop(s.ctx(t), spec.ID) })
		step("remove", func() error { return s.rt.Remove(s.ctx(t), spec.ID) })
	}},
}
