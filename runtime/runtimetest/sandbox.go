package runtimetest

import (
	"errors"
	"strings"
	"testing"
	"time"

	"volundr/runtime"
)

var sandboxCases = []test{
	{"sandbox/shows its kind and deadline", 0, func(t *testing.T, s *suite) {
		spec := s.box(t, time.Hour)
		w := s.start(t, spec)
		if w.Kind != runtime.Sandbox || w.Expires.Sub(spec.Deadline).Abs() > time.Second || w.Run != 1 || w.Name != spec.Name || w.Owner != spec.Owner ||
			w.Tenant != spec.Tenant || !w.Created.Equal(spec.Created) || len(w.Parts) != 1 || len(w.Volumes) != 0 {
			t.Errorf("got %+v\nwant %+v", w, spec)
		}
	}},
	{"sandbox/started twice is one", 0, func(t *testing.T, s *suite) {
		spec := s.box(t, time.Hour)
		before := s.start(t, spec)
		after := s.start(t, spec)
		if !before.Parts[0].Started.Equal(after.Parts[0].Started) || len(after.Parts) != 1 {
			t.Errorf("%+v, then %+v", before, after)
		}
	}},
	{"sandbox/nothing is left when it is removed, and removing it again is no error", 0, func(t *testing.T, s *suite) {
		spec := s.box(t, time.Hour)
		s.start(t, spec)
		for range 2 {
			if err := s.rt.Remove(s.ctx(t), spec.ID); err != nil {
				t.Fatal(err)
			}
			if w, found := s.find(t, spec.ID); found {
				t.Fatalf("left: %+v", w)
			}
		}
		if _, err := s.rt.Dial(s.ctx(t), spec.ID, 0); !errors.Is(err, runtime.ErrNotFound) {
			t.Errorf("dial: %v, want ErrNotFound", err)
		}
	}},
	{"sandbox/taken away by others it is not there", losing, func(t *testing.T, s *suite) {
		spec := s.box(t, time.Hour)
		s.start(t, spec)
		s.Lose(t, s.rt, spec.ID, spec.Parts[0].Name)
		s.await(t, spec.ID, "gone", func(w runtime.Workload) bool { return w.ID == "" })
	}},
	{"sandbox/the next daemon finds it and removes it", 0, func(t *testing.T, s *suite) {
		spec := s.box(t, time.Hour)
		s.start(t, spec)
		next := &suite{Backend: s.Backend, rt: s.Again(t, s.rt)}
		if w, found := next.find(t, spec.ID); !found || w.Kind != runtime.Sandbox || w.State != runtime.Up {
			t.Fatalf("it finds %+v", w)
		}
		if err := next.rt.Remove(s.ctx(t), spec.ID); err != nil {
			t.Fatal(err)
		}
		if w, found := s.find(t, spec.ID); found {
			t.Errorf("left: %+v", w)
		}
	}},
	{"sandbox/another installation neither sees nor touches it", 0, func(t *testing.T, s *suite) {
		spec := s.box(t, time.Hour)
		s.start(t, spec)
		other := &suite{Backend: s.Backend, rt: s.New(t)}
		if w, found := other.find(t, spec.ID); found {
			t.Errorf("it sees %+v", w)
		}
		if err := errors.Join(other.rt.Stop(s.ctx(t), spec.ID), other.rt.Remove(s.ctx(t), spec.ID)); err != nil {
			t.Error(err)
		}
		_, dial := other.rt.Dial(s.ctx(t), spec.ID, 0)
		_, exec := other.rt.Exec(s.ctx(t), spec.ID, runtime.ExecOptions{Part: spec.Parts[0].Name, Command: []string{"true"}})
		if !errors.Is(dial, runtime.ErrNotFound) || !errors.Is(exec, runtime.ErrNotFound) {
			t.Errorf("dial: %v, exec: %v", dial, exec)
		}
		if w, _ := s.find(t, spec.ID); w.State != runtime.Up {
			t.Errorf("it is %+v", w)
		}
	}},
	{"sandbox/ends at its deadline with nobody there", dialling, func(t *testing.T, s *suite) {
		spec := s.box(t, 3*time.Second)
		s.clean(t, spec.ID)
		if err := s.rt.Start(s.ctx(t), spec); err != nil {
			t.Fatal(err)
		}
		s.await(t, spec.ID, "nothing of it runs", func(w runtime.Workload) bool { return w.State != runtime.Up })
		if now := time.Now(); now.Before(spec.Deadline.Add(-time.Second)) {
			t.Errorf("it ended %s before its time", spec.Deadline.Sub(now))
		}
		if err := s.rt.Remove(s.ctx(t), spec.ID); err != nil {
			t.Errorf("remove what has ended: %v", err)
		}
	}},
	{"sandbox/answers the daemon, network or not", dialling, func(t *testing.T, s *suite) {
		for _, network := range []runtime.Network{runtime.NetworkNone, runtime.NetworkOpen} {
			spec := s.box(t, time.Hour)
			spec.Network = network
			s.start(t, spec)
			s.link(t, spec.ID)
		}
	}},
	{"sandbox/is closed and small", processes, func(t *testing.T, s *suite) {
		spec := s.box(t, time.Hour)
		s.start(t, spec)
		name := spec.Parts[0].Name
		status := s.shIn(t, spec.ID, name, "cat /proc/self/status")
		for _, want := range []string{"CapEff:\t0000000000000000", "CapBnd:\t0000000000000000", "NoNewPrivs:\t1", "Seccomp:\t2", "Uid:\t65532"} {
			if !strings.Contains(status, want) {
				t.Errorf("no %q in:\n%s", want, status)
			}
		}
		if got := s.shIn(t, spec.ID, name, "touch /etc/x /usr/x /workspace/../x 2>/dev/null; ls /etc/x /usr/x /x 2>/dev/null; true"); got != "" {
			t.Errorf("the image was written to: %s", got)
		}
		if got := s.shIn(t, spec.ID, name, "ls /sys/class/net"); strings.TrimSpace(got) != "lo" && s.Lacks&NoInterface == 0 {
			t.Errorf("interfaces: %s", got)
		}
		s.shIn(t, spec.ID, name, "cd /workspace && printf '#!/bin/sh\nexit 0\n' > run && chmod +x run && ./run")
		got := s.shIn(t, spec.ID, name, "cd /workspace && head -c 1G /dev/zero 2>&1 >big | cat; rm big; echo alive > small && cat small")
		if !strings.Contains(got, "No space left") || !strings.Contains(got, "alive") {
			t.Errorf("a full workspace: %s", got)
		}
		if w, _ := s.find(t, spec.ID); w.State != runtime.Up || part(w, name).OOMKilled {
			t.Errorf("it is %+v", w)
		}
	}},
}

// box gives a sandbox that says whose it is.
func (s *suite) box(t *testing.T, ttl time.Duration) runtime.Spec {
	t.Helper()
	spec := s.Sandbox(t, ttl)
	spec.Name, spec.Owner, spec.Tenant = runtime.SandboxName(spec.ID), "owner-1", "tenant-1"
	spec.Created = time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	return spec
}
