package chronicle_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"volundr/daemon/chronicle"
	"volundr/runtime/broker/wire"
	"volundr/store"
)

// stopping makes the session one that was asked something and is being stopped.
func (w *world) stopping() store.Session {
	w.t.Helper()
	w.prompt("p1", "Please mend it")
	w.journal(aTurn(w)...)
	if err := w.db.SetReady(w.t.Context(), w.s.ID, w.run, time.Now()); err != nil {
		w.t.Fatal(err)
	}
	return w.wished(store.WantStopped)
}

func (w *world) wished(want store.Want) store.Session {
	w.t.Helper()
	s, err := w.db.Wish(w.t.Context(), owner, w.s.ID, want)
	if err != nil {
		w.t.Fatal(err)
	}
	return s
}

// says makes the agent answer the last prompt with pieces of text.
func says(reason string, pieces ...string) func(*world, wire.Prompt) error {
	return func(w *world, p wire.Prompt) error {
		entries := []store.Entry{w.entry(40, p.ID, wire.EntryTurnStart, wire.TurnStart{Prompt: p.ID, Automatic: true, Text: p.Blocks[0].Text})}
		for _, text := range pieces {
			entries = append(entries, w.entry(41, p.ID, wire.EntryText, wire.Text{Block: "last", Text: text}))
		}
		entries = append(entries, w.entry(42, p.ID, wire.EntryTurnEnd, wire.TurnEnd{Prompt: p.ID, StopReason: reason, Input: 10}))
		return w.take(entries...)
	}
}

func (w *world) end(s store.Session) store.Chronicle {
	w.t.Helper()
	if err := w.book.End(w.t.Context(), s); err != nil {
		w.t.Fatal(err)
	}
	if err := w.book.Completed(w.t.Context(), s, "stopped", w.at.Add(time.Minute)); err != nil {
		w.t.Fatal(err)
	}
	return w.chronicle()
}

func TestTheAgentTellsTheRunInItsLastTurn(t *testing.T) {
	w := newWorld(t)
	w.answer = says("end_turn", "```json\n{\"summary\": \"Mended it with "+secret[:5], secret[5:]+".\", \"key_changes\": [\"main.go: fixed\"],", " \"unfinished_work\": \"Tests.\"}\n```")
	c := w.end(w.stopping())
	want := store.Texts{Summary: "Mended it with [redacted].", KeyChanges: []string{"main.go: fixed"}, Unfinished: "Tests.", Author: store.AuthorAgent}
	if diff := cmp.Diff(want, c.Texts); diff != "" {
		t.Error(diff)
	}
	if len(w.asked) != 1 || !w.asked[0].Automatic || w.breaks != 0 {
		t.Errorf("asked %d times, broke %d", len(w.asked), w.breaks)
	}
	// Its tokens count, nobody is said to have asked for it, and one row tells of it.
	told := strings.Join(w.told(), "\n")
	if !strings.Contains(told, "Asked for a summary tokens=10 by daemon") || strings.Count(told, "by user") != 1 || strings.Count(told, "by daemon") != 1 {
		t.Error(told)
	}
	all, err := w.book.Timeline(t.Context(), owner, c.ID, store.TimelineFilter{Texts: true})
	if err != nil {
		t.Fatal(err)
	}
	if doc := chronicle.Markdown(c, all); !strings.Contains(doc, "** Volundr asked the agent for a summary (2 seconds, 10 tokens)\n") || strings.Contains(doc, "key_changes") {
		t.Error(doc)
	}
}

func TestWordsThatCannotBeReadGiveWayToTheRule(t *testing.T) {
	for name, answer := range map[string]func(*world, wire.Prompt) error{
		"prose":     says("end_turn", "I did well."),
		"cancelled": says("cancelled", `{"summary":"x","key_changes":[]}`),
		"more":      says("end_turn", `{"summary":"x","key_changes":[],"evil":1}`),
		"nobody":    func(*world, wire.Prompt) error { return errors.New("not connected") },
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			w.answer = answer
			s := w.stopping()
			w.book.End(t.Context(), s) // its error is for the log
			if err := w.book.Completed(t.Context(), s, "stopped", w.at.Add(time.Minute)); err != nil {
				t.Fatal(err)
			}
			if c := w.chronicle(); c.Author != store.AuthorRule || !strings.Contains(c.Summary, "Please mend it") || c.Status != "complete" {
				t.Errorf("%+v", c)
			}
		})
	}
}

// A session whose time to live is over is stopped as by its owner: its agent tells
// the run all the same.
func TestTheAgentTellsARunWhoseTimeIsOver(t *testing.T) {
	w := newWorld(t)
	w.answer = says("end_turn", "```json\n{\"summary\": \"Mended it.\", \"key_changes\": [], \"unfinished_work\": \"\"}\n```")
	s := w.stopping()
	s.ExpiresAt = s.WantedAt
	if c := w.end(s); c.Summary != "Mended it." || c.Author != store.AuthorAgent || len(w.asked) != 1 {
		t.Errorf("%+v, asked %d times", c.Texts, len(w.asked))
	}
}

