package e2e

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"volundr/ui/client"
)

// hidden starts processes that somebody would lose who killed a group, a
// session, or what has a mark in its environment; sleep 7777 is in all of them.
const hidden = `setsid sh -c 'sleep 7777 & sleep 7777' & env -i setsid sleep 7777 & (sh -c 'env -i setsid sh -c "sleep 7777 & exit" & exit' &); python3 -c '
import os
if os.fork() == 0:
  os.setsid()
  if os.fork() == 0:
    os.closerange(0, 3); os.execv("/bin/sleep", ["sleep", "7777"])
  os._exit(0)'; echo begun; sleep 7777`

// TestACommandEndsWhole: out of time, cancelled, or its client gone, nothing of
// what it started lives on, whatever that did to hide; what an earlier command
// left on purpose does.
func TestACommandEndsWhole(t *testing.T) {
	s := installSandboxes(t, "")
	id := s.sandbox(client.SandboxCreate{})
	if out, code := s.sh(id, "setsid sleep 8888 >/dev/null 2>&1 & echo left"); code != 0 {
		t.Fatal(out)
	}
	gone := func(t *testing.T) {
		t.Helper()
		s.eventually(60*time.Second, "nothing of the command is left", func() bool { return !s.runs(id, "sleep 7777") })
		if !s.runs(id, "sleep 8888") {
			t.Error("what an earlier command left was killed too")
		}
	}
	t.Run("out of time", func(t *testing.T) {
		got, err := s.v1.Bash(t.Context(), id, client.Bash{Cmd: hidden, TimeoutMS: 1500})
		if err != nil || !got.TimedOut || got.ExitCode != nil || got.Stdout != "begun\n" {
			t.Errorf("%v %+v", err, got)
		}
		gone(t)
	})
	begun := func(o client.Output) bool { return strings.Contains(o.Data, "begun") }
	t.Run("cancelled", func(t *testing.T) {
		var run string
		got, err := s.v1.StreamBash(t.Context(), id, client.Bash{Cmd: hidden, TimeoutMS: 60_000}, func(id string) { run = id }, func(o client.Output) error {
			if begun(o) {
				return s.v1.CancelRun(t.Context(), id, run)
			}
			return nil
		})
		if err != nil || got.TimedOut || got.ExitCode != nil && *got.ExitCode == 0 {
			t.Errorf("%v %+v", err, got)
		}
		gone(t)
	})
	t.Run("a stream's client is gone", func(t *testing.T) {
		enough := errors.New("enough")
		_, err := s.v1.StreamBash(t.Context(), id, client.Bash{Cmd: hidden, TimeoutMS: 60_000}, nil, func(o client.Output) error {
			if begun(o) {
				return enough
			}
			return nil
		})
		if !errors.Is(err, enough) {
			t.Error(err)
		}
		gone(t)
	})
	t.Run("a client is gone", func(t *testing.T) {
		ctx, hangUp := context.WithCancel(t.Context())
		ended := make(chan error, 1)
		go func() {
			_, err := s.v1.Bash(ctx, id, client.Bash{Cmd: hidden, TimeoutMS: 60_000})
			ended <- err
		}()
		s.eventually(60*time.Second, "the command runs", func() bool { return s.runs(id, "sleep 7777") })
		hangUp()
		if err := <-ended; !errors.Is(err, context.Canceled) {
			t.Error(err)
		}
		gone(t)
	})
	t.Run("the sandbox is deleted", func(t *testing.T) {
		s.sh(id, "(setsid sleep 7777 >/dev/null 2>&1 &)")
		s.eventually(30*time.Second, "something runs that is to be killed", func() bool { return s.runs(id, "sleep 7777") })
		if err := s.v1.DeleteSandbox(t.Context(), id); err != nil {
			t.Fatal(err)
		}
		// Acknowledged with the kill done, whether the container is there still or not.
		if out, err := s.place.processes(id); err == nil && strings.Contains(out, "sleep") {
			t.Errorf("after the deletion there runs: %s", out)
		}
		s.eventually(60*time.Second, "the container is gone", func() bool { return len(s.containers(id)) == 0 })
	})
}

// TestStreamedCommands: both outputs as they come, input piece by piece, and the
// end.
func TestStreamedCommands(t *testing.T) {
	s := installSandboxes(t, "")
	id := s.sandbox(client.SandboxCreate{})
	var said, run string
	got, err := s.v1.StreamBash(t.Context(), id, client.Bash{Cmd: `while read line; do echo "got $line"; done; echo bye >&2; exit 4`, StdinOpen: true},
		func(r string) {
			run = r
			if err := s.v1.WriteRun(t.Context(), id, r, strings.NewReader("one\n")); err != nil {
				t.Error(err)
			}
		}, func(o client.Output) error {
			said += o.Stream + " " + o.Data
			switch {
			case strings.HasSuffix(said, "got one\n"):
				return s.v1.WriteRun(t.Context(), id, run, strings.NewReader("two\n"))
			case strings.HasSuffix(said, "got two\n"):
				return s.v1.CloseRun(t.Context(), id, run)
			}
			return nil
		})
	if err != nil || got.ExitCode == nil || *got.ExitCode != 4 || said != "stdout got one\nstdout got two\nstderr bye\n" {
		t.Errorf("%v %+v\n%s", err, got, said)
	}
	if err := s.v1.WriteRun(t.Context(), id, run, strings.NewReader("late")); !client.NotFound(err) {
		t.Errorf("input for a command that has ended: %v", err)
	}
	var out string
	res, err := s.v1.StreamExecute(t.Context(), client.Execute{Code: "print('a')\nimport sys\nprint('é', file=sys.stderr)\nopen('made.txt','w').write('made')\n6*7", TimeoutMS: 60000}, func(o client.Output) error {
		out += o.Stream + ":" + o.Data + ";"
		return nil
	})
	if err != nil || res.ExitCode == nil || *res.ExitCode != 0 || len(res.Files) != 1 || res.Files[0].Path != "made.txt" || !strings.Contains(out, "stderr:é") || !strings.Contains(out, "42") {
		t.Errorf("%v %+v\n%s", err, res, out)
	}
}
