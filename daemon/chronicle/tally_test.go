package chronicle_test

import (
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"volundr/daemon/chronicle"
	"volundr/runtime/broker/wire"
	"volundr/store"
)

// random is an entry of any kind that is counted, or of one that is not.
func (w *world) random(r *rand.Rand, watched bool, after int) store.Entry {
	path := func() string { return fmt.Sprintf("f%d.go", r.IntN(6)) }
	change := func() wire.FileChange {
		c := wire.FileChange{Path: path(), Action: []string{"created", "modified", "deleted", "renamed"}[r.IntN(4)], Ins: r.IntN(9), Del: r.IntN(9)}
		if c.Action == "renamed" {
			c.From = path()
		}
		return c
	}
	turn := fmt.Sprint("p", r.IntN(5))
	kind := r.IntN(7)
	if kind < 2 && !watched {
		kind = 4
	}
	switch kind {
	case 0, 1:
		return w.entry(after, "", wire.EntryFiles, wire.Files{Changes: []wire.FileChange{change(), change()}})
	case 2:
		return w.entry(after, "", wire.EntryGit, wire.Git{Action: "commit", Hash: fmt.Sprintf("%040x", r.Uint64()), Subject: "Step"})
	case 3:
		return w.entry(after, turn, wire.EntryTurnEnd, wire.TurnEnd{Prompt: turn, StopReason: "end_turn", Input: r.Int64N(100)})
	case 4:
		return w.entry(after, turn, wire.EntryTool, wire.Tool{ID: fmt.Sprint("t", r.IntN(5)), Title: "Edit", Kind: "edit", Status: []string{"in_progress", "completed"}[r.IntN(2)],
			Content: []wire.Content{{Type: "diff", Path: path(), Old: "a\n", New: "b\nc\n"}}})
	case 5:
		return w.entry(after, "", wire.EntryCommand, wire.ShellCommand{Command: "make", EndedAt: int64(r.IntN(5000))})
	}
	return w.entry(after, "", wire.EntryNote, wire.Note{Message: "a note"})
}

// Whatever is added, replaced, comes late or is read by another daemon: what is
// kept is what all rows add up to.
func TestATallyIsTheSumOfAllRows(t *testing.T) {
	for seed := range uint64(4) {
		r := rand.New(rand.NewPCG(seed, 1))
		w := newWorld(t)
		read := func() chronicle.Timeline {
			t.Helper()
			got, err := w.book.Timeline(t.Context(), owner, w.chronicle().ID, store.TimelineFilter{})
			if err != nil {
				t.Fatal(err)
			}
			return got
		}
		for step := range 40 {
			switch what := r.IntN(8); {
			case what == 0 && seed%2 == 0:
				if _, err := w.book.Report(t.Context(), owner, w.s.ID, r.Int64N(400), time.Time{}, chronicle.TypeFile, "f1.go",
					chronicle.Data{Action: "modified", Ins: exit(1)}); err != nil {
					t.Fatal(err)
				}
			case what == 1:
				if err := chronicle.KeepTally(w.book, t.Context(), w.chronicle()); err != nil {
					t.Fatal(err)
				}
			case what == 2:
				w.reopen()
			default:
				w.journal(w.random(r, seed%2 == 0 || step > 30, 20*step), w.random(r, seed%2 == 0, 20*step+1))
			}
			if r.IntN(2) == 0 {
				continue // more than one thing since it was read
			}
			got := read()
			if diff := cmp.Diff(chronicle.Sum(got.Events), got.Sums); diff != "" {
				t.Fatalf("seed %d, step %d: %s", seed, step, diff)
			}
		}
		if err := w.book.Completed(t.Context(), w.s, "stopped", w.at.Add(time.Hour)); err != nil {
			t.Fatal(err)
		}
		w.reopen()
		if got := read(); cmp.Diff(chronicle.Sum(got.Events), got.Sums) != "" {
			t.Fatalf("seed %d, completed: %s", seed, cmp.Diff(chronicle.Sum(got.Events), got.Sums))
		}
	}
}

// What was counted before is not read again, by this daemon and by the next.
func TestATallyReadsOnlyWhatIsNew(t *testing.T) {
	w := newWorld(t)
	change := func(n int) store.Entry {
		return w.entry(n, "", wire.EntryFiles, wire.Files{Changes: []wire.FileChange{{Path: fmt.Sprintf("f%d.go", n), Action: "created"}}})
	}
	w.journal(change(1), change(2))
	c := w.chronicle()
	if err := chronicle.KeepTally(w.book, t.Context(), c); err != nil {
		t.Fatal(err)
	}
	kept, err := w.db.Tally(t.Context(), c.ID)
	if err != nil {
		t.Fatal(err)
	}
	w.journal(change(3))
	got, err := w.db.Counted(t.Context(), c.ID, kept)
	if err != nil || got.Again || len(got.Rows) != 1 || got.Rows[0].Label != "f3.go" {
		t.Errorf("%+v %v", got, err)
	}
	// A row that is told again in other words is counted anew, with all others.
	row := got.Rows[0]
	row.Label = "other.go"
	if err := w.db.AppendTimeline(t.Context(), w.s.ID, 1, row); err != nil {
		t.Fatal(err)
	}
	if got, err = w.db.Counted(t.Context(), c.ID, kept); err != nil || !got.Again || len(got.Rows) != 3 {
		t.Errorf("%+v %v", got, err)
	}
}

// Pages of a timeline whose files nobody watched have all the files that edits
// touched, each once, wherever the pages are cut.
func TestPagesOfTouchedFilesAreWhole(t *testing.T) {
	w := newWorld(t)
	for i := range 7 {
		var diffs []wire.Content
		for j := range 3 {
			diffs = append(diffs, wire.Content{Type: "diff", Path: fmt.Sprintf("f%d-%d.go", i, j), New: "a\n"})
		}
		w.journal(w.entry(i, "p", wire.EntryTool, wire.Tool{ID: fmt.Sprint("t", i), Title: "Edit", Kind: "edit", Status: "completed", Content: diffs}))
	}
	id := w.chronicle().ID
	for _, types := range [][]string{nil, {chronicle.TypeFile}, {chronicle.TypeFile, chronicle.TypeMessage}, {chronicle.TypeMessage}} {
		f := store.TimelineFilter{Types: types}
		want, err := w.book.Timeline(t.Context(), owner, id, f)
		if err != nil {
			t.Fatal(err)
		}
		var got []chronicle.Event
		f.Limit = 2
		for more := true; more; {
			part, err := w.book.Timeline(t.Context(), owner, id, f)
			if err != nil {
				t.Fatal(err)
			}
			if more = part.More; more {
				e := part.Events[len(part.Events)-1]
				f.After = store.TimelineCursor{At: e.At, N: e.N}
			}
			got = append(got, part.Events...)
		}
		if diff := cmp.Diff(want.Events, got); diff != "" || len(want.Files) != 21 {
			t.Errorf("%v: %d files, %s", types, len(want.Files), diff)
		}
	}
}
