package engine

import (
	"context"
	"fmt"
	"time"

	"volundr/runtime"
	"volundr/store"
)

// doingEvery bounds how often progress is written to the row.
const doingEvery = 500 * time.Millisecond

// start brings a run up: the image, the spec, the draft of its chronicle, then
// the runtime. The row says that it was handed over before it is.
func (e *Engine) start(ctx context.Context, rt runtime.Runtime, s store.Session) error {
	image, err := e.image(ctx, rt, s)
	if err != nil {
		return fmt.Errorf("make the session image: %w", err)
	}
	spec, err := e.Spec(ctx, s, image)
	if err != nil {
		return err
	}
	spec.ID, spec.Run = s.ID, s.Run
	if err := e.Opened(ctx, s); err != nil {
		return fmt.Errorf("open the run's chronicle: %w", err)
	}
	if err := e.submitted(ctx, s, "starting containers"); err != nil {
		return err
	}
	if err := rt.Start(ctx, spec); err != nil {
		return err
	}
	// The time to answer counts from here.
	return e.submitted(ctx, s, "waiting for the session to answer")
}

func (e *Engine) submitted(ctx context.Context, s store.Session, doing string) error {
	return e.amend(ctx, s, func(n *store.Session) {
		n.SubmittedAt = time.Now().UTC().Truncate(time.Millisecond)
		n.State, n.Doing = store.Provisioning, doing
	})
}

// image makes the session's image ready and shows how far that is.
func (e *Engine) image(ctx context.Context, rt runtime.Runtime, s store.Session) (string, error) {
	images, ok := rt.(runtime.Images)
	if !ok {
		return "", nil
	}
	latest := make(chan string, 1)
	shown := make(chan struct{})
	go func() {
		defer close(shown)
		for text := range latest {
			if err := e.DB.SetDoing(ctx, s.ID, text); err != nil && ctx.Err() == nil {
				e.Log.Warn("Showing progress failed", "session", s.ID, "error", err)
			}
			select {
			case <-time.After(doingEvery):
			case <-ctx.Done():
			}
		}
	}()
	last := ""
	ref, err := images.EnsureImage(ctx, runtime.Kind(s.Kind), func(p runtime.Progress) {
		text := progress(p)
		if text == last {
			return
		}
		last = text
		select {
		case <-latest: // nobody has shown it yet: outdated
		default:
		}
		latest <- text
	})
	close(latest)
	<-shown
	return ref, err
}

// progress is one step for people.
func progress(p runtime.Progress) string {
	text := p.Text
	if text == "" {
		text = p.Log
	}
	if p.Steps > 0 {
		return fmt.Sprintf("making the session image, %d/%d: %s", p.Step, p.Steps, text)
	}
	return "making the session image: " + text
}
