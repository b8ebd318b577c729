package store

import (
	"errors"
	"sync"
	"testing"
)

// What a user said to a definition counts for them, that repository and that
// content; many at once say it once.
func TestADefinitionIsTrustedOncePerContent(t *testing.T) {
	db := open(t)
	people(t, db)
	ctx := t.Context()
	const repo, hash = "https://a/b", "h1"
	var all sync.WaitGroup
	for range 12 {
		all.Go(func() {
			if got, err := db.Trust(ctx, anna, repo, hash, true); err != nil || !got.Used || got.Hash != hash {
				t.Errorf("%+v %v", got, err)
			}
		})
	}
	all.Wait()
	for name, ask := range map[string]func() (Trust, error){
		"another user":       func() (Trust, error) { return db.Trusted(ctx, bert, repo, hash) },
		"an admin":           func() (Trust, error) { return db.Trusted(ctx, chief, repo, hash) },
		"another content":    func() (Trust, error) { return db.Trusted(ctx, anna, repo, "h2") },
		"another repository": func() (Trust, error) { return db.Trusted(ctx, anna, "https://a/c", hash) },
	} {
		if got, err := ask(); !errors.Is(err, ErrNotFound) {
			t.Errorf("%s: %+v %v", name, got, err)
		}
	}
	first := must(db.Trusted(ctx, anna, repo, hash))(t)
	changed := must(db.Trust(ctx, anna, repo, hash, false))(t)
	if changed.Used || changed.ID != first.ID {
		t.Errorf("%+v, after %+v", changed, first)
	}
	check(t, db.ForgetTrust(ctx, anna, first.ID))
	if err := db.ForgetTrust(ctx, anna, first.ID); !errors.Is(err, ErrNotFound) {
		t.Errorf("forgotten twice: %v", err)
	}
	if left := must(db.Trusts(ctx, anna))(t); len(left) != 0 {
		t.Errorf("%+v", left)
	}
	var acts []string
	rows := must(db.r.QueryContext(ctx, `SELECT act || ' ' || subject || ' ' || detail FROM audit WHERE user_id = 'anna' AND act LIKE 'definition.%' ORDER BY n`))(t)
	for rows.Next() {
		var act string
		check(t, rows.Scan(&act))
		acts = append(acts, act)
	}
	check(t, rows.Err())
	want := []string{`definition.confirmed https://a/b {"hash":"h1"}`, `definition.declined https://a/b {"hash":"h1"}`, `definition.forgotten https://a/b {"hash":"h1"}`}
	if len(acts) != len(want) {
		t.Fatalf("%q", acts)
	}
	for i := range want {
		if acts[i] != want[i] {
			t.Errorf("%q, want %q", acts[i], want[i])
		}
	}
	must(db.Trust(ctx, bert, repo, hash, true))(t)
	check(t, db.RemoveUser(ctx, chief, bert.UserID))
	if got, err := db.Trusted(ctx, bert, repo, hash); !errors.Is(err, ErrNotFound) {
		t.Errorf("a removed user trusts: %+v %v", got, err)
	}
}
