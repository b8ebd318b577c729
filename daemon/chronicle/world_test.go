package chronicle_test

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"volundr/daemon/chronicle"
	"volundr/daemon/link"
	"volundr/runtime/broker/wire"
	"volundr/store"
)

const secret = "s3cr3t-v4lue"

// world is a session in its first run whose journal a test writes.
type world struct {
	t    *testing.T
	db   *store.DB
	s    store.Session
	book *chronicle.Chronicles

	repos []store.Repository // of the session, where it has several

	mu     sync.Mutex
	seq    int64
	at     time.Time
	run    int
	asked  []wire.Prompt
	breaks int
	answer func(w *world, p wire.Prompt) error // of the agent to the last prompt
}

func newWorld(t *testing.T, repos ...store.Repository) *world {
	t.Helper()
	w := &world{t: t, db: open(t), repos: repos}
	w.s = session(t, w.db, `{"agent":"claude","model":"m1","source":{"type":"git","repo":"https://me:pw@example.org/team/demo.git","branch":"main"},
		"credential_names":["git"],"env":{"API_KEY":"12345","PLAIN":"yes","WHAT":"`+secret+`"}}`)
	w.run = 1
	w.reopen()
	if err := w.book.Opened(t.Context(), w.s); err != nil {
		t.Fatal(err)
	}
	w.at = w.chronicle().StartedAt
	return w
}

// reopen is a new daemon: what it kept in mind is gone.
func (w *world) reopen() {
	w.book = chronicle.New(chronicle.Options{
		DB: w.db, Redact: func(store.Principal) func(string) string {
			return func(text string) string { return strings.ReplaceAll(text, secret, "[redacted]") }
		},
		Repositories: func(context.Context, string) ([]store.Repository, error) { return slices.Clone(w.repos), nil },
		Ask: func(_ context.Context, _ string, p wire.Prompt) error {
			w.mu.Lock()
			defer w.mu.Unlock()
			w.asked = append(w.asked, p)
			if w.answer == nil {
				return nil
			}
			return w.answer(w, p)
		},
		Cancel: func(context.Context, string) error {
			w.mu.Lock()
			defer w.mu.Unlock()
			w.breaks++
			return nil
		},
	})
	w.db.Tell(w.book.Own)
}

// prompts are what the agent was asked by the daemon.
func (w *world) prompts() []wire.Prompt {
	w.mu.Lock()
	defer w.mu.Unlock()
	return append([]wire.Prompt(nil), w.asked...)
}

// entry is an entry of the journal, after so many seconds.
func (w *world) entry(after int, turn, typ string, data any) store.Entry {
	w.t.Helper()
	raw, err := json.Marshal(data)
	if err != nil {
		w.t.Fatal(err)
	}
	w.seq++
	return store.Entry{Source: "journal", Seq: w.seq, Run: w.run, At: w.at.Add(time.Duration(after) * time.Second), Turn: turn, Type: typ, Data: raw}
}

// journal takes entries over as the link does.
func (w *world) journal(entries ...store.Entry) {
	w.t.Helper()
	if err := w.take(entries...); err != nil {
		w.t.Fatal(err)
	}
}

func (w *world) take(entries ...store.Entry) error {
	b := link.Batch{Session: w.s.ID, Epoch: "e", Entries: entries}
	rows, err := w.book.Tell(context.Background(), b)
	if err != nil {
		return err
	}
	_, err = w.db.AppendJournal(context.Background(), w.s.ID, "e", entries, rows...)
	return err
}

func (w *world) prompt(id, text string) {
	w.t.Helper()
	blocks, _ := json.Marshal([]wire.Block{{Type: "text", Text: text}})
	if _, err := w.db.AddPrompt(w.t.Context(), owner, store.Prompt{ID: id, SessionID: w.s.ID, Blocks: blocks}); err != nil {
		w.t.Fatal(err)
	}
}

func (w *world) chronicle() store.Chronicle {
	w.t.Helper()
	c, err := w.db.ChronicleOfRun(w.t.Context(), w.s.ID, w.run)
	if err != nil {
		w.t.Fatal(err)
	}
	return c
}

// told is the timeline in lines: type, time, label and what matters of the data.
func (w *world) told() (out []string) {
	w.t.Helper()
	tl, err := w.book.Timeline(w.t.Context(), owner, w.chronicle().ID, store.TimelineFilter{})
	if err != nil {
		w.t.Fatal(err)
	}
	for _, e := range tl.Events {
		line := fmt.Sprintf("%s %d %s", e.Type, e.T, e.Label)
		if e.Tokens != nil {
			line += fmt.Sprintf(" tokens=%d", *e.Tokens)
		}
		if e.Action != "" {
			line += fmt.Sprintf(" %s +%d-%d", e.Action, *e.Ins, *e.Del)
		}
		if e.Exit != nil {
			line += fmt.Sprintf(" exit=%d", *e.Exit)
		}
		if e.Hash != "" {
			line += " #" + e.Hash
		}
		if e.Who != "" {
			line += " by " + e.Who
		}
		out = append(out, line)
	}
	return out
}
