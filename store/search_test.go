package store

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"
)

// told makes a chronicle of anna's with rows of these labels and texts.
func told(t *testing.T, db *DB, session string, rows ...TimelineEvent) Chronicle {
	t.Helper()
	check(t, db.OpenChronicle(t.Context(), Chronicle{SessionID: session, Run: 1, OwnerID: "anna", TenantID: "t1", Name: session}))
	for i := range rows {
		rows[i].At, rows[i].Type = time.UnixMilli(int64(1000+i)), "message"
	}
	check(t, db.AppendTimeline(t.Context(), session, 1, rows...))
	return must(db.ChronicleOfRun(t.Context(), session, 1))(t)
}

func TestSearchFindsWordsWhereverTheyStand(t *testing.T) {
	db := open(t)
	a := told(t, db, "alpha", TimelineEvent{Key: "1", Label: "Mend the parser", Text: "Mend the parser in internal/parse_file.go, it drops ümlauts"},
		TimelineEvent{Key: "2", Label: "go test ./...", Text: "go test ./..."})
	b := told(t, db, "beta", TimelineEvent{Key: "1", Label: "Unrelated"})
	check(t, db.SetTexts(t.Context(), b.ID, Texts{Summary: "Made the lexer faster.", KeyChanges: []string{"lexer.go"}, Author: AuthorRule}))
	for query, want := range map[string]string{
		"parser": "alpha", "PARS": "alpha", "umlauts": "alpha", "internal/parse_file.go": "alpha", "go te": "alpha",
		"lexer": "beta", "lexer.go": "beta", "beta": "beta", "mend lexer": "", "zebra": "", "": "", `"`: "", "*": "", "NOT": "", "a AND": "",
		`" OR label:"`: "", "parser*": "alpha", "(parser": "alpha", "-parser": "alpha", "^parser": "alpha", "col:parser": "", "par\x00ser": "", "\xff\xfe": "",
	} {
		found, err := db.Search(t.Context(), anna, ChronicleFilter{Text: query, Limit: 10})
		got := ""
		if len(found) > 0 {
			got = found[0].Chronicle.Name
		}
		if err != nil || got != want {
			t.Errorf("%q: %q, %v; want %q", query, got, err, want)
		}
		list, err := db.Chronicles(t.Context(), anna, ChronicleFilter{Text: query})
		if all := strings.TrimSpace(query) == ""; err != nil || !all && (len(list) > 0) != (want != "") {
			t.Errorf("list of %q: %d, %v", query, len(list), err)
		}
	}
	if found := must(db.Search(t.Context(), bert, ChronicleFilter{Text: "parser", Limit: 10}))(t); len(found) != 0 {
		t.Error("somebody else's is found")
	}
	one := must(db.Search(t.Context(), anna, ChronicleFilter{Text: "drops", Limit: 10}))(t)[0]
	if want := "…parser in internal/parse_file.go, it " + MarkStart + "drops" + MarkEnd + " ümlauts"; one.Snippet != want {
		t.Errorf("snippet %q", one.Snippet)
	}

	// What a filter leaves out takes no place of what it lets through.
	many := make([]TimelineEvent, recent+10)
	for i := range many {
		many[i] = TimelineEvent{Key: fmt.Sprint(i), Label: "Mend the parser"}
	}
	told(t, db, "noise", many...)
	check(t, db.write(t.Context(), func(x *tx) error {
		_, err := x.ExecContext(t.Context(), `UPDATE chronicles SET project = 'app', tags = '["old"]' WHERE name = 'alpha'`)
		return err
	}))
	for _, f := range []ChronicleFilter{{Project: "app"}, {Tags: []string{"old"}}, {SessionID: "alpha"}, {Project: "app", Tags: []string{"new"}}} {
		f.Text = "parser"
		found := must(db.Search(t.Context(), anna, f))(t)
		if want := !slices.Contains(f.Tags, "new"); (len(found) == 1 && found[0].Chronicle.Name == "alpha") != want || len(found) > 1 {
			t.Errorf("%+v: %+v", f, found)
		}
	}
	check(t, db.DeleteChronicle(t.Context(), anna, must(db.ChronicleOfRun(t.Context(), "noise", 1))(t).ID))

	// What is told anew, and what is deleted, is not found by its old words.
	check(t, db.AppendTimeline(t.Context(), "alpha", 1, TimelineEvent{Key: "1", Label: "Mend the writer", At: time.UnixMilli(1000), Type: "message"}))
	if n := len(must(db.Search(t.Context(), anna, ChronicleFilter{Text: "parser", Limit: 10}))(t)); n != 0 {
		t.Errorf("found %d by words that are not there any more", n)
	}
	if n := len(must(db.Search(t.Context(), anna, ChronicleFilter{Text: "writer", Limit: 10}))(t)); n != 1 {
		t.Errorf("found %d by new words", n)
	}
	check(t, db.DeleteChronicle(t.Context(), anna, a.ID))
	check(t, db.DeleteChronicle(t.Context(), anna, b.ID))
	for _, q := range []string{"writer", "lexer", "go"} {
		if n := len(must(db.Search(t.Context(), anna, ChronicleFilter{Text: q, Limit: 10}))(t)); n != 0 {
			t.Errorf("%s: found %d of what was deleted", q, n)
		}
	}
	for _, table := range []string{"timeline_words", "chronicle_words"} {
		check(t, db.write(t.Context(), func(x *tx) error {
			_, err := x.ExecContext(t.Context(), `INSERT INTO `+table+` (`+table+`) VALUES ('integrity-check')`)
			return err
		}))
	}
}

func FuzzSearch(f *testing.F) {
	for _, q := range []string{"parser", `"`, "a OR b", "NEAR(a b)", "*", "a*b", "col : x", "\x00", "\xff"} {
		f.Add(q)
	}
	db, err := Open(f.TempDir() + "/volundr.db")
	if err != nil {
		f.Fatal(err)
	}
	f.Cleanup(func() { db.Close() })
	f.Fuzz(func(t *testing.T, query string) {
		if _, err := db.Search(t.Context(), anna, ChronicleFilter{Text: query, Limit: 5}); err != nil {
			t.Errorf("%q: %v", query, err)
		}
	})
}
