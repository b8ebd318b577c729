package store

import (
	"errors"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

func TestAFreshInstallationHasOneAdmin(t *testing.T) {
	db := open(t)
	local := Principal{UserID: "local", TenantID: "default", Admin: true}
	want := []User{{ID: "local", TenantID: "default", Name: "local", Role: RoleAdmin}}
	if diff := cmp.Diff(want, must(db.Users(t.Context(), local))(t), cmpopts.IgnoreFields(User{}, "CreatedAt")); diff != "" {
		t.Error(diff)
	}
}

func TestTheLastAdminStays(t *testing.T) {
	db := open(t)
	people(t, db)
	_, demote := db.SetRole(t.Context(), chief, "chief", RoleViewer)
	for what, err := range map[string]error{"demoted": demote, "removed": db.RemoveUser(t.Context(), chief, "chief")} {
		if !errors.Is(err, ErrConflict) || err.Error() != "chief is the last admin: make somebody else one first." {
			t.Errorf("%s: %v", what, err)
		}
	}
	if u := must(db.SetRole(t.Context(), chief, "anna", RoleAdmin))(t); u.Role != RoleAdmin {
		t.Errorf("%+v", u)
	}
	must(db.SetRole(t.Context(), chief, "chief", RoleDeveloper))(t)
	if err := db.RemoveUser(t.Context(), Principal{UserID: "anna", TenantID: "t1", Admin: true}, "anna"); !errors.Is(err, ErrConflict) {
		t.Errorf("the other one: %v", err)
	}
}

// Who is no admin of the same tenant changes nobody, and learns nothing.
func TestOnlyAnAdminOfTheTenantManagesUsers(t *testing.T) {
	db := open(t)
	people(t, db)
	for who, p := range map[string]Principal{"a colleague": bert, "herself": anna, "another tenant's admin": other, "nobody": {}} {
		_, role := db.SetRole(t.Context(), p, "anna", RoleAdmin)
		for what, err := range map[string]error{"role": role, "remove": db.RemoveUser(t.Context(), p, "anna")} {
			if !errors.Is(err, ErrNotFound) {
				t.Errorf("%s by %s: %v", what, who, err)
			}
		}
	}
	if _, err := db.AddUser(t.Context(), bert, User{Name: "eve", Role: RoleAdmin}); !errors.Is(err, ErrNotFound) {
		t.Errorf("added by a developer: %v", err)
	}
	if _, err := db.AddUser(t.Context(), chief, User{Name: "anna", Role: RoleAdmin}); !errors.Is(err, ErrConflict) {
		t.Errorf("added twice: %v", err)
	}
	for p, want := range map[Principal]int{chief: 3, anna: 1, other: 1, {}: 0} {
		if got := len(must(db.Users(t.Context(), p))(t)); got != want {
			t.Errorf("%+v sees %d users, want %d", p, got, want)
		}
	}
}

func TestWithAUserGoAllWaysIn(t *testing.T) {
	db := open(t)
	people(t, db)
	ctx, later := t.Context(), time.Now().Add(time.Hour)
	s := create(t, db)
	must(db.AddLogin(ctx, Login{Hash: "cookie", UserID: "anna", TenantID: "t1", ExpiresAt: later}))(t)
	must(db.AddToken(ctx, anna, Token{Name: "ci", Hash: "token", ExpiresAt: later}))(t)
	check(t, db.AddLoginLink(ctx, "link", anna, later))
	check(t, db.RemoveUser(ctx, chief, "anna"))
	_, cookie := db.LoginByHash(ctx, "cookie", time.Now())
	_, token := db.LoginByToken(ctx, "token", time.Now())
	_, link := db.UseLoginLink(ctx, "link", time.Now())
	_, anew := db.AddLogin(ctx, Login{Hash: "again", UserID: "anna", TenantID: "t1", ExpiresAt: later})
	_, more := db.AddToken(ctx, anna, Token{Name: "more", Hash: "more", ExpiresAt: later})
	for what, err := range map[string]error{"cookie": cookie, "token": token, "link": link, "a new login": anew, "a new token": more} {
		if !errors.Is(err, ErrNotFound) {
			t.Errorf("%s: %v", what, err)
		}
	}
	must(db.Session(ctx, chief, s.ID))(t) // what she owned stays
}

func TestATokenIsItsUserUntilItEnds(t *testing.T) {
	db := open(t)
	people(t, db)
	ctx, now := t.Context(), time.Now()
	k := must(db.AddToken(ctx, anna, Token{Name: "ci", Hash: "h", Scopes: []string{"read"}, ExpiresAt: now.Add(time.Hour)}))(t)
	if l := must(db.LoginByToken(ctx, "h", now))(t); l.UserID != "anna" || l.Role != RoleDeveloper || !l.Token || !cmp.Equal(l.Scopes, []string{"read"}) {
		t.Errorf("%+v", l)
	}
	if _, err := db.LoginByToken(ctx, "h", now.Add(time.Hour)); !errors.Is(err, ErrNotFound) {
		t.Errorf("expired: %v", err)
	}
	must(db.SetRole(ctx, chief, "anna", RoleViewer))(t)
	if l := must(db.LoginByToken(ctx, "h", now))(t); l.Role != RoleViewer {
		t.Errorf("with another role: %+v", l)
	}
	check(t, db.TouchToken(ctx, k.ID, now))
	if all := must(db.Tokens(ctx, chief))(t); len(all) != 1 || all[0].UserName != "anna" || all[0].UsedAt.IsZero() {
		t.Errorf("%+v", all)
	}
	if u := must(db.User(ctx, chief, "anna"))(t); u.SeenAt.IsZero() {
		t.Errorf("never seen: %+v", u)
	}
	check(t, db.DeleteToken(ctx, anna, k.ID))
	if _, err := db.LoginByToken(ctx, "h", now); !errors.Is(err, ErrNotFound) {
		t.Errorf("revoked: %v", err)
	}
}
