package auth

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"volundr/store"
)

const (
	session = "0b6f7c1e-4f4d-4c59-9d54-3f0a3a3b3c01"
	second  = "0b6f7c1e-4f4d-4c59-9d54-3f0a3a3b3c02"
)

// logins of a are the store's, the first one is of the cookie.
func loginOf(t *testing.T, a *Auth) store.Login {
	t.Helper()
	l, err := a.db.LoginByHash(t.Context(), digest(logIn(t, a).Value), time.Now())
	if err != nil {
		t.Fatal(err)
	}
	return l
}

func mint(t *testing.T, a *Auth, l store.Login, session string, s Surface, port int) string {
	t.Helper()
	name, err := a.Surfaces.Mint(l, session, s, port)
	if err != nil {
		t.Fatal(err)
	}
	return name + ".localhost:7420"
}

func resolve(a *Auth, host string, headers ...string) (Grant, error) {
	return a.Surfaces.Resolve(request("GET", "/", host, headers...))
}

func TestALabelOpensJustItsSurface(t *testing.T) {
	a := newAuth(t)
	l := loginOf(t, a)
	hosts := map[string]bool{}
	for _, c := range []struct {
		session string
		surface Surface
		port    int
	}{{session, Editor, 0}, {session, Terminal, 0}, {session, Preview, 3000}, {session, Preview, 3001}, {second, Editor, 0}} {
		host := mint(t, a, l, c.session, c.surface, c.port)
		if a.Kind(host) != SurfaceHost {
			t.Errorf("%s is %s", host, a.Kind(host))
		}
		g, err := resolve(a, host)
		if err != nil || g.Session != c.session || g.Surface != c.surface || g.Port != c.port || g.Login.ID != l.ID || g.Origin != "http://"+host {
			t.Errorf("%s opens %+v, %v", host, g, err)
		}
		token := host[strings.LastIndex(host, "--"):]
		if hosts[token] {
			t.Errorf("two labels share the token %s", token)
		}
		hosts[token] = true
	}
}

func TestALabelIsBoundToAllThatItNames(t *testing.T) {
	a := newAuth(t)
	l := loginOf(t, a)
	host := mint(t, a, l, session, Editor, 0)
	id := label{Editor, 0, second, strings.Repeat("a", 26)}.String()[8:34]
	for name, forged := range map[string]string{
		"another surface":  strings.Replace(host, "editor", "term", 1),
		"a preview":        strings.Replace(host, "editor", "p3000", 1),
		"another session":  host[:8] + id + host[34:],
		"another token":    host[:36] + strings.Repeat("a", 26) + host[62:],
		"another port":     strings.Replace(host, ":7420", ":7421", 1),
		"in upper case":    strings.ToUpper(host),
		"with a dot":       strings.Replace(host, ":", ".:", 1),
		"below another":    "a." + host,
		"no token":         host[:34] + ".localhost:7420",
		"the control host": a.hosts.control,
	} {
		if g, err := resolve(a, forged); !errors.Is(err, ErrNoGrant) {
			t.Errorf("%s: %s opens %+v", name, forged, g)
		}
	}
	if again := mint(t, a, l, session, Editor, 0); again != host {
		t.Error("a reload leads to another origin, and the editor loses what it stored there")
	}
	if other := mint(t, a, loginOf(t, a), session, Editor, 0); other == host {
		t.Error("two logins share a label")
	}
	b := newAuth(t)
	if g, err := resolve(b, host); err == nil {
		t.Errorf("another daemon opens %+v", g)
	}
}

func TestBadSurfacesGetNoLabel(t *testing.T) {
	a := newAuth(t)
	l := loginOf(t, a)
	for _, c := range []struct {
		session string
		surface Surface
		port    int
	}{
		{"not-a-uuid", Editor, 0}, {strings.ToUpper(session), Editor, 0}, {"{" + session + "}", Editor, 0}, {session, "shell", 0},
		{session, Preview, 0}, {session, Preview, -1}, {session, Preview, 65536}, {session, Editor, 7421},
	} {
		if name, err := a.Surfaces.Mint(l, c.session, c.surface, c.port); err == nil {
			t.Errorf("%+v got %s", c, name)
		}
	}
}

