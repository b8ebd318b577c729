package auth

import (
	"crypto/tls"
	"io"
	"log/slog"
	"net/http"
	"net/netip"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"volundr/store"
)

const (
	publicName = "volundr.example.com"
	publicURL  = "https://" + publicName
	proxyAddr  = "10.0.0.7:4000"
	stranger   = "192.0.2.66:5000"
)

var headerLogin = ProxyLogin{User: "x-auth-user-id", Email: "x-auth-email", Tenant: "x-auth-tenant", Groups: "x-auth-roles",
	Roles: staffRoles, Life: time.Hour}

// atPublic is a daemon with a public address; change says what is different.
func atPublic(t *testing.T, change ...func(*Public)) *Auth {
	t.Helper()
	p := &Public{Origin: publicURL, Suffix: ".volundr-surfaces.example", Login: &headerLogin,
		Proxies: []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8"), netip.MustParsePrefix("2001:db8:1::/48")}}
	for _, f := range change {
		f(p)
	}
	dir := t.TempDir()
	a, err := New(t.Context(), Options{DB: open(t, dir), Dir: dir, Listen: listen, Public: p, Log: slog.New(slog.NewTextHandler(io.Discard, nil)),
		Open: func(r *http.Request) bool { return r.URL.Path == "/health" || r.URL.Path == "/livez" }})
	if err != nil {
		t.Fatal(err)
	}
	return a
}

// encrypted is a request that came by TLS to this daemon.
func encrypted(r *http.Request) *http.Request {
	r.TLS = &tls.ConnectionState{}
	return r
}

func from(addr string, r *http.Request) *http.Request {
	r.RemoteAddr = addr
	return r
}

// publicCookie logs a browser in by a link at the public address.
func publicCookie(t *testing.T, a *Auth) *http.Cookie {
	t.Helper()
	link, err := a.LoginLink(t.Context(), Local)
	if err != nil {
		t.Fatal(err)
	}
	path, ok := strings.CutPrefix(link, publicURL)
	if !ok {
		t.Fatalf("the link is %s", link)
	}
	res := serve(a.AtPublic(door(a)), encrypted(request("GET", path, publicName, "Sec-Fetch-Mode", "navigate", "Sec-Fetch-Dest", "document", "Sec-Fetch-Site", "none")))
	if res.StatusCode != http.StatusSeeOther || len(res.Cookies()) != 1 {
		t.Fatalf("login link: %d %s", res.StatusCode, text(res))
	}
	return res.Cookies()[0]
}

// TestThePublicAddress is the table of host names, origins, schemes and
// listeners.
func TestThePublicAddress(t *testing.T) {
	a := atPublic(t)
	public, local := publicCookie(t, a), logInAt(t, a)
	_, token, err := a.NewToken(t.Context(), Local, "work", []string{ScopeAdmin}, time.Now().Add(time.Hour))
	if err != nil {
		t.Fatal(err)
	}
	in := []string{"Cookie", public.Name + "=" + public.Value}
	with := func(headers ...string) []string { return append(headers, in...) }
	https := []string{"X-Forwarded-Proto", "https"}
	by := func(headers ...string) []string { return append(with(headers...), https...) }
	nav := []string{"Sec-Fetch-Mode", "navigate", "Sec-Fetch-Dest", "document", "Sec-Fetch-Site", "none"}
	surface := label{Editor, 0, session, strings.Repeat("a", 26)}.String()

	for _, c := range []struct {
		name    string
		from    string // "direct" TLS by a stranger, "plain" from a stranger, "proxy" plain from a trusted one, "local" on loopback
		method  string
		host    string
		headers []string
		want    int
	}{
		{"a browser", "direct", "GET", publicName, with(), 200},
		{"a browser that changes something", "direct", "POST", publicName, with("Origin", publicURL), 200},
		{"a browser's socket", "direct", "GET", publicName, with("Origin", publicURL, "Upgrade", "websocket"), 200},
		{"a program", "direct", "POST", publicName, []string{"Authorization", "Bearer " + token}, 200},
		{"by a proxy", "proxy", "GET", publicName, by(), 200},
		{"by a proxy, changes something", "proxy", "POST", publicName, by("Origin", publicURL), 200},
		{"by a proxy with another host inside", "proxy", "GET", "volundr.svc:8080", by("X-Forwarded-Host", publicName), 200},
		{"a program by a proxy", "proxy", "POST", publicName, append([]string{"Authorization", "Bearer " + token}, https...), 200},
		{"on loopback", "local", "GET", a.hosts.control, []string{"Cookie", local.Name + "=" + local.Value}, 200},
		{"a program on loopback", "local", "GET", "127.0.0.1:7420", []string{"Authorization", "Bearer " + a.token}, 200},

		{"the token file's token", "direct", "GET", publicName, []string{"Authorization", "Bearer " + a.token}, 401},
		{"the token file's token by a proxy", "proxy", "GET", publicName, append([]string{"Authorization", "Bearer " + a.token}, https...), 401},
		{"nobody", "direct", "GET", publicName, nil, 401},
		{"loopback's cookie", "direct", "GET", publicName, []string{"Cookie", local.Name + "=" + local.Value}, 401},
		{"a cookie that another host of the site set", "direct", "GET", publicName, []string{"Cookie", local.Name + "=" + public.Value}, 401},
		{"the public cookie on loopback", "local", "GET", a.hosts.control, with(), 401},

		{"the public name on loopback", "local", "GET", publicName, with(), 421},
		{"the public name on loopback, as if by a proxy", "local", "GET", publicName, by("X-Forwarded-Host", publicName), 421},
		{"loopback's name", "direct", "GET", a.hosts.control, with(), 421},
		{"loopback's name by a proxy", "proxy", "GET", a.hosts.control, by(), 421},
		{"127.0.0.1", "direct", "GET", "127.0.0.1:7420", []string{"Authorization", "Bearer " + a.token}, 421},
		{"localhost by a proxy's word", "proxy", "GET", publicName, by("X-Forwarded-Host", "localhost:7420"), 421},
		{"rebound", "direct", "GET", "evil.example", with(), 421},
		{"with its port", "direct", "GET", publicName + ":443", with(), 421},
		{"with a dot", "direct", "GET", publicName + ".", with(), 421},
		{"in upper case", "direct", "GET", strings.ToUpper(publicName), with(), 421},
		{"below it", "direct", "GET", "x." + publicName, with(), 421},
		{"no name", "direct", "GET", "", with(), 421},
		{"an address", "direct", "GET", "192.0.2.1", with(), 421},
		{"a surface of loopback", "direct", "GET", surface + ".localhost:7420", with(), 421},
		{"a public surface on loopback", "local", "GET", surface + ".volundr-surfaces.example", with(), 421},
		{"the surfaces' parent", "direct", "GET", "volundr-surfaces.example", with(), 421},

		{"another origin", "direct", "POST", publicName, with("Origin", "https://evil.example"), 403},
		{"no origin", "direct", "POST", publicName, with(), 403},
		{"a null origin", "direct", "POST", publicName, with("Origin", "null"), 403},
		{"the origin without TLS", "direct", "POST", publicName, with("Origin", "http://"+publicName), 403},
		{"loopback's origin", "direct", "POST", publicName, with("Origin", a.ControlOrigin()), 403},
		{"a surface's origin", "direct", "POST", publicName, with("Origin", "https://"+surface+".volundr-surfaces.example"), 403},
		{"a surface's socket", "direct", "GET", publicName, with("Origin", "https://"+surface+".volundr-surfaces.example", "Upgrade", "websocket"), 403},
		{"a socket without origin", "direct", "GET", publicName, with("Upgrade", "websocket"), 403},
		{"a page of the same site", "direct", "GET", publicName, with("Sec-Fetch-Site", "same-site", "Sec-Fetch-Mode", "cors"), 403},
		{"the public origin on loopback", "local", "POST", a.hosts.control, []string{"Cookie", local.Name + "=" + local.Value, "Origin", publicURL}, 403},

		{"without TLS", "plain", "GET", publicName, with(), 403},
		{"without TLS, says otherwise", "plain", "GET", publicName, by(), 403},
		{"without TLS, a page", "plain", "GET", publicName, by(nav...), 403},
		{"without TLS, a token", "plain", "GET", publicName, []string{"Authorization", "Bearer " + token}, 403},
		{"a stranger's word for another host", "direct", "GET", "evil.example", with("X-Forwarded-Host", publicName), 421},
		{"a stranger's word for no TLS", "direct", "GET", publicName, with("X-Forwarded-Proto", "http"), 200},
		{"a proxy that does not say", "proxy", "GET", publicName, with(), 403},
		{"a proxy that was asked without TLS", "proxy", "POST", publicName, with("X-Forwarded-Proto", "http", "Origin", publicURL), 403},
		{"a proxy that was asked for a page without TLS", "proxy", "GET", publicName, with(append(nav, "X-Forwarded-Proto", "http")...), 308},
		{"the same, of a surface", "proxy", "GET", surface + ".volundr-surfaces.example", append(nav, "X-Forwarded-Proto", "http"), 403},
		{"one proxy of two was asked without TLS", "proxy", "GET", publicName, with("X-Forwarded-Proto", "http, https"), 403},
		{"the same in two headers", "proxy", "GET", publicName, with("X-Forwarded-Proto", "https", "X-Forwarded-Proto", "http"), 403},
		{"an empty word", "proxy", "GET", publicName, with("X-Forwarded-Proto", ""), 403},
		{"both by TLS", "proxy", "GET", publicName, with("X-Forwarded-Proto", "HTTPS,https"), 200},
		{"two hosts", "proxy", "GET", publicName, by("X-Forwarded-Host", publicName+", evil.example"), 400},
		{"two hosts in two headers", "proxy", "GET", publicName, by("X-Forwarded-Host", publicName, "X-Forwarded-Host", publicName), 400},
		{"a host of a proxy that is none", "proxy", "GET", publicName, by("X-Forwarded-Host", "evil@"+publicName), 421},

		{"life, for who watches, by address", "plain", "LIVE", "10.0.0.9:8080", nil, 200},
		{"life, with headers that mean nothing then", "direct", "LIVE", "evil.example", []string{"X-Auth-User-Id", "ann", "Cookie", "a=b"}, 200},
	} {
		t.Run(c.name, func(t *testing.T) {
			method, path := c.method, "/api/v1/volundr/sessions"
			if method == "LIVE" {
				method, path = "GET", "/livez"
			}
			r, h := request(method, path, c.host, c.headers...), a.AtPublic(door(a))
			switch c.from {
			case "direct":
				r = encrypted(from(stranger, r))
			case "plain":
				r = from(stranger, r)
			case "proxy":
				r = from(proxyAddr, r)
			case "local":
				r, h = from("127.0.0.1:5000", r), door(a)
			}
			res := serve(h, r)
			body := text(res)
			if res.StatusCode != c.want || strings.HasPrefix(body, "in as") != (c.want == 200) {
				t.Fatalf("%d, want %d: %s", res.StatusCode, c.want, body)
			}
			if hsts := res.Header.Get("Strict-Transport-Security"); c.want == 200 && c.method != "LIVE" && (hsts != "") != (c.from != "local") {
				t.Errorf("Strict-Transport-Security: %q", hsts)
			}
		})
	}
}

// logInAt logs a browser in on loopback, by the link that names the public
// address.
func logInAt(t *testing.T, a *Auth) *http.Cookie {
	t.Helper()
	link, err := a.LoginLink(t.Context(), Local)
	if err != nil {
		t.Fatal(err)
	}
	res := serve(door(a), request("GET", strings.TrimPrefix(link, publicURL), a.hosts.control, "Sec-Fetch-Mode", "navigate", "Sec-Fetch-Dest", "document", "Sec-Fetch-Site", "none"))
	if len(res.Cookies()) != 1 {
		t.Fatalf("login link: %d %s", res.StatusCode, text(res))
	}
	return res.Cookies()[0]
}

func TestThePublicCookieIsOfItsHostAlone(t *testing.T) {
	a := atPublic(t)
	c := publicCookie(t, a)
	if c.Name != "__Host-volundr-"+a.installation || !c.Secure || !c.HttpOnly || c.SameSite != http.SameSiteStrictMode || c.Path != "/" || c.Domain != "" {
		t.Errorf("%s", c)
	}
	if !IsOurCookie(c.Name) {
		t.Error("it would be passed into sessions")
	}
	local := logInAt(t, a)
	if local.Secure || local.Name != "volundr-"+a.installation {
		t.Errorf("on loopback: %s", local)
	}
	res := serve(a.AtPublic(door(a)), encrypted(request("GET", "/", publicName, "Cookie", c.Name+"="+c.Value)))
	policy := res.Header.Get("Content-Security-Policy")
	if !strings.Contains(policy, "connect-src 'self' wss://"+publicName+";") || !strings.Contains(policy, "frame-src 'self' https://*.volundr-surfaces.example;") || strings.Contains(policy, "localhost") {
		t.Error(policy)
	}
	out := serve(a.AtPublic(door(a)), encrypted(request("POST", "/logout", publicName, "Cookie", c.Name+"="+c.Value, "Origin", publicURL)))
	if out.StatusCode != http.StatusSeeOther || out.Cookies()[0].MaxAge >= 0 || out.Cookies()[0].Name != c.Name {
		t.Errorf("logout: %d %v", out.StatusCode, out.Cookies())
	}
}

// Surfaces are handed over under the name of the address that was asked, and
// only their own page may use them.
func TestSurfacesAtThePublicAddress(t *testing.T) {
	a := atPublic(t)
	c := publicCookie(t, a)
	handOff := a.AtPublic(a.Guard(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		a.Surfaces.HandOff(w, r, session, Terminal, 0, "/x?y=1")
	})))
	res := serve(handOff, encrypted(request("GET", "/s/1/terminal", publicName, "Cookie", c.Name+"="+c.Value)))
	to := res.Header.Get("Location")
	host, ok := strings.CutPrefix(strings.TrimSuffix(to, "/x?y=1"), "https://")
	if !ok || !strings.HasSuffix(host, ".volundr-surfaces.example") {
		t.Fatalf("%d to %s", res.StatusCode, to)
	}
	var g Grant
	var kind Kind
	look := http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { kind = a.KindOf(r); g, _ = a.Surfaces.Resolve(r) })
	serve(a.AtPublic(look), encrypted(request("GET", "/", host)))
	if kind != SurfaceHost || g.Origin != "https://"+host || g.Control != publicURL || g.Surface != Terminal || g.Session != session {
		t.Errorf("%s, %+v", kind, g)
	}
	if serve(look, request("GET", "/", host)); kind != Foreign || g.Session != "" {
		t.Errorf("on loopback it is %s and opens %+v", kind, g)
	}
}

