package engine

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"volundr/daemon/chronicle"
	"volundr/runtime"
	"volundr/runtime/broker/wire"
	"volundr/runtime/fake"
	"volundr/store"
	"volundr/store/storetest"
)

var owner = store.Principal{UserID: "owner", TenantID: store.FirstTenant}

// world is a machine with a data directory, on which daemons live and die. It
// runs in a synctest bubble.
type world struct {
	t    *testing.T
	path string
	rt   *fake.Runtime

	mu        sync.Mutex
	fuse      func() error
	health    func(id string, run int) (wire.Health, bool)
	completed func() error
	ended     []string // polite ends
}

// life is one daemon.
type life struct {
	*world
	db     *store.DB
	e      *Engine
	cancel context.CancelFunc
	done   chan struct{}
}

func inWorld(t *testing.T, o fake.Options, fn func(t *testing.T, w *world)) {
	synctest.Test(t, func(t *testing.T) {
		o.Report = t.Errorf
		w := &world{t: t, path: storetest.New(t, t.TempDir()), rt: fake.New(o)}
		w.health = func(string, int) (wire.Health, bool) {
			return wire.Health{Agent: true, Editor: true, Terminal: true}, true
		}
		fn(t, w)
		w.rt.Check()
	})
}

// daemon starts one on the world; change may alter its options.
func (w *world) daemon(change ...func(*Options)) *life {
	w.t.Helper()
	db, err := store.Open(w.path, store.WithFuse(w.burn))
	if err != nil {
		w.t.Fatal(err)
	}
	l := &life{world: w, db: db, done: make(chan struct{})}
	link := &linked{life: l, ready: map[string]int{}, woken: make(chan struct{}, 1)}
	book := chronicle.New(chronicle.Options{DB: db})
	o := Options{
		DB: db, Runtimes: map[string]runtime.Runtime{"fake": w.rt.Again()},
		Spec: func(_ context.Context, s store.Session, image string) (runtime.Spec, error) {
			return spec(s, image), nil
		},
		Keep: link.keep, Health: link.told,
		End: func(ctx context.Context, s store.Session) error {
			w.mu.Lock()
			defer w.mu.Unlock()
			w.ended = append(w.ended, s.ID)
			return nil
		},
		Opened: book.Opened,
		Completed: func(ctx context.Context, s store.Session, reason string, at time.Time) error {
			w.mu.Lock()
			refuse := w.completed
			w.mu.Unlock()
			if refuse != nil {
				if err := refuse(); err != nil {
					return err
				}
			}
			return book.Completed(ctx, s, reason, at)
		},
		Log: slog.New(slog.DiscardHandler),
	}
	for _, c := range change {
		c(&o)
	}
	l.e = New(o)
	var ctx context.Context
	ctx, l.cancel = context.WithCancel(w.t.Context())
	var wg sync.WaitGroup
	wg.Go(func() {
		if err := l.e.Run(ctx); err != nil {
			w.t.Errorf("run: %v", err)
		}
	})
	wg.Go(func() { link.run(ctx) })
	go func() { wg.Wait(); close(l.done) }()
	return l
}

// burn is the fuse of whatever the test set.
func (w *world) burn() error {
	w.mu.Lock()
	fuse := w.fuse
	w.mu.Unlock()
	if fuse == nil {
		return nil
	}
	return fuse()
}

// end is the end of the daemon; sessions go on.
func (l *life) end() {
	l.cancel()
	<-l.done
	if err := l.db.Close(); err != nil {
		l.t.Error(err)
	}
}

// linked plays the link: sessions that are kept become ready after a moment,
// if the world's health says so.
type linked struct {
	*life
	mu    sync.Mutex
	runs  map[string]int
	ready map[string]int
	woken chan struct{}
}

func (l *linked) keep(runs map[string]int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.runs = runs
	signal(l.woken)
}

func (l *linked) told(id string) (wire.Health, bool) {
	l.mu.Lock()
	run, ok := l.runs[id]
	l.mu.Unlock()
	if !ok {
		return wire.Health{}, false
	}
	l.world.mu.Lock()
	health := l.world.health
	l.world.mu.Unlock()
	return health(id, run)
}

func (l *linked) run(ctx context.Context) {
	for {
		select {
		case <-ctx.Done():
			return
		case <-l.woken:
		}
		select {
		case <-ctx.Done():
			return
		case <-time.After(300 * time.Millisecond):
		}
		l.mu.Lock()
		runs := l.runs
		l.mu.Unlock()
		for id, run := range runs {
			if l.ready[id] == run {
				continue
			}
			h, _ := l.told(id)
			if h.Ready() && l.db.SetReady(ctx, id, run, time.Now()) == nil {
				l.ready[id] = run
			} else {
				time.AfterFunc(time.Second, func() { signal(l.woken) })
			}
			if h.Ready() || h.Failed {
				l.e.Poke()
			}
		}
	}
}

