package runtimetest

import (
	"context"
	"testing"
)

// watch runs Watch until the test ends, which it must survive, and gives its
// nudges. It returns once the watch is known to be on.
func (s *suite) watch(t *testing.T) chan struct{} {
	t.Helper()
	nudged := make(chan struct{}, 1)
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() {
		ended <- s.rt.Watch(ctx, func() {
			select {
			case nudged <- struct{}{}:
			default:
			}
		})
	}()
	t.Cleanup(func() {
		cancel()
		patience, stop := context.WithTimeout(context.Background(), s.Patience)
		defer stop()
		select {
		case <-ended:
		case <-patience.Done():
			t.Error("Watch does not return when its context ends")
		}
	})
	// Watch says nothing when it is on: provoke nudges until one arrives.
	s.until(t, "watching", func() bool {
		spec := s.spec(t)
		s.clean(t, spec.ID)
		if err := s.rt.Start(s.ctx(t), spec); err != nil {
			t.Fatalf("start: %v", err)
		}
		if err := s.rt.Remove(s.ctx(t), spec.ID); err != nil {
			t.Fatalf("remove: %v", err)
		}
		select {
		case <-nudged:
			return true
		case err := <-ended:
			ended <- err
			t.Fatalf("Watch ended: %v", err)
		default:
		}
		return false
	}, func() any { return "silent" })
	return nudged
}
