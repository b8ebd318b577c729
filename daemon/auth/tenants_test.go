package auth

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"volundr/store"
)

// The groups say in which tenant somebody is, with every login anew: who is in
// another one is moved with what is theirs, and what they had open is cut.
func TestTenantsFollowGroups(t *testing.T) {
	p := newIDP(t)
	a := byProvider(t, p.provider(), staffRoles)
	a.oidc.Tenants = map[string][]string{"default": {"chiefs"}, "acme": {"acme-staff", "acme-guests"}, "later": {"late"}}
	acme, err := a.db.AddTenant(t.Context(), Local, "acme")
	if err != nil {
		t.Fatal(err)
	}
	var open context.Context
	var id string
	for i, c := range []struct {
		groups []string
		tenant string // empty: not let in
		role   store.Role
		words  string
	}{
		{append(many(10_000), "acme-staff", "staff"), acme.ID, store.RoleDeveloper, ""},
		{[]string{"acme-guests", "acme-staff", "staff"}, acme.ID, store.RoleDeveloper, ""},
		{[]string{"chiefs"}, "default", store.RoleAdmin, ""},
		{[]string{"acme-staff", "guests"}, acme.ID, store.RoleViewer, ""},
		{[]string{"acme-staff", "chiefs"}, "", "", "groups of more than one part of this installation"},
		{[]string{"staff"}, "", "", "none of the groups"},
		{[]string{"staff", "late"}, "", "", "does not exist yet"},
	} {
		p.set(func(p *idp) { p.says = map[string]any{"groups": c.groups} })
		b := newTab(a)
		res := b.through(t, p, "/")
		if c.tenant == "" {
			if body := text(res); b.loggedIn() || res.StatusCode != 403 || !strings.Contains(body, c.words) || strings.Contains(body, "acme") {
				t.Errorf("%d: %d %s", i, res.StatusCode, body)
			}
			continue
		}
		if !b.loggedIn() {
			t.Fatalf("%d: %d %s", i, res.StatusCode, text(res))
		}
		l, err := a.db.LoginByHash(t.Context(), digest(b.cookies[a.cookieName(here)]), time.Now())
		if err != nil {
			t.Fatal(err)
		}
		if l.TenantID != c.tenant || l.Role != c.role || id != "" && l.UserID != id {
			t.Errorf("%d: %+v", i, l)
		}
		if moved := i > 1; moved && open.Err() == nil {
			t.Errorf("%d: what was open in another tenant is open still", i)
		}
		id = l.UserID
		ctx, done := a.live.begin(t.Context(), l)
		t.Cleanup(done)
		open = ctx
	}
	// Without such groups people stay where they were put.
	a.oidc.Tenants = nil
	p.set(func(p *idp) { p.says = map[string]any{"groups": []string{"staff"}} })
	newTab(a).through(t, p, "/")
	if u, err := a.db.User(t.Context(), Local.In(acme.ID), id); err != nil || u.Role != store.RoleDeveloper {
		t.Errorf("%+v, %v", u, err)
	}
}

// A proxy's word on somebody's tenant counts with every login, as groups do.
func TestAProxySaysWhoseTenantItIs(t *testing.T) {
	a := atPublic(t)
	acme, err := a.db.AddTenant(t.Context(), Local, "acme")
	if err != nil {
		t.Fatal(err)
	}
	for i, c := range []struct{ says, tenant string }{{"acme", acme.ID}, {"default", "default"}, {"acme", acme.ID}, {"", acme.ID}} {
		says := annIn("staff")
		if c.says != "" {
			says = append(says, "X-Auth-Tenant", c.says)
		}
		if res := browserOf(a, says...).load("/", "none"); res.StatusCode != 200 {
			t.Fatalf("%d: %d %s", i, res.StatusCode, text(res))
		}
		if u, err := a.db.VouchedUser(t.Context(), proxyIssuer, "u-42"); err != nil || u.TenantID != c.tenant {
			t.Errorf("%d: %+v, %v", i, u, err)
		}
	}
}

