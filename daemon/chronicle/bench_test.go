package chronicle_test

import (
	"encoding/json"
	"fmt"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"volundr/daemon/chronicle"
	"volundr/daemon/link"
	"volundr/runtime/broker/wire"
	"volundr/store"
)

// journalOf is a journal as agents write it: of ten entries six are pieces of
// text, two tell of a tool, one of files and one of anything else.
func journalOf(n int) []store.Entry {
	out := make([]store.Entry, 0, n)
	at := time.Now().UTC().Truncate(time.Millisecond)
	turn := ""
	for i := 1; i <= n; i++ {
		e := store.Entry{Source: "journal", Seq: int64(i), Run: 1, At: at.Add(time.Duration(i) * 100 * time.Millisecond)}
		var data any
		switch k := i % 100; {
		case k == 1:
			turn = fmt.Sprintf("turn-%d", i)
			e.Type, data = wire.EntryTurnStart, wire.TurnStart{Prompt: turn, Automatic: true, Text: "Go on with step " + fmt.Sprint(i)}
		case k == 0:
			e.Type, data = wire.EntryTurnEnd, wire.TurnEnd{Prompt: turn, StopReason: "end_turn", Input: 1000, Output: 200}
		case i%10 == 3:
			e.Type, data = wire.EntryTool, wire.Tool{ID: fmt.Sprint("t", i), Title: "`go test ./...`", Kind: "execute", Status: "in_progress",
				Input: json.RawMessage(fmt.Sprintf(`{"command":"go test ./pkg%d/..."}`, i))}
		case i%10 == 7:
			e.Type, data = wire.EntryTool, wire.Tool{ID: fmt.Sprint("t", i-4), Title: "`go test ./...`", Kind: "execute", Status: "completed",
				Input:   json.RawMessage(fmt.Sprintf(`{"command":"go test ./pkg%d/..."}`, i-4)),
				Content: []wire.Content{{Type: "text", Text: strings.Repeat("ok volundr/store 1.2s\n", 20)}}}
		case i%10 == 9:
			e.Type, data = wire.EntryFiles, wire.Files{Changes: []wire.FileChange{{Path: fmt.Sprintf("pkg%d/file.go", i), Action: "modified", Ins: 3, Del: 1}}}
		default:
			e.Type, data = wire.EntryText, wire.Text{Block: fmt.Sprint(turn, i/10), Text: strings.Repeat("some words of an answer ", 8)}
		}
		e.Turn = turn
		e.Data, _ = json.Marshal(data)
		out = append(out, e)
	}
	return out
}

func place(b *testing.B) (*store.DB, *chronicle.Chronicles, store.Session) {
	b.Helper()
	db, err := store.Open(filepath.Join(b.TempDir(), "volundr.db"))
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { db.Close() })
	book := chronicle.New(chronicle.Options{DB: db})
	return db, book, run(b, db, book)
}

func run(b *testing.B, db *store.DB, book *chronicle.Chronicles) store.Session {
	b.Helper()
	s, err := db.CreateSession(b.Context(), store.Session{Name: "demo", OwnerID: owner.UserID, TenantID: owner.TenantID, Runtime: "fake", Want: store.WantRunning})
	if err != nil {
		b.Fatal(err)
	}
	n := s
	n.Run++
	if s, err = db.Conclude(b.Context(), s, n); err != nil {
		b.Fatal(err)
	}
	if err := book.Opened(b.Context(), s); err != nil {
		b.Fatal(err)
	}
	return s
}

// fill takes a journal over in the batches of the link.
func fill(b *testing.B, db *store.DB, book *chronicle.Chronicles, s store.Session, entries []store.Entry) {
	b.Helper()
	for len(entries) > 0 {
		n := min(256, len(entries))
		rows, err := book.Tell(b.Context(), link.Batch{Session: s.ID, Epoch: "e", Entries: entries[:n]})
		if err != nil {
			b.Fatal(err)
		}
		if _, err := db.AppendJournal(b.Context(), s.ID, "e", entries[:n], rows...); err != nil {
			b.Fatal(err)
		}
		entries = entries[n:]
	}
}

// Target: 20,000 events a second.
func BenchmarkJournalToDatabase(b *testing.B) {
	const n = 20_000
	events := 0
	for b.Loop() {
		b.StopTimer()
		db, book, s := place(b)
		entries := journalOf(n)
		b.StartTimer()
		fill(b, db, book, s, entries)
		events += n
	}
	b.ReportMetric(float64(events)/b.Elapsed().Seconds(), "events/s")
}

// A timeline with 10,000 events needs about 34,000 entries.
func long(b *testing.B) (*store.DB, *chronicle.Chronicles, store.Session, store.Chronicle) {
	db, book, s := place(b)
	fill(b, db, book, s, journalOf(45_500))
	c, err := db.ChronicleOfRun(b.Context(), s.ID, 1)
	if err != nil {
		b.Fatal(err)
	}
	return db, book, s, c
}

// Target: 50 ms.
func BenchmarkTimelineOf10000Events(b *testing.B) {
	_, book, _, c := long(b)
	for b.Loop() {
		t, err := book.Timeline(b.Context(), owner, c.ID, store.TimelineFilter{})
		if err != nil || len(t.Events) < 10_000 {
			b.Fatalf("%d events, %v", len(t.Events), err)
		}
	}
}

// Target: 50 ms.
func BenchmarkPageOfTimelineOf10000Events(b *testing.B) {
	_, book, _, c := long(b)
	for b.Loop() {
		t, err := book.Timeline(b.Context(), owner, c.ID, store.TimelineFilter{Limit: 200})
		if err != nil || len(t.Events) != 200 {
			b.Fatalf("%d events, %v", len(t.Events), err)
		}
	}
}

// Target: 1 s.
func BenchmarkCompleteWith10000Events(b *testing.B) {
	for b.Loop() {
		b.StopTimer()
		_, book, s, _ := long(b)
		b.StartTimer()
		if err := book.Completed(b.Context(), s, "stopped", time.Now()); err != nil {
			b.Fatal(err)
		}
	}
}

// Target: 50 ms.
func BenchmarkSearchOver1000Chronicles(b *testing.B) {
	db, book, s := place(b)
	for i := range 1000 {
		if i > 0 {
			s = run(b, db, book)
		}
		fill(b, db, book, s, journalOf(500))
		if err := book.Completed(b.Context(), s, "stopped", time.Now()); err != nil {
			b.Fatal(err)
		}
	}
	if _, err := db.Search(b.Context(), owner, "first", 1); err != nil { // what is new is taken in by then
		b.Fatal(err)
	}
	for name, query := range map[string]string{"rare": "pkg493", "everywhere": "words answer", "prefix": "go te", "nothing": "zebra"} {
		b.Run(name, func(b *testing.B) {
			for b.Loop() {
				found, err := db.Search(b.Context(), owner, query, 50)
				if err != nil || (len(found) == 0) != (name == "nothing") {
					b.Fatalf("%d found, %v", len(found), err)
				}
			}
		})
	}
}