func TestNobodyIsAskedWithoutNeed(t *testing.T) {
	for name, change := range map[string]func(*world, *store.Session){
		"failed":      func(_ *world, s *store.Session) { s.Failure = &store.Failure{Reason: "gone"} },
		"deleted":     func(_ *world, s *store.Session) { s.Want = store.WantGone },
		"stop now":    func(_ *world, s *store.Session) { s.Hurry = true },
		"never ready": func(_ *world, s *store.Session) { s.ReadyAt = time.Time{} },
		"no key": func(w *world, _ *store.Session) {
			w.book.CanAsk = func(context.Context, store.Session) string { return "No key." }
		},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			s := w.stopping()
			change(w, &s)
			if err := w.book.End(t.Context(), s); err != nil || len(w.asked) > 0 {
				t.Errorf("asked %d times, %v", len(w.asked), err)
			}
		})
	}
	t.Run("nothing was asked", func(t *testing.T) {
		w := newWorld(t)
		if err := w.db.SetReady(t.Context(), w.s.ID, 1, time.Now()); err != nil {
			t.Fatal(err)
		}
		if err := w.book.End(t.Context(), w.wished(store.WantStopped)); err != nil || len(w.asked) > 0 {
			t.Errorf("asked %d times, %v", len(w.asked), err)
		}
	})
}

func TestASilentAgentIsNotWaitedForLong(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		s := w.stopping()
		began := time.Now()
		if err := w.book.End(t.Context(), s); err == nil || time.Since(began) > 11*time.Second {
			t.Errorf("an agent that does not begin: %v after %s", err, time.Since(began))
		}
		w.answer = func(w *world, p wire.Prompt) error {
			return w.take(w.entry(int(time.Since(w.at)/time.Second), p.ID, wire.EntryTurnStart, wire.TurnStart{Prompt: p.ID, Automatic: true}))
		}
		began = time.Now()
		w.book.End(t.Context(), s)
		if d := time.Since(began); d < 29*time.Second || d > 31*time.Second {
			t.Errorf("an agent that does not end: %s", d)
		}
		// Another daemon goes on waiting for the same turn, and not for another 30 s.
		w.reopen()
		w.asked, w.breaks = nil, 0
		began = time.Now()
		w.book.End(t.Context(), s)
		if d := time.Since(began); d > time.Second || len(w.asked) > 0 || w.breaks != 1 {
			t.Errorf("again: %s, asked %d times, broke %d", d, len(w.asked), w.breaks)
		}
	})
}

// A turn that is under way is ended, and ours comes next.
// A session whose broker or agent died in the last turn is not waited for until
// the turn's time is over; one that comes back soon is.
func TestAnAgentThatIsGoneIsNotWaitedFor(t *testing.T) {
	up, down := wire.Health{Agent: true, Editor: true, Terminal: true}, wire.Health{Editor: true, Terminal: true}
	for _, c := range []struct {
		name      string
		health    func(since time.Duration) (wire.Health, bool)
		most, few time.Duration
		author    string
	}{
		{"the broker dies", func(d time.Duration) (wire.Health, bool) { return up, d < 2*time.Second }, 10 * time.Second, 6 * time.Second, store.AuthorRule},
		{"the agent dies", func(d time.Duration) (wire.Health, bool) {
			if d < 2*time.Second {
				return up, true
			}
			return down, true
		}, 10 * time.Second, 6 * time.Second, store.AuthorRule},
		{"the link comes back", func(d time.Duration) (wire.Health, bool) { return up, d < 2*time.Second || d > 5*time.Second }, 21 * time.Second, 19 * time.Second, store.AuthorAgent},
		{"nothing dies", func(time.Duration) (wire.Health, bool) { return up, true }, 21 * time.Second, 19 * time.Second, store.AuthorAgent},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t)
				s := w.stopping()
				w.answer = func(w *world, p wire.Prompt) error {
					start := w.entry(40, p.ID, wire.EntryTurnStart, wire.TurnStart{Prompt: p.ID, Automatic: true})
					start.At = time.Now().UTC()
					return w.take(start)
				}
				began := time.Now()
				w.book.Health = func(string) (wire.Health, bool) { return c.health(time.Since(began)) }
				said := time.AfterFunc(20*time.Second, func() {
					id := w.prompts()[0].ID
					w.take(w.entry(41, id, wire.EntryText, wire.Text{Block: "last", Text: `{"summary":"Told.","key_changes":[]}`}),
						w.entry(42, id, wire.EntryTurnEnd, wire.TurnEnd{Prompt: id, StopReason: "end_turn"}))
				})
				w.book.End(t.Context(), s) // its error is for the log
				took := time.Since(began)
				said.Stop()
				if err := w.book.Completed(t.Context(), s, "stopped", time.Now()); err != nil {
					t.Fatal(err)
				}
				if a := w.chronicle().Author; took > c.most || took < c.few || a != c.author {
					t.Errorf("%s, told by %s", took, a)
				}
				if told := strings.Join(w.told(), "\n"); strings.Count(told, "Asked for a summary") != 1 || strings.Contains(told, "in the middle") {
					t.Error(told)
				}
			})
		})
	}
}

