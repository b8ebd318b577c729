package docker

import (
	"testing"
	"time"

	"github.com/docker/docker/api/types/container"

	"volundr/runtime"
)

func find(t *testing.T, r *Runtime, id string) runtime.Workload {
	t.Helper()
	list, err := r.List(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for _, w := range list {
		if w.ID == id {
			return w
		}
	}
	t.Fatalf("%s is not listed", id)
	return runtime.Workload{}
}

func part(t *testing.T, w runtime.Workload, name string) runtime.PartStatus {
	t.Helper()
	for _, p := range w.Parts {
		if p.Name == name {
			return p
		}
	}
	t.Fatalf("%+v has no part %s", w, name)
	return runtime.PartStatus{}
}

// until polls a condition for up to 20 s.
func until(t *testing.T, what string, cond func() bool) {
	t.Helper()
	tick, limit := time.NewTicker(20*time.Millisecond), time.NewTimer(20*time.Second)
	defer tick.Stop()
	defer limit.Stop()
	for !cond() {
		select {
		case <-limit.C:
			t.Fatalf("waited in vain until %s", what)
		case <-tick.C:
		}
	}
}

// What is remembered between two Lists must not hide that a part ended again.
func TestListSeesTheSameStateAgainAnew(t *testing.T) {
	r, s := running(t, func(s *runtime.Spec) {
		s.Parts[1].Command = []string{"sh", "-c", "n=$(cat n 2>/dev/null || echo 2); echo $((n+1)) > n; exit $((n+1))"}
	})
	for _, exit := range []int{3, 4} {
		until(t, "the agent has ended", func() bool { return !part(t, find(t, r, s.ID), runtime.PartAgent).Running })
		for range 2 { // inspected, remembered
			w := find(t, r, s.ID)
			if p := part(t, w, runtime.PartAgent); p.ExitCode != exit || p.Finished.IsZero() || w.State != runtime.Partial {
				t.Fatalf("%s %+v, want exit %d", w.State, p, exit)
			}
		}
		if err := r.Start(t.Context(), s); err != nil {
			t.Fatal(err)
		}
	}
}

func TestListHidesWhatHandsVolumesOver(t *testing.T) {
	r, s := running(t, nil)
	conf, host := r.container(s, s.Parts[1], noNetwork)
	conf.Labels[runtime.LabelPart] = partOwner
	if _, err := r.api.ContainerCreate(t.Context(), conf, host, nil, nil, ""); err != nil {
		t.Fatal(err)
	}
	if w := find(t, r, s.ID); w.State != runtime.Up || len(w.Parts) != 2 {
		t.Errorf("%+v", w)
	}
	if err := r.Start(t.Context(), s); err != nil {
		t.Fatal(err)
	}
	if all, err := r.api.ContainerList(t.Context(), container.ListOptions{All: true, Filters: r.ours(s.ID)}); err != nil || len(all) != 2 {
		t.Errorf("%d containers after Start, %v", len(all), err)
	}
}

func TestListIsCheapOnceSeen(t *testing.T) {
	r, s := running(t, nil)
	find(t, r, s.ID)
	before := len(r.seen.m)
	began := time.Now()
	for range 20 {
		find(t, r, s.ID)
	}
	if before != 2 || len(r.seen.m) != 2 {
		t.Errorf("%d, %d remembered, want 2", before, len(r.seen.m))
	}
	t.Logf("%s a list of one session", time.Since(began)/20)
}
