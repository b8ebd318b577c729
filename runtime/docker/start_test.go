package docker

import (
	"context"
	"testing"
	"time"

	"volundr/runtime"
)

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