func TestAStopInTheMiddleOfATurnAsksAllTheSame(t *testing.T) {
	w := newWorld(t)
	w.prompt("p1", "Please mend it")
	w.journal(aTurn(w)[:6]...)
	if err := w.db.SetReady(t.Context(), w.s.ID, 1, time.Now()); err != nil {
		t.Fatal(err)
	}
	w.answer = func(w *world, p wire.Prompt) error {
		w.seq = 6 // as many as were taken
		if err := w.take(w.entry(30, "p1", wire.EntryTurnEnd, wire.TurnEnd{Prompt: "p1", StopReason: "cancelled"})); err != nil {
			return err
		}
		return says("end_turn", `{"summary":"Half done.","key_changes":[],"unfinished_work":null}`)(w, p)
	}
	c := w.end(w.wished(store.WantStopped))
	if c.Summary != "Half done." || w.breaks != 1 {
		t.Errorf("%q, broke %d", c.Summary, w.breaks)
	}
}

// Killed between any two steps, the next daemon ends with the same chronicle and
// asks no second time.
func TestTheLastWordsSurviveAKill(t *testing.T) {
	w := newWorld(t)
	w.answer = says("end_turn", `{"summary":"Told.","key_changes":["a"],"unfinished_work":""}`)
	s := w.stopping()
	if err := w.book.End(t.Context(), s); err != nil {
		t.Fatal(err)
	}
	w.reopen() // killed before the texts were read
	c := w.end(s)
	if c.Summary != "Told." || len(w.asked) != 1 {
		t.Errorf("%q, asked %d times", c.Summary, len(w.asked))
	}
	// A person's words stay.
	mine := "Mine."
	if _, err := w.db.PatchChronicle(t.Context(), owner, c.ID, store.ChroniclePatch{Summary: &mine}); err != nil {
		t.Fatal(err)
	}
	if err := w.db.SetTexts(t.Context(), c.ID, store.Texts{Summary: "Theirs.", Author: store.AuthorAgent}); err != nil {
		t.Fatal(err)
	}
	if c := w.chronicle(); c.Summary != "Mine." || c.Author != store.AuthorPerson {
		t.Errorf("%+v", c.Texts)
	}
}

func TestTheSessionIsAskedWhatIsNotCommitted(t *testing.T) {
	w := newWorld(t)
	head := "89abcdef0123456789abcdef0123456789abcdef"
	w.book.Run = func(_ context.Context, _ string, cmd wire.Command) (wire.RunResult, error) {
		if strings.Contains(strings.Join(cmd.Argv, " "), "rev-parse") {
			return wire.RunResult{Stdout: []byte(head + "\n")}, nil
		}
		return wire.RunResult{Stdout: []byte(" M main.go\x00R  b\x00a\x00?? with space\x00")}, nil
	}
	base := head
	if err := w.book.Met(t.Context(), w.s); err != nil {
		t.Fatal(err)
	}
	head = strings.Repeat("1", 40)
	if err := w.book.Met(t.Context(), w.s); err != nil {
		t.Fatal(err)
	}
	w.answer = func(*world, wire.Prompt) error { return errors.New("no") }
	s := w.stopping()
	w.book.End(t.Context(), s)
	if err := w.book.Completed(t.Context(), s, "stopped", w.at.Add(time.Minute)); err != nil {
		t.Fatal(err)
	}
	c := w.chronicle()
	if c.BaseCommit != base || c.FinalCommit != head || !strings.Contains(c.Unfinished, "Not committed: 3 files: main.go, b, with space") {
		t.Errorf("%q %q %q", c.BaseCommit, c.FinalCommit, c.Unfinished)
	}
}

func FuzzLastWords(f *testing.F) {
	f.Add(`{"summary":"x","key_changes":["y"],"unfinished_work":"z"}`)
	f.Add("```json\n{\"summary\":\"x\",\"key_changes\":[]}\n```")
	f.Fuzz(func(t *testing.T, text string) {
		v, err := chronicle.ParseWords(text)
		if err == nil && (v.Summary == "" || len(v.Summary) > 8<<10 || len(v.KeyChanges) > 40) {
			t.Errorf("%+v", v)
		}
	})
}
