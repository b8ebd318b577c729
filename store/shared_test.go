package store

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// One's own goes before what an admin shares; another tenant sees neither, and
// only an admin changes what is shared.
func TestSharedCredentials(t *testing.T) {
	db := open(t)
	people(t, db)
	ctx := t.Context()
	named := func(p Principal, names ...string) {
		t.Helper()
		got := []string{}
		for _, c := range must(db.Credentials(ctx, p))(t) {
			got = append(got, c.Name+" "+string(c.Sealed))
			one := must(db.Credential(ctx, p, c.Name))(t)
			if d := cmp.Diff(c, one); d != "" {
				t.Errorf("%s: %s", p.UserID, d)
			}
		}
		if d := cmp.Diff(append([]string{}, names...), got); d != "" {
			t.Errorf("%s: %s", p.UserID, d)
		}
	}
	is := must(db.PutCredential(ctx, chief, Credential{Name: "npm", Type: "generic", Sealed: []byte("chief's")}))(t)
	must(db.PutCredential(ctx, anna, Credential{Name: "npm", Type: "generic", Sealed: []byte("anna's")}))(t)
	is.Sealed, is.Laid = []byte("all's"), false
	for name, p := range map[string]Principal{"no admin": anna, "elsewhere": other, "nobody": {}} {
		if _, err := db.MoveCredential(ctx, p, is, []byte("chief's"), true); !errors.Is(err, ErrNotFound) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := db.MoveCredential(ctx, chief, is, []byte("older"), true); !errors.Is(err, ErrConflict) {
		t.Errorf("%v", err)
	}
	named(chief, "npm chief's")
	must(db.MoveCredential(ctx, chief, is, []byte("chief's"), true))(t)
	named(chief, "npm all's")
	named(bert, "npm all's")
	named(anna, "npm anna's")
	named(other)

	// It is an admin's alone to change, and theirs of this tenant.
	for name, p := range map[string]Principal{"no admin": bert, "elsewhere": other} {
		for what, err := range map[string]error{
			"lay": second(db.LaySharedCredential(ctx, p, "npm", true)), "delete": db.DeleteSharedCredential(ctx, p, "npm"),
			"delete as one's own": db.DeleteCredential(ctx, p, "npm"), "take": second(db.MoveCredential(ctx, p, is, []byte("all's"), false)),
		} {
			if !errors.Is(err, ErrNotFound) {
				t.Errorf("%s: %s: %v", name, what, err)
			}
		}
	}
	if _, err := db.PutSharedCredential(ctx, anna, is); !errors.Is(err, ErrNotFound) {
		t.Errorf("%v", err)
	}
	must(db.PutSharedCredential(ctx, other, is))(t) // another tenant's of the same name
	if c := must(db.LaySharedCredential(ctx, chief, "npm", true))(t); !c.Laid || c.OwnerID != "" {
		t.Errorf("%+v", c)
	}

	// Its use names who it was, and that it was a shared one.
	s := create(t, db, func(s *Session) { s.OwnerID = "bert" })
	check(t, db.AuditUse(ctx, s, "npm", "npm", "ANTHROPIC_API_KEY"))
	deeds := must(db.Deeds(ctx, chief, DeedFilter{Act: ActCredentialUsed, Limit: 9}))(t)
	if len(deeds) != 2 || deeds[1].UserName != "bert" || deeds[1].Subject != "npm" || !strings.Contains(string(deeds[1].Detail), `"shared":"yes"`) || strings.Contains(string(deeds[0].Detail), "shared") {
		t.Errorf("%+v", deeds)
	}

	mine := must(db.PutCredential(ctx, chief, Credential{Name: "npm", Type: "generic", Sealed: []byte("new")}))(t)
	back := is
	if _, err := db.MoveCredential(ctx, chief, back, []byte("all's"), false); !errors.Is(err, ErrConflict) {
		t.Errorf("over one's own: %v", err)
	}
	named(bert, "npm all's") // and nothing is lost
	must(db.MoveCredential(ctx, chief, mine, []byte("new"), true))(t)
	named(bert, "npm new") // in place of the one before
	check(t, db.DeleteSharedCredential(ctx, chief, "npm"))
	named(bert)
	named(anna, "npm anna's")
	named(other, "npm all's")
}

func TestSharedPresets(t *testing.T) {
	db := open(t)
	people(t, db)
	ctx := t.Context()
	one := must(db.AddPreset(ctx, chief, Preset{Name: "careful", Agent: "claude", Default: true, Request: json.RawMessage(`{}`)}))(t)
	must(db.AddPreset(ctx, anna, Preset{Name: "careful", Agent: "claude", Default: true, Request: json.RawMessage(`{}`)}))(t)
	if got := must(db.SharePreset(ctx, chief, one.ID, true))(t); !got.Shared {
		t.Errorf("%+v", got)
	}
	for p, n := range map[Principal]int{anna: 2, bert: 1, chief: 1, other: 0} {
		all := must(db.Presets(ctx, p))(t)
		if len(all) != n || n > 0 && !all[n-1].Shared || n == 2 && !all[0].Default {
			t.Errorf("%s sees %+v", p.UserID, all)
		}
	}
	if _, err := db.Preset(ctx, other, one.ID); !errors.Is(err, ErrNotFound) {
		t.Errorf("another tenant: %v", err)
	}
	for name, err := range map[string]error{
		"change": second(db.ChangePreset(ctx, bert, one.ID, func(p Preset) (Preset, error) { return p, nil })), "delete": db.DeletePreset(ctx, bert, one.ID),
		"unshare": second(db.SharePreset(ctx, bert, one.ID, false)), "another tenant's admin": db.DeletePreset(ctx, other, one.ID),
	} {
		if !errors.Is(err, ErrNotFound) {
			t.Errorf("%s: %v", name, err)
		}
	}
	changed := must(db.ChangePreset(ctx, chief, one.ID, func(p Preset) (Preset, error) { p.Description = "d"; return p, nil }))(t)
	if !changed.Shared || changed.Description != "d" {
		t.Errorf("%+v", changed)
	}
	two := must(db.AddPreset(ctx, chief, Preset{Name: "careful", Request: json.RawMessage(`{}`)}))(t)
	if _, err := db.SharePreset(ctx, chief, two.ID, true); !errors.Is(err, ErrConflict) {
		t.Errorf("a second of its name: %v", err)
	}
	if _, err := db.SharePreset(ctx, chief, one.ID, false); !errors.Is(err, ErrConflict) {
		t.Errorf("over one's own: %v", err)
	}
	check(t, db.DeletePreset(ctx, chief, two.ID))
	must(db.SharePreset(ctx, chief, one.ID, false))(t)
	if all := must(db.Presets(ctx, bert))(t); len(all) != 0 {
		t.Errorf("%+v", all)
	}
}
