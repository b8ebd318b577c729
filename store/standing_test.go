package store

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestWhatStandsIsFoundHoweverLongAgoItWasSaid(t *testing.T) {
	db := open(t)
	s, noise := create(t, db), create(t, db)
	entries := journal(1, 10_000)
	says := func(seq int64, typ, word string) {
		entries[seq-1].Type, entries[seq-1].Data = typ, json.RawMessage(fmt.Sprintf(`{"current":%q}`, word))
	}
	says(1, "agent", "ready")
	says(2, "mode", "first")
	says(3, "model", "opus")
	says(4, "commands", "compact")
	says(5, "mode", "second")
	says(9000, "mode", "third")
	for i := 0; i < len(entries); i += 2000 {
		must(db.AppendJournal(t.Context(), s.ID, "e", entries[i:i+2000]))(t)
	}
	must(db.AppendJournal(t.Context(), noise.ID, "e", entries[8000:9000]))(t)
	must(db.AppendDaemon(t.Context(), s.ID, "mode", "", map[string]string{"id": "asked for"}))(t) // a wish is not what holds

	last := must(db.Entries(t.Context(), anna, s.ID, 0, 1<<62, 1))(t)[0].N
	for _, c := range []struct {
		before int64
		want   []int64
	}{
		{1 << 62, []int64{1, 3, 4, 9000}},
		{last, []int64{1, 3, 4, 9000}},
		{9000, []int64{1, 3, 4, 5}},
		{4, []int64{1, 2, 3}},
		{1, nil},
	} {
		if diff := cmp.Diff(c.want, seqs(must(db.Standing(t.Context(), anna, s.ID, c.before))(t))); diff != "" {
			t.Errorf("before %d: %s", c.before, diff)
		}
	}
	if _, err := db.Standing(t.Context(), other, s.ID, 1<<62); !errors.Is(err, ErrNotFound) {
		t.Errorf("somebody else: %v", err)
	}
}

// The partial index serves only a query that has its very words.
func TestWhatStandsIsLookedUpByItsIndex(t *testing.T) {
	db := open(t)
	plan := planOf(t, db, standingQuery, "x", "x", 1)
	if !strings.Contains(plan, "USING COVERING INDEX entries_standing (session_id=? AND type=? AND n<?)") || strings.Contains(plan, "SCAN entries") {
		t.Errorf("the plan is\n%s", plan)
	}
}

// planOf says how SQLite would answer a query, a step a line.
func planOf(t *testing.T, db *DB, query string, args ...any) string {
	t.Helper()
	rows := must(db.r.QueryContext(t.Context(), "EXPLAIN QUERY PLAN "+query, args...))(t)
	defer rows.Close()
	var plan strings.Builder
	for rows.Next() {
		var id, parent, unused int
		var line string
		check(t, rows.Scan(&id, &parent, &unused, &line))
		plan.WriteString(line + "\n")
	}
	check(t, rows.Err())
	return plan.String()
}
