package docker

import (
	"testing"

	"github.com/docker/docker/api/types/container"

	"volundr/runtime"
)

const interfaces = "ls /sys/class/net | tr '\\n' ' '"

// A part that outlives the owner of its network namespace keeps nothing but lo,
// also after the owner was started again. Start notices.
func TestStartGivesJoinedPartsTheirNetworkBack(t *testing.T) {
	for name, mishap := range map[string]func(t *testing.T, r *Runtime, broker string){
		"the broker ended": func(t *testing.T, r *Runtime, broker string) {
			if err := r.api.ContainerKill(t.Context(), broker, "KILL"); err != nil {
				t.Fatal(err)
			}
		},
		"the broker was started again by somebody": func(t *testing.T, r *Runtime, broker string) {
			now := 0
			if err := r.api.ContainerRestart(t.Context(), broker, container.StopOptions{Timeout: &now}); err != nil {
				t.Fatal(err)
			}
		},
		"the broker is gone": func(t *testing.T, r *Runtime, broker string) {
			if err := r.api.ContainerRemove(t.Context(), broker, container.RemoveOptions{Force: true}); err != nil {
				t.Fatal(err)
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			r, s := running(t, nil)
			dialled(t, r, s.ID)
			shell(t, r, s.ID, runtime.PartAgent, "echo kept > /workspace/x")
			mishap(t, r, r.containerName(s.ID, runtime.PartBroker))
			until(t, "only lo is left", func() bool { return shell(t, r, s.ID, runtime.PartAgent, interfaces) == "lo" })
			if err := r.Start(t.Context(), s); err != nil {
				t.Fatal(err)
			}
			if got := shell(t, r, s.ID, runtime.PartAgent, interfaces+"; cat /workspace/x"); got != "eth0 lo kept" {
				t.Errorf("%q", got)
			}
			dialled(t, r, s.ID)
		})
	}
}

func TestPause(t *testing.T) {
	r, s := running(t, nil)
	both := func(what string, do func() error) {
		t.Helper()
		for range 2 {
			if err := do(); err != nil {
				t.Fatalf("%s: %v", what, err)
			}
		}
	}
	both("pause", func() error { return r.Pause(t.Context(), s.ID) })
	if w := find(t, r, s.ID); w.State != runtime.Up {
		t.Errorf("a paused workload is %s", w.State)
	}
	both("resume", func() error { return r.Resume(t.Context(), s.ID) })
	shell(t, r, s.ID, runtime.PartAgent, "true")
	dialled(t, r, s.ID)

	both("pause", func() error { return r.Pause(t.Context(), s.ID) })
	both("start of what is paused", func() error { return r.Start(t.Context(), s) })
	shell(t, r, s.ID, runtime.PartAgent, "true")

	both("pause", func() error { return r.Pause(t.Context(), s.ID) })
	both("stop of what is paused", func() error { return r.Stop(t.Context(), s.ID) })
	if w := find(t, r, s.ID); w.State != runtime.Down {
		t.Errorf("after Stop %s", w.State)
	}
}
