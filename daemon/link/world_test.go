package link

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"volundr/runtime"
	"volundr/store"
	"volundr/store/storetest"
)

var anna = store.Principal{UserID: "anna", TenantID: "t1"}

// world is a store with one running session and its broker.
type world struct {
	*broker
	t       *testing.T
	db      *store.DB
	runtime *brokers
	outside http.Handler
	changed atomic.Int64
	links   *Links
	stop    func()
}

func newWorld(t *testing.T) *world {
	t.Helper()
	db, err := store.Open(storetest.New(t, t.TempDir()))
	if err != nil {
		t.Fatal(err)
	}
	w := &world{t: t, db: db, runtime: &brokers{}}
	s := w.create()
	w.broker = newBroker(t, s.ID)
	w.runtime.list = []*broker{w.broker}
	t.Cleanup(func() { w.kill(); db.Close() })
	return w
}

// create makes a session in its first run.
func (w *world) create() store.Session {
	w.t.Helper()
	s, err := w.db.CreateSession(w.t.Context(), store.Session{Name: "s", OwnerID: "anna", TenantID: "t1", Runtime: "fake", Request: json.RawMessage(`{}`)})
	if err != nil {
		w.t.Fatal(err)
	}
	return w.begin(s.ID, 1)
}

// begin puts a session into a run.
func (w *world) begin(id string, run int) store.Session {
	w.t.Helper()
	for {
		old := w.row(id)
		new := old
		new.Run, new.ReadyAt, new.State = run, time.Time{}, store.Running
		s, err := w.db.Conclude(w.t.Context(), old, new)
		if errors.Is(err, store.ErrStale) {
			continue
		}
		if err != nil {
			w.t.Fatal(err)
		}
		return s
	}
}

func (w *world) row(id string) store.Session {
	w.t.Helper()
	s, err := w.db.SystemSession(context.WithoutCancel(w.t.Context()), id)
	if err != nil {
		w.t.Fatal(err)
	}
	return s
}

// start starts the daemon's links and has them keep the session.
func (w *world) start() {
	w.t.Helper()
	w.links = New(Options{
		DB: w.db, Outside: w.outside, Changed: func() { w.changed.Add(1) }, Log: slog.New(slog.NewTextHandler(w.t.Output(), &slog.HandlerOptions{Level: slog.LevelDebug})),
		Runtime: func(name string) runtime.Runtime {
			if name != "fake" {
				return nil
			}
			return w.runtime
		},
	})
	w.links.pace = pace{first: time.Millisecond, hurry: 10 * time.Millisecond, rest: 20 * time.Millisecond, health: 5 * time.Millisecond, patient: 50 * time.Millisecond}
	ctx, cancel := context.WithCancel(context.Background())
	var wg sync.WaitGroup
	wg.Go(func() { w.links.Run(ctx) })
	w.stop = func() { cancel(); wg.Wait() }
	w.links.Keep(map[string]int{w.id: w.run})
}

// kill ends the daemon.
func (w *world) kill() {
	if w.stop != nil {
		w.stop()
	}
	w.stop = nil
}

// until waits for a condition.
func until(t *testing.T, what string, ok func() bool) {
	t.Helper()
	end := time.After(time.Minute) // a machine may be busy
	tick := time.NewTicker(2 * time.Millisecond)
	defer tick.Stop()
	for !ok() {
		select {
		case <-end:
			t.Fatalf("never: %s", what)
		case <-tick.C:
		}
	}
}

func (w *world) entries() []store.Entry {
	w.t.Helper()
	e, err := w.db.Entries(w.t.Context(), anna, w.id, 0, 0, 100_000)
	if err != nil {
		w.t.Fatal(err)
	}
	return e
}

// of gives the stored entries of a source and type.
func (w *world) of(source, typ string) (out []store.Entry) {
	for _, e := range w.entries() {
		if e.Source == source && e.Type == typ {
			out = append(out, e)
		}
	}
	return out
}

// caughtUp waits until all of the journal is stored.
func (w *world) caughtUp() {
	w.t.Helper()
	until(w.t, "journal read", func() bool {
		w.broker.mu.Lock()
		n, epoch := int64(len(w.lines)), w.epoch
		w.broker.mu.Unlock()
		s := w.row(w.id)
		return s.JournalEpoch == epoch && s.JournalSeq == n
	})
}

// readTo waits until the journal is read up to a number.
func (w *world) readTo(seq int64) {
	w.t.Helper()
	until(w.t, fmt.Sprintf("journal read to %d", seq), func() bool { return w.row(w.id).JournalSeq >= seq })
}

// startKeeping starts with a run that the broker may not be in.
func (w *world) startKeeping(run int) {
	w.start()
	w.links.Keep(map[string]int{w.id: run})
}
