package engine

import (
	"context"
	"fmt"
	"sync"
	"time"

	"volundr/runtime"
	"volundr/store"
)

// view is what one runtime shows, for as long as it can be looked at.
type view struct {
	seen    map[string]runtime.Workload
	since   time.Time            // no List has failed since
	over    map[string]time.Time // when a container of a workload was first seen ended
	running map[string]int       // runs that we started or saw alive, without a gap since
}

// look asks every runtime for its list. One that does not answer has no view:
// nothing is known of its workloads, and nothing was watched. New sandboxes do
// not wait for it.
func (e *Engine) look(ctx context.Context, deeds *sync.WaitGroup) {
	e.mu.Lock()
	for name := range e.blind {
		if v := e.views[name]; v != nil {
			v.running = map[string]int{}
		}
	}
	clear(e.blind)
	e.mu.Unlock()

	var wg sync.WaitGroup
	var mu sync.Mutex
	lists := map[string][]runtime.Workload{}
	errs := map[string]error{}
	for name, rt := range e.Runtimes {
		wg.Go(func() {
			ctx, cancel := context.WithTimeout(ctx, listTimeout)
			defer cancel()
			list, err := rt.List(ctx)
			mu.Lock()
			defer mu.Unlock()
			lists[name], errs[name] = list, err
		})
	}
	looked := make(chan struct{})
	go func() { wg.Wait(); close(looked) }()
	for seen := false; !seen; {
		select {
		case <-looked:
			seen = true
		case b := <-e.births:
			e.deliver(ctx, deeds, b)
		}
	}
	if ctx.Err() != nil {
		return
	}
	for name, list := range lists {
		e.see(name, list, errs[name])
	}
}

func (e *Engine) see(name string, list []runtime.Workload, err error) {
	e.mu.Lock()
	before := e.trouble[name]
	delete(e.trouble, name)
	if err != nil {
		e.trouble[name] = fmt.Errorf("look at %s: %w", name, err)
	}
	e.mu.Unlock()
	if err != nil {
		delete(e.views, name)
		if before == nil {
			e.Log.Warn("A runtime does not answer", "runtime", name, "error", err)
		}
		return
	}
	if before != nil {
		e.Log.Info("A runtime answers again", "runtime", name)
	}
	v := e.views[name]
	if v == nil {
		v = &view{since: time.Now().UTC(), running: map[string]int{}, over: map[string]time.Time{}}
		e.views[name] = v
	}
	over := map[string]time.Time{}
	v.seen = make(map[string]runtime.Workload, len(list))
	for _, w := range list {
		v.seen[w.ID] = w
		if w.State != runtime.Down && !w.Helper {
			v.running[w.ID] = w.Run
		}
		if firstEnded(w) == nil {
			continue
		}
		if over[w.ID] = v.over[w.ID]; over[w.ID].IsZero() {
			over[w.ID] = time.Now().UTC()
		}
	}
	v.over = over
	for id := range v.running {
		if _, ok := v.seen[id]; !ok && e.busy[id] == nil {
			delete(v.running, id)
		}
	}
}

// sight gives what is seen of a session; false when nobody can say.
func (e *Engine) sight(s store.Session) (sight, bool) {
	v := e.views[s.Runtime]
	if v == nil {
		if e.Runtimes[s.Runtime] == nil {
			e.mu.Lock()
			e.trouble[s.Runtime] = fmt.Errorf("there is no runtime %q here: %w", s.Runtime, runtime.ErrUnavailable)
			e.mu.Unlock()
		}
		return sight{}, false
	}
	w, here := v.seen[s.ID]
	run, watched := v.running[s.ID]
	seen := sight{Workload: w, here: here, watched: watched && run == s.Run, since: v.since, over: v.over[s.ID]}
	seen.health, seen.known = e.Health(s.ID)
	seen.active, seen.wanted, seen.measured = e.rests.last(s.ID)
	if told := e.Active(s.ID); told.After(seen.active) {
		seen.active = told
	}
	return seen, true
}
