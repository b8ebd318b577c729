package chronicle_test

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"volundr/daemon/chronicle"
	"volundr/daemon/link"
	"volundr/runtime/broker/wire"
	"volundr/store"
)

func exit(n int) *int { return &n }

// aTurn is a turn in which all kinds of things happen.
func aTurn(w *world) []store.Entry {
	return []store.Entry{
		w.entry(0, "", wire.EntryMode, wire.Options{Current: "default"}),
		w.entry(1, "", wire.EntryCheckpoint, wire.Checkpoint{ID: "cp1", Prompt: "p1"}),
		w.entry(1, "p1", wire.EntryTurnStart, wire.TurnStart{Prompt: "p1"}),
		w.entry(2, "p1", wire.EntryText, wire.Text{Block: "b1", Text: "I will look"}),
		w.entry(2, "p1", wire.EntryText, wire.Text{Block: "b1", Text: " at it."}),
		w.entry(3, "p1", wire.EntryTool, wire.Tool{ID: "t0", Title: "Read main.go", Kind: "read", Status: "completed"}),
		w.entry(4, "p1", wire.EntryTool, wire.Tool{ID: "t1", Title: "`go test ./...`", Kind: "execute", Status: "in_progress",
			Input: json.RawMessage(`{"command":"TOKEN=` + secret + ` go test ./..."}`)}),
		w.entry(8, "p1", wire.EntryTool, wire.Tool{ID: "t1", Title: "`go test ./...`", Kind: "execute", Status: "failed", Exit: exit(2),
			Input: json.RawMessage(`{"command":"TOKEN=` + secret + ` go test ./..."}`), StartedAt: 4000, EndedAt: 8000}),
		w.entry(9, "p1", wire.EntryTool, wire.Tool{ID: "t2", Title: "Edit main.go", Kind: "edit", Status: "completed",
			Content: []wire.Content{{Type: "diff", Path: "/workspace/main.go", Old: "a\nb\n", New: "a\nc\nd\n"}}}),
		w.entry(10, "p1", wire.EntryPermission, wire.Permission{ID: "q1", Tool: wire.Tool{ID: "t3", Title: "rm -r x", Kind: "execute",
			Input: json.RawMessage(`{"command":["bash","-lc","rm -r x"]}`)}, Options: []wire.Option{{ID: "allow_once", Name: "Yes, once"}}}),
		w.entry(12, "p1", wire.EntryPermissionDone, wire.PermissionDone{ID: "q1", Option: "allow_once", Allowed: true}),
		w.entry(13, "", wire.EntryFiles, wire.Files{Changes: []wire.FileChange{
			{Path: "main.go", Action: "modified", Ins: 2, Del: 1}, {Path: "new.go", Action: "created", Ins: 5},
			{Path: "old.go", Action: "deleted", Del: 7}, {Path: "moved.go", Action: "renamed", From: "new.go", Ins: 1}}, More: 3}),
		w.entry(14, "", wire.EntryGit, wire.Git{Action: "commit", Hash: "0123456789abcdef0123456789abcdef01234567", Subject: "Fix it", Files: []string{"main.go"}}),
		w.entry(15, "", wire.EntryGit, wire.Git{Action: "push", Hash: "0123456789abcdef0123456789abcdef01234567", Branch: "main", Remote: "origin", Commits: exit(2)}),
		w.entry(20, "", wire.EntryCommand, wire.ShellCommand{Command: "make", Dir: "/workspace", Exit: 1, StartedAt: 1000, EndedAt: 3000, Shell: "bash", Where: "terminal"}),
		w.entry(21, "p1", wire.EntryStalled, wire.Note{Source: "agent", Message: "No progress." + wire.StallAdvice}),
		w.entry(22, "p1", wire.EntryMode, wire.Options{Current: "plan", Options: []wire.Option{{ID: "plan", Name: "Plan only"}}}),
		w.entry(23, "p1", wire.EntryText, wire.Text{Block: "b2", Text: "# Done\n\nIt works, " + secret[:4]}),
		w.entry(23, "p1", wire.EntryText, wire.Text{Block: "b2", Text: secret[4:] + " is set."}),
		w.entry(24, "p1", wire.EntryTurnEnd, wire.TurnEnd{Prompt: "p1", StopReason: "end_turn", Model: "m1", Input: 100, Output: 20, CacheRead: 5000, CostUSD: 0.01}),
	}
}