// A move cuts what the others have open of it, and leaves its owner's surfaces as
// they are.
func TestAMoveEndsWhatOthersSee(t *testing.T) {
	a := newAuth(t)
	ctx := t.Context()
	acme, err := a.db.AddTenant(ctx, Local, "acme")
	if err != nil {
		t.Fatal(err)
	}
	logins := map[string]store.Login{}
	for _, who := range []struct {
		name, tenant string
		role         store.Role
	}{{"ann", "default", store.RoleDeveloper}, {"bert", "default", store.RoleDeveloper}, {"guest", "default", store.RoleDeveloper},
		{"chief", "default", store.RoleAdmin}, {"eve", acme.ID, store.RoleAdmin}} {
		u, err := a.db.AddUser(ctx, Local.In(who.tenant), store.User{Name: who.name, Role: who.role})
		if err != nil {
			t.Fatal(err)
		}
		if logins[who.name], err = a.db.AddLogin(ctx, store.Login{Hash: who.name, UserID: u.ID, TenantID: u.TenantID, ExpiresAt: time.Now().Add(time.Hour)}); err != nil {
			t.Fatal(err)
		}
	}
	logins["local"] = programLogin
	ann := store.Principal{UserID: logins["ann"].UserID, TenantID: "default"}
	for id, owner := range map[string]string{session: ann.UserID, second: logins["bert"].UserID} {
		if _, err := a.db.CreateSession(ctx, store.Session{ID: id, Name: "demo", OwnerID: owner, TenantID: "default", Runtime: "fake"}); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := a.db.ShareSession(ctx, ann, session, "guest"); err != nil {
		t.Fatal(err)
	}
	open, hosts, live := map[string]context.Context{}, map[string]string{}, map[string]context.Context{}
	for name, l := range logins {
		var done func()
		open[name], done = a.live.begin(ctx, l)
		defer done()
		for _, id := range []string{session, second} {
			hosts[name+id] = mint(t, a, l, id, Terminal, 0)
			g, err := resolve(a, hosts[name+id])
			if err != nil {
				t.Fatal(err)
			}
			live[name+id] = g.Live
		}
	}
	if _, err := a.MoveUser(ctx, Local, store.Move{User: ann.UserID, To: "acme"}); err != nil {
		t.Fatal(err)
	}
	for name, cut := range map[string]bool{"ann": true, "bert": false, "guest": true, "chief": true, "local": true, "eve": false} {
		if got := open[name].Err() != nil; got != cut {
			t.Errorf("what %s has under way is cut: %v", name, got)
		}
		for _, id := range []string{session, second} {
			ends := id == session && name != "ann" || id == second && name == "ann"
			if got := live[name+id].Err() != nil; got != ends {
				t.Errorf("the terminal of %s in %s is cut: %v", name, id, got)
			}
			if _, err := resolve(a, hosts[name+id]); errors.Is(err, ErrNoGrant) != ends {
				t.Errorf("the address of %s in %s: %v", name, id, err)
			}
		}
	}
	// She is one of the new tenant there too: another role cuts it.
	if _, err := a.SetRole(ctx, Local.In(acme.ID), ann.UserID, store.RoleViewer); err != nil {
		t.Fatal(err)
	}
	if live["ann"+session].Err() == nil {
		t.Error("with another role her terminal is open still")
	}
	if _, err := a.MoveUser(ctx, Local, store.Move{User: "local", To: "acme"}); !errors.Is(err, store.ErrConflict) || !strings.HasPrefix(err.Error(), "local is whoever holds the token file") {
		t.Errorf("%v", err)
	}
}

// Who is a viewer where they are moved to has nothing open any more that one works
// in, also of their own; nor has anything that was opened by a way in that ends.
func TestAMoveEndsWhatIsNotToGoOn(t *testing.T) {
	for _, role := range []store.Role{store.RoleViewer, store.RoleAdmin} {
		t.Run(string(role), func(t *testing.T) { movedTo(t, role) })
	}
}

func movedTo(t *testing.T, role store.Role) {
	a := newAuth(t)
	ctx := t.Context()
	if _, err := a.db.AddTenant(ctx, Local, "acme"); err != nil {
		t.Fatal(err)
	}
	u, err := a.db.AddUser(ctx, Local, store.User{Name: "ann", Role: store.RoleDeveloper})
	if err != nil {
		t.Fatal(err)
	}
	l, err := a.db.AddLogin(ctx, store.Login{Hash: "ann", UserID: u.ID, TenantID: u.TenantID, ExpiresAt: time.Now().Add(time.Hour)})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := a.db.CreateSession(ctx, store.Session{ID: session, Name: "demo", OwnerID: u.ID, TenantID: "default", Runtime: "fake"}); err != nil {
		t.Fatal(err)
	}
	host := mint(t, a, l, session, Terminal, 0)
	g, err := resolve(a, host)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := a.MoveUser(ctx, Local, store.Move{User: u.ID, To: "acme", Role: role}); err != nil {
		t.Fatal(err)
	}
	if _, err := resolve(a, host); g.Live.Err() == nil || !errors.Is(err, ErrNoGrant) {
		t.Errorf("the terminal is open still: %v, %v", g.Live.Err(), err)
	}
}
