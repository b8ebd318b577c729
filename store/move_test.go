package store

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// furnish gives anna something of everything.
func furnish(t *testing.T, db *DB) Session {
	t.Helper()
	ctx, end := t.Context(), time.Now().Add(time.Hour)
	s := put(t, db, create(t, db, func(s *Session) { s.Want = WantRunning }), Running)
	check(t, db.OpenChronicle(ctx, Chronicle{SessionID: s.ID, Run: 1, OwnerID: "anna", TenantID: "t1"}))
	must(db.AddPrompt(ctx, anna, Prompt{ID: "p", SessionID: s.ID, Blocks: json.RawMessage(`[]`)}))(t)
	must(db.AddComment(ctx, anna, Comment{SessionID: s.ID, Path: "a", Side: "new", Line: 1, Body: "b"}))(t)
	check(t, db.RecordUsage(ctx, Usage{SessionID: s.ID, Run: 1, Turn: "1", Provider: "cloud", Model: "m", Input: 5}))
	check(t, db.PutBlob(ctx, Blob{Digest: "d", OwnerID: "anna", TenantID: "t1"}))
	must(db.PutCredential(ctx, anna, Credential{Name: "c", Type: "generic", Sealed: []byte("sealed for t1")}))(t)
	must(db.AddPreset(ctx, anna, Preset{Name: "p", Request: json.RawMessage(`{}`)}))(t)
	must(db.PutSavedPrompt(ctx, anna, SavedPrompt{Name: "p", Content: "c"}))(t)
	must(db.AddIntegration(ctx, anna, Integration{Slug: "linear", Type: "issue_tracker", Adapter: "linear", Credential: "c"}))(t)
	must(db.AddFile(ctx, anna, File{Name: "f"}))(t)
	must(db.AddLogin(ctx, Login{Hash: "cookie", UserID: "anna", TenantID: "t1", ExpiresAt: end}))(t)
	must(db.AddToken(ctx, anna, Token{Name: "ci", Hash: "token", ExpiresAt: end}))(t)
	check(t, db.AddLoginLink(ctx, "link", anna, end))
	must(db.Trust(ctx, anna, "repository", "hash", true))(t)
	check(t, db.SetQuota(ctx, chief, "anna", Amounts{Sessions: 3}))
	must(db.ShareSession(ctx, anna, s.ID, "bert"))(t)
	theirs := create(t, db, func(s *Session) { s.OwnerID = "bert" })
	must(db.ShareSession(ctx, bert, theirs.ID, "anna"))(t)
	return s
}

// left counts in each table what is of a tenant, and of anna there. It asks the
// schema for the tables: a new one that MoveUser does not know fails.
func left(t *testing.T, db *DB, tenant string) map[string]int {
	t.Helper()
	out := map[string]int{}
	for _, table := range must(texts(db.r.QueryContext(t.Context(), `SELECT DISTINCT m.name FROM sqlite_master m JOIN pragma_table_info(m.name) c
		WHERE m.type = 'table' AND c.name = 'tenant_id'`)))(t) {
		columns := must(texts(db.r.QueryContext(t.Context(), `SELECT name FROM pragma_table_info(?)`, table)))(t)
		owner := ""
		for _, c := range []string{"owner_id", "user_id"} {
			if slices.Contains(columns, c) {
				owner = c
			}
		}
		if table == "users" {
			owner = "id"
		}
		if owner == "" {
			continue // of nobody
		}
		var n int
		check(t, db.r.QueryRowContext(t.Context(), `SELECT count(*) FROM `+table+` WHERE tenant_id = ? AND `+owner+` = 'anna'`, tenant).Scan(&n))
		out[table] = n
	}
	return out
}