func TestALabelWaitsAMinuteForItsFirstUse(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := newAuth(t)
		l := loginOf(t, a)
		unused, used := mint(t, a, l, session, Editor, 0), mint(t, a, l, session, Terminal, 0)
		if _, err := resolve(a, used); err != nil {
			t.Fatal(err)
		}
		time.Sleep(firstUse + time.Second)
		if _, err := resolve(a, unused); err == nil {
			t.Error("a label that nobody used for a minute opens")
		}
		if _, err := resolve(a, used); err != nil {
			t.Errorf("a label in use: %v", err)
		}
		mint(t, a, l, session, Editor, 0)
		if _, err := resolve(a, unused); err != nil {
			t.Errorf("handed out again: %v", err)
		}
	})
}

func TestALabelEndsWithItsLogin(t *testing.T) {
	a := newAuth(t)
	l, other := loginOf(t, a), loginOf(t, a)
	host, stays := mint(t, a, l, session, Editor, 0), mint(t, a, other, session, Editor, 0)
	g, err := resolve(a, host)
	if err != nil {
		t.Fatal(err)
	}
	h := http.Header{}
	g.Remember(h)
	if err := a.Revoke(t.Context(), Local, l.ID); err != nil {
		t.Fatal(err)
	}
	if g.Live.Err() == nil {
		t.Error("open connections are not told")
	}
	if _, err := resolve(a, host, "Cookie", strings.Split(h.Get("Set-Cookie"), ";")[0]); err == nil {
		t.Error("the label opens after its login was revoked")
	}
	if _, err := a.Surfaces.Mint(l, session, Editor, 0); err == nil {
		t.Error("a request under way gets a label for a revoked login")
	}
	if _, err := resolve(a, stays); err != nil {
		t.Errorf("another login's label: %v", err)
	}
	a.Surfaces.Forget(session)
	if _, err := resolve(a, stays); err == nil {
		t.Error("the label opens after its session was forgotten")
	}
}

func TestALabelOfAnExpiredLoginOpensNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := newAuth(t)
		c := logIn(t, a)
		l, err := a.db.LoginByHash(t.Context(), digest(c.Value), time.Now())
		if err != nil {
			t.Fatal(err)
		}
		host := mint(t, a, l, session, Editor, 0)
		resolve(a, host)
		time.Sleep(loginLife - time.Minute)
		serve(door(a), request("GET", "/", a.hosts.control, "Cookie", c.Name+"="+c.Value)) // prolongs
		time.Sleep(time.Hour)
		if _, err := resolve(a, host); err != nil {
			t.Errorf("the login was prolonged: %v", err)
		}
		time.Sleep(loginLife)
		if _, err := resolve(a, host); err == nil {
			t.Error("opens after the login's end")
		}
	})
}

func TestAFrameOutlivesARestartByItsCookie(t *testing.T) {
	dir := t.TempDir()
	db := open(t, dir)
	a := authIn(t, db, dir)
	l := loginOf(t, a)
	host := mint(t, a, l, session, Editor, 0)
	g, err := resolve(a, host)
	if err != nil {
		t.Fatal(err)
	}
	h := http.Header{}
	g.Remember(h)
	line := h.Get("Set-Cookie")
	for _, want := range []string{"__Host-", "; Path=/", "; HttpOnly", "; Secure", "; SameSite=None", "; Partitioned"} {
		if !strings.Contains(line, want) {
			t.Errorf("%s lacks %q", line, want)
		}
	}
	cookie := strings.Split(line, ";")[0]

	b := authIn(t, db, dir) // the daemon after a restart
	if _, err := resolve(b, host); err == nil {
		t.Error("opens without proof of an earlier use")
	}
	if _, err := resolve(b, host, "Cookie", cookie+"0"); err == nil {
		t.Error("opens with a forged proof")
	}
	if _, err := resolve(b, strings.Replace(host, "editor", "term", 1), "Cookie", cookie); err == nil {
		t.Error("another surface opens with this one's proof")
	}
	got, err := resolve(b, host, "Cookie", "x=y; "+cookie)
	if err != nil || got.Session != session || got.Login.ID != l.ID || !got.Remembered {
		t.Errorf("with the cookie: %+v, %v", got, err)
	}
	if again := mint(t, b, l, session, Editor, 0); again != host {
		t.Error("after a restart the editor has another origin")
	}
}

