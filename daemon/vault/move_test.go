package vault

import (
	"errors"
	"testing"

	"volundr/store"
)

// A credential opens for its owner where they were moved to, and nowhere else.
// While the key is out of reach nobody is moved, and nothing is lost.
func TestCredentialsOpenWhereTheirOwnerWasMovedTo(t *testing.T) {
	p := newPlace(t)
	r := &ring{secrets: map[string]string{}}
	v := p.vault(r)
	p.db.Reseal(v.Reseal)
	ctx := t.Context()
	local := store.Principal{UserID: "local", TenantID: store.FirstTenant, Admin: true, Operator: true}
	ann, err := p.db.AddUser(ctx, local, store.User{Name: "ann", Role: store.RoleDeveloper})
	if err != nil {
		t.Fatal(err)
	}
	acme, err := p.db.AddTenant(ctx, local, "acme")
	if err != nil {
		t.Fatal(err)
	}
	before := store.Principal{UserID: ann.ID, TenantID: ann.TenantID}
	after := store.Principal{UserID: ann.ID, TenantID: acme.ID}
	if _, err := v.Put(ctx, before, Credential{Name: "key", Type: Generic}, Values{"k": "v4lue"}); err != nil {
		t.Fatal(err)
	}
	away := p.vault(&ring{err: errNoRing})
	p.db.Reseal(away.Reseal)
	if _, err := p.db.MoveUser(ctx, local, store.Move{User: ann.ID, To: "acme"}); !errors.Is(err, ErrLocked) {
		t.Fatalf("without the key: %v", err)
	}
	if _, values, err := v.Get(ctx, before, "key"); err != nil || values["k"] != "v4lue" {
		t.Fatalf("%v, %v", values, err)
	}
	p.db.Reseal(v.Reseal)
	if _, err := p.db.MoveUser(ctx, local, store.Move{User: ann.ID, To: "acme"}); err != nil {
		t.Fatal(err)
	}
	if _, values, err := v.Get(ctx, after, "key"); err != nil || values["k"] != "v4lue" {
		t.Errorf("%v, %v", values, err)
	}
	if _, _, err := v.Get(ctx, before, "key"); !errors.Is(err, store.ErrNotFound) {
		t.Errorf("where she was: %v", err)
	}
}