// What proxies say never gets any further than this door.
func TestNoHeaderOfAProxyGetsFurther(t *testing.T) {
	a := atPublic(t)
	for _, addr := range []string{proxyAddr, stranger} {
		var seen http.Header
		r := encrypted(from(addr, request("GET", "/", publicName, "X-Forwarded-For", "192.0.2.1", "X-Forwarded-Proto", "https", "X-Forwarded-Access-Token", "secret",
			"Forwarded", "for=1", "X-Real-Ip", "192.0.2.1", "X-Auth-Request-Access-Token", "secret", "Accept", "text/html")))
		if addr == proxyAddr {
			r.Header.Set("X-Auth-User-Id", "ann")
		}
		serve(a.AtPublic(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { seen = r.Header })), r)
		if len(seen) != 1 || seen.Get("Accept") == "" {
			t.Errorf("from %s: %v", addr, seen)
		}
	}
}

func TestThePublicAddressWithoutLoginsByHeaders(t *testing.T) {
	a := atPublic(t, func(p *Public) { p.Login = nil })
	for _, addr := range []string{proxyAddr, stranger} { // off: it is nobody's word
		res := serve(a.AtPublic(door(a)), encrypted(from(addr, request("GET", "/", publicName, "X-Auth-User-Id", "ann", "X-Auth-Roles", "chiefs", "Accept", "text/html"))))
		if res.StatusCode != http.StatusUnauthorized {
			t.Errorf("%s: %d %s", addr, res.StatusCode, text(res))
		}
	}
	if users, err := a.db.Users(t.Context(), store.Principal{TenantID: "default", Admin: true}); err != nil || len(users) != 1 {
		t.Errorf("%v %v", users, err)
	}
}

