package docker

import (
	"context"
	"testing"
	"time"

	"github.com/docker/docker/api/types/container"
	"golang.org/x/sync/errgroup"

	"volundr/runtime"
	"volundr/runtime/broker/wire"
)

// BenchmarkStart measures a start of four parts against the bare engine calls
// that it stands on. The target of their ratio is 1.25.
func BenchmarkStart(t *testing.B) {
	e := engine(t)
	r := installation(t, e, false)
	image, err := r.EnsureImage(t.Context(), runtime.Session, func(runtime.Progress) {})
	if err != nil {
		t.Fatal(err)
	}
	four := func() runtime.Spec {
		s := session(t, image)
		for _, name := range []string{runtime.PartEditor, runtime.PartTerminal} {
			p := s.Parts[1]
			p.Name, p.Command = name, []string{wire.Program, "keep"}
			s.Parts = append(s.Parts, p)
		}
		return s
	}
	measure := func(start func(context.Context, runtime.Spec) error) time.Duration {
		s := four()
		began := time.Now()
		if err := start(t.Context(), s); err != nil {
			t.Fatal(err)
		}
		took := time.Since(began)
		if err := r.Remove(t.Context(), s.ID); err != nil {
			t.Fatal(err)
		}
		return took
	}
	// One that stays, so that the network does.
	if err := r.Start(t.Context(), four()); err != nil {
		t.Fatal(err)
	}
	// The machine has other work: the best of several counts.
	ours, bare := time.Hour, time.Hour
	for range max(t.N, 5) {
		ours = min(ours, measure(r.Start))
		bare = min(bare, measure(r.bare))
	}
	ratio := float64(ours) / float64(bare)
	t.Logf("four parts started in %s, bare engine calls take %s: %.2f times", ours.Round(time.Millisecond), bare.Round(time.Millisecond), ratio)
	t.ReportMetric(ratio, "x-bare")
}

// bare makes the calls that a start cannot do without, as parallel as they go.
func (r *Runtime) bare(ctx context.Context, s runtime.Spec) error {
	make := func(ctx context.Context, p runtime.Part, network string) (string, error) {
		conf, host := r.container(s, p, network)
		c, err := r.api.ContainerCreate(ctx, conf, host, nil, nil, r.containerName(s.ID, p.Name))
		return c.ID, err
	}
	broker, err := make(ctx, s.Parts[0], r.networkName())
	if err != nil {
		return err
	}
	if err := r.api.ContainerStart(ctx, broker, container.StartOptions{}); err != nil {
		return err
	}
	g, ctx := errgroup.WithContext(ctx)
	for _, p := range s.Parts[1:] {
		g.Go(func() error {
			id, err := make(ctx, p, "container:"+broker)
			if err != nil {
				return err
			}
			return r.api.ContainerStart(ctx, id, container.StartOptions{})
		})
	}
	return g.Wait()
}

// TestRemoveDuringStart: whatever the moment at which a start is cut off, and
// even while it still runs, nothing stays behind.
func TestRemoveDuringStart(t *testing.T) {
	e := engine(t)
	r := installation(t, e, false)
	image, err := r.EnsureImage(t.Context(), runtime.Session, func(runtime.Progress) {})
	if err != nil {
		t.Fatal(err)
	}
	for _, after := range []time.Duration{20, 80, 150, 300, 500} {
		s := session(t, image)
		ctx, cancel := context.WithTimeout(t.Context(), after*time.Millisecond)
		done := make(chan error, 1)
		go func() { done <- r.Start(ctx, s) }()
		<-ctx.Done()
		if err := r.Remove(t.Context(), s.ID); err != nil {
			t.Errorf("remove %d ms after the start began: %v", after, err)
		}
		cancel()
		<-done // its last call may have come after Remove looked: then the next one finds it
		if err := r.Remove(t.Context(), s.ID); err != nil {
			t.Errorf("remove after the start that was cut off after %d ms: %v", after, err)
		}
		list, err := r.List(t.Context())
		if err != nil || len(list) > 0 {
			t.Errorf("left: %+v %v", list, err)
		}
	}
}
