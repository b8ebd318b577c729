package daemon

import (
	"context"
	"log/slog"
	"strings"
	"sync"

	"volundr/runtime"
	"volundr/ui/client"
)

// image makes the session image in the background, once at start and again when
// asked, and knows how far it is. Sessions that are asked for meanwhile share
// the same build through the engine.
type image struct {
	images runtime.Images // nil: the runtime makes none
	log    *slog.Logger
	again  chan struct{}

	mu sync.Mutex
	st client.ImageStatus
}

func newImage(rt runtime.Runtime, log *slog.Logger) *image {
	images, _ := rt.(runtime.Images)
	return &image{images: images, log: log, again: make(chan struct{}, 1)}
}

func (m *image) status() client.ImageStatus {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.st
}

func (m *image) set(change func(*client.ImageStatus)) {
	m.mu.Lock()
	defer m.mu.Unlock()
	change(&m.st)
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

func (m *image) run(ctx context.Context) error {
	for {
		m.make(ctx)
		select {
		case <-ctx.Done():
			return nil
		case <-m.again:
		}
	}
}

// kept is how many of the build's last lines are shown.
const kept = 20

func (m *image) make(ctx context.Context) {
	if m.images == nil {
		m.set(func(st *client.ImageStatus) { st.State = "ready" })
		return
	}
	_, err := m.images.EnsureImage(ctx, runtime.Session, func(p runtime.Progress) {
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
	case err != nil:
		m.log.Error("Session image not made", "error", err)
		m.set(func(st *client.ImageStatus) { st.State, st.Error = "failed", err.Error() })
	default:
		m.set(func(st *client.ImageStatus) { *st = client.ImageStatus{State: "ready"} })
	}
}
