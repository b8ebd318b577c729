package store

import (
	"testing"
)

// A user is the provider's subject: another name, or another issuer with the same
// subject, is not the same. What becomes of one is noted.
func TestAVouchedUserIsWhoTheSubjectSays(t *testing.T) {
	db := open(t)
	visit := func(v Vouched) (User, Role) {
		t.Helper()
		u, was, err := db.Welcome(t.Context(), "default", v)
		if err != nil {
			t.Fatal(err)
		}
		return u, was
	}
	first, was := visit(Vouched{Issuer: "https://a", Subject: "1", Name: "ann", Role: RoleViewer, Follow: true})
	if was != "" || first.Name != "ann" || first.Role != RoleViewer {
		t.Errorf("first: %+v, was %q", first, was)
	}
	again, was := visit(Vouched{Issuer: "https://a", Subject: "1", Name: "renamed", Role: RoleAdmin, Follow: true})
	if again.ID != first.ID || again.Name != "ann" || again.Role != RoleAdmin || was != RoleViewer {
		t.Errorf("again: %+v, was %q", again, was)
	}
	kept, _ := visit(Vouched{Issuer: "https://a", Subject: "1", Name: "ann", Role: RoleViewer})
	if kept.Role != RoleAdmin {
		t.Errorf("the role changes without being asked to: %+v", kept)
	}
	for i, v := range []Vouched{{Issuer: "https://b", Subject: "1", Name: "ann", Role: RoleViewer}, {Issuer: "https://a", Subject: "2", Name: "ann", Role: RoleViewer}} {
		if u, was := visit(v); u.ID == first.ID || was != "" || u.Name != []string{"ann-2", "ann-3"}[i] {
			t.Errorf("%+v is %+v", v, u)
		}
	}
	deeds := must(db.Deeds(t.Context(), Principal{TenantID: "default", Admin: true}, DeedFilter{Limit: 100}))(t)
	acts := map[string]int{}
	for _, d := range deeds {
		acts[d.Act]++
	}
	if acts[ActUserAdded] != 3 || acts[ActUserRole] != 1 {
		t.Errorf("noted: %v", acts)
	}
}
