package auth

import (
	"errors"
	"io/fs"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"volundr/store"
)

func TestALoginLinkWorksOnceForATab(t *testing.T) {
	a := newAuth(t)
	link, err := a.LoginLink(t.Context(), Local)
	if err != nil {
		t.Fatal(err)
	}
	if !strings.HasPrefix(link, a.ControlOrigin()+"/login/") {
		t.Fatalf("link %s", link)
	}
	ask := func(method string, headers ...string) *http.Response {
		return serve(door(a), request(method, link, a.hosts.control, headers...))
	}
	for name, res := range map[string]*http.Response{
		"HEAD":            ask("HEAD"),
		"prefetch":        ask("GET", "Sec-Purpose", "prefetch", "Sec-Fetch-Mode", "navigate", "Sec-Fetch-Dest", "document", "Sec-Fetch-Site", "none"),
		"prerender":       ask("GET", "Sec-Purpose", "prefetch;prerender", "Sec-Fetch-Mode", "navigate", "Sec-Fetch-Dest", "document"),
		"old prefetch":    ask("GET", "X-Moz", "prefetch"),
		"script":          ask("GET", "Sec-Fetch-Mode", "cors", "Sec-Fetch-Site", "same-origin"),
		"image elsewhere": ask("GET", "Sec-Fetch-Mode", "no-cors", "Sec-Fetch-Site", "cross-site"),
		"frame":           ask("GET", "Sec-Fetch-Mode", "navigate", "Sec-Fetch-Dest", "iframe", "Sec-Fetch-Site", "cross-site"),
		"POST":            ask("POST", "Origin", a.ControlOrigin()),
	} {
		if len(res.Cookies()) != 0 || res.StatusCode < 400 {
			t.Errorf("%s: %d %v", name, res.StatusCode, res.Cookies())
		}
	}
	res := ask("GET", "Sec-Fetch-Mode", "navigate", "Sec-Fetch-Dest", "document", "Sec-Fetch-Site", "none")
	if res.StatusCode != http.StatusSeeOther || len(res.Cookies()) != 1 {
		t.Fatalf("first use: %d", res.StatusCode)
	}
	c := res.Cookies()[0]
	if !c.HttpOnly || c.SameSite != http.SameSiteStrictMode || c.Path != "/" || c.Domain != "" || c.Name != "volundr-"+a.installation {
		t.Errorf("cookie %s", c)
	}
	if res := ask("GET", "Accept", "text/html"); res.StatusCode != http.StatusGone || len(res.Cookies()) != 0 {
		t.Errorf("second use: %d %v", res.StatusCode, res.Cookies())
	}
	if res := ask("GET", "Cookie", c.Name+"="+c.Value); res.StatusCode != http.StatusSeeOther || len(res.Cookies()) != 0 {
		t.Errorf("second use by who is logged in: %d", res.StatusCode)
	}
}

// A link may name where to go on to, on our own origin; who is logged in already
// stays so by the same login.
func TestALoginLinkLeadsToAPage(t *testing.T) {
	a := newAuth(t)
	cookie := ""
	for next, want := range map[string]string{"/sessions/new": "/sessions/new", "//evil.example": "/", "http://evil.example": "/", "": "/", "/s?a=b&c": "/s?a=b&c"} {
		link, err := a.LoginLink(t.Context(), Local)
		if err != nil {
			t.Fatal(err)
		}
		res := serve(door(a), request("GET", link+"?next="+url.QueryEscape(next), a.hosts.control, "Cookie", cookie))
		if res.StatusCode != http.StatusSeeOther || res.Header.Get("Location") != want {
			t.Errorf("%q: %d to %q", next, res.StatusCode, res.Header.Get("Location"))
		}
		if (cookie == "") != (len(res.Cookies()) == 1) {
			t.Errorf("%q: logged in with %v", next, res.Cookies())
		}
		if c := res.Cookies(); len(c) == 1 {
			cookie = c[0].Name + "=" + c[0].Value
		}
	}
}

func TestALoginLinkFromAnotherSiteGoesOnFromOurPage(t *testing.T) {
	a := newAuth(t)
	link, _ := a.LoginLink(t.Context(), Local)
	res := serve(door(a), request("GET", link, a.hosts.control, "Sec-Fetch-Mode", "navigate", "Sec-Fetch-Dest", "document", "Sec-Fetch-Site", "cross-site"))
	if res.StatusCode != 200 || res.Header.Get("Refresh") != "0; url=/" || len(res.Cookies()) != 1 {
		t.Errorf("%d %q %v", res.StatusCode, res.Header.Get("Refresh"), res.Cookies())
	}
	res = serve(door(a), request("GET", "/s/1?tab=chat", a.hosts.control, "Sec-Fetch-Mode", "navigate", "Sec-Fetch-Dest", "document", "Sec-Fetch-Site", "cross-site"))
	if got := res.Header.Get("Refresh"); got != "0; url=/login?next=%2Fs%2F1%3Ftab%3Dchat" {
		t.Errorf("cross-site page load without cookie: %q", got)
	}
}

func TestAfterLoginOneGoesBackOnlyToOurPages(t *testing.T) {
	a := newAuth(t)
	c := logIn(t, a)
	for next, want := range map[string]string{
		"/s/1?tab=chat": "/s/1?tab=chat", "": "/", "//evil.example": "/", "/\\evil.example": "/", "http://evil.example": "/",
	} {
		r := request("GET", "/login", a.hosts.control, "Cookie", c.Name+"="+c.Value)
		q := r.URL.Query()
		q.Set("next", next)
		r.URL.RawQuery = q.Encode()
		if got := serve(door(a), r).Header.Get("Location"); got != want {
			t.Errorf("next=%q goes to %q", next, got)
		}
	}
	if res := serve(door(a), request("GET", "/login?next=/", a.hosts.control, "Accept", "text/html")); res.StatusCode != 401 {
		t.Errorf("nobody: %d", res.StatusCode)
	}
}