func TestWithAMovedUserGoesAllThatIsTheirs(t *testing.T) {
	db := open(t)
	people(t, db)
	db.Reseal(func(_ context.Context, c Credential, to Principal) ([]byte, error) {
		return []byte(strings.Replace(string(c.Sealed), "t1", to.TenantID, 1)), nil
	})
	s := furnish(t, db)
	before, cursor := left(t, db, "t1"), must(db.Stream(t.Context(), chief))(t).Last
	for table, n := range before {
		if n == 0 {
			t.Fatalf("there is nothing of hers in %s: the test has to put something there", table)
		}
	}
	m := must(db.MoveUser(t.Context(), local.In("t1"), Move{User: "anna", To: "two"}))(t)
	if m.User.TenantID != "t2" || m.User.Name != "anna" || !cmp.Equal(m.Sessions, []string{s.ID}) || !cmp.Equal(m.Guests, []string{"bert"}) {
		t.Errorf("%+v", m)
	}
	stays := map[string]bool{"audit": true, "events": true} // what was done there; that her session is gone
	gone := map[string]bool{"quotas": true, "shares": true, "login_links": true}
	after, there := left(t, db, "t1"), left(t, db, "t2")
	for table, n := range before {
		switch {
		case stays[table]:
		case after[table] != 0 || gone[table] && there[table] != 0 || !gone[table] && there[table] != n:
			t.Errorf("%s: of %d rows %d were left, %d are there", table, n, after[table], there[table])
		}
	}
	moved := Principal{UserID: "anna", TenantID: "t2"}
	if got := must(db.Session(t.Context(), moved, s.ID))(t); got.State != Running || got.Want != WantRunning || got.Run != s.Run || got.Version <= s.Version {
		t.Errorf("%+v", got)
	}
	if c := must(db.Credential(t.Context(), moved, "c"))(t); string(c.Sealed) != "sealed for t2" {
		t.Errorf("%q", c.Sealed)
	}
	for _, p := range []Principal{chief, {UserID: "bert", TenantID: "t1", Guest: true}, anna} {
		if _, err := db.Session(t.Context(), p, s.ID); !errors.Is(err, ErrNotFound) {
			t.Errorf("%+v still sees it: %v", p, err)
		}
	}
	if must(db.LoginByHash(t.Context(), "cookie", time.Now()))(t).TenantID != "t2" {
		t.Error("her browser is not logged in there")
	}
	for who, p := range map[string]Principal{"chief": chief, "bert": {UserID: "bert", TenantID: "t1", Guest: true}} {
		told := must(db.Events(t.Context(), p, cursor, 100))(t)
		if len(told) == 0 || slices.ContainsFunc(told, func(e Event) bool { return e.Type != SessionDeleted || e.SessionID != s.ID }) {
			t.Errorf("%s is told %+v", who, told)
		}
	}
	if told := must(db.Events(t.Context(), moved, 0, 100))(t); len(told) != 1 || told[0].Type != SessionCreated {
		t.Errorf("she is told %+v", told)
	}
	if c := must(db.VerifyAudit(t.Context(), ""))(t); c.Broken != "" {
		t.Error(c.Broken)
	}
	said := map[string]string{}
	for tenant, p := range map[string]Principal{"first": local, "old": chief, "new": other} {
		d := must(db.Deeds(t.Context(), p, DeedFilter{Limit: 1}))(t)[0]
		said[tenant] = d.Act + " " + string(d.Detail)
	}
	if diff := cmp.Diff(map[string]string{
		"first": `user.moved {"as":"anna","from":"one","name":"anna","role":"developer","to":"two"}`,
		"old":   `user.left {"name":"anna"}`,
		"new":   `user.came {"name":"anna","role":"developer"}`,
	}, said); diff != "" {
		t.Error(diff)
	}
}

