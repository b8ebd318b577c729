package daemon

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"testing"

	"volundr/runtime"
	"volundr/runtime/fake"
)

// Who asks a runtime for sandboxes that has none is told so at once: nobody is
// asked to come again.
func TestARuntimeWithoutSandboxesIsNotWaitedFor(t *testing.T) {
	rt := fake.New(fake.Options{Report: t.Errorf})
	rt.Script(func(_ context.Context, c fake.Call) error {
		if c.Op == "image" && c.ID == string(runtime.Sandbox) {
			return fmt.Errorf("image for a sandbox: %w", runtime.ErrUnsupported)
		}
		return nil
	})
	for kind, want := range map[runtime.Kind]error{runtime.Sandbox: runtime.ErrUnsupported, runtime.Session: nil} {
		b := &boxes{image: newImage(kind, rt, slog.New(slog.DiscardHandler))}
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan error, 1)
		go func() { ended <- b.image.run(ctx) }()
		for range 2 {
			if err := b.ready(ctx); !errors.Is(err, want) {
				t.Errorf("%s: %v, want %v", kind, err, want)
			}
		}
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	}
}