func TestLinksAndLoginsExpire(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := newAuth(t)
		link, _ := a.LoginLink(t.Context(), Local)
		time.Sleep(linkLife)
		if res := serve(door(a), request("GET", link, a.hosts.control)); res.StatusCode != http.StatusGone {
			t.Errorf("after ten minutes: %d", res.StatusCode)
		}
		c := logIn(t, a)
		use := func() *http.Response {
			return serve(door(a), request("GET", "/", a.hosts.control, "Cookie", c.Name+"="+c.Value))
		}
		time.Sleep(loginLife - time.Minute)
		if res := use(); res.StatusCode != 200 || len(res.Cookies()) != 1 {
			t.Errorf("used at the end of its life: %d, prolonged %v", res.StatusCode, res.Cookies())
		}
		time.Sleep(loginLife - time.Minute)
		if res := use(); res.StatusCode != 200 {
			t.Errorf("used again: %d", res.StatusCode)
		}
		time.Sleep(loginLife + time.Minute)
		if res := use(); res.StatusCode != 401 {
			t.Errorf("unused for its whole life: %d", res.StatusCode)
		}
	})
}

func TestLoginsAreListedAndRevoked(t *testing.T) {
	a := newAuth(t)
	c, d := logIn(t, a), logIn(t, a)
	logins, err := a.Logins(t.Context(), Local)
	if err != nil || len(logins) != 2 {
		t.Fatalf("%d logins, %v", len(logins), err)
	}
	other := store.Principal{UserID: "other", TenantID: "default"}
	if err := a.Revoke(t.Context(), other, logins[0].ID); !errors.Is(err, store.ErrNotFound) {
		t.Errorf("another's login: %v", err)
	}
	for _, l := range logins {
		if l.Hash == digest(c.Value) {
			if err := a.Revoke(t.Context(), Local, l.ID); err != nil {
				t.Fatal(err)
			}
		}
	}
	for cookie, want := range map[*http.Cookie]int{c: 401, d: 200} {
		if res := serve(door(a), request("GET", "/", a.hosts.control, "Cookie", cookie.Name+"="+cookie.Value)); res.StatusCode != want {
			t.Errorf("status %d, want %d", res.StatusCode, want)
		}
	}
	out := serve(door(a), request("POST", "/logout", a.hosts.control, "Cookie", d.Name+"="+d.Value, "Origin", a.ControlOrigin()))
	if out.StatusCode != http.StatusSeeOther || out.Cookies()[0].MaxAge >= 0 {
		t.Errorf("logout: %d", out.StatusCode)
	}
	if res := serve(door(a), request("GET", "/", a.hosts.control, "Cookie", d.Name+"="+d.Value)); res.StatusCode != 401 {
		t.Errorf("after logout: %d", res.StatusCode)
	}
}

func TestNoSecretIsStoredInClear(t *testing.T) {
	dir := t.TempDir()
	db := open(t, dir)
	a := authIn(t, db, dir)
	link, _ := a.LoginLink(t.Context(), Local)
	c := logIn(t, a)
	code := link[strings.LastIndex(link, "/")+1:]
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || d.Name() == tokenFile {
			return err
		}
		raw, err := os.ReadFile(path)
		for _, secret := range []string{code, c.Value, a.token} {
			if strings.Contains(string(raw), secret) {
				t.Errorf("%s holds a secret", d.Name())
			}
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

func TestTheTokenFileIsTheOwnersAndStays(t *testing.T) {
	dir := t.TempDir()
	first, err := readToken(dir)
	if err != nil || len(first) < 26 {
		t.Fatalf("%q, %v", first, err)
	}
	path := filepath.Join(dir, tokenFile)
	if info, _ := os.Stat(path); info.Mode().Perm() != 0o600 {
		t.Errorf("mode %v", info.Mode())
	}
	os.Chmod(path, 0o644)
	again, err := readToken(dir)
	if err != nil || again != first {
		t.Errorf("second read: %q, %v", again, err)
	}
	if info, _ := os.Stat(path); info.Mode().Perm() != 0o600 {
		t.Errorf("mode after repair %v", info.Mode())
	}
	os.WriteFile(path, []byte("\n"), 0o600)
	if _, err := readToken(dir); err == nil {
		t.Error("an empty token was taken")
	}
	os.Remove(path)
	os.Symlink("/dev/zero", path)
	if _, err := readToken(dir); err == nil {
		t.Error("a link was followed")
	}
}

func TestTheInstallationKeepsItsName(t *testing.T) {
	dir := t.TempDir()
	db := open(t, dir)
	a, b := authIn(t, db, dir), authIn(t, db, dir)
	if a.installation != b.installation || len(a.installation) != 8 || strings.Trim(a.installation, "abcdefghijklmnopqrstuvwxyz0123456789") != "" {
		t.Errorf("%q, then %q", a.installation, b.installation)
	}
}

func TestAttachmentsAreNeverShown(t *testing.T) {
	h := http.Header{}
	Attachment(h, "evil\".html\r\nX: y")
	if h.Get("Content-Type") != "application/octet-stream" || h.Get("Content-Security-Policy") != "sandbox" || h.Get("X-Content-Type-Options") != "nosniff" {
		t.Errorf("%v", h)
	}
	if d := h.Get("Content-Disposition"); !strings.HasPrefix(d, "attachment; ") || strings.ContainsAny(d, "\r\n") {
		t.Errorf("disposition %q", d)
	}
}
