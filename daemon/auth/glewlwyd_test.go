package auth

import (
	"bytes"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"net"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"volundr/daemon/auth/oidc"
	"volundr/store"
)

// glewlwyd is a real identity provider, Debian's, on a port and a database of
// its own.
type glewlwyd struct {
	t    *testing.T
	url  string
	back string // where it leads people
	log  string
}

const (
	glewlwydSchema = "/usr/share/dbconfig-common/data/glewlwyd/install/sqlite3"
	clientSecret   = "a-secret-of-the-client"
)

func startGlewlwyd(t *testing.T, back, out string) *glewlwyd {
	t.Helper()
	program, err := exec.LookPath("glewlwyd")
	if err != nil {
		if os.Getenv("VOLUNDR_REQUIRE_PROVIDER") == "1" {
			t.Fatal("no glewlwyd on this machine")
		}
		t.Skip("no glewlwyd on this machine: logins are tried with a provider of our own only")
	}
	dir := t.TempDir()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	port := l.Addr().(*net.TCPAddr).Port
	l.Close()
	schema, err := os.Open(glewlwydSchema)
	if err != nil {
		t.Fatal(err)
	}
	defer schema.Close()
	fill := exec.Command("sqlite3", filepath.Join(dir, "db"))
	fill.Stdin = schema
	if text, err := fill.CombinedOutput(); err != nil {
		t.Fatalf("fill the provider's database: %v: %s", err, text)
	}
	g := &glewlwyd{t: t, url: fmt.Sprintf("http://127.0.0.1:%d", port), back: back, log: filepath.Join(dir, "log")}
	conf := fmt.Sprintf(`port=%d
bind_address="127.0.0.1"
external_url="%s"
login_url="login.html"
api_prefix="api"
log_mode="file"
log_level="INFO"
log_file=%q
cookie_secure=0
session_key="GLEWLWYD2_SESSION_ID"
admin_scope="g_admin"
profile_scope="g_profile"
user_module_path="/usr/lib/glewlwyd/user"
client_module_path="/usr/lib/glewlwyd/client"
user_auth_scheme_module_path="/usr/lib/glewlwyd/scheme"
plugin_module_path="/usr/lib/glewlwyd/plugin"
hash_algorithm="SHA512"
database = { type = "sqlite3"; path = %q; };
`, port, g.url, g.log, filepath.Join(dir, "db"))
	if err := os.WriteFile(filepath.Join(dir, "conf"), []byte(conf), 0o600); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(program, "--config-file="+filepath.Join(dir, "conf"))
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { cmd.Process.Kill(); cmd.Wait() })
	g.await()
	g.setUp(out)
	return g
}

// await waits until it answers.
func (g *glewlwyd) await() {
	g.t.Helper()
	end := time.After(time.Minute)
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for {
		if res, err := http.Get(g.url + "/config"); err == nil {
			res.Body.Close()
			return
		}
		select {
		case <-end:
			raw, _ := os.ReadFile(g.log)
			g.t.Fatalf("the provider never answers: %s", raw)
		case <-tick.C:
		}
	}
}

// person is a browser of somebody who is logged in at the provider.
func (g *glewlwyd) person(name, password string) *http.Client {
	g.t.Helper()
	jar, err := cookiejar.New(nil)
	if err != nil {
		g.t.Fatal(err)
	}
	c := &http.Client{Jar: jar, Timeout: time.Minute, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	g.tell(c, "POST", "/auth/", map[string]any{"username": name, "password": password}, nil)
	return c
}

func (g *glewlwyd) tell(c *http.Client, method, path string, what, into any) {
	g.t.Helper()
	raw, err := json.Marshal(what)
	if err != nil {
		g.t.Fatal(err)
	}
	req, err := http.NewRequestWithContext(g.t.Context(), method, g.url+"/api"+path, bytes.NewReader(raw))
	if err != nil {
		g.t.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/json")
	res, err := c.Do(req)
	if err != nil {
		g.t.Fatal(err)
	}
	defer res.Body.Close()
	if res.StatusCode != http.StatusOK {
		g.t.Fatalf("%s %s: %d %s", method, path, res.StatusCode, text(res))
	}
	if into != nil {
		if err := json.NewDecoder(res.Body).Decode(into); err != nil {
			g.t.Fatal(err)
		}
	}
}

// setUp gives it groups, OpenID Connect, us as a client, and two users.
func (g *glewlwyd) setUp(out string) {
	g.t.Helper()
	admin := g.person("admin", "password")
	var users map[string]any
	g.tell(admin, "GET", "/mod/user/database", nil, &users)
	users["parameters"].(map[string]any)["data-format"].(map[string]any)["groups"] = map[string]any{"multiple": true, "read": true, "write": true}
	g.tell(admin, "PUT", "/mod/user/database", users, nil)
	g.tell(admin, "PUT", "/mod/user/database/reset", nil, nil)
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		g.t.Fatal(err)
	}
	public, err := x509.MarshalPKIXPublicKey(&key.PublicKey)
	if err != nil {
		g.t.Fatal(err)
	}
	block := func(kind string, raw []byte) string {
		return string(pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: raw}))
	}
	claim := func(name, of string) map[string]any {
		return map[string]any{"name": name, "user-property": of, "type": "string", "mandatory": true, "scope": []string{}}
	}
	g.tell(admin, "POST", "/mod/plugin/", map[string]any{"module": "oidc", "name": "oidc", "display_name": "oidc", "order_rank": 1, "parameters": map[string]any{
		"iss": g.url + "/api/oidc", "jwt-type": "rsa", "jwt-key-size": "256",
		"key": block("RSA PRIVATE KEY", x509.MarshalPKCS1PrivateKey(key)), "cert": block("PUBLIC KEY", public),
		"access-token-duration": 600, "refresh-token-duration": 600, "code-duration": 60, "refresh-token-rolling": false, "allow-non-oidc": false,
		"auth-type-code-enabled": true, "auth-type-token-enabled": false, "auth-type-id-token-enabled": false, "auth-type-password-enabled": false,
		"auth-type-client-enabled": false, "auth-type-device-enabled": false, "auth-type-refresh-enabled": false, "jwks-show": true,
		"name-claim": "mandatory", "email-claim": "mandatory", "scope-claim": "no", "subject-type": "public",
		"pkce-allowed": true, "pkce-required": true, "pkce-method-plain-allowed": false,
		"session-management-allowed": true, "session-cookie-name": "GLEWLWYD2_OIDC_SID", "session-cookie-expiration": 600,
		"claims": []any{claim("groups", "groups"), claim("preferred_username", "username")},
	}}, nil)
	g.tell(admin, "POST", "/client/", map[string]any{"client_id": "volundr", "name": "Volundr", "client_secret": clientSecret, "confidential": true, "enabled": true,
		"authorization_type": []string{"code"}, "redirect_uri": []string{g.back}, "post_logout_redirect_uris": out, "scope": []string{},
		"token_endpoint_auth_method": []string{"client_secret_basic"}}, nil)
	for name, groups := range map[string][]string{"ann": {"staff", "chiefs"}, "bob": {"visitors"}} {
		g.tell(admin, "POST", "/user/", map[string]any{"username": name, "password": name + "-s-password", "email": name + "@example.com", "name": name,
			"enabled": true, "scope": []string{"openid"}, "groups": groups}, nil)
	}
}

