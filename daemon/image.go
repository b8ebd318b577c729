package daemon

import (
	"context"
	"errors"
	"log/slog"
	"strings"
	"sync"
	"time"

	"volundr/runtime"
	"volundr/ui/client"
)

// image makes an image in the background, when it is asked for, and knows how
// far it is. Who needs it meanwhile shares the same build through the engine.
type image struct {
	kind   runtime.Kind
	images runtime.Images // nil: the runtime makes none
	log    *slog.Logger
	again  chan struct{}

	mu    sync.Mutex
	st    client.ImageStatus
	since time.Time     // of the state
	never error         // the runtime has no such workloads, and will not have them
	news  chan struct{} // closed by the next change
}

func newImage(kind runtime.Kind, rt runtime.Runtime, log *slog.Logger) *image {
	images, _ := rt.(runtime.Images)
	return &image{kind: kind, images: images, log: log, again: make(chan struct{}, 1), news: make(chan struct{})}
}

func (m *image) status() client.ImageStatus {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.st
}

// look gives the state, since when it is so, and a channel that the next change
// closes.
func (m *image) look() (client.ImageStatus, time.Time, <-chan struct{}) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.st, m.since, m.news
}

func (m *image) set(change func(*client.ImageStatus)) {
	m.mu.Lock()
	defer m.mu.Unlock()
	before := m.st.State
	change(&m.st)
	if m.st.State != before {
		m.since = time.Now()
	}
	close(m.news)
	m.news = make(chan struct{})
}

// unsupported is the runtime's word that it has no workloads of the kind; nil:
// it has.
func (m *image) unsupported() error {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.never
}

// retry asks for another try; while one is under way it does nothing more.
func (m *image) retry() {
	m.set(func(st *client.ImageStatus) {
		if st.State == "failed" {
			*st = client.ImageStatus{State: "building", Text: "starting again"}
		}
	})
	select {
	case m.again <- struct{}{}:
	default:
	}
}

// away is the pause before an engine that did not answer is asked again.
const away = 5 * time.Second

// run makes the image whenever retry asks, until ctx ends.
func (m *image) run(ctx context.Context) error {
	var back <-chan time.Time
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-m.again:
		case <-back:
		}
		back = nil
		if m.make(ctx) {
			back = time.After(away)
		}
	}
}

// kept is how many of the build's last lines are shown.
const kept = 20

// make makes it once. unanswered: the engine is away, which is no failure of
// the image.
func (m *image) make(ctx context.Context) (unanswered bool) {
	if m.images == nil {
		m.set(func(st *client.ImageStatus) { st.State = "ready" })
		return false
	}
	_, err := m.images.EnsureImage(ctx, m.kind, func(p runtime.Progress) {
		m.set(func(st *client.ImageStatus) {
			lines := st.Lines
			if p.Log != "" {
				lines = append(lines, strings.TrimRight(p.Log, "\n"))
				lines = lines[max(0, len(lines)-kept):]
			}
			*st = client.ImageStatus{State: "building", Text: p.Text, Step: p.Step, Steps: p.Steps, Lines: lines}
		})
	})
	switch {
	case ctx.Err() != nil:
	case errors.Is(err, runtime.ErrUnavailable):
		if m.status().Text != engineAway {
			m.log.Warn("An image waits for the engine", "kind", m.kind, "error", err)
		}
		m.set(func(st *client.ImageStatus) { *st = client.ImageStatus{State: "building", Text: engineAway} })
		return true
	case err != nil:
		m.log.Error("Image not made", "kind", m.kind, "error", err)
		first, rest, more := strings.Cut(strings.TrimSpace(err.Error()), "\n")
		m.set(func(st *client.ImageStatus) {
			if errors.Is(err, runtime.ErrUnsupported) {
				m.never = err
			}
			*st = client.ImageStatus{State: "failed", Error: strings.ToUpper(first[:1]) + first[1:] + ".", Lines: st.Lines}
			if more { // the step and what it printed last
				st.Lines = strings.Split(rest, "\n")
			}
		})
	default:
		m.set(func(st *client.ImageStatus) { *st = client.ImageStatus{State: "ready"} })
	}
	return false
}

// engineAway is how far the image is while no engine answers.
const engineAway = "waiting for the Docker engine, which does not answer (`volundr doctor` says more)"
