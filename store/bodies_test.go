package store

import (
	"bytes"
	"errors"
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// names has an entry of a session name hashes.
func names(t *testing.T, db *DB, s Session, seq int64, hashes ...string) {
	t.Helper()
	entries := journal(seq, seq)
	entries[0].Bodies = hashes
	must(db.AppendJournal(t.Context(), s.ID, "e", entries))(t)
}

func TestABodyIsNamedKeptAndGoesWithItsSession(t *testing.T) {
	db := open(t)
	s, noise := create(t, db), create(t, db)
	names(t, db, s, 1, "a", "b")
	names(t, db, s, 1, "not taken over: the entry was there")
	names(t, db, s, 2, "b", "c")
	names(t, db, noise, 1, "a")
	if diff := cmp.Diff([]string{"a", "b", "c"}, must(db.NamedBodies(t.Context(), s.ID, 10))(t)); diff != "" {
		t.Error(diff)
	}
	check(t, db.KeepBody(t.Context(), s.ID, "a", []byte("first")))
	check(t, db.KeepBody(t.Context(), s.ID, "a", []byte("another")))
	check(t, db.KeepBody(t.Context(), s.ID, "b", nil))
	check(t, db.KeepBody(t.Context(), s.ID, "unnamed", []byte("x")))
	if diff := cmp.Diff([]string{"c"}, must(db.NamedBodies(t.Context(), s.ID, 10))(t)); diff != "" {
		t.Error(diff)
	}
	if got, err := db.SystemBody(t.Context(), s.ID, "a"); string(got) != "first" || err != nil {
		t.Errorf("%q, %v", got, err)
	}
	for hash, want := range map[string]error{"b": ErrGone, "c": ErrNotFound, "unnamed": ErrNotFound} {
		if _, err := db.SystemBody(t.Context(), s.ID, hash); !errors.Is(err, want) {
			t.Errorf("%s: %v, want %v", hash, err, want)
		}
	}
	if _, err := db.SystemBody(t.Context(), noise.ID, "a"); !errors.Is(err, ErrNotFound) {
		t.Errorf("another session's body was given: %v", err)
	}
	check(t, db.Forget(t.Context(), must(db.SystemSession(t.Context(), s.ID))(t)))
	if _, err := db.SystemBody(t.Context(), s.ID, "a"); !errors.Is(err, ErrNotFound) {
		t.Errorf("a deleted session's body: %v", err)
	}
}

func TestTheOldestBodiesGoFirst(t *testing.T) {
	db := open(t)
	s := create(t, db)
	const n = sessionBodies/MaxBody + 2
	big := bytes.Repeat([]byte("x"), MaxBody)
	for i := range int64(n) {
		names(t, db, s, i+1, fmt.Sprint(i))
		check(t, db.KeepBody(t.Context(), s.ID, fmt.Sprint(i), big))
	}
	for i := range n {
		_, err := db.SystemBody(t.Context(), s.ID, fmt.Sprint(i))
		if want := i < 2; errors.Is(err, ErrGone) != want || !want && err != nil {
			t.Errorf("body %d of %d: %v", i, n, err)
		}
	}
	names(t, db, s, n+1, "too large")
	check(t, db.KeepBody(t.Context(), s.ID, "too large", append(big, 'x')))
	if _, err := db.SystemBody(t.Context(), s.ID, "too large"); !errors.Is(err, ErrGone) {
		t.Errorf("too large: %v", err)
	}
	// Of all sessions together, with less room.
	other := create(t, db)
	names(t, db, other, 1, "newest")
	check(t, db.KeepBody(t.Context(), other.ID, "newest", []byte("x")))
	check(t, db.write(t.Context(), func(tx *tx) error { return tx.dropBodies(t.Context(), "", MaxBody+1) }))
	for _, c := range []struct {
		id, hash string
		kept     bool
	}{{other.ID, "newest", true}, {s.ID, fmt.Sprint(n - 1), true}, {s.ID, fmt.Sprint(n - 2), false}} {
		if _, err := db.SystemBody(t.Context(), c.id, c.hash); (err == nil) != c.kept {
			t.Errorf("%s: %v", c.hash, err)
		}
	}
}
