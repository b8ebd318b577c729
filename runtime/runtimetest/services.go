package runtimetest

import (
	"strings"
	"testing"

	"volundr/runtime"
)

// served is a session with a service of the backend's own image: whatever it is,
// sh and perl are in it.
func (s *suite) served(t *testing.T, command []string) runtime.Spec {
	t.Helper()
	spec := s.spec(t)
	fitter, ok := s.rt.(runtime.Fitter)
	if !ok {
		t.Fatal("the runtime is no runtime.Fitter")
	}
	from, err := fitter.Pull(s.ctx(t), spec.Image, func(runtime.Progress) {})
	if err != nil {
		t.Fatalf("pull: %v", err)
	}
	name := runtime.ServicePrefix + "db"
	spec.Parts = append(spec.Parts, runtime.Part{Name: name, Image: from, Command: command, Env: map[string]string{"GREETING": "hello"},
		UID: 1000, GID: 1000, Memory: 128 << 20, Mounts: []runtime.Mount{{Volume: name, Path: "/srv/data", UID: 1000, GID: 1000}}})
	return spec
}

var serviceCases = []test{
	{"services/come, are seen and go with their session", 0, func(t *testing.T, s *suite) {
		spec := s.served(t, idle(""))
		w := s.start(t, spec)
		if p := part(w, "service-db"); !p.Running || len(w.Parts) != len(spec.Parts) {
			t.Errorf("%+v", w)
		}
		s.stop(t, spec.ID)
		if w, _ := s.find(t, spec.ID); part(w, "service-db").Running || !strings.Contains(strings.Join(w.Volumes, " "), "service-db") {
			t.Errorf("stopped: %+v", w)
		}
		spec.Run, spec.Parts = 2, spec.Parts[:len(spec.Parts)-1]
		if w := s.start(t, spec); part(w, "service-db").Name != "" {
			t.Errorf("a run without the service has it: %+v", w)
		}
		if err := s.rt.Remove(s.ctx(t), spec.ID); err != nil {
			t.Fatal(err)
		}
		if w, there := s.find(t, spec.ID); there {
			t.Errorf("removed: %+v", w)
		}
	}},
	{"services/are reached by their name, and keep their data alone", processes, func(t *testing.T, s *suite) {
		for _, network := range []runtime.Network{runtime.NetworkOpen, runtime.NetworkNone} {
			spec := s.served(t, idle(`echo "$GREETING" >> /srv/data/kept; touch /workspace/own && echo writable > /srv/data/root; `+echo("127.0.0.1")))
			spec.Network = network
			s.start(t, spec)
			look := `perl -MIO::Socket::INET -e '$c=IO::Socket::INET->new(PeerAddr=>"db",PeerPort=>` + itoa(echoPort) + `,Timeout=>2) or exit 1; print $c "ping\n"; print scalar <$c>' || true`
			s.until(t, "the service answers by its name", func() bool { return s.sh(t, spec.ID, look) == "ping\n" }, func() any { return s.sh(t, spec.ID, "cat /etc/hosts") })
			if got := s.shIn(t, spec.ID, "service-db", "cat /srv/data/kept /srv/data/root; id -u"); got != "hello\nwritable\n1000\n" {
				t.Errorf("in the service: %q", got)
			}
			if got := s.sh(t, spec.ID, "ls /workspace /srv/data 2>/dev/null; true"); strings.Contains(got, "own") || strings.Contains(got, "kept") {
				t.Errorf("the agent sees of the service: %q", got)
			}
			spec.Run = 2
			s.start(t, spec)
			s.until(t, "it keeps its data", func() bool {
				return s.shIn(t, spec.ID, "service-db", "cat /srv/data/kept") == "hello\nhello\n"
			}, func() any { return s.shIn(t, spec.ID, "service-db", "cat /srv/data/kept") })
		}
	}},
	{"services/have the bounds of every part", processes, func(t *testing.T, s *suite) {
		spec := s.served(t, idle(""))
		s.start(t, spec)
		status := strings.Join(strings.Fields(s.shIn(t, spec.ID, "service-db", "cat /proc/1/status")), " ")
		for _, want := range []string{"Uid: 1000 1000 1000 1000", "CapPrm: 0000000000000000", "CapBnd: 0000000000000000", "NoNewPrivs: 1", "Seccomp: 2"} {
			if !strings.Contains(status, want) {
				t.Errorf("/proc/1/status lacks %s:\n%s", want, status)
			}
		}
		if got := s.shIn(t, spec.ID, "service-db", `perl -e '$x = "x" x (256<<20); print "fits"' 2>/dev/null; true`); got == "fits" {
			t.Error("256 MiB fit where 128 MiB are the limit")
		}
		if got := s.shIn(t, spec.ID, "service-db", "ls -A /journal /home/volundr 2>/dev/null | grep -v : ; tr '\\0' '\\n' < /proc/1/environ | grep -c VOLUNDR_; true"); got != "0\n" {
			t.Errorf("the session's own is in view: %q", got)
		}
	}},
}
