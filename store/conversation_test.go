package store

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func journal(from, to int64) (out []Entry) {
	for n := from; n <= to; n++ {
		out = append(out, Entry{Seq: n, Run: 1, At: time.UnixMilli(n), Turn: "p", Type: "text", Data: json.RawMessage(`{"text":"x"}`)})
	}
	return out
}

func seqs(entries []Entry) (out []int64) {
	for _, e := range entries {
		out = append(out, e.Seq)
	}
	return out
}

func TestJournalIsTakenOverOnceWhateverIsRepeated(t *testing.T) {
	db := open(t)
	s := create(t, db)
	for _, step := range []struct {
		epoch    string
		from, to int64
		added    int
		seq      int64
	}{
		{"e1", 1, 3, 3, 3},
		{"e1", 1, 3, 0, 3}, // the same again
		{"e1", 2, 5, 2, 5}, // overlapping
		{"e1", 1, 2, 0, 5}, // late: the position never goes back
		{"e2", 1, 2, 2, 2}, // a new journal counts anew
	} {
		added := must(db.AppendJournal(t.Context(), s.ID, step.epoch, journal(step.from, step.to)))(t)
		got := must(db.SystemSession(t.Context(), s.ID))(t)
		if added != step.added || got.JournalSeq != step.seq || got.JournalEpoch != step.epoch {
			t.Errorf("%+v: added %d, position %s/%d", step, added, got.JournalEpoch, got.JournalSeq)
		}
	}
	if diff := cmp.Diff([]int64{1, 2, 3, 4, 5, 1, 2}, seqs(must(db.Entries(t.Context(), anna, s.ID, 0, 0, 100))(t))); diff != "" {
		t.Error(diff)
	}
	if _, err := db.AppendJournal(t.Context(), "unknown", "e", journal(1, 1)); !errors.Is(err, ErrNotFound) {
		t.Errorf("unknown session: %v", err)
	}
}

func TestTenThousandEntriesArePagedByTheirIndex(t *testing.T) {
	db := open(t)
	s, noise := create(t, db), create(t, db)
	for from := int64(1); from <= 10000; from += 1000 {
		must(db.AppendJournal(t.Context(), s.ID, "e", journal(from, from+999)))(t)
		must(db.AppendJournal(t.Context(), noise.ID, "e", journal(from, from+99)))(t)
	}
	last := must(db.Entries(t.Context(), anna, s.ID, 0, 1<<60, 100))(t)
	if got := seqs(last); len(got) != 100 || got[0] != 9901 || got[99] != 10000 {
		t.Fatalf("last page: %d entries from %d", len(got), got[0])
	}
	before := must(db.Entries(t.Context(), anna, s.ID, 0, last[0].N, 100))(t)
	if got := seqs(before); got[0] != 9801 || got[99] != 9900 {
		t.Errorf("the page before: %d to %d", got[0], got[99])
	}
	for _, query := range []string{entriesAfter, entriesBefore} {
		plan := planOf(t, db, query, make([]any, strings.Count(query, "?"))...)
		if !strings.Contains(plan, "USING INDEX entries_by_session (session_id=? AND n>?") || strings.Contains(plan, "TEMP B-TREE") {
			t.Errorf("the plan is\n%s", plan)
		}
	}
	var all int
	for after := int64(0); ; {
		page := must(db.Entries(t.Context(), anna, s.ID, after, 0, 1000))(t)
		if len(page) == 0 {
			break
		}
		all, after = all+len(page), page[len(page)-1].N
	}
	if all != 10000 {
		t.Errorf("%d entries by pages", all)
	}
}

func TestPromptIsARowAnEntryAndAMessage(t *testing.T) {
	db := open(t)
	s := create(t, db)
	p := must(db.AddPrompt(t.Context(), anna, Prompt{SessionID: s.ID, Blocks: json.RawMessage(`[{"type":"text"}]`), Via: ViaCLI}))(t)
	again := must(db.AddPrompt(t.Context(), anna, Prompt{ID: p.ID, SessionID: s.ID, Blocks: json.RawMessage(`[]`)}))(t)
	if diff := cmp.Diff(p, again); diff != "" {
		t.Errorf("the same id again: %s", diff)
	}
	second := must(db.AddPrompt(t.Context(), anna, Prompt{SessionID: s.ID, Blocks: json.RawMessage(`[]`)}))(t)
	entries := must(db.Entries(t.Context(), anna, s.ID, 0, 0, 10))(t)
	if len(entries) != 2 || entries[0].Type != EntryPrompt || entries[0].Turn != p.ID || entries[0].Source != "daemon" || !strings.Contains(string(entries[0].Data), `"via":"cli"`) {
		t.Errorf("entries: %+v", entries)
	}
	if got := must(db.SystemSession(t.Context(), s.ID))(t); got.MessageCount != 2 {
		t.Errorf("%d messages", got.MessageCount)
	}
	check(t, db.MarkSent(t.Context(), p.ID))
	if left := must(db.UnsentPrompts(t.Context(), s.ID))(t); len(left) != 1 || left[0].ID != second.ID {
		t.Errorf("unsent: %+v", left)
	}
}

func TestPromptIDOfAnotherSessionIsNotTaken(t *testing.T) {
	db := open(t)
	a, b := create(t, db), create(t, db, func(s *Session) { s.OwnerID = "bert" })
	p := must(db.AddPrompt(t.Context(), anna, Prompt{SessionID: a.ID, Blocks: json.RawMessage(`["secret"]`)}))(t)
	if got, err := db.AddPrompt(t.Context(), bert, Prompt{ID: p.ID, SessionID: b.ID, Blocks: json.RawMessage(`[]`)}); !errors.Is(err, ErrNotFound) {
		t.Errorf("%+v, %v", got, err)
	}
}

func TestDaemonEntryCarriesTheRun(t *testing.T) {
	db := open(t)
	s := create(t, db)
	n := s
	n.Run = 7
	must(db.Conclude(t.Context(), s, n))(t)
	e := must(db.AppendDaemon(t.Context(), s.ID, "stop", "turn", map[string]string{"by": "anna"}))(t)
	stored := must(db.Entries(t.Context(), anna, s.ID, 0, 0, 10))(t)
	if diff := cmp.Diff([]Entry{e}, stored); diff != "" || e.Run != 7 {
		t.Errorf("run %d: %s", e.Run, diff)
	}
	if _, err := db.AppendDaemon(t.Context(), "unknown", "stop", "", nil); !errors.Is(err, ErrNotFound) {
		t.Errorf("unknown session: %v", err)
	}
}

func TestEntriesOfSomeTypesComeInOrder(t *testing.T) {
	db := open(t)
	s, other := create(t, db), create(t, db)
	for _, typ := range []string{"a", "b", "c", "a"} {
		must(db.AppendDaemon(t.Context(), s.ID, typ, "", typ))(t)
		must(db.AppendDaemon(t.Context(), other.ID, typ, "", typ))(t)
	}
	var got []string
	for _, e := range must(db.EntriesOf(t.Context(), anna, s.ID, "a", "b"))(t) {
		got = append(got, e.Type)
	}
	if diff := cmp.Diff([]string{"a", "b", "a"}, got); diff != "" {
		t.Error(diff)
	}
	if none := must(db.EntriesOf(t.Context(), anna, s.ID))(t); len(none) != 0 {
		t.Errorf("%d of no type", len(none))
	}
}
