package docker

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"

	"volundr/runtime"
)

func TestSharedBuildRunsOnceForAllWhoWait(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var s sharedBuilds
		runs, goOn := 0, make(chan struct{})
		work := func(ctx context.Context, report func(runtime.Progress)) error {
			runs++
			report(runtime.Progress{Text: "half"})
			<-goOn
			return ctx.Err()
		}
		heard, results := make(chan string, 2), make(chan error, 2)
		wait := func() {
			go func() {
				results <- s.do(t.Context(), "a", func(p runtime.Progress) { heard <- p.Text }, work)
			}()
			synctest.Wait()
		}
		wait()
		wait()
		if len(heard) != 2 {
			t.Errorf("%d heard of the progress: who joins hears the latest at once", len(heard))
		}
		close(goOn)
		if err := errors.Join(<-results, <-results); err != nil || runs != 1 {
			t.Errorf("%d runs, %v", runs, err)
		}
		if err := s.do(t.Context(), "a", nil, work); err != nil || runs != 2 {
			t.Errorf("a finished build is not joined: %d runs, %v", runs, err)
		}
	})
}

func TestSharedBuildGoesOnWhileAnyoneWaits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var s sharedBuilds
		goOn, ended := make(chan struct{}), false
		work := func(ctx context.Context, report func(runtime.Progress)) error {
			defer func() { ended = true }()
			select {
			case <-goOn:
				return nil
			case <-ctx.Done():
				return ctx.Err()
			}
		}
		start := func(ctx context.Context) chan error {
			result := make(chan error, 1)
			go func() { result <- s.do(ctx, "a", nil, work) }()
			synctest.Wait()
			return result
		}
		first, leave := context.WithCancel(t.Context())
		one, two := start(first), start(t.Context())
		leave()
		if err := <-one; !errors.Is(err, context.Canceled) || ended {
			t.Fatalf("the first who leaves: %v, build ended: %v", err, ended)
		}
		close(goOn)
		if err := <-two; err != nil {
			t.Fatal(err)
		}

		goOn, ended = make(chan struct{}), false
		only, leave := context.WithCancel(t.Context())
		one = start(only)
		leave()
		if err := <-one; !errors.Is(err, context.Canceled) || !ended {
			t.Fatalf("the last who leaves ends the build and waits for that: %v, ended: %v", err, ended)
		}
	})
}

func TestSharedBuildGivesItsErrorToAll(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var s sharedBuilds
		broken, goOn, results := errors.New("broken"), make(chan struct{}), make(chan error, 2)
		for range 2 {
			go func() {
				results <- s.do(t.Context(), "a", nil, func(context.Context, func(runtime.Progress)) error { <-goOn; return broken })
			}()
		}
		synctest.Wait()
		close(goOn)
		for range 2 {
			if err := <-results; !errors.Is(err, broken) {
				t.Error(err)
			}
		}
	})
}