func spec(s store.Session, image string) runtime.Spec {
	part := func(name string, volumes ...string) runtime.Part {
		p := runtime.Part{Name: name, Command: []string{name}, UID: 1000, GID: 1000}
		for _, v := range volumes {
			p.Mounts = append(p.Mounts, runtime.Mount{Volume: v, Path: "/" + v})
		}
		return p
	}
	sp := runtime.Spec{
		ID: s.ID, Kind: runtime.Kind(s.Kind), Name: s.Name, Owner: s.OwnerID, Tenant: s.TenantID, Created: s.CreatedAt,
		Run: s.Run, Image: image, Network: runtime.NetworkOpen, Deadline: s.ExpiresAt,
		Parts: []runtime.Part{
			part(runtime.PartBroker, runtime.VolumeJournal), part(runtime.PartAgent, runtime.VolumeWorkspace, runtime.VolumeHome),
			part(runtime.PartEditor, runtime.VolumeWorkspace, runtime.VolumeHome), part(runtime.PartTerminal, runtime.VolumeWorkspace, runtime.VolumeHome),
		},
	}
	if sp.Kind == runtime.Sandbox {
		sp.Parts = sp.Parts[1:2]
		sp.Parts[0].Mounts = nil
	}
	return sp
}

// create makes a session that is wanted running.
func (l *life) create(id string) {
	l.t.Helper()
	_, err := l.db.CreateSession(l.t.Context(), store.Session{
		ID: id, Name: id, OwnerID: owner.UserID, TenantID: owner.TenantID, Runtime: "fake", Want: store.WantRunning,
	})
	if err != nil {
		l.t.Fatal(err)
	}
	l.e.Poke()
}

func (l *life) wish(id string, want store.Want, from ...store.State) {
	l.t.Helper()
	if _, err := l.db.Wish(l.t.Context(), owner, id, want, from...); err != nil {
		l.t.Fatalf("wish %s %s: %v", id, want, err)
	}
	l.e.Poke()
}

// row gives the session; false when there is none.
func (l *life) row(id string) (store.Session, bool) {
	l.t.Helper()
	s, err := l.db.SystemSession(l.t.Context(), id)
	if err != nil && !errors.Is(err, store.ErrNotFound) {
		l.t.Fatal(err)
	}
	return s, err == nil
}

// is fails unless the session is in state, and gives it.
func (l *life) is(id string, state store.State) store.Session {
	l.t.Helper()
	s, ok := l.row(id)
	if !ok || s.State != state {
		w, _ := l.rt.Show(id)
		l.t.Fatalf("session %s is %q (%s) %+v, want %s; the runtime shows %+v", id, s.State, s.Doing, s.Failure, state, w)
	}
	return s
}

// books checks that every run but an open one has one complete chronicle.
func (l *life) books(id string) []store.Chronicle {
	l.t.Helper()
	all, err := l.db.Chronicles(l.t.Context(), owner, store.ChronicleFilter{SessionID: id, Limit: 1000})
	if err != nil {
		l.t.Fatal(err)
	}
	slices.Reverse(all)
	s, there := l.row(id)
	for _, c := range all {
		open := there && c.Run > s.ChronicledRun
		if (c.Status == "complete") == open || (c.Reason == "") != open || c.EndedAt.IsZero() != open || c.EndedAt.Before(c.StartedAt) && !open {
			l.t.Errorf("chronicle of %s, run %d of %d (%d told): %+v", id, c.Run, s.Run, s.ChronicledRun, c)
		}
	}
	return all
}

// legal are the transitions that people may see.
var legal = map[store.State][]store.State{
	store.Created:      {store.Starting, store.Stopping},
	store.Starting:     {store.Provisioning, store.Stopping, store.Stopped},
	store.Provisioning: {store.Running, store.Starting, store.Stopping},
	store.Running:      {store.Starting, store.Stopping},
	store.Stopping:     {store.Stopped, store.Failed, store.Created, store.Archived},
	store.Stopped:      {store.Starting, store.Stopping, store.Archived},
	store.Failed:       {store.Starting, store.Stopping},
	store.Archived:     {store.Stopped, store.Stopping},
}

// lawful checks the transitions in the event log.
func (l *life) lawful(first int64) {
	l.t.Helper()
	events, err := l.db.Events(l.t.Context(), owner, first, 1<<20)
	if err != nil {
		l.t.Fatal(err)
	}
	last := map[string]store.State{}
	for _, e := range events {
		var state struct{ State store.State }
		if err := unmarshal(e.Data, &state); err != nil {
			l.t.Fatal(err)
		}
		if state.State == "" && e.Type != store.SessionDeleted {
			continue // a chronicle's
		}
		before, ok := last[e.SessionID]
		if ok && state.State != "" && before != state.State && !slices.Contains(legal[before], state.State) {
			l.t.Errorf("event %d: session %s went from %s to %s", e.Seq, e.SessionID, before, state.State)
		}
		last[e.SessionID] = state.State
	}
}

// calls counts the calls of one kind from now on, and gives when each came.
func (w *world) calls(op string) func() []time.Duration {
	var mu sync.Mutex
	var at []time.Duration
	began := time.Now()
	w.rt.Script(func(_ context.Context, c fake.Call) error {
		if c.Op == op && c.Step == "" && !c.After {
			mu.Lock()
			defer mu.Unlock()
			at = append(at, time.Since(began).Round(time.Second))
		}
		return nil
	})
	return func() []time.Duration {
		mu.Lock()
		defer mu.Unlock()
		return slices.Clone(at)
	}
}

var errRefused = fmt.Errorf("device or resource busy")
