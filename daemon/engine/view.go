package engine

import (
	"fmt"
	"maps"
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

// see takes what a look has shown. A runtime that does not answer has no view:
// nothing is known of its workloads, and nothing was watched. changed: it answers
// now and did not before, or the other way round.
func (e *Engine) see(g glance) (changed bool) {
	name := g.on
	e.mu.Lock()
	before := e.trouble[name]
	delete(e.trouble, name)
	if g.err != nil {
		e.trouble[name] = fmt.Errorf("look at %s: %w", name, g.err)
	}
	e.mu.Unlock()
	e.looked[name] = g.over
	if g.err != nil {
		delete(e.views, name)
		if before == nil {
			e.Log.Warn("A runtime does not answer", "runtime", name, "error", g.err)
		}
		return before == nil
	}
	if before != nil {
		e.Log.Info("A runtime answers again", "runtime", name)
	}
	v := e.views[name]
	if v == nil {
		v = &view{since: time.Now().UTC(), running: map[string]int{}, over: map[string]time.Time{}}
		e.views[name] = v
	}
	if g.gap {
		v.running = map[string]int{}
	}
	over := map[string]time.Time{}
	v.seen = make(map[string]runtime.Workload, len(g.list))
	for _, w := range g.list {
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
		if _, ok := v.seen[id]; !ok && e.settled(name, id) {
			delete(v.running, id)
		}
	}
	return before != nil
}

// settled reports whether the last look at a runtime shows what there is of a
// session: nothing is done for it, or was while the look was under way.
func (e *Engine) settled(on, id string) bool {
	return e.busy[id] == nil && e.acted[id] <= e.looked[on]
}

// forgetActed forgets deeds since which every runtime was looked at.
func (e *Engine) forgetActed() {
	seen := e.over.Load()
	for name := range e.eyes {
		seen = min(seen, e.looked[name])
	}
	maps.DeleteFunc(e.acted, func(_ string, n int64) bool { return n <= seen })
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
	if !e.settled(s.Runtime, s.ID) {
		return sight{}, false // what was seen is older than what was done
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
