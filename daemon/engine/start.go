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
	if err := e.images(ctx, rt, s, spec); err != nil {
		return err
	}
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
	report, done := e.reporting(ctx, s.ID, "making the session image")
	defer done()
	return images.EnsureImage(ctx, runtime.Kind(s.Kind), report)
}

// images makes ready what the parts of a spec name of their own, and puts into
// them what they are started from.
func (e *Engine) images(ctx context.Context, rt runtime.Runtime, s store.Session, spec runtime.Spec) error {
	ready := map[string]string{}
	for i := range spec.Parts {
		p := &spec.Parts[i]
		if p.Image == "" {
			continue
		}
		fitter, ok := rt.(runtime.Fitter)
		if !ok {
			return fmt.Errorf("launch (template): sessions cannot have images of their own there: take the image %s out of the session: %w", p.Image, runtime.ErrInvalid)
		}
		get, whose := fitter.Fit, ""
		if name := p.Service(); name != "" {
			get, whose = fitter.Pull, ": the service "+name
		}
		key := p.Image + whose
		if _, done := ready[key]; !done {
			report, done := e.reporting(ctx, s.ID, "making the image "+p.Image+" ready")
			from, err := get(ctx, p.Image, report)
			done()
			if err != nil {
				return fmt.Errorf("launch (template%s): %w", whose, err)
			}
			ready[key] = from
		}
		p.Image = ready[key]
	}
	return nil
}

// reporting shows on a session's row how far something is, until done.
func (e *Engine) reporting(ctx context.Context, id, what string) (report func(runtime.Progress), done func()) {
	show, hide := context.WithCancel(ctx)
	line := newLine()
	var wg sync.WaitGroup
	wg.Go(func() { e.show(show, id, line) })
	return func(p runtime.Progress) { line.set(progress(what, p)) }, func() { hide(); wg.Wait() }
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

// progress is one step of something for people.
func progress(what string, p runtime.Progress) string {
	text := p.Text
	if text == "" {
		text = p.Log
	}
	if p.Steps > 0 {
		return fmt.Sprintf("%s, %d/%d: %s", what, p.Step, p.Steps, text)
	}
	return what + ": " + text
}
