package auth

import (
	"context"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"volundr/store"
)

// proxied is a browser behind a trusted proxy, which says who is in front of it.
type proxied struct {
	a       *Auth
	says    []string // headers
	cookies map[string]string
}

func (b *proxied) ask(method, path, site string, more ...string) *http.Response {
	r := from(proxyAddr, request(method, path, publicName, append(append([]string{"X-Forwarded-Proto", "https", "X-Forwarded-For", "198.51.100.9",
		"Sec-Fetch-Site", site}, b.says...), more...)...))
	if method != "GET" {
		r.Header.Set("Origin", publicURL)
	}
	for name, value := range b.cookies {
		if site != "cross-site" { // it is Strict
			r.AddCookie(&http.Cookie{Name: name, Value: value})
		}
	}
	res := serve(b.a.AtPublic(door(b.a)), r)
	for _, c := range res.Cookies() {
		if b.cookies[c.Name] = c.Value; c.MaxAge < 0 {
			delete(b.cookies, c.Name)
		}
	}
	return res
}

func (b *proxied) load(path, site string) *http.Response {
	return b.ask("GET", path, site, "Sec-Fetch-Mode", "navigate", "Sec-Fetch-Dest", "document")
}

func (b *proxied) fetch(method, path string) *http.Response {
	return b.ask(method, path, "same-origin", "Sec-Fetch-Mode", "cors", "Sec-Fetch-Dest", "empty")
}

func browserOf(a *Auth, says ...string) *proxied { return &proxied{a, says, map[string]string{}} }

func annIn(roles string) []string {
	return []string{"X-Auth-User-Id", "u-42", "X-Auth-Email", "Ann@example.com", "X-Auth-Roles", roles}
}

func userOf(t *testing.T, a *Auth, name string) store.User {
	t.Helper()
	users, err := a.db.Users(t.Context(), store.Principal{TenantID: Local.TenantID, Admin: true})
	if err != nil {
		t.Fatal(err)
	}
	i := slices.IndexFunc(users, func(u store.User) bool { return u.Name == name })
	if i < 0 {
		t.Fatalf("no %s among %v", name, users)
	}
	return users[i]
}

func TestALoginByTheWordOfAProxy(t *testing.T) {
	a := atPublic(t)
	b := browserOf(a, annIn("staff, nobody")...)

	if res := b.fetch("GET", "/api/v1/volundr/sessions"); res.StatusCode != 401 || len(b.cookies) != 0 {
		t.Errorf("a login begins with what is no page: %d", res.StatusCode)
	}
	if res := b.load("/sessions/1", "cross-site"); res.Header.Get("Refresh") != "0; url=/login?next=%2Fsessions%2F1" || len(b.cookies) != 0 {
		t.Errorf("a link on another site: %d %v", res.StatusCode, res.Header)
	}
	if res := b.load("/login?next=/sessions/1", "same-origin"); res.StatusCode != 303 || res.Header.Get("Location") != "/sessions/1" {
		t.Fatalf("%d %s", res.StatusCode, text(res))
	}
	u := userOf(t, a, "ann-example.com")
	if u.Role != store.RoleDeveloper {
		t.Errorf("%+v", u)
	}
	for what, res := range map[string]*http.Response{"page": b.load("/", "none"), "fetch": b.fetch("GET", "/x"), "change": b.fetch("POST", "/x")} {
		if body := text(res); body != "in as "+u.ID || len(res.Cookies()) != 0 {
			t.Errorf("%s: %d %s %v", what, res.StatusCode, body, res.Cookies())
		}
	}
	logins, err := a.Logins(t.Context(), store.Principal{UserID: u.ID, TenantID: u.TenantID})
	if err != nil || len(logins) != 1 || logins[0].Via != store.ViaProxy || time.Until(logins[0].ExpiresAt) > time.Hour {
		t.Errorf("%+v %v", logins, err)
	}
	if direct := browserOf(a, annIn("staff")...); text(direct.load("/", "none")) != "in as "+u.ID {
		t.Error("a page load lets nobody in")
	}

	// The cookie counts only together with the same words.
	stolen := b.cookies
	for what, says := range map[string][]string{
		"nobody":        nil,
		"another":       {"X-Auth-User-Id", "u-43", "X-Auth-Email", "Ann@example.com", "X-Auth-Roles", "staff, nobody"},
		"other groups":  annIn("staff"),
		"other address": {"X-Auth-User-Id", "u-42", "X-Auth-Email", "eve@example.com", "X-Auth-Roles", "staff, nobody"},
	} {
		thief := browserOf(a, says...)
		thief.cookies = map[string]string{}
		for name, v := range stolen {
			thief.cookies[name] = v
		}
		if res := thief.fetch("GET", "/x"); res.StatusCode != 401 {
			t.Errorf("with the words of %s: %d %s", what, res.StatusCode, text(res))
		}
	}
	r := encrypted(from(stranger, request("GET", "/x", publicName)))
	for name, v := range stolen {
		r.AddCookie(&http.Cookie{Name: name, Value: v})
	}
	if res := serve(a.AtPublic(door(a)), r); res.StatusCode != 401 {
		t.Errorf("the cookie alone: %d", res.StatusCode)
	}

	// Logged out here, the proxy lets them in again: they are told.
	if res := b.fetch("POST", "/logout"); res.StatusCode != 200 || len(b.cookies) != 0 {
		t.Errorf("logout: %d %v", res.StatusCode, b.cookies)
	}
	if b.cookies = stolen; b.fetch("GET", "/x").StatusCode != 401 {
		t.Error("the login is good after it was ended")
	}
}

