package auth

import (
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"volundr/store"
)

// ann is a developer beside the machine's own admin.
func ann(t *testing.T, a *Auth) store.Principal {
	t.Helper()
	u, err := a.db.AddUser(t.Context(), Local, store.User{Name: "ann", Role: store.RoleDeveloper})
	if err != nil {
		t.Fatal(err)
	}
	return store.Principal{UserID: u.ID, TenantID: u.TenantID}
}

func token(t *testing.T, a *Auth, p store.Principal, life time.Duration, scopes ...string) (store.Token, string) {
	t.Helper()
	k, text, err := a.NewToken(t.Context(), p, "t", scopes, time.Now().Add(life))
	if err != nil {
		t.Fatal(err)
	}
	return k, text
}

func said(t *testing.T, res *http.Response) string {
	t.Helper()
	raw, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	return string(raw)
}

func TestATokenComesInAsItsUserUntilItEnds(t *testing.T) {
	a := newAuth(t)
	p := ann(t, a)
	k, text := token(t, a, p, time.Hour, ScopeWork)
	if !strings.HasPrefix(text, tokenPrefix) || len(text) < len(tokenPrefix)+26 || strings.Contains(k.Hash, text[len(tokenPrefix):]) {
		t.Errorf("token %s, kept as %s", text, k.Hash)
	}
	for _, host := range []string{a.hosts.control, a.hosts.program[0]} {
		ask := func(text string) (int, string) {
			res := serve(door(a), request("GET", "/", host, "Authorization", "Bearer "+text))
			return res.StatusCode, said(t, res)
		}
		if status, text := ask(text); status != 200 || text != "in as "+p.UserID {
			t.Errorf("%s: %d %s", host, status, text)
		}
		for what, bad := range map[string]string{"made up": tokenPrefix + strings.Repeat("a", 26), "cut": text[:len(text)-1], "longer": text + "a", "upper case": strings.ToUpper(text)} {
			if status, text := ask(bad); status != 401 || strings.Contains(text, bad) {
				t.Errorf("%s: %d %s", what, status, text)
			}
		}
		_, late := token(t, a, p, -time.Second, ScopeWork)
		if status, _ := ask(late); status != 401 {
			t.Errorf("an expired one: %d", status)
		}
	}
	if got, err := a.db.Tokens(t.Context(), p); err != nil || got[len(got)-1].UsedAt.IsZero() {
		t.Errorf("its use is not noted: %+v, %v", got, err)
	}
	if err := a.RevokeToken(t.Context(), store.Principal{UserID: "bert", TenantID: p.TenantID}, k.ID); !errors.Is(err, store.ErrNotFound) {
		t.Errorf("revoked by somebody else: %v", err)
	}
	if err := a.RevokeToken(t.Context(), Local, k.ID); err != nil {
		t.Errorf("revoked by an admin: %v", err)
	}
	if res := serve(door(a), request("GET", "/", a.hosts.program[0], "Authorization", "Bearer "+text)); res.StatusCode != 401 {
		t.Errorf("revoked: %d", res.StatusCode)
	}
}

// A request that was let in while its login was revoked gets nowhere.
func TestALoginRevokedOnTheWayInIsNone(t *testing.T) {
	a := newAuth(t)
	k, text := token(t, a, ann(t, a), time.Hour, ScopeRead)
	r := request("GET", "/", a.hosts.program[0], "Authorization", "Bearer "+text)
	seen := a.live.count()
	login, err := a.byToken(r)
	if err != nil {
		t.Fatal(err)
	}
	if err := a.RevokeToken(t.Context(), Local, k.ID); err != nil {
		t.Fatal(err)
	}
	res := serve(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		a.admit(w, r, login, seen, func() (store.Login, error) { return a.byToken(r) }, http.HandlerFunc(func(http.ResponseWriter, *http.Request) { t.Error("it was let in") }))
	}), r)
	if res.StatusCode != 401 {
		t.Errorf("%d", res.StatusCode)
	}
}

