package engine

import (
	"context"
	"fmt"
	"sync"
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
		return err
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
	if err := within(ctx, startTimeout, func(ctx context.Context) error { return rt.Start(ctx, spec) }); err != nil {
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
	show, hide := context.WithCancel(ctx)
	line := newLine()
	var wg sync.WaitGroup
	wg.Go(func() { e.show(show, s.ID, line) })
	defer wg.Wait()
	defer hide()
	return images.EnsureImage(ctx, runtime.Kind(s.Kind), func(p runtime.Progress) { line.set(progress(p)) })
}

// show writes what line says to the row, not too often, until ctx ends.
func (e *Engine) show(ctx context.Context, id string, l *line) {
	for {
		select {
		case <-ctx.Done():
			return
		case <-l.changed:
		}
		if err := e.DB.SetDoing(ctx, id, l.get()); err != nil && ctx.Err() == nil {
			e.Log.Warn("Showing progress failed", "session", id, "error", err)
		}
		select {
		case <-ctx.Done():
			return
		case <-time.After(doingEvery):
		}
	}
}

// line is the latest of many: who reads it misses what was there in between.
type line struct {
	mu      sync.Mutex
	text    string
	changed chan struct{}
}

func newLine() *line { return &line{changed: make(chan struct{}, 1)} }

func (l *line) set(text string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.text != text {
		l.text = text
		signal(l.changed)
	}
}

func (l *line) get() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text
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