var aTurnTold = []string{
	"session 0 Started demo",
	"message 1 Please mend it by user",
	"message 3 Read main.go by agent",
	"terminal 4 TOKEN=[redacted] go test ./... exit=2 by agent",
	"message 9 Edit main.go by agent",
	"message 12 Allowed: rm -r x by agent",
	"file 13 main.go modified +2-1",
	"file 13 new.go created +5-0",
	"file 13 old.go deleted +0-7",
	"file 13 moved.go modified +1-0",
	"git 14 Fix it #0123456789abcdef0123456789abcdef01234567",
	"git 15 Pushed main to origin, 2 commits",
	"terminal 18 make exit=1 by person",
	"error 21 No progress.",
	"message 22 Mode: Plan only by agent",
	"message 24 Done tokens=120 by assistant",
}

// What the daemon sets before a turn, as was asked for when the session was made
// or before its agent was started again, is no change.
func TestOnlyChangesOfTheModeAreTold(t *testing.T) {
	w := newWorld(t)
	mode := func(turn, id string) store.Entry {
		return w.entry(1, turn, wire.EntryMode, wire.Options{Current: id})
	}
	w.journal(mode("", "default"), mode("", "acceptEdits"), w.entry(2, "p1", wire.EntryTurnStart, wire.TurnStart{Prompt: "p1"}), mode("p1", "plan"),
		w.entry(3, "p1", wire.EntryTurnEnd, wire.TurnEnd{Prompt: "p1", StopReason: "error", Error: "It is said.", Detail: "API Error: " + secret}),
		mode("", "default"), mode("", "plan"))
	got := strings.Join(w.told(), "\n")
	if !strings.Contains(got, "Mode: plan") || strings.Count(got, "Mode:") != 1 {
		t.Error(got)
	}
	all, err := w.book.Timeline(t.Context(), owner, w.chronicle().ID, store.TimelineFilter{Types: []string{chronicle.TypeError}, Texts: true})
	if err != nil || len(all.Events) != 1 {
		t.Fatalf("%+v %v", all.Events, err)
	}
	if e := all.Events[0]; e.Label != "It is said." || e.Detail != "API Error: [redacted]" || e.Text != "It is said.\n\nAPI Error: [redacted]" {
		t.Errorf("%+v", e)
	}
}

func without(lines []string, piece string) (out []string) {
	for _, l := range lines {
		if !strings.Contains(l, piece) {
			out = append(out, l)
		}
	}
	return out
}

func TestTheTimelineTellsARun(t *testing.T) {
	w := newWorld(t)
	w.prompt("p1", "Please mend it")
	w.journal(aTurn(w)...)
	got := without(w.told(), "3 more files")
	if diff := cmp.Diff(aTurnTold, got); diff != "" {
		t.Error(diff)
	}
	tl, err := w.book.Timeline(t.Context(), owner, w.chronicle().ID, store.TimelineFilter{Texts: true})
	if err != nil {
		t.Fatal(err)
	}
	sums := chronicle.Sums{
		Files:     []chronicle.FileStat{{Path: "main.go", Status: "mod", Ins: 2, Del: 1}, {Path: "moved.go", Status: "new", Ins: 6}, {Path: "old.go", Status: "del", Del: 7}},
		Commits:   []chronicle.Commit{{"0123456", "Fix it", w.at.Add(14 * time.Second).Format("15:04"), ""}},
		TokenBurn: []int64{120},
	}
	if diff := cmp.Diff(sums, tl.Sums); diff != "" {
		t.Error(diff)
	}
	for _, e := range tl.Events {
		if strings.Contains(e.Text+e.Label, secret) {
			t.Errorf("%s %s is not redacted", e.Type, e.Label)
		}
		switch e.Key {
		case "prompt:p1":
			if e.Checkpoint != "cp1" {
				t.Errorf("checkpoint of the prompt: %q", e.Checkpoint)
			}
		case "turn:p1":
			if e.DurationMS != 23000 || e.CostMicros != 10000 || e.CacheRead != 5000 || !strings.HasPrefix(e.Text, "I will look at it.") {
				t.Errorf("turn: %+v", e)
			}
		}
	}
	if c := w.chronicle(); c.Active.Seconds() != 23 {
		t.Errorf("active %s", c.Active)
	}
}