// Of rights every row: who may, by role and by the scope of a token.
func TestRights(t *testing.T) {
	everywhere := map[Right]string{ // roles; scopes of an admin's token
		Nobody: ";", Anybody: "admin developer viewer;read sandboxes work admin", Read: "admin developer viewer;read work admin",
		Work: "admin developer;work admin", Sandboxes: "admin developer;sandboxes work admin", Person: "admin developer viewer;",
		Admin: "admin;admin", Machine: "admin;admin",
	}
	for r, want := range everywhere {
		roles, scopes, _ := strings.Cut(want, ";")
		for _, role := range []store.Role{store.RoleAdmin, store.RoleDeveloper, store.RoleViewer, ""} {
			may := Refused(store.Login{Role: role, TenantID: Local.TenantID}, r) == ""
			if may != (role != "" && strings.Contains(" "+roles+" ", " "+string(role)+" ")) {
				t.Errorf("right %d for %q: %v", r, role, may)
			}
		}
		for _, scope := range append(Scopes, "") {
			may := Refused(store.Login{Role: store.RoleAdmin, TenantID: Local.TenantID, Token: true, Scopes: []string{scope}}, r) == ""
			if may != (scope != "" && strings.Contains(" "+scopes+" ", " "+scope+" ")) {
				t.Errorf("right %d with scope %q: %v", r, scope, may)
			}
		}
	}
	if Refused(store.Login{Role: store.RoleAdmin, TenantID: "elsewhere"}, Machine) == "" {
		t.Error("the machine is another tenant's admin's")
	}
	if p := principalOf(store.Login{Role: store.RoleAdmin, Token: true, Scopes: []string{ScopeWork}}); p.Admin {
		t.Error("an admin's token for work sees everything")
	}
}

// The machine's own user is whoever holds the token file: it stays.
func TestTheMachinesOwnUserStays(t *testing.T) {
	a := newAuth(t)
	p := ann(t, a)
	ask := func() map[string]error {
		_, err := a.SetRole(t.Context(), Local, Local.UserID, store.RoleViewer)
		return map[string]error{"demoted": err, "removed": a.RemoveUser(t.Context(), Local, Local.UserID)}
	}
	for what, err := range ask() {
		if !errors.Is(err, store.ErrConflict) || !strings.Contains(err.Error(), "last admin") {
			t.Errorf("%s: %v", what, err)
		}
	}
	if _, err := a.SetRole(t.Context(), Local, p.UserID, store.RoleAdmin); err != nil {
		t.Fatal(err)
	}
	for what, err := range ask() {
		if !errors.Is(err, store.ErrConflict) || !strings.Contains(err.Error(), "token file") {
			t.Errorf("%s beside another: %v", what, err)
		}
	}
}

// With another role the cookie of a surface opens nothing: it may have been
// handed out for what is not one's to see any more.
func TestAnotherRoleEndsSurfaces(t *testing.T) {
	a := newAuth(t)
	p := ann(t, a)
	_, text := token(t, a, p, time.Hour, ScopeWork)
	login, err := a.db.LoginByToken(t.Context(), digest(text), time.Now())
	if err != nil {
		t.Fatal(err)
	}
	name, err := a.Surfaces.Mint(login, session, Editor, 0)
	if err != nil {
		t.Fatal(err)
	}
	host := name + a.hosts.suffix
	g, err := a.Surfaces.Resolve(request("GET", "/", host))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := a.SetRole(t.Context(), Local, p.UserID, store.RoleViewer); err != nil {
		t.Fatal(err)
	}
	select {
	case <-g.Live.Done():
	default:
		t.Error("its connections go on")
	}
	if _, err := a.Surfaces.Resolve(request("GET", "/", host, "Cookie", SurfaceCookie+"="+g.proof)); !errors.Is(err, ErrNoGrant) {
		t.Errorf("with its cookie: %v", err)
	}
}
