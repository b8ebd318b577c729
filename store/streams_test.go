package store

import (
	"database/sql"
	"fmt"
	"io/fs"
	"path/filepath"
	"testing"
	"testing/fstest"
)

// The numbers that somebody sees count what is theirs to see: whatever others do
// between, nothing is left out.
func TestNumbersTellNothingOfOthers(t *testing.T) {
	db := open(t)
	mine, theirs := create(t, db), create(t, db, func(s *Session) { s.OwnerID, s.TenantID = "chief", "t2" })
	var last int64
	for i := range 20 {
		for range i { // by another number each time
			check(t, db.SetActivity(t.Context(), theirs.ID, "active", fmt.Sprint(i)))
			must(db.AppendDaemon(t.Context(), theirs.ID, "note", "", nil))(t)
		}
		check(t, db.SetActivity(t.Context(), mine.ID, "active", fmt.Sprint(i)))
		e := must(db.AppendDaemon(t.Context(), mine.ID, "note", "", nil))(t)
		if e.N != int64(i+1) {
			t.Fatalf("entry %d has the number %d", i+1, e.N)
		}
		events := must(db.Events(t.Context(), anna, last, 100))(t)
		n := events[len(events)-1].Seq
		if last > 0 && n != last+1 {
			t.Fatalf("event %d follows %d", n, last)
		}
		last = n
	}
	s := must(db.Stream(t.Context(), anna))(t)
	for cursor, missed := range map[int64]bool{0: false, s.First: false, s.Last: false, s.Last + 1: true, s.First - 1: true, 7: true,
		must(db.Stream(t.Context(), other))(t).Last: true} {
		if s.Missed(cursor) != missed {
			t.Errorf("%+v: cursor %d", s, cursor)
		}
	}
	if all := must(db.SystemEvents(t.Context(), 0, 100))(t); len(all) != 4 { // the newest activity of each, and that they were made
		t.Errorf("of everybody: %+v", all)
	}
}

// Who had a number before it was counted by tenant goes on from it.
func TestOldNumbersAreGoodAfterTheUpgrade(t *testing.T) {
	path := filepath.Join(t.TempDir(), "volundr.db")
	w := must(sql.Open("sqlite", dsn(path, "immediate")))(t)
	old := fstest.MapFS{}
	for _, e := range must(fs.ReadDir(embedded, "."))(t)[:15] {
		old[e.Name()] = &fstest.MapFile{Data: must(fs.ReadFile(embedded, e.Name()))(t)}
	}
	check(t, migrate(t.Context(), w, path, old))
	must(w.ExecContext(t.Context(), `INSERT INTO sessions (id, kind, name, owner_id, tenant_id, runtime, request, created_at, updated_at, want, wanted_at, state, since)
		VALUES ('s', 'session', 'demo', 'local', 'default', 'fake', '{}', 1, 1, 'none', 1, 'created', 1);
		INSERT INTO events (seq, at, type, session_id, owner_id, tenant_id, data) VALUES
		(6, 1, 'session_created', 's', 'local', 'default', '{}'), (7, 1, 'session_updated', 's', 'local', 'default', '{}'), (9, 1, 'session_updated', 's', 'local', 'default', '{}');
		DELETE FROM events WHERE seq = 9;
		INSERT INTO meta VALUES ('events_forgotten', '5');
		INSERT INTO entries (n, session_id, source, run, at, type, data) VALUES (3, 's', 'daemon', 1, 1, 'note', '1'), (8, 's', 'daemon', 1, 1, 'note', '2')`))(t)
	check(t, w.Close())
	db := must(Open(path))(t)
	defer db.Close()
	local := Principal{UserID: "local", TenantID: "default"}
	if s := must(db.Stream(t.Context(), local))(t); s != (Stream{Last: 9, Forgotten: 5}) || s.Missed(6) || !s.Missed(4) || !s.Missed(0) {
		t.Errorf("%+v", s)
	}
	check(t, db.SetActivity(t.Context(), "s", "active", ""))
	if got := must(db.Events(t.Context(), local, 6, 100))(t); len(got) != 2 || got[0].Seq != 7 || got[1].Seq != 10 {
		t.Errorf("events after 6: %+v", got)
	}
	must(db.AppendDaemon(t.Context(), "s", "note", "", nil))(t)
	must(db.AppendJournal(t.Context(), "s", "e", journal(1, 2)))(t)
	var ns []int64
	for _, e := range must(db.Entries(t.Context(), local, "s", 3, 0, 100))(t) {
		ns = append(ns, e.N)
	}
	if fmt.Sprint(ns) != "[8 9 10 11]" {
		t.Errorf("entries after 3: %v", ns)
	}
}