// in sends somebody who is logged in there to the page that a daemon sent them to,
// and gives where they are led back.
func (g *glewlwyd) in(name, page string) *url.URL {
	g.t.Helper()
	c := g.person(name, name+"-s-password")
	g.tell(c, "PUT", "/auth/grant/volundr", map[string]any{"scope": "openid"}, nil)
	res, err := c.Get(page + "&g_continue")
	if err != nil {
		g.t.Fatal(err)
	}
	defer res.Body.Close()
	to, err := url.Parse(res.Header.Get("Location"))
	if err != nil || !strings.HasPrefix(to.String(), g.back+"?") {
		g.t.Fatalf("the provider answers %d %s", res.StatusCode, to)
	}
	return to
}

func TestWithARealProvider(t *testing.T) {
	var a *Auth
	installation := newAuth(t) // whose names the provider is to know
	g := startGlewlwyd(t, installation.Callbacks()[0], installation.ControlOrigin()+"/login")
	o := oidc.Options{Issuer: g.url + "/api/oidc", ClientID: "volundr", ClientSecret: clientSecret, GroupsClaim: "groups"}
	a = authIn(t, installation.db, installation.dir)
	a.oidc = NewOIDC(oidc.New(o), staffRoles, time.Hour)

	b := newTab(a)
	begin := func() string { return b.load("GET", beginPath+"?next=/about", "same-origin").Header.Get("Location") }
	back := g.in("ann", begin())
	kept := b.cookies[a.flowName(here)]
	res := b.load("GET", callbackPath+"?"+back.RawQuery, "cross-site")
	if !b.loggedIn() || res.Header.Get("Refresh") != "0; url=/about" {
		t.Fatalf("%d %s", res.StatusCode, text(res))
	}
	if u := userNamed(t, a, "ann"); u.Role != store.RoleAdmin {
		t.Errorf("ann is %s", u.Role)
	}

	thief := newTab(a) // with the code and even the cookie: the code works once
	thief.cookies[a.flowName(here)] = kept
	if res := thief.load("GET", callbackPath+"?"+back.RawQuery, "cross-site"); thief.loggedIn() || res.StatusCode != http.StatusForbidden {
		t.Errorf("a code works twice: %d %s", res.StatusCode, text(res))
	}

	b.load("POST", "/logout", "same-origin")
	_, page, _ := strings.Cut(b.load("GET", leavePath, "same-origin").Header.Get("Refresh"), "url=")
	if res, err := g.person("ann", "ann-s-password").Get(page); err != nil || res.StatusCode >= 400 {
		t.Errorf("the provider's logout: %v %v", res, err)
	}

	back = g.in("bob", begin())
	if res := b.load("GET", callbackPath+"?"+back.RawQuery, "cross-site"); b.loggedIn() || !strings.Contains(text(res), "none of the groups") {
		t.Errorf("bob is let in: %d", res.StatusCode)
	}

	for what, c := range map[string]struct {
		change func(*oidc.Options)
		words  string
	}{
		"another secret": {func(o *oidc.Options) { o.ClientSecret = "wrong" }, "does not know this installation"},
		"another issuer": {func(o *oidc.Options) { o.Issuer += "/" }, "says that it is another one"},
	} {
		other := o
		c.change(&other)
		a.oidc = NewOIDC(oidc.New(other), staffRoles, time.Hour)
		b := newTab(a)
		res := b.load("GET", beginPath, "same-origin")
		if to := res.Header.Get("Location"); to != "" {
			back := g.in("ann", to)
			res = b.load("GET", callbackPath+"?"+back.RawQuery, "cross-site")
		}
		if body := text(res); b.loggedIn() || !strings.Contains(body, c.words) || strings.Contains(body, clientSecret) {
			t.Errorf("%s: %d %s", what, res.StatusCode, body)
		}
	}
}
