package engine

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"slices"

	"volundr/daemon/launch"
	"volundr/runtime"
	"volundr/store"
)

// leftover is a workload of ours that no row knows: after a restored backup or
// a lost database.
type leftover struct {
	runtime.Workload
	on string // the runtime's name
}

// leftovers looks after what has no row on the runtime. Sandboxes go. Of coding sessions the
// containers are stopped, and their volumes wait for Adopt or Discard.
func (p *round) leftovers(known map[string]string) {
	v := p.views[p.on]
	if v == nil {
		return // what is not seen is not gone
	}
	found := map[string]leftover{}
	for id, w := range v.seen {
		if known[id] == p.on {
			continue
		}
		if w.Kind == runtime.Session {
			found[id] = leftover{p.home(w), p.on}
		}
		p.leftover(w)
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	for id, l := range p.found {
		if l.on != p.on {
			found[id] = l
		}
	}
	p.found = found
	for id := range p.discard {
		_, still := found[id]
		_, adopted := known[id]
		switch {
		case adopted:
			p.answer(id, fmt.Errorf("discard %s: it is a session again: %w", id, store.ErrNotFound))
		case !still && p.busy[id] == nil:
			p.answer(id, nil)
		}
	}
}

// home is a workload where its owner is now: its labels say where they were when
// it was started.
func (p *round) home(w runtime.Workload) runtime.Workload {
	home, err := p.DB.HomeOf(p.ctx, w.Owner, w.Tenant)
	if err != nil {
		p.Log.Warn("The owner of a workload was not read", "id", w.ID, "error", err)
		return w
	}
	w.Tenant = home
	return w
}

func (p *round) leftover(w runtime.Workload) {
	p.mu.Lock()
	asked := len(p.discard[w.ID]) > 0
	p.mu.Unlock()
	what := nothing
	switch {
	case w.Kind == runtime.Sandbox || asked:
		what = remove
	case w.State != runtime.Down:
		what = stop
	}
	if what == nothing || !p.settled(p.on, w.ID) {
		return
	}
	if held := p.pause[w.ID]; p.now.Before(held.until) && !asked {
		p.wake(held.until)
		return
	}
	p.Log.Info("Found a workload that no session knows", "id", w.ID, "name", w.Name, "kind", string(w.Kind), "action", what.String())
	rt := p.Runtimes[p.on]
	p.spawn(w.ID, deeds{on: p.on}, func(ctx context.Context) error {
		err := within(ctx, callTimeout, func(ctx context.Context) error {
			if what == stop {
				return rt.Stop(ctx, w.ID)
			}
			return rt.Remove(ctx, w.ID)
		})
		if err != nil && ctx.Err() == nil {
			p.Log.Warn("A leftover stays", "id", w.ID, "error", err)
			if what == remove {
				p.mu.Lock()
				defer p.mu.Unlock()
				p.answer(w.ID, err)
			}
		}
		return err
	})
}

// answer tells those who asked to discard a leftover. The lock is held.
func (e *Engine) answer(id string, err error) {
	for _, asked := range e.discard[id] {
		asked <- err
	}
	delete(e.discard, id)
}

// Found gives the coding sessions that carry our labels and that no row knows,
// the oldest first. Their containers are stopped; nothing removes their volumes
// but Discard.
func (e *Engine) Found() []runtime.Workload {
	e.mu.Lock()
	defer e.mu.Unlock()
	var out []runtime.Workload
	for _, l := range e.found {
		out = append(out, l.Workload)
	}
	slices.SortFunc(out, func(a, b runtime.Workload) int {
		return cmp.Or(a.Created.Compare(b.Created), cmp.Compare(a.ID, b.ID))
	})
	return out
}

// Adopt makes a stopped session of a found workload, as its labels tell it.
// What it was asked to be is not among them: the workspace is there, the rest
// is a new session's. store.ErrNotFound when nothing of that id was found.
func (e *Engine) Adopt(ctx context.Context, id string) (store.Session, error) {
	e.mu.Lock()
	l, ok := e.found[id]
	going := len(e.discard[id]) > 0
	e.mu.Unlock()
	if !ok || going {
		return store.Session{}, fmt.Errorf("adopt %s: %w", id, store.ErrNotFound)
	}
	request, err := json.Marshal(launch.Request{Agent: "claude", Source: launch.Source{Type: "git"}})
	if err != nil {
		return store.Session{}, err
	}
	s, err := e.DB.Adopt(ctx, store.Session{
		ID: l.ID, Kind: string(l.Kind), Name: l.Name, OwnerID: l.Owner, TenantID: l.Tenant, Runtime: l.on,
		Request: request, CreatedAt: l.Created, Run: l.Run,
	})
	if err != nil {
		return store.Session{}, fmt.Errorf("adopt %s: %w", id, err)
	}
	e.mu.Lock()
	delete(e.found, id)
	e.mu.Unlock()
	e.Poke()
	return s, nil
}

// Discard removes a found workload with its volumes and returns when it is
// gone. store.ErrNotFound when nothing of that id was found.
func (e *Engine) Discard(ctx context.Context, id string) error {
	e.mu.Lock()
	if _, ok := e.found[id]; !ok {
		e.mu.Unlock()
		return fmt.Errorf("discard %s: %w", id, store.ErrNotFound)
	}
	asked := make(chan error, 1)
	e.discard[id] = append(e.discard[id], asked)
	e.mu.Unlock()
	e.Poke()
	select {
	case err := <-asked:
		return err
	case <-ctx.Done():
		return ctx.Err()
	}
}
