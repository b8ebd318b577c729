package e2e

import (
	"context"
	"fmt"
	"os"
	"testing"
	"time"

	"golang.org/x/sync/errgroup"

	"volundr/ui/client"
)

// TestManySandboxes creates and deletes more than the pool holds, some at a
// time: none is lost, none is left, and the daemon has no more open than before.
func TestManySandboxes(t *testing.T) {
	s := installSandboxes(t, "")
	many, abreast := 40, 5
	if onKubernetes() { // which takes its time for each
		many = 15
	}
	round := func(ctx context.Context, i int) error {
		made, err := s.v1.CreateSandbox(ctx, client.SandboxCreate{})
		if err != nil {
			return err
		}
		want := fmt.Sprintln("sandbox", i)
		got, err := s.v1.Bash(ctx, made.ID, client.Bash{Cmd: fmt.Sprintf("echo sandbox %d", i)})
		if err != nil || got.Stdout != want {
			return fmt.Errorf("%s: %w, printed %q", made.ID, err, got.Stdout)
		}
		if err := s.v1.DeleteSandbox(ctx, made.ID); err != nil {
			return err
		}
		if _, err := s.v1.Bash(ctx, made.ID, client.Bash{Cmd: "true"}); !client.NotFound(err) {
			return fmt.Errorf("a deleted one answers %w", err)
		}
		return nil
	}
	rounds := func(n int) {
		g, ctx := errgroup.WithContext(t.Context())
		g.SetLimit(abreast)
		for i := range n {
			g.Go(func() error { return round(ctx, i) })
		}
		if err := g.Wait(); err != nil {
			t.Fatal(err)
		}
		s.eventually(limit, "only what waits is left", func() bool { return len(s.containers("")) <= 2 })
	}
	open := func() int {
		fds, err := os.ReadDir(fmt.Sprintf("/proc/%d/fd", s.cmd.Process.Pid))
		if err != nil {
			t.Fatal(err)
		}
		return len(fds)
	}
	rounds(abreast) // whatever is opened once
	before := open()
	rounds(many)
	s.eventually(60*time.Second, "no more is open than before", func() bool { return open() <= before+4 })
	all, err := s.v1.Sandboxes(t.Context())
	if err != nil || len(all) != 0 {
		t.Errorf("listed are %+v (%v)", all, err)
	}
}