// Roles follow the groups, with every login; what was open by another role is
// cut.
func TestRolesFollowTheProxysGroups(t *testing.T) {
	a := atPublic(t)
	var open context.Context
	for i, c := range []struct {
		roles string
		want  store.Role
	}{{"chiefs", store.RoleAdmin}, {"guests,staff", store.RoleDeveloper}, {" guests ,, x", store.RoleViewer}, {"chiefs,staff", store.RoleAdmin}} {
		b := browserOf(a, annIn(c.roles)...)
		if res := b.load("/", "none"); !strings.HasPrefix(text(res), "in as") {
			t.Fatalf("%d: %d", i, res.StatusCode)
		}
		u := userOf(t, a, "ann-example.com")
		if u.Role != c.want {
			t.Errorf("%q gives %s, want %s", c.roles, u.Role, c.want)
		}
		if open != nil && open.Err() == nil {
			t.Errorf("%q: what was open by another role is open still", c.roles)
		}
		logins, err := a.Logins(t.Context(), store.Principal{UserID: u.ID, TenantID: u.TenantID})
		if err != nil || len(logins) == 0 {
			t.Fatal(err)
		}
		ctx, done := a.live.begin(t.Context(), logins[0])
		if end, ok := ctx.Deadline(); !ok || time.Until(end) > time.Hour {
			t.Errorf("a stream of it ends at %v, %v", end, ok)
		}
		defer done()
		open = ctx
	}
}

func TestWhomAProxyDoesNotGetIn(t *testing.T) {
	a := atPublic(t)
	for what, c := range map[string]struct {
		says   []string
		status int
		words  string
	}{
		"in no group":            {annIn("others"), 403, "none of the groups"},
		"without groups":         {[]string{"X-Auth-User-Id", "u-42"}, 403, "none of the groups"},
		"of another tenant":      {append(annIn("staff"), "X-Auth-Tenant", "other"), 403, "does not exist yet"},
		"nobody, with groups":    {[]string{"X-Auth-Roles", "chiefs"}, 401, "volundr open"},
		"an empty user":          {[]string{"X-Auth-User-Id", " ", "X-Auth-Roles", "chiefs"}, 401, "volundr open"},
		"two users":              {append(annIn("staff"), "X-Auth-User-Id", "mallory"), 400, "more than once"},
		"two users in a line":    {[]string{"X-Auth-User-Id", "mallory, u-42", "X-Auth-Roles", "staff"}, 400, "more than one"},
		"two tenants":            {append(annIn("staff"), "X-Auth-Tenant", "a,b"), 400, "more than one"},
		"a user with a line end": {[]string{"X-Auth-User-Id", "u\n42", "X-Auth-Roles", "staff"}, 400, "plain text"},
		"a user of no text":      {[]string{"X-Auth-User-Id", "u\xff", "X-Auth-Roles", "staff"}, 400, "plain text"},
		"a long user":            {[]string{"X-Auth-User-Id", strings.Repeat("u", 256), "X-Auth-Roles", "staff"}, 400, "at most 255"},
	} {
		b := browserOf(a, c.says...)
		res := b.load("/", "none")
		if body := text(res); res.StatusCode != c.status || !strings.Contains(body, c.words) || len(b.cookies) != 0 || strings.Contains(body, "mallory") {
			t.Errorf("%s: %d %s", what, res.StatusCode, body)
		}
	}
	if users, err := a.db.Users(t.Context(), store.Principal{TenantID: Local.TenantID, Admin: true}); err != nil || len(users) != 1 {
		t.Errorf("%v %v", users, err)
	}
}

