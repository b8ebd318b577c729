package engine

import (
	"context"
	"encoding/json"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"volundr/daemon/chronicle"
	"volundr/daemon/link"
	"volundr/runtime/broker/wire"
	"volundr/runtime/fake"
	"volundr/store"
)

// speaker plays the brokers of sessions whose agents answer: a journal each, and
// prompts taken once. It outlives the daemons.
type speaker struct {
	mu      sync.Mutex
	journal map[string][]store.Entry
	took    map[string]int // times by prompt
	slow    time.Duration  // of a turn
}

func (p *speaker) say(id, turn string, run int, typ string, data any) {
	raw, _ := json.Marshal(data)
	p.journal[id] = append(p.journal[id], store.Entry{Source: "journal", Seq: int64(len(p.journal[id]) + 1), Run: run,
		At: time.Now().UTC(), Turn: turn, Type: typ, Data: raw})
}

// take is the broker that takes a prompt, once by its id, and the agent that
// answers it after a while.
func (p *speaker) take(id string, run int, prompt wire.Prompt, text string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.took[prompt.ID]++; p.took[prompt.ID] > 1 {
		return
	}
	p.say(id, prompt.ID, run, wire.EntryTurnStart, wire.TurnStart{Prompt: prompt.ID, Automatic: prompt.Automatic})
	time.AfterFunc(p.slow, func() {
		p.mu.Lock()
		defer p.mu.Unlock()
		p.say(id, prompt.ID, run, wire.EntryText, wire.Text{Block: "b" + prompt.ID, Text: text})
		p.say(id, prompt.ID, run, wire.EntryTurnEnd, wire.TurnEnd{Prompt: prompt.ID, StopReason: "end_turn", Input: 10})
	})
}

// read takes over what a daemon has not read yet.
func (p *speaker) read(ctx context.Context, db *store.DB, book *chronicle.Chronicles, id string) error {
	row, err := db.SystemSession(ctx, id)
	if err != nil {
		return err
	}
	p.mu.Lock()
	news := append([]store.Entry(nil), p.journal[id][min(int(row.JournalSeq), len(p.journal[id])):]...)
	p.mu.Unlock()
	if len(news) == 0 {
		return nil
	}
	rows, err := book.Tell(ctx, link.Batch{Session: id, Epoch: "e", Entries: news})
	if err != nil {
		return err
	}
	_, err = db.AppendJournal(ctx, id, "e", news, rows...)
	return err
}

// talking is a daemon whose sessions' agents can be asked. It follows the journal
// of "a" until ctx ends.
func (w *world) talking(p *speaker) *life {
	var book *chronicle.Chronicles
	turn := make(chan struct{}, 1) // a session's batches come one at a time, as link's do
	read := func(ctx context.Context, db *store.DB, id string) error {
		select {
		case turn <- struct{}{}:
			defer func() { <-turn }()
		case <-ctx.Done():
			return ctx.Err()
		}
		return p.read(ctx, db, book, id)
	}
	ctx, cancel := context.WithCancel(w.t.Context())
	var wg sync.WaitGroup
	l := w.daemon(func(o *Options) {
		db := o.DB
		book = chronicle.New(chronicle.Options{DB: db,
			Ask: func(_ context.Context, id string, prompt wire.Prompt) error {
				p.take(id, 1, prompt, `{"summary":"Told by the agent.","key_changes":[],"unfinished_work":""}`)
				return nil
			},
			Cancel: func(context.Context, string) error { return nil },
			End:    func(ctx context.Context, id string) error { return read(ctx, db, id) },
		})
		db.Tell(book.Own)
		o.Opened, o.Completed, o.End = book.Opened, book.Completed, book.End
	})
	wg.Go(func() {
		for {
			_ = read(ctx, l.db, "a") // again in a moment
			select {
			case <-ctx.Done():
				return
			case <-time.After(100 * time.Millisecond):
			}
		}
	})
	stop := l.cancel
	l.cancel = func() { cancel(); wg.Wait(); stop() }
	return l
}