// Nobody becomes an admin of another tenant by being moved, nor takes a name.
func TestAMovedAdminIsADeveloperUnderAFreeName(t *testing.T) {
	db := open(t)
	people(t, db)
	must(db.AddUser(t.Context(), other, User{ID: "chief-of-two", Name: "anna", Role: RoleViewer}))(t)
	must(db.SetRole(t.Context(), chief, "anna", RoleAdmin))(t)
	m := must(db.MoveUser(t.Context(), local.In("t1"), Move{User: "anna", To: "t2"}))(t)
	if m.User.Role != RoleDeveloper || m.User.Name != "anna-2" || m.Was.Name != "anna" {
		t.Errorf("%+v", m.User)
	}
	if _, err := db.MoveUser(t.Context(), local.In("t2"), Move{User: "anna", To: "two"}); !errors.Is(err, ErrConflict) || err.Error() != "anna-2 is in two already." {
		t.Errorf("%v", err)
	}
	m = must(db.MoveUser(t.Context(), local.In("t2"), Move{User: "anna", To: "one", Role: RoleAdmin}))(t)
	if m.User.Role != RoleAdmin {
		t.Errorf("%+v", m.User)
	}
	if _, err := db.MoveUser(t.Context(), local.In("t1"), Move{User: "anna", To: "nowhere"}); !errors.Is(err, ErrNoTenant) {
		t.Errorf("%v", err)
	}
	if _, err := db.MoveUser(t.Context(), local.In("t1"), Move{User: "nobody", To: "two"}); !errors.Is(err, ErrNotFound) || errors.Is(err, ErrNoTenant) {
		t.Errorf("%v", err)
	}
}

// A move is whole or did not happen, wherever the daemon is killed.
func TestAMoveIsWholeOrNothing(t *testing.T) {
	killed := errors.New("killed")
	for writes := range 2 { // before anything is written, and after the commit
		armed, left := false, writes
		db := open(t, WithFuse(func() error {
			if !armed {
				return nil
			}
			if left--; left < 0 {
				return killed
			}
			return nil
		}))
		people(t, db)
		s := furnish(t, db)
		armed = true
		if _, err := db.MoveUser(t.Context(), local.In("t1"), Move{User: "anna", To: "two"}); !errors.Is(err, killed) {
			t.Fatalf("%v", err)
		}
		in := anna
		if writes == 1 {
			in.TenantID = "t2"
		}
		if _, err := db.Session(t.Context(), in, s.ID); err != nil {
			t.Errorf("after %d: %v", writes, err)
		}
	}
}

// What is written for a user who was moved meanwhile is either theirs where they
// are now, or not written.
func TestWhatIsWrittenDuringAMoveIsNotLeftBehind(t *testing.T) {
	db := open(t)
	people(t, db)
	s := furnish(t, db)
	must(db.MoveUser(t.Context(), local.In("t1"), Move{User: "anna", To: "two"}))(t)
	ctx := t.Context()
	_, session := db.CreateSession(ctx, Session{Name: "late", OwnerID: "anna", TenantID: "t1", Runtime: "fake"})
	_, credential := db.PutCredential(ctx, anna, Credential{Name: "late", Type: "generic", Sealed: []byte("x")})
	_, preset := db.AddPreset(ctx, anna, Preset{Name: "late", Request: json.RawMessage(`{}`)})
	_, prompt := db.PutSavedPrompt(ctx, anna, SavedPrompt{Name: "late", Content: "c"})
	_, integration := db.AddIntegration(ctx, anna, Integration{Slug: "linear", Type: "issue_tracker", Adapter: "linear", Credential: "c"})
	_, file := db.AddFile(ctx, anna, File{Name: "late"})
	for what, err := range map[string]error{"session": session, "credential": credential, "preset": preset, "prompt": prompt, "integration": integration, "file": file} {
		if !errors.Is(err, ErrConflict) || !strings.Contains(err.Error(), "moved to another tenant") {
			t.Errorf("%s: %v", what, err)
		}
	}
	_, token := db.AddToken(ctx, anna, Token{Name: "late", Hash: "late", ExpiresAt: time.Now().Add(time.Hour)})
	_, login := db.AddLogin(ctx, Login{Hash: "late", UserID: "anna", TenantID: "t1", ExpiresAt: time.Now().Add(time.Hour)})
	if token == nil || login == nil {
		t.Errorf("ways in: %v, %v", token, login)
	}
	// The engine has read the session before the move.
	if _, err := db.Conclude(ctx, s, s); !errors.Is(err, ErrStale) {
		t.Errorf("an old row is concluded of: %v", err)
	}
	check(t, db.OpenChronicle(ctx, Chronicle{SessionID: s.ID, Run: 2, OwnerID: "anna", TenantID: "t1"}))
	check(t, db.PutBlob(ctx, Blob{Digest: "late", OwnerID: "anna", TenantID: "t1"}))
	for table, n := range left(t, db, "t1") {
		if n > 0 && table != "audit" && table != "events" {
			t.Errorf("%d rows of %s are left behind", n, table)
		}
	}
}

