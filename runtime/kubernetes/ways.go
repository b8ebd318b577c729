package kubernetes

import (
	"context"
	"fmt"
	"sync"

	"github.com/hashicorp/yamux"

	"volundr/runtime"
)

// ways keeps the forwarded connections to Pods, one each. What it keeps may be
// broken; who uses it notices.
type ways struct {
	mu     sync.Mutex
	open   map[string]*way
	turns  map[string]chan struct{} // of one element each: held while a way is made
	closed bool
}

// way is one forwarded connection that carries many.
type way struct {
	mux *yamux.Session
	raw *forwarded
}

func (w *way) end() {
	w.mux.Close()
	w.raw.Close()
	<-w.raw.done
}

// known gives a way that seems to stand, or nil.
func (w *ways) known(id string) *way {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.open[id]
}

// way gives the one that stands, or has it made, by one caller at a time.
func (w *ways) way(ctx context.Context, id string, making func() (*way, error)) (*way, error) {
	w.mu.Lock()
	turn := w.turns[id]
	if turn == nil {
		turn = make(chan struct{}, 1)
		w.turns[id] = turn
	}
	w.mu.Unlock()
	select {
	case turn <- struct{}{}:
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	defer func() { <-turn }()
	if there := w.known(id); there != nil {
		return there, nil
	}
	made, err := making()
	if err != nil {
		return nil, err
	}
	w.mu.Lock()
	late := w.closed || w.turns[id] != turn
	if !late {
		w.open[id] = made
	}
	w.mu.Unlock()
	if late {
		made.end()
		return nil, fmt.Errorf("%w: it was ended meanwhile", runtime.ErrNotFound)
	}
	return made, nil
}

// drop takes a way out that broke, unless another is there by now.
func (w *ways) drop(id string, broken *way) {
	w.mu.Lock()
	mine := w.open[id] == broken
	if mine {
		delete(w.open, id)
	}
	w.mu.Unlock()
	if mine {
		broken.end()
	}
}

// forget takes out what there is of a workload.
func (w *ways) forget(id string) {
	w.mu.Lock()
	there := w.open[id]
	delete(w.open, id)
	delete(w.turns, id)
	w.mu.Unlock()
	if there != nil {
		there.end()
	}
}

func (w *ways) close() {
	w.mu.Lock()
	w.closed = true
	all := w.open
	w.open = map[string]*way{}
	w.mu.Unlock()
	for _, there := range all {
		there.end()
	}
}