// asked makes a session that was asked something, and answered.
func (l *life) asked(p *speaker, id string) error {
	if _, err := l.db.CreateSession(l.t.Context(), store.Session{ID: id, Name: id, OwnerID: owner.UserID, TenantID: owner.TenantID,
		Runtime: "fake", Want: store.WantRunning}); err != nil {
		return err
	}
	l.e.Poke()
	time.Sleep(5 * time.Second)
	blocks, _ := json.Marshal([]wire.Block{{Type: "text", Text: "Please mend it"}})
	if _, err := l.db.AddPrompt(l.t.Context(), owner, store.Prompt{ID: "p1", SessionID: id, Blocks: blocks}); err != nil {
		return err
	}
	p.take(id, 1, wire.Prompt{ID: "p1"}, "Mended.")
	time.Sleep(5 * time.Second)
	return nil
}

// Killed at every write and every step of the runtime from the stop on, a run has
// exactly one complete chronicle, in the agent's words, who was asked once.
func TestKilledAtEveryStepOfStopping(t *testing.T) {
	var deaths atomic.Int32
	t.Cleanup(func() {
		if deaths.Load() < 20/thin {
			t.Errorf("only %d deaths: the bomb does not reach far", deaths.Load())
		}
		t.Logf("%d deaths", deaths.Load())
	})
	for n, died := 0, true; died; n += thin {
		inWorld(t, fake.Options{KeepEnded: n%2 == 0}, func(t *testing.T, w *world) {
			p := &speaker{journal: map[string][]store.Entry{}, took: map[string]int{}, slow: 2 * time.Second}
			l := w.talking(p)
			if err := l.asked(p, "a"); err != nil {
				t.Fatal(err)
			}
			b := &bomb{left: n, dead: make(chan struct{})}
			w.arm(b)
			_, heard := l.db.Wish(t.Context(), owner, "a", store.WantStopped, store.FromStop...)
			l.e.Poke()
			time.Sleep(time.Minute)
			l.end()
			died = b.left < 0
			w.arm(nil)

			l = w.talking(p)
			defer l.end()
			time.Sleep(5 * time.Second)
			if s, _ := l.row("a"); s.Want != store.WantStopped {
				if heard == nil {
					t.Errorf("killed at effect %d: the wish was heard and is lost", n)
				}
				l.wish("a", store.WantStopped)
			}
			time.Sleep(5 * time.Minute)
			l.is("a", store.Stopped)
			books := l.books("a")
			if len(books) != 1 || books[0].Author != store.AuthorAgent || books[0].Summary != "Told by the agent." {
				t.Errorf("killed at effect %d: %d chronicles, %+v", n, len(books), books)
			}
			p.mu.Lock()
			defer p.mu.Unlock()
			if turns := len(p.took); turns != 2 {
				t.Errorf("killed at effect %d: %d turns", n, turns)
			}
		})
		if died {
			deaths.Add(1)
		}
	}
}

// "Stop now", deleting and a shutdown end the last turn at once.
func TestTheLastTurnIsCutShort(t *testing.T) {
	for name, hurry := range map[string]func(*life){
		"stop now": func(l *life) {
			if _, err := l.db.Hurry(l.t.Context(), owner, "a", true); err != nil {
				l.t.Fatal(err)
			}
			l.e.Poke()
		},
		"delete": func(l *life) { l.wish("a", store.WantGone) },
	} {
		t.Run(name, func(t *testing.T) {
			inWorld(t, fake.Options{}, func(t *testing.T, w *world) {
				p := &speaker{journal: map[string][]store.Entry{}, took: map[string]int{}}
				l := w.talking(p)
				defer l.end()
				if err := l.asked(p, "a"); err != nil {
					t.Fatal(err)
				}
				p.slow = time.Hour
				l.wish("a", store.WantStopped, store.FromStop...)
				time.Sleep(5 * time.Second)
				if s := l.is("a", store.Stopping); s.Doing != chronicle.Asking {
					t.Errorf("while the agent is asked: %q", s.Doing)
				}
				hurry(l)
				time.Sleep(3 * time.Second)
				if s, there := l.row("a"); there && s.State != store.Stopped {
					t.Errorf("%s: still %s (%s)", name, s.State, s.Doing)
				}
				if books := l.books("a"); len(books) != 1 || books[0].Author != store.AuthorRule {
					t.Errorf("%s: %s", name, fmt.Sprint(books))
				}
			})
		})
	}
}