// The words of anybody but a trusted proxy are refused, whatever else they bring,
// and do not take somebody else's name.
func TestLoginHeadersFromElsewhereAreRefused(t *testing.T) {
	a := atPublic(t)
	for what, r := range map[string]*http.Request{
		"a stranger":                       encrypted(from(stranger, request("GET", "/", publicName, annIn("chiefs")...))),
		"that says it is the proxy":        encrypted(from(stranger, request("GET", "/", publicName, append(annIn("chiefs"), "X-Forwarded-For", "10.0.0.7")...))),
		"without TLS":                      from(stranger, request("GET", "/", publicName, append(annIn("chiefs"), "X-Forwarded-Proto", "https")...)),
		"with one of the headers":          encrypted(from(stranger, request("GET", "/", publicName, "X-Auth-Tenant", "default"))),
		"with a header that says nothing":  encrypted(from(stranger, request("GET", "/", publicName, "X-Auth-User-Id", ""))),
		"a neighbour of the proxy":         encrypted(from("11.0.0.1:1", request("GET", "/", publicName, annIn("chiefs")...))),
		"a neighbour in IPv6":              encrypted(from("[2001:db8:2::1]:1", request("GET", "/", publicName, annIn("chiefs")...))),
		"the proxy's address in IPv6 only": encrypted(from("[::10.0.0.7]:1", request("GET", "/", publicName, annIn("chiefs")...))),
	} {
		r.Header.Set("Sec-Fetch-Mode", "navigate")
		if res := serve(a.AtPublic(door(a)), r); res.StatusCode != 403 || len(res.Cookies()) != 0 {
			t.Errorf("%s: %d %s", what, res.StatusCode, text(res))
		}
	}
	local := request("GET", "/", a.hosts.control, append(annIn("chiefs"), "Sec-Fetch-Mode", "navigate")...)
	if res := serve(door(a), from("127.0.0.1:1", local)); res.StatusCode != 401 {
		t.Errorf("on loopback they mean nothing: %d", res.StatusCode)
	}
	for what, addr := range map[string]string{"mapped to IPv6": "[::ffff:10.0.0.7]:1", "in IPv6": "[2001:db8:1::9]:1"} {
		r := from(addr, request("GET", "/", publicName, append(annIn("staff"), "X-Forwarded-Proto", "https", "Sec-Fetch-Mode", "navigate")...))
		if res := serve(a.AtPublic(door(a)), r); !strings.HasPrefix(text(res), "in as") {
			t.Errorf("the proxy %s: %d", what, res.StatusCode)
		}
	}
}

// A name that a proxy gives is never one of an installation's own users, nor of
// an identity provider's.
func TestAProxysUserIsNobodyElse(t *testing.T) {
	a := atPublic(t)
	if _, _, err := a.db.Welcome(t.Context(), Local.TenantID, store.Vouched{Issuer: "https://id.example.com", Subject: "local", Name: "ann", Role: store.RoleAdmin}); err != nil {
		t.Fatal(err)
	}
	b := browserOf(a, "X-Auth-User-Id", "local", "X-Auth-Roles", "guests")
	if body := text(b.load("/", "none")); body == "in as "+Local.UserID || !strings.HasPrefix(body, "in as") {
		t.Error(body)
	}
	if u := userOf(t, a, "local-2"); u.Role != store.RoleViewer {
		t.Errorf("%+v", u)
	}
	if u := userOf(t, a, "local"); u.ID != Local.UserID || u.Role != store.RoleAdmin {
		t.Errorf("%+v", u)
	}
}

func TestLoggingOutLeadsToTheProxysOwnWayOut(t *testing.T) {
	l := headerLogin
	l.Logout = "/oauth2/sign_out"
	a := atPublic(t, func(p *Public) { p.Login = &l })
	b := browserOf(a, annIn("staff")...)
	b.load("/", "none")
	if res := b.ask("POST", "/logout", "same-origin", "Sec-Fetch-Mode", "navigate"); res.Header.Get("Refresh") != "0; url=/oauth2/sign_out" {
		t.Errorf("%d %v", res.StatusCode, res.Header)
	}
	out := browserOf(a, annIn("others")...)
	if body := text(out.load("/", "none")); !strings.Contains(body, `href="/oauth2/sign_out"`) {
		t.Error(body)
	}
}
