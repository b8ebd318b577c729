package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"testing/fstest"

	"golang.org/x/sync/errgroup"
)

func TestManyWritersNeverMeetABusyDatabase(t *testing.T) {
	path := filepath.Join(t.TempDir(), "volundr.db")
	// Two handles on one file stand for the daemon and a tool beside it.
	a, b := must(Open(path))(t), must(Open(path))(t)
	defer a.Close()
	defer b.Close()
	s := create(t, a)
	var g errgroup.Group
	const writers, each = 16, 20
	for i := range writers {
		db := []*DB{a, b}[i%2]
		g.Go(func() error {
			for n := range each {
				if _, err := db.AppendDaemon(t.Context(), s.ID, "note", "", i*1000+n); err != nil {
					return err
				}
				if _, err := db.PatchSession(t.Context(), anna, s.ID, SessionPatch{}); err != nil { // reads, then writes
					return err
				}
				if _, err := db.Entries(t.Context(), anna, s.ID, 0, 0, 10); err != nil {
					return err
				}
			}
			return nil
		})
	}
	check(t, g.Wait())
	if got := must(a.Entries(t.Context(), anna, s.ID, 0, 0, 10000))(t); len(got) != writers*each {
		t.Errorf("%d entries", len(got))
	}
}

func TestReadersCannotWrite(t *testing.T) {
	db := open(t)
	if _, err := db.r.ExecContext(t.Context(), `DELETE FROM sessions`); err == nil {
		t.Error("the reading pool wrote")
	}
}

func TestSettingsOfTheFile(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "a folder?with#odd %signs")
	check(t, os.Mkdir(dir, 0o700))
	path := filepath.Join(dir, "volundr.db")
	db := must(Open(path))(t)
	defer db.Close()
	for pragma, want := range map[string]string{"journal_mode": "wal", "synchronous": "2", "foreign_keys": "1", "busy_timeout": "10000"} {
		var got string
		check(t, db.w.QueryRowContext(t.Context(), `PRAGMA `+pragma).Scan(&got))
		if got != want {
			t.Errorf("%s is %s", pragma, got)
		}
	}
	info := must(os.Stat(path))(t)
	if info.Mode().Perm() != 0o600 {
		t.Errorf("mode %v", info.Mode())
	}
}

func TestNewerFileIsRefusedAndLeftAlone(t *testing.T) {
	path := filepath.Join(t.TempDir(), "volundr.db")
	db := must(Open(path))(t)
	_, err := db.w.ExecContext(t.Context(), `PRAGMA user_version = 99`)
	check(t, err)
	check(t, db.Close())
	_, err = Open(path)
	if !errors.Is(err, ErrNewer) || !strings.Contains(err.Error(), "newer Volundr") || !strings.Contains(err.Error(), path) {
		t.Errorf("%v", err)
	}
}

func TestWhatIsNoDatabaseIsRefusedWithASentence(t *testing.T) {
	path := filepath.Join(t.TempDir(), "volundr.db")
	check(t, os.WriteFile(path, []byte(strings.Repeat("this is a letter to my aunt ", 100)), 0o600))
	if _, err := Open(path); err == nil || !strings.Contains(err.Error(), "not a Volundr database") {
		t.Errorf("%v", err)
	}
}

func TestMigrationKeepsACopyOfTheFileBefore(t *testing.T) {
	path := filepath.Join(t.TempDir(), "volundr.db")
	raw := must(sql.Open("sqlite", dsn(path, "immediate")))(t)
	defer raw.Close()
	step := func(names ...string) error {
		files := fstest.MapFS{}
		for i, n := range names {
			files[fmt.Sprintf("%04d.sql", i+1)] = &fstest.MapFile{Data: []byte(n)}
		}
		return migrate(t.Context(), raw, path, files)
	}
	first := `CREATE TABLE a (x INTEGER) STRICT; INSERT INTO a VALUES (1)`
	check(t, step(first))
	if _, err := os.Stat(path + ".v0.bak"); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("an empty file was copied: %v", err)
	}
	// The second of two fails: the first stands, nothing of the second does.
	if err := step(first, `UPDATE a SET x = 2`, `UPDATE a SET x = 3; SELECT nonsense`); err == nil || !strings.Contains(err.Error(), "0003.sql") {
		t.Errorf("broken migration: %v", err)
	}
	value := func(db *sql.DB) (x, version int) {
		check(t, db.QueryRow(`SELECT x, (SELECT user_version FROM pragma_user_version) FROM a`).Scan(&x, &version))
		return x, version
	}
	if x, v := value(raw); x != 2 || v != 2 {
		t.Errorf("x %d at version %d", x, v)
	}
	check(t, step(first, `UPDATE a SET x = 2`, `UPDATE a SET x = 3`))
	for version, want := range map[int]int{1: 1, 2: 2} {
		copied := must(sql.Open("sqlite", fmt.Sprintf("%s.v%d.bak", path, version)))(t)
		defer copied.Close()
		if x, v := value(copied); x != want || v != version {
			t.Errorf("copy of version %d: x %d, version %d", version, x, v)
		}
	}
}

func TestFuseKillsBeforeOrAfterTheWrite(t *testing.T) {
	dead := errors.New("killed")
	for n, wantRow := range map[int]bool{1: false, 2: true} {
		calls := 0
		db := open(t, WithFuse(func() error {
			if calls++; calls == n {
				return dead
			}
			return nil
		}))
		_, err := db.SetMetaOnce(t.Context(), "key", "value")
		if !errors.Is(err, dead) {
			t.Errorf("fuse %d: %v", n, err)
		}
		_, err = db.Meta(t.Context(), "key")
		if got := err == nil; got != wantRow {
			t.Errorf("fuse %d: row there: %v", n, got)
		}
	}
}

func TestFullDiskIsSaidSo(t *testing.T) {
	db := open(t)
	var pages int
	check(t, db.w.QueryRow(`PRAGMA page_count`).Scan(&pages))
	_, err := db.w.Exec(fmt.Sprintf(`PRAGMA max_page_count = %d`, pages))
	check(t, err)
	_, err = db.SetMetaOnce(t.Context(), "big", strings.Repeat("x", 1<<20))
	if !errors.Is(err, ErrFull) || !strings.Contains(err.Error(), "free some space") {
		t.Errorf("%v", err)
	}
	if err := explain(&os.PathError{Op: "write", Err: syscall.ENOSPC}); !errors.Is(err, ErrFull) {
		t.Errorf("ENOSPC: %v", err)
	}
}

func TestCancelledWriteLeavesNothing(t *testing.T) {
	db := open(t)
	ctx, cancel := context.WithCancel(t.Context())
	err := db.write(ctx, func(tx *tx) error {
		_, err := tx.ExecContext(ctx, `INSERT INTO meta VALUES ('a', 'b')`)
		cancel()
		return err
	})
	if err == nil {
		t.Error("committed")
	}
	if _, err := db.Meta(t.Context(), "a"); !errors.Is(err, ErrNotFound) {
		t.Errorf("left behind: %v", err)
	}
	must(db.SetMetaOnce(t.Context(), "a", "c"))(t) // and the connection works on
}