func TestTheStableURLRedirectsToTheSurface(t *testing.T) {
	a := newAuth(t)
	c := logIn(t, a)
	h := a.Guard(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		a.Surfaces.HandOff(w, r, session, Preview, 3000, r.URL.Query().Get("rest"))
	}))
	for rest, want := range map[string]string{"/a?b=c": "/a?b=c", "": "/", "//evil.example": "/", "@evil.example": "/", "/a\r\nX: y": "/"} {
		r := request("GET", "/s/1/preview/3000", a.hosts.control, "Cookie", c.Name+"="+c.Value, "Sec-Fetch-Site", "same-origin", "Sec-Fetch-Mode", "navigate", "Sec-Fetch-Dest", "iframe")
		q := r.URL.Query()
		q.Set("rest", rest)
		r.URL.RawQuery = q.Encode()
		res := serve(h, r)
		u, err := res.Location()
		if err != nil || res.StatusCode != http.StatusSeeOther || a.Kind(u.Host) != SurfaceHost || u.RequestURI() != want {
			t.Errorf("%q: %d to %v", rest, res.StatusCode, u)
		}
		if csp := res.Header.Get("Content-Security-Policy"); !strings.Contains(csp, "frame-ancestors 'self'") {
			t.Errorf("our own page cannot frame it: %s", csp)
		}
	}
	w := httptest.NewRecorder()
	a.Surfaces.HandOff(w, request("GET", "/", a.hosts.control), session, Editor, 0, "/")
	if w.Code != 401 {
		t.Errorf("nobody is handed a surface: %d", w.Code)
	}
}

func FuzzLabel(f *testing.F) {
	f.Add(label{Preview, 3000, session, strings.Repeat("a", 26)}.String())
	f.Fuzz(func(t *testing.T, s string) {
		if l, ok := parseLabel(s); ok && (l.String() != s || l.valid() != nil || len(s) > 63) {
			t.Errorf("%q reads as %+v", s, l)
		}
	})
}

// Whose role was taken away, or whose login, between being let in and being handed
// a surface has nothing open: what cut the rest came before there was anything.
func TestAHandOffThatCameTooLateOpensNothing(t *testing.T) {
	for name, change := range map[string]func(a *Auth, id string) error{
		"a viewer now": func(a *Auth, id string) error {
			_, err := a.SetRole(t.Context(), Local, id, store.RoleViewer)
			return err
		},
		"removed": func(a *Auth, id string) error { return a.RemoveUser(t.Context(), Local, id) },
	} {
		a := newAuth(t)
		u, err := a.db.AddUser(t.Context(), Local, store.User{Name: "ann", Role: store.RoleDeveloper})
		if err != nil {
			t.Fatal(err)
		}
		l, err := a.db.AddLogin(t.Context(), store.Login{Hash: "ann", UserID: u.ID, TenantID: u.TenantID, ExpiresAt: time.Now().Add(time.Hour)})
		if err != nil {
			t.Fatal(err)
		}
		if err := change(a, u.ID); err != nil {
			t.Fatal(err)
		}
		r := request("GET", "/s/"+session+"/terminal/", a.hosts.control)
		w := httptest.NewRecorder()
		a.Surfaces.HandOff(w, r.WithContext(WithLogin(r.Context(), l)), session, Terminal, 0, "/")
		label := label{surface: Terminal, session: session, token: a.Surfaces.token(label{surface: Terminal, session: session}, l.Hash)}
		if _, err := resolve(a, label.String()+".localhost:7420"); w.Code != http.StatusUnauthorized || !errors.Is(err, ErrNoGrant) {
			t.Errorf("%s: %d, %v", name, w.Code, err)
		}
	}
}
