package store

import (
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

var local = Principal{UserID: "local", TenantID: FirstTenant, Admin: true, Operator: true, Name: "local", By: "token file"}

func TestTenantsAreTheOperatorsAlone(t *testing.T) {
	db := open(t)
	people(t, db)
	acme := must(db.AddTenant(t.Context(), local, "acme"))(t)
	if _, err := db.AddTenant(t.Context(), local, "acme"); !errors.Is(err, ErrConflict) {
		t.Errorf("twice: %v", err)
	}
	if _, err := db.AddTenant(t.Context(), local, acme.ID); !errors.Is(err, ErrConflict) {
		t.Errorf("under another's id: %v", err)
	}
	for _, p := range []Principal{chief, anna, {}, {UserID: "x", TenantID: FirstTenant, Admin: true}} {
		_, add := db.AddTenant(t.Context(), p, "mine")
		_, rename := db.RenameTenant(t.Context(), p, acme.ID, "mine")
		_, remove := db.RemoveTenant(t.Context(), p, acme.ID)
		_, see := db.Tenant(t.Context(), p, acme.ID)
		_, move := db.MoveUser(t.Context(), p, Move{User: "anna", To: acme.ID})
		for what, err := range map[string]error{"add": add, "rename": rename, "remove": remove, "see": see, "move": move} {
			if !errors.Is(err, ErrNotFound) {
				t.Errorf("%s by %+v: %v", what, p, err)
			}
		}
		if all := must(db.Tenants(t.Context(), p))(t); len(all) > 0 {
			t.Errorf("%+v sees %+v", p, all)
		}
	}
	if one := must(db.RenameTenant(t.Context(), local, "acme", "emca"))(t); one.ID != acme.ID || one.Name != "emca" {
		t.Errorf("%+v", one)
	}
	var names []string
	for _, one := range must(db.Tenants(t.Context(), local))(t) {
		names = append(names, one.Name)
	}
	if diff := cmp.Diff([]string{"default", "emca", "one", "two"}, names); diff != "" {
		t.Error(diff)
	}
	must(db.RemoveTenant(t.Context(), local, "emca"))(t)
	if _, err := db.AddUser(t.Context(), local.In(acme.ID), User{Name: "late", Role: RoleAdmin}); !errors.Is(err, ErrNoTenant) {
		t.Errorf("into a tenant that is gone: %v", err)
	}
}

func TestATenantThatHoldsSomethingStays(t *testing.T) {
	db := open(t)
	people(t, db)
	s := create(t, db)
	check(t, db.OpenChronicle(t.Context(), Chronicle{SessionID: s.ID, Run: 1, OwnerID: "anna", TenantID: "t1"}))
	refused := func(want string) {
		t.Helper()
		if _, err := db.RemoveTenant(t.Context(), local, "one"); !errors.Is(err, ErrConflict) || !strings.Contains(err.Error(), want) {
			t.Errorf("%v, want %s", err, want)
		}
	}
	refused("In one there are 3 users, 1 session, 1 chronicle: ")
	for _, u := range []string{"anna", "bert", "chief"} {
		check(t, db.RemoveUser(t.Context(), local.In("t1"), u)) // by the operator also the last admin
	}
	refused("In one there are 1 session, 1 chronicle: ")
	check(t, db.Forget(t.Context(), s))
	must(db.w.ExecContext(t.Context(), `DELETE FROM chronicles`))(t)
	if home := must(db.HomeOf(t.Context(), "anna", "t1"))(t); home != "t1" {
		t.Errorf("what is found of anna's is in %s", home)
	}
	must(db.RemoveTenant(t.Context(), local, "one"))(t)
	if home := must(db.HomeOf(t.Context(), "anna", "t1"))(t); home != FirstTenant {
		t.Errorf("what is found of a tenant that is gone is in %s", home)
	}
	if _, err := db.RemoveTenant(t.Context(), local, FirstTenant); !errors.Is(err, ErrConflict) || !strings.Contains(err.Error(), "stays") {
		t.Errorf("the first: %v", err)
	}
}

// The operator manages each tenant; its own last admin stays all the same.
func TestTheInstallationAlwaysHasAnAdmin(t *testing.T) {
	db := open(t)
	people(t, db)
	_, demote := db.SetRole(t.Context(), local, "local", RoleViewer)
	_, move := db.MoveUser(t.Context(), local, Move{User: "local", To: "one"})
	for what, err := range map[string]error{"demoted": demote, "moved": move, "removed": db.RemoveUser(t.Context(), local, "local"),
		"chief, by herself": db.RemoveUser(t.Context(), chief, "chief")} {
		if !errors.Is(err, ErrConflict) || !strings.HasSuffix(err.Error(), " is the last admin: make somebody else one first.") {
			t.Errorf("%s: %v", what, err)
		}
	}
}
