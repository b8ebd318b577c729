package e2e

import (
	"testing"
	"time"

	"volundr/ui/client"
)

// alive reports whether anything runs in a sandbox, as the engine sees it.
func (s *sandboxes) alive(id string) bool {
	s.t.Helper()
	is, err := s.place.alive(id)
	if err != nil {
		s.t.Fatal(err)
	}
	return is
}

// gone waits until the engine has nothing of a sandbox and clients neither.
func (s *sandboxes) gone(id string) {
	s.t.Helper()
	s.eventually(90*time.Second, id+" is removed", func() bool { return len(s.containers(id)) == 0 })
	if a := s.ask("GET", "/v1/sessions/"+id, ""); a.status != 404 {
		s.t.Errorf("a removed sandbox: %d %s", a.status, a.body)
	}
}

// TestSandboxesEndInTime: at their deadline, also without a daemon; and what a
// killed daemon left is found and removed by the next.
func TestSandboxesEndInTime(t *testing.T) {
	s := installSandboxes(t, "  pool:\n    size: 1\n")
	stays := s.sandbox(client.SandboxCreate{})
	s.sh(stays, "echo kept > /workspace/file")

	// Its time is over while the daemon lives: nobody sees it from then on.
	short := s.sandbox(client.SandboxCreate{TTL: 8})
	s.eventually(60*time.Second, "the expired one is not found", func() bool {
		return s.ask("POST", "/v1/sessions/"+short+"/bash", `{"cmd":"true"}`).status == 404
	})
	if a := s.ask("DELETE", "/v1/sessions/"+short, ""); a.status != 404 {
		t.Errorf("delete an expired one: %d %s", a.status, a.body)
	}
	all, err := s.v1.Sandboxes(t.Context())
	if err != nil || len(all) != 1 || all[0].ID != stays {
		t.Errorf("listed are %+v (%v)", all, err)
	}
	s.eventually(30*time.Second, "nothing runs in it", func() bool { return !s.alive(short) })
	s.gone(short)

	// Extended in time, it lives on; shortened, it ends.
	made, err := s.v1.CreateSandbox(t.Context(), client.SandboxCreate{TTL: 10})
	if err != nil {
		t.Fatal(err)
	}
	moved := made.ID
	if _, err := s.v1.ExtendSandbox(t.Context(), moved, 600); err != nil {
		t.Fatal(err)
	}
	<-time.After(time.Until(made.Expires()) + 500*time.Millisecond)
	if out, code := s.sh(moved, "echo extended"); code != 0 {
		t.Errorf("an extended one: %d %s", code, out)
	}
	if _, err := s.v1.ExtendSandbox(t.Context(), moved, 1); err != nil {
		t.Fatal(err)
	}
	s.eventually(60*time.Second, "the shortened one ends", func() bool { return !s.alive(moved) })

	// The daemon is killed: with one whose time comes, one that runs a program, and
	// one that stays.
	dying := s.sandbox(client.SandboxCreate{TTL: 10})
	oneShot := make(chan error, 1)
	go func() {
		_, err := s.v1.Execute(t.Context(), client.Execute{Code: "import time; time.sleep(7777)", TimeoutMS: 60_000})
		oneShot <- err
	}()
	var program string
	s.eventually(60*time.Second, "the program runs", func() bool {
		for _, c := range s.containers("") {
			if c != stays && c != dying && s.alive(c) && s.runs(c, "7777") || c != stays && c != dying && s.alive(c) && s.runs(c, "__main__") {
				program = c
			}
		}
		return program != ""
	})
	s.kill()
	if err := <-oneShot; err == nil {
		t.Error("a program ended well whose daemon was killed")
	}
	s.eventually(60*time.Second, "it ends without a daemon", func() bool { return !s.alive(dying) })
	if !s.alive(stays) {
		t.Error("one ended whose time was not over")
	}
	s.begin()
	s.gone(dying)
	s.gone(program)
	if out, code := s.sh(stays, "cat /workspace/file"); code != 0 || out != "kept\n" {
		t.Errorf("after the kill it answers %d %q", code, out)
	}
	if all, err = s.v1.Sandboxes(t.Context()); err != nil || len(all) != 1 {
		t.Errorf("listed are %+v (%v)", all, err)
	}
}

// TestEverySandboxKill kills the daemon while sandboxes are created and deleted,
// later and later: no client sees half a one, and none is left.
func TestEverySandboxKill(t *testing.T) {
	s := installSandboxes(t, "  pool:\n    size: 1\n")
	for i := range 8 {
		ended := make(chan error, 1)
		made := make(chan string, 1)
		go func() {
			got, err := s.v1.CreateSandbox(t.Context(), client.SandboxCreate{TTL: 120})
			if err == nil {
				made <- got.ID
				err = s.v1.DeleteSandbox(t.Context(), got.ID)
			}
			close(made)
			ended <- err
		}()
		<-time.After(time.Duration(i*i) * 6 * time.Millisecond)
		s.kill()
		<-ended // well or not
		s.begin()
		id := <-made
		all, err := s.v1.Sandboxes(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		for _, one := range all { // whose answer was lost, or whose deletion
			if out, code := s.sh(one.ID, "echo alive"); code != 0 {
				t.Errorf("%s is listed and answers %d %s", one.ID, code, out)
			}
			if err := s.v1.DeleteSandbox(t.Context(), one.ID); err != nil {
				t.Error(err)
			}
			s.gone(one.ID)
		}
		if id != "" {
			s.gone(id)
		}
	}
}