// Credentials that are stored while they are closed anew are not lost.
func TestACredentialStoredDuringAMoveGoesAlong(t *testing.T) {
	db := open(t)
	people(t, db)
	must(db.PutCredential(t.Context(), anna, Credential{Name: "c", Type: "generic", Sealed: []byte("1")}))(t)
	n := 0
	db.Reseal(func(ctx context.Context, c Credential, to Principal) ([]byte, error) {
		if n++; n == 1 {
			must(db.PutCredential(ctx, anna, Credential{Name: "c", Type: "generic", Sealed: []byte("2")}))(t)
			must(db.PutCredential(ctx, anna, Credential{Name: "more", Type: "generic", Sealed: []byte("3")}))(t)
		}
		if c.Name == "more" {
			return nil, fmt.Errorf("opened by another key: %w", ErrNotFound)
		}
		return append([]byte("anew "), c.Sealed...), nil
	})
	must(db.MoveUser(t.Context(), local.In("t1"), Move{User: "anna", To: "two"}))(t)
	got := map[string]string{}
	for _, c := range must(db.Credentials(t.Context(), Principal{UserID: "anna", TenantID: "t2"}))(t) {
		got[c.Name] = string(c.Sealed)
	}
	if diff := cmp.Diff(map[string]string{"c": "anew 2", "more": "3"}, got); diff != "" {
		t.Error(diff)
	}
	locked := errors.New("locked")
	db.Reseal(func(context.Context, Credential, Principal) ([]byte, error) { return nil, locked })
	if _, err := db.MoveUser(t.Context(), local.In("t2"), Move{User: "anna", To: "one"}); !errors.Is(err, locked) {
		t.Errorf("%v", err)
	}
}

// An admin can log in as anybody of their tenant. What they may have kept of that
// counts no more where it would make them an admin of another one, nor as somebody
// who comes in by a provider.
func TestWaysInThatTheOldAdminMayHaveEndWithAMove(t *testing.T) {
	for name, c := range map[string]struct {
		issuer string
		role   Role
		want   string // that still count
	}{
		"a developer":              {"", RoleDeveloper, "by link, by provider, token"},
		"of whom somebody vouches": {"https://id", RoleDeveloper, "by provider, token"},
		"an admin there":           {"", RoleAdmin, ""},
	} {
		t.Run(name, func(t *testing.T) {
			db := open(t)
			people(t, db)
			ctx, end := t.Context(), time.Now().Add(time.Hour)
			must(db.w.ExecContext(ctx, `UPDATE users SET issuer = ?, subject = id WHERE id = 'anna'`, c.issuer))(t)
			link := must(db.AddLogin(ctx, Login{Hash: "by link", UserID: "anna", TenantID: "t1", ExpiresAt: end}))(t)
			must(db.AddLogin(ctx, Login{Hash: "by provider", UserID: "anna", TenantID: "t1", Via: ViaOIDC, ExpiresAt: end}))(t)
			must(db.AddToken(ctx, anna, Token{Name: "ci", Hash: "token", ExpiresAt: end}))(t)
			m := must(db.MoveUser(ctx, local.In("t1"), Move{User: "anna", To: "two", Role: c.role}))(t)
			var still []string
			for _, hash := range []string{"by link", "by provider"} {
				if _, err := db.LoginByHash(ctx, hash, time.Now()); err == nil {
					still = append(still, hash)
				}
			}
			if _, err := db.LoginByToken(ctx, "token", time.Now()); err == nil {
				still = append(still, "token")
			}
			if got := strings.Join(still, ", "); got != c.want || len(m.Ended) != 3-len(still) || len(still) < 3 && !slices.Contains(m.Ended, link.ID) {
				t.Errorf("%q still count, %d are told: %v", got, len(m.Ended), m.Ended)
			}
		})
	}
}
