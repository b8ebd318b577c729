package store

import (
	"encoding/json"
	"errors"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestWhatIsSharedIsRead(t *testing.T) {
	db := open(t)
	people(t, db)
	s := create(t, db)
	check(t, db.OpenChronicle(t.Context(), Chronicle{ID: "c", SessionID: s.ID, Run: 1, Project: "widgets", OwnerID: "anna", TenantID: "t1"}))
	guest := bert
	guest.Guest = true
	sees := func(p Principal) map[string]bool {
		t.Helper()
		_, one := db.Session(t.Context(), p, s.ID)
		_, chronicle := db.Chronicle(t.Context(), p, "c")
		_, entries := db.Entries(t.Context(), p, s.ID, 0, 0, 10)
		found := must(db.Search(t.Context(), p, ChronicleFilter{Text: "widgets"}))(t)
		return map[string]bool{"session": one == nil, "chronicle": chronicle == nil, "entries": entries == nil,
			"list": len(must(db.Sessions(t.Context(), p, SessionFilter{}))(t)) > 0, "chronicles": len(must(db.Chronicles(t.Context(), p, ChronicleFilter{}))(t)) > 0,
			"chain": len(must(db.Chain(t.Context(), p, "c"))(t)) > 0, "search": len(found) > 0,
			"events": len(must(db.Events(t.Context(), p, 0, 100))(t)) > 0}
	}
	all := func(yes bool) map[string]bool {
		return map[string]bool{"session": yes, "chronicle": yes, "entries": yes, "list": yes, "chronicles": yes, "chain": yes, "search": yes, "events": yes}
	}
	is := func(what string, p Principal, yes bool) {
		t.Helper()
		if diff := cmp.Diff(all(yes), sees(p)); diff != "" {
			t.Errorf("%s: %s", what, diff)
		}
	}
	is("before", guest, false)
	if sh := must(db.ShareSession(t.Context(), anna, s.ID, "bert"))(t); sh.UserID != "bert" || sh.CreatedAt.IsZero() {
		t.Errorf("%+v", sh)
	}
	must(db.ShareSession(t.Context(), anna, s.ID, "bert"))(t) // again
	is("shared", guest, true)
	is("where he asks for his own", bert, false)
	is("a namesake elsewhere", Principal{UserID: "bert", TenantID: "t2", Guest: true}, false)
	is("nobody", Principal{TenantID: "t1", Guest: true}, false)
	if got := must(db.Shares(t.Context(), anna, s.ID))(t); len(got) != 1 || got[0].UserName != "bert" {
		t.Errorf("%+v", got)
	}

	// A guest changes nothing, even where somebody forgot to ask as the owner.
	name := "stolen"
	for what, err := range map[string]error{
		"rename": second(db.PatchSession(t.Context(), guest, s.ID, SessionPatch{Name: &name})), "wish": second(db.Wish(t.Context(), guest, s.ID, WantGone)),
		"prompt":    second(db.AddPrompt(t.Context(), guest, Prompt{SessionID: s.ID, Blocks: json.RawMessage(`[]`)})),
		"comment":   second(db.AddComment(t.Context(), guest, Comment{SessionID: s.ID, Side: "new", Line: 1})),
		"share":     second(db.ShareSession(t.Context(), guest, s.ID, "chief")),
		"unshare":   second(db.UnshareSession(t.Context(), guest, s.ID, "bert")),
		"shares":    second(db.Shares(t.Context(), guest, s.ID)),
		"chronicle": second(db.PatchChronicle(t.Context(), guest, "c", ChroniclePatch{Summary: &name})), "delete": db.DeleteChronicle(t.Context(), guest, "c"),
	} {
		if !errors.Is(err, ErrNotFound) {
			t.Errorf("%s: %v", what, err)
		}
	}
	must(db.UnshareSession(t.Context(), anna, s.ID, "bert"))(t)
	last := must(db.Events(t.Context(), guest, 0, 100))(t)
	if len(last) != 1 || last[0].Type != SessionDeleted || last[0].SessionID != s.ID {
		t.Errorf("he is told %+v", last)
	}
	if _, err := db.Session(t.Context(), guest, s.ID); !errors.Is(err, ErrNotFound) {
		t.Errorf("shared no more: %v", err)
	}

	// A share ends with the user.
	must(db.ShareSession(t.Context(), chief, s.ID, "bert"))(t)
	check(t, db.RemoveUser(t.Context(), chief, "bert"))
	if _, err := db.Session(t.Context(), guest, s.ID); !errors.Is(err, ErrNotFound) {
		t.Errorf("the user is gone: %v", err)
	}
}

func second[T any](_ T, err error) error { return err }

func TestWhomASessionIsNotSharedWith(t *testing.T) {
	db := open(t)
	people(t, db)
	s := create(t, db)
	must(db.AddUser(t.Context(), other, User{ID: "eve", Name: "eve", Role: RoleDeveloper}))(t)
	for _, user := range []string{"eve", "nobody", ""} {
		if err := second(db.ShareSession(t.Context(), anna, s.ID, user)); !errors.Is(err, ErrNoUser) {
			t.Errorf("%q: %v", user, err)
		}
	}
	conflict := (*ConflictError)(nil)
	if err := second(db.ShareSession(t.Context(), chief, s.ID, "anna")); !errors.As(err, &conflict) {
		t.Errorf("its owner: %v", err)
	}
	if err := second(db.UnshareSession(t.Context(), anna, s.ID, "bert")); !errors.Is(err, ErrNotFound) {
		t.Errorf("no share: %v", err)
	}
}