// Wherever the daemon dies between two entries, and whatever is read twice, the
// timeline is the same.
func TestATimelineIsTheSameAfterAKillAnywhere(t *testing.T) {
	n := len(aTurn(newWorld(t)))
	for at := 1; at < n; at++ {
		w := newWorld(t)
		w.prompt("p1", "Please mend it")
		entries := aTurn(w)
		w.journal(entries[:at]...)
		w.reopen()
		w.journal(entries[at:]...)
		// A batch that was told and not stored is told again.
		if _, err := w.book.Tell(t.Context(), link.Batch{Session: w.s.ID, Epoch: "e", Entries: []store.Entry{w.entry(30, "", wire.EntryNote, wire.Note{Message: "lost"})}}); err != nil {
			t.Fatal(err)
		}
		w.seq--
		w.journal(w.entry(31, "", wire.EntryNote, wire.Note{Message: "kept"}))
		got := without(w.told(), "3 more files")
		if diff := cmp.Diff(append(aTurnTold[:len(aTurnTold):len(aTurnTold)], "session 31 kept"), got); diff != "" {
			t.Errorf("killed after %d: %s", at, diff)
		}
	}
}

func TestEditsAreFilesOnlyWhereNobodyWatches(t *testing.T) {
	w := newWorld(t)
	w.prompt("p1", "Please mend it")
	var unwatched []store.Entry
	for _, e := range aTurn(w) {
		if e.Type != wire.EntryFiles {
			unwatched = append(unwatched, e)
		}
	}
	for i := range unwatched {
		unwatched[i].Seq = int64(i + 1)
	}
	w.journal(unwatched...)
	got := strings.Join(w.told(), "\n")
	if !strings.Contains(got, "file 9 main.go modified +2-1 by agent") {
		t.Error(got)
	}
}

func TestWhatPeopleDoIsTold(t *testing.T) {
	w := newWorld(t)
	w.prompt("p1", "go on with "+secret)
	w.journal(w.entry(0, "", wire.EntryMode, wire.Options{Current: "default"}))
	for _, d := range []struct {
		typ  string
		data any
	}{
		{link.EntryMode, wire.Choice{ID: "plan"}}, {link.EntryModel, wire.Choice{ID: "opus"}},
		{link.EntryAnswer, link.Answer{ID: "q", Option: "allow_always"}}, {link.EntryStop, struct{}{}},
	} {
		if _, err := w.db.AppendDaemon(t.Context(), w.s.ID, d.typ, "p1", d.data); err != nil {
			t.Fatal(err)
		}
	}
	w.journal(w.entry(0, "", wire.EntryMode, wire.Options{Current: "plan"})) // the agent follows: no news
	want := []string{"Started demo", "go on with [redacted] by user", "Mode: plan by person", "Model: opus by person",
		"Answered: allow always by person", "Stopped the turn by person"}
	var got []string
	for _, l := range w.told() {
		_, l, _ = strings.Cut(l, " ")
		_, l, _ = strings.Cut(l, " ")
		got = append(got, l)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	entries, err := w.db.Entries(t.Context(), owner, w.s.ID, 0, 0, 100)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		if strings.Contains(string(e.Data), secret) {
			t.Errorf("the conversation holds %s", e.Data)
		}
	}
	// What is delivered to the agent is what was typed.
	if p, err := w.db.UnsentPrompts(t.Context(), w.s.ID); err != nil || len(p) != 1 || !strings.Contains(string(p[0].Blocks), secret) {
		t.Errorf("%v %v", p, err)
	}
}

func TestTimelineReadAgainHasWhatWasWrittenSince(t *testing.T) {
	w := newWorld(t)
	c := w.chronicle()
	read := func(f store.TimelineFilter) chronicle.Timeline {
		t.Helper()
		got, err := w.book.Timeline(t.Context(), owner, c.ID, f)
		if err != nil {
			t.Fatal(err)
		}
		return got
	}
	n := len(read(store.TimelineFilter{}).Events)
	w.journal(w.entry(1, "", wire.EntryFiles, wire.Files{Changes: []wire.FileChange{{Path: "a.go", Action: "created", Ins: 3}, {Path: "b.go", Action: "created"}}}))
	first := read(store.TimelineFilter{Limit: n + 1})
	if len(first.Events) != n+1 || !first.More || len(first.Files) != 2 {
		t.Fatalf("page: %+v", first)
	}
	again := read(store.TimelineFilter{})
	if len(again.Events) != n+2 || cmp.Diff(first.Events, again.Events[:n+1]) != "" || cmp.Diff(first.Sums, again.Sums) != "" {
		t.Errorf("all: %+v", again)
	}
	stranger := store.Principal{UserID: "stranger", TenantID: owner.TenantID}
	if _, err := w.book.Timeline(t.Context(), stranger, c.ID, store.TimelineFilter{}); err == nil {
		t.Error("what is kept is given to somebody else")
	}
	if err := w.db.DeleteChronicle(t.Context(), owner, c.ID); err != nil {
		t.Fatal(err)
	}
	if _, err := w.book.Timeline(t.Context(), owner, c.ID, store.TimelineFilter{}); err == nil {
		t.Error("what is deleted is read")
	}
}
