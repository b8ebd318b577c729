package store

import (
	"context"
	"encoding/json"
	"path/filepath"
	"testing"
)

var (
	anna  = Principal{UserID: "anna", TenantID: "t1"}
	bert  = Principal{UserID: "bert", TenantID: "t1"}
	chief = Principal{UserID: "chief", TenantID: "t1", Admin: true}
	other = Principal{UserID: "chief", TenantID: "t2", Admin: true}
)

func open(t *testing.T, options ...Option) *DB {
	t.Helper()
	db, err := Open(filepath.Join(t.TempDir(), "volundr.db"), options...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := db.Close(); err != nil {
			t.Error(err)
		}
	})
	return db
}

// people makes users of the principals above.
func people(t *testing.T, db *DB) {
	t.Helper()
	must(db.w.ExecContext(t.Context(), `INSERT INTO tenants VALUES ('t1', 'one', 0), ('t2', 'two', 0)`))(t)
	for p, role := range map[Principal]Role{anna: RoleDeveloper, bert: RoleDeveloper, chief: RoleAdmin, other: RoleAdmin} {
		must(db.AddUser(t.Context(), Principal{TenantID: p.TenantID, Admin: true}, User{ID: p.UserID, Name: p.UserID, Role: role}))(t)
	}
}

// create makes a session of anna's.
func create(t *testing.T, db *DB, change ...func(*Session)) Session {
	t.Helper()
	s := Session{Name: "demo", OwnerID: "anna", TenantID: "t1", Runtime: "fake", Request: json.RawMessage(`{"agent":"claude"}`)}
	for _, c := range change {
		c(&s)
	}
	return must(db.CreateSession(t.Context(), s))(t)
}

// must unwraps a result, or fails the test.
func must[T any](v T, err error) func(*testing.T) T {
	return func(t *testing.T) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
}

func check(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// put gives a session any state, whatever is legal.
func put(t *testing.T, db *DB, s Session, state State) Session {
	t.Helper()
	n := s
	n.State = state
	return must(db.Conclude(context.Background(), s, n))(t)
}
