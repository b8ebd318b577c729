// Package store holds every SQL statement of Volundr: sessions, their events
// and conversations, usage, chronicles, logins and credentials, in one SQLite
// file.
//
// Rows that belong to somebody are read and changed with a Principal. The
// methods without one act for the system (engine, link, chronicle) and say so.
package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"time"

	"modernc.org/sqlite"
	sqlite3 "modernc.org/sqlite/lib"
)

// DB is the open database. All methods may be called from many goroutines.
type DB struct {
	w    *sql.DB // the only connection that writes
	r    *sql.DB // a pool that cannot
	fuse func() error

	mu     sync.Mutex
	subs   map[chan struct{}]bool
	teller Teller
	gauge  Gauge
	reseal Resealer
	told   map[string]int64 // by chronicle: how often its timeline was written
}

// Option changes how Open works.
type Option func(*DB)

// WithFuse makes tests kill the daemon at any write: fuse is called before
// every write transaction (nothing is written when it fails) and again after
// its commit (the write stands, but the caller is told that it failed).
func WithFuse(fuse func() error) Option { return func(db *DB) { db.fuse = fuse } }

// fuse is that of every database without one of its own: it lets all pass. Only a
// build for tests has another (mortal.go).
var fuse = func() error { return nil }

// Open opens the database file at path, makes it when it is missing, and brings
// it to the newest schema. ErrNewer when the file is ahead of this program.
func Open(path string, options ...Option) (*DB, error) {
	db := &DB{fuse: fuse, subs: map[chan struct{}]bool{}, told: map[string]int64{}}
	for _, o := range options {
		o(db)
	}
	if err := db.open(path); err != nil {
		return nil, fmt.Errorf("open database %s: %w", path, errors.Join(explain(err), db.Close()))
	}
	return db, nil
}

func (db *DB) open(path string) error {
	path, err := filepath.Abs(path)
	if err != nil {
		return err
	}
	// SQLite would make the file readable to everybody.
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return err
	}
	if err := f.Close(); err != nil {
		return err
	}
	// Immediate: a transaction that reads and then writes fails with
	// SQLITE_BUSY under concurrency if it begins deferred, whatever the timeout.
	if db.w, err = sql.Open("sqlite", dsn(path, "immediate", "journal_mode(WAL)", "synchronous(FULL)", "foreign_keys(1)")); err != nil {
		return err
	}
	db.w.SetMaxOpenConns(1)
	if err := migrate(context.Background(), db.w, path, embedded); err != nil {
		return err
	}
	if db.r, err = sql.Open("sqlite", dsn(path, "deferred", "query_only(1)", "cache_size(-16384)")); err != nil {
		return err
	}
	db.r.SetMaxOpenConns(4)
	db.r.SetMaxIdleConns(4)
	return nil
}

func dsn(path, lock string, pragmas ...string) string {
	q := url.Values{"_txlock": {lock}, "_pragma": append([]string{"busy_timeout(10000)"}, pragmas...)}
	return "file:" + (&url.URL{Path: path}).EscapedPath() + "?" + q.Encode()
}

// Close closes the database. Writes that were begun are waited for.
func (db *DB) Close() error {
	var errs []error
	for _, d := range []*sql.DB{db.r, db.w} {
		if d != nil {
			errs = append(errs, d.Close())
		}
	}
	return errors.Join(errs...)
}

// tx is a write transaction that remembers whom to nudge.
type tx struct {
	*sql.Tx
	now   time.Time // of everything that is written, whole milliseconds
	nudge bool
	news  []string // chronicles whose timelines are written
}

// write runs fn in a transaction on the writing connection.
func (db *DB) write(ctx context.Context, fn func(*tx) error) error {
	if err := db.fuse(); err != nil {
		return err
	}
	sqlTx, err := db.w.BeginTx(ctx, nil)
	if err != nil {
		return explain(err)
	}
	defer sqlTx.Rollback()
	t := &tx{Tx: sqlTx, now: time.Now().UTC().Truncate(time.Millisecond)}
	if err := fn(t); err != nil {
		return explain(err)
	}
	if err := t.Commit(); err != nil {
		return explain(err)
	}
	db.countTold(t.news)
	if t.nudge {
		db.nudge()
	}
	return db.fuse()
}

// explain wraps what SQLite says about the disk and the file with a sentinel
// and a sentence.
func explain(err error) error {
	var e *sqlite.Error
	switch {
	case err == nil || errors.Is(err, ErrFull):
		return err
	case errors.Is(err, syscall.ENOSPC):
		return fmt.Errorf("%w: free some space where Volundr's data lies and try again: %w", ErrFull, err)
	case !errors.As(err, &e):
		return err
	case e.Code()&0xff == sqlite3.SQLITE_FULL || e.Code() == sqlite3.SQLITE_IOERR_SHMSIZE:
		return fmt.Errorf("%w: free some space where Volundr's data lies and try again: %w", ErrFull, err)
	case e.Code() == sqlite3.SQLITE_CONSTRAINT_TRIGGER && strings.Contains(e.Error(), "the user was moved"):
		return &ConflictError{"You were moved to another tenant meanwhile: reload, and do it again."}
	case e.Code()&0xff == sqlite3.SQLITE_NOTADB:
		return fmt.Errorf("the file is not a Volundr database: move it away, or choose another folder with --data-dir: %w", err)
	}
	return err
}

// millis is how times stand in the database; 0 is the zero time.
func millis(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.UnixMilli()
}

func moment(ms int64) time.Time {
	if ms == 0 {
		return time.Time{}
	}
	return time.UnixMilli(ms).UTC()
}