// Wrong tokens are counted by where they come from: behind a proxy, by the
// address that it names.
func TestWrongTokensAreCountedByAddress(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := atPublic(t)
		try := func(addr string, hops ...string) int {
			r := from(addr, request("GET", "/", publicName, "Authorization", "Bearer wrong", "X-Forwarded-Proto", "https"))
			for _, h := range hops {
				r.Header.Add("X-Forwarded-For", h)
			}
			if addr == stranger {
				encrypted(r)
			}
			return serve(a.AtPublic(door(a)), r).StatusCode
		}
		for range 20 {
			if got := try(proxyAddr, "6.6.6.6", "198.51.100.1"); got != 401 {
				t.Fatalf("%d before there were too many", got)
			}
		}
		for what, c := range map[string]struct {
			got, want int
		}{
			"one more":                            {try(proxyAddr, "198.51.100.1"), 429},
			"that says that it is another":        {try(proxyAddr, "7.7.7.7, 198.51.100.1"), 429},
			"with a port":                         {try(proxyAddr, "198.51.100.1:99"), 429},
			"by a second proxy":                   {try(proxyAddr, "198.51.100.1, 10.9.9.9"), 429},
			"another":                             {try(proxyAddr, "198.51.100.2"), 401},
			"a stranger that says it is a client": {try(stranger, "198.51.100.1"), 401},
			"the proxy itself":                    {try(proxyAddr), 401},
		} {
			if c.got != c.want {
				t.Errorf("%s: %d, want %d", what, c.got, c.want)
			}
		}
		time.Sleep(time.Second)
		if got := try(proxyAddr, "198.51.100.1"); got != 401 {
			t.Errorf("a second later: %d", got)
		}
	})
}
