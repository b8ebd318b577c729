package e2e

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"volundr/ui/client"
)

// TestSandboxKillsBetweenSteps kills the daemon before and after every call to
// the engine by which a sandbox is made, and looked after at its end: the next daemon leaves
// nothing of one that nobody was told of, and ends what was to end.
func TestSandboxKillsBetweenSteps(t *testing.T) {
	s := &sandboxes{place: sandboxPlace(t)}
	way, through := s.place.toll(t)
	s.product = prepare(t, t.TempDir())
	t.Cleanup(s.empty)
	listen := freePort(t)
	s.url = "http://" + listen
	s.on = through
	s.configure(fmt.Sprintf("sandbox:\n  listen: %s\n  auth: none\n  pool:\n    size: 0\n", listen))
	s.begin()
	if err := s.v1.DeleteSandbox(t.Context(), s.sandbox(client.SandboxCreate{})); err != nil { // its image is there
		t.Fatal(err)
	}
	s.none()

	for _, c := range s.place.making() {
		for _, before := range []bool{true, false} {
			struck := s.strike(way, c, before)
			made := make(chan error, 1)
			go func() {
				_, err := s.v1.CreateSandbox(context.Background(), client.SandboxCreate{})
				made <- err
			}()
			s.awaitStrike(struck)
			if err := <-made; err == nil {
				t.Errorf("%+v, before %t: told of a sandbox by a daemon that was killed while it made it", c, before)
			}
			s.begin()
			if all, err := s.v1.Sandboxes(t.Context()); err != nil || len(all) != 0 {
				t.Errorf("%+v, before %t: listed are %+v (%v)", c, before, all, err)
			}
			s.none()
		}
	}
	// A deleted one ends by itself: the engine is only asked whether it has.
	for _, before := range []bool{true, false} {
		id := s.sandbox(client.SandboxCreate{})
		s.sh(id, "sleep 7777 >/dev/null 2>&1 &")
		struck := s.strike(way, s.place.looking(), before)
		ended := make(chan error, 1)
		go func() { ended <- s.v1.DeleteSandbox(context.Background(), id) }()
		s.awaitStrike(struck)
		err := <-ended
		s.begin()
		switch a := s.ask("GET", "/v1/sessions/"+id, ""); {
		case a.status == 200 && err == nil:
			t.Errorf("before %t: its deletion was acknowledged, and it is there", before)
		case a.status == 200: // the look came before the wish
			if err := s.v1.DeleteSandbox(t.Context(), id); err != nil {
				t.Error(err)
			}
		case a.status != 404:
			t.Errorf("deleted, before %t: %d %s", before, a.status, a.body)
		}
		s.none()
	}
}

// strike has the daemon killed at a call to the engine, once, and closes what it
// returns then.
func (s *sandboxes) strike(way *toll, c call, before bool) <-chan struct{} {
	struck := make(chan struct{})
	process := s.cmd.Process
	way.at(c.method, c.begins, c.ends, before, func() {
		if err := process.Kill(); err != nil {
			s.t.Error(err)
		}
		close(struck)
	})
	return struck
}

// awaitStrike returns when the daemon is dead.
func (s *sandboxes) awaitStrike(struck <-chan struct{}) {
	s.t.Helper()
	select {
	case <-struck:
	case <-time.After(limit):
		s.t.Fatal("the engine was never asked for that")
	}
	<-s.end
	s.cmd = nil
}

// none waits until the engine has nothing of ours.
func (s *sandboxes) none() {
	s.t.Helper()
	s.eventually(limit, "no sandbox is left", func() bool { return len(s.containers("")) == 0 })
}

// TestSandboxesWithoutAnEngine: who cannot be served is told when to ask again,
// and what is asked of a program that watches the daemon is the truth.
func TestSandboxesWithoutAnEngine(t *testing.T) {
	s := &sandboxes{place: sandboxPlace(t)}
	s.product = prepare(t, t.TempDir())
	listen := freePort(t)
	s.url = "http://" + listen
	s.on = s.place.away()
	s.configure(fmt.Sprintf("sandbox:\n  listen: %s\n  auth: none\n", listen))
	s.begin()
	for _, c := range []struct {
		do, body string
		status   int
		want     string
	}{
		{"GET /health", "", 200, `{"status":"error","message":"*","version":"*"}`},
		{"GET /livez", "", 200, `{}`},
		{"GET /readyz", "", 503, `{}`},
		{"POST /v1/sessions", `{}`, 503, `{"detail":"*"}`},
		{"POST /v1/execute", `{"code":"1"}`, 503, `{"detail":"*"}`},
		{"POST /v1/execute/stream", `{"code":"1"}`, 503, `{"detail":"*"}`},
		{"POST /v1/sessions/" + unknownSandbox + "/bash", `{"cmd":"true"}`, 404, `{"detail":"*not found*"}`},
		{"DELETE /v1/sessions/" + unknownSandbox, "", 404, `{"detail":"*not found*"}`},
		{"GET /v1/files", "", 200, `{"files":[]}`},
	} {
		method, path, _ := strings.Cut(c.do, " ")
		a := s.ask(method, path, c.body)
		if diff := fits(c.want, a.body); a.status != c.status || diff != "" {
			t.Errorf("%s: %d %s, want %d: %s", c.do, a.status, a.body, c.status, diff)
		}
		if after := a.head.Get("Retry-After"); a.status == 503 && method == "POST" && after == "" {
			t.Errorf("%s: no word of when to ask again: %v", c.do, a.head)
		}
	}
}
