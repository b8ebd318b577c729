package proxy

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"volundr/daemon/auth"
	"volundr/runtime"
	"volundr/store"
	"volundr/store/storetest"
)

const session = "0b6f7c1e-4f4d-4c59-9d54-3f0a3a3b3c01"

// rig is a proxy on a real listener, before a program "inside a session" that
// is a real server too.
type rig struct {
	t       *testing.T
	auth    *auth.Auth
	proxy   *Proxy
	server  *httptest.Server
	login   store.Login
	dials   atomic.Int64
	dialErr atomic.Pointer[error]
	asked   atomic.Int64 // the port of the last dial
}

func newRig(t testing.TB, inside http.Handler) *rig {
	t.Helper()
	x := &rig{}
	x.t, _ = t.(*testing.T)
	program := httptest.NewServer(inside)
	t.Cleanup(program.Close)

	dir := t.TempDir()
	db, err := store.Open(storetest.New(t, dir))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { db.Close() })
	if x.login, err = db.AddLogin(context.Background(), store.Login{
		Hash: "cafe", UserID: auth.Local.UserID, TenantID: auth.Local.TenantID, ExpiresAt: time.Now().Add(time.Hour),
	}); err != nil {
		t.Fatal(err)
	}
	x.server = httptest.NewUnstartedServer(nil)
	log := slog.New(slog.NewTextHandler(io.Discard, nil))
	if x.auth, err = auth.New(context.Background(), auth.Options{DB: db, Dir: dir, Listen: x.server.Listener.Addr().String(), Log: log}); err != nil {
		t.Fatal(err)
	}
	x.proxy = New(Options{
		Surfaces: x.auth.Surfaces, Log: log,
		Dial: func(ctx context.Context, id string, port int) (net.Conn, error) {
			x.dials.Add(1)
			x.asked.Store(int64(port))
			if e := x.dialErr.Load(); e != nil {
				return nil, *e
			}
			if id != session {
				return nil, fmt.Errorf("dial %s: %w", id, runtime.ErrNotFound)
			}
			return net.Dial("tcp", program.Listener.Addr().String())
		},
	})
	x.server.Config.Handler = x.proxy
	x.server.Start()
	t.Cleanup(func() { x.server.Close(); x.proxy.Close() })
	return x
}

// open mints a label and gives the surface's host.
func (x *rig) open(s auth.Surface, port int) string {
	name, err := x.auth.Surfaces.Mint(x.login, session, s, port)
	if err != nil {
		panic(err)
	}
	_, p, _ := net.SplitHostPort(x.server.Listener.Addr().String())
	return name + ".localhost:" + p
}

// do sends a request to a host of the one listener; headers come in pairs.
func (x *rig) do(method, host, path string, headers ...string) *http.Response {
	x.t.Helper()
	r, err := http.NewRequest(method, x.server.URL+path, nil)
	if err != nil {
		x.t.Fatal(err)
	}
	r.Host = host
	for i := 0; i < len(headers); i += 2 {
		r.Header.Add(headers[i], headers[i+1])
	}
	res, err := x.server.Client().Transport.RoundTrip(r)
	if err != nil {
		x.t.Fatal(err)
	}
	x.t.Cleanup(func() { res.Body.Close() })
	return res
}

func body(t *testing.T, res *http.Response) string {
	t.Helper()
	b, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// TestNothingOfOursGoesInside looks at a whole request as the program in the
// session gets it.
func TestNothingOfOursGoesInside(t *testing.T) {
	var got *http.Request
	x := newRig(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { got = r }))
	host := x.open(auth.Preview, 3000)
	x.do("POST", host, "/a%2Fb/../c?x=%zz;y", "Origin", "http://"+host, "Referer", "http://"+host+"/page",
		"Cookie", "theirs=1; "+auth.SurfaceCookie+"=secret; volundr-abcdefgh=secret; other=\"odd value\"",
		"X-Forwarded-For", "1.2.3.4", "X-Forwarded-Host", host, "Forwarded", "host="+host, "Authorization", "Basic dGhlaXI6b3du")
	if got == nil {
		t.Fatal("the request did not arrive")
	}
	if got.Host != "127.0.0.1:3000" || got.Header.Get("Origin") != "http://127.0.0.1:3000" {
		t.Errorf("Host %q, Origin %q", got.Host, got.Header.Get("Origin"))
	}
	if got.RequestURI != "/a%2Fb/../c?x=%zz;y" {
		t.Errorf("path %q", got.RequestURI)
	}
	if c := got.Header.Get("Cookie"); c != `theirs=1; other="odd value"` {
		t.Errorf("cookies %q", c)
	}
	if got.Header.Get("Authorization") == "" {
		t.Error("the program's own login was dropped")
	}
	token := host[strings.LastIndex(host, "--")+2 : strings.Index(host, ".")]
	for name, values := range got.Header {
		if s := strings.Join(values, " "); strings.Contains(s, token) || strings.Contains(s, "secret") || strings.HasPrefix(name, "X-Forwarded") {
			t.Errorf("goes inside: %s: %s", name, s)
		}
	}
}

// TestAnswersBelongToTheSurface looks at what a hostile program's answer is
// when it reaches the browser.
func TestAnswersBelongToTheSurface(t *testing.T) {
	x := newRig(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Add("Set-Cookie", "theirs=1; Path=/; HttpOnly")
		h.Add("Set-Cookie", "wide=1; domain=localhost; Path=/")
		h.Add("Set-Cookie", auth.SurfaceCookie+"=evil; Secure; Path=/")
		h.Add("Set-Cookie", " volundr-abcdefgh =evil; Path=/")
		h.Add("Content-Security-Policy", "script-src 'self'; Frame-Ancestors 'none', frame-ancestors *")
		h.Add("Content-Security-Policy", "img-src *")
		h.Set("X-Frame-Options", "DENY")
		h.Set("Referrer-Policy", "unsafe-url")
		h.Set("Alt-Svc", `h3=":443"`)
		io.WriteString(w, "hello")
	}))
	host := x.open(auth.Editor, 0)
	res := x.do("GET", host, "/", "Sec-Fetch-Mode", "navigate", "Sec-Fetch-Dest", "iframe", "Sec-Fetch-Site", "cross-site")
	if got := body(t, res); res.StatusCode != 200 || got != "hello" || x.asked.Load() != 7430 {
		t.Errorf("%d %q from port %d", res.StatusCode, got, x.asked.Load())
	}
	cookies := res.Header.Values("Set-Cookie")
	if len(cookies) != 3 || cookies[0] != "theirs=1; Path=/; HttpOnly" || cookies[1] != "wide=1; Path=/" || strings.Contains(cookies[2], "evil") {
		t.Errorf("cookies %q", cookies)
	}
	want := []string{"script-src 'self'", "img-src *", "frame-ancestors 'self' " + x.auth.ControlOrigin()}
	if got := res.Header.Values("Content-Security-Policy"); strings.Join(got, " | ") != strings.Join(want, " | ") {
		t.Errorf("policies %q", got)
	}
	for name, want := range map[string]string{"X-Frame-Options": "", "Referrer-Policy": "same-origin", "Cross-Origin-Resource-Policy": "same-origin", "Alt-Svc": ""} {
		if got := res.Header.Get(name); got != want {
			t.Errorf("%s: %q", name, got)
		}
	}
	again := x.do("GET", host, "/", "Sec-Fetch-Mode", "navigate", "Cookie", strings.Split(cookies[2], ";")[0])
	if n := len(again.Header.Values("Set-Cookie")); n != 2 {
		t.Errorf("a browser that keeps the cookie gets it again: %d", n)
	}
}

func TestRedirectsStayOnTheSurface(t *testing.T) {
	x := newRig(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Location", r.URL.Query().Get("to"))
		w.WriteHeader(302)
	}))
	host := x.open(auth.Preview, 3000)
	for to, want := range map[string]string{
		"http://127.0.0.1:3000/a?b=c#d": "http://" + host + "/a?b=c#d",
		"http://localhost:3000":         "http://" + host,
		"//127.0.0.1:3000//evil":        "http://" + host + "//evil",
		"./a":                           "./a",
		"/a":                            "/a",
		"https://example.org/":          "https://example.org/",
		"http://localhost:3001/":        "http://localhost:3001/",
	} {
		r := x.do("GET", host, "/?to="+strings.NewReplacer("?", "%3F", "#", "%23", "&", "%26").Replace(to))
		if got := r.Header.Get("Location"); got != want {
			t.Errorf("%s becomes %q, want %q", to, got, want)
		}
	}
}

func TestForgedRequestsDoNotGoInside(t *testing.T) {
	arrived := 0
	x := newRig(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { arrived++; w.WriteHeader(204) }))
	host := x.open(auth.Preview, 3000)
	own := "http://" + host
	up := []string{"Connection", "Upgrade", "Upgrade", "websocket"}
	for _, c := range []struct {
		name, method, host string
		headers            []string
		want               int
	}{
		{"own page", "GET", host, []string{"Sec-Fetch-Site", "same-origin"}, 204},
		{"own form", "POST", host, []string{"Sec-Fetch-Site", "same-origin", "Origin", own}, 204},
		{"frame of the control page", "GET", host, []string{"Sec-Fetch-Site", "cross-site", "Sec-Fetch-Mode", "navigate", "Sec-Fetch-Dest", "iframe"}, 204},
		{"own window", "GET", host, []string{"Sec-Fetch-Site", "cross-site", "Sec-Fetch-Mode", "navigate", "Sec-Fetch-Dest", "document"}, 204},
		{"foreign POST", "POST", host, []string{"Origin", "http://evil.example"}, 403},
		{"absent origin", "POST", host, nil, 403},
		{"null origin", "POST", host, []string{"Origin", "null"}, 403},
		{"control's origin", "POST", host, []string{"Origin", x.auth.ControlOrigin()}, 403},
		{"another surface's origin", "POST", host, []string{"Origin", "http://" + x.open(auth.Editor, 0)}, 403},
		{"foreign form", "POST", host, []string{"Origin", "http://evil.example", "Sec-Fetch-Mode", "navigate", "Sec-Fetch-Dest", "document"}, 403},
		{"foreign socket", "GET", host, append(up, "Origin", "http://evil.example"), 403},
		{"socket without origin", "GET", host, up, 403},
		{"socket that navigates", "GET", host, append(up, "Sec-Fetch-Mode", "navigate"), 403},
		{"foreign script", "GET", host, []string{"Sec-Fetch-Site", "cross-site", "Sec-Fetch-Mode", "no-cors"}, 403},
		{"foreign fetch", "GET", host, []string{"Sec-Fetch-Site", "cross-site", "Sec-Fetch-Mode", "cors", "Origin", "http://evil.example"}, 403},
		{"unknown label", "GET", strings.Replace(host, "p3000", "p3001", 1), nil, 404},
		{"no label", "GET", "localhost", nil, 404},
		{"broker's port", "GET", x.open(auth.Preview, 7421), nil, 403},
		{"editor's port", "GET", x.open(auth.Preview, 7430), nil, 403},
		{"terminal's port", "GET", x.open(auth.Preview, 7431), nil, 403},
	} {
		arrived = 0
		res := x.do(c.method, c.host, "/", c.headers...)
		if res.StatusCode != c.want || (arrived == 1) != (c.want == 204) {
			t.Errorf("%s: %d, want %d; arrived %d times", c.name, res.StatusCode, c.want, arrived)
		}
	}
}

func TestErrorsAreSentences(t *testing.T) {
	x := newRig(t, http.NotFoundHandler())
	for _, c := range []struct {
		err     error
		surface auth.Surface
		port    int
		status  int
		says    string
	}{
		{fmt.Errorf("dial: %w", runtime.ErrNotFound), auth.Editor, 0, 503, "not running"},
		{fmt.Errorf("dial: %w", runtime.ErrUnavailable), auth.Editor, 0, 503, "engine"},
		{errRefused, auth.Preview, 5173, 502, "Nothing listens on port 5173"},
		{errRefused, auth.Terminal, 0, 502, "terminal does not answer"},
		{errors.New("odd <b>"), auth.Preview, 5173, 502, "does not answer"},
	} {
		x.dialErr.Store(&c.err)
		host := x.open(c.surface, c.port)
		page := x.do("GET", host, "/", "Sec-Fetch-Mode", "navigate", "Sec-Fetch-Dest", "iframe")
		text := body(t, page)
		if page.StatusCode != c.status || !strings.Contains(text, c.says) || page.Header.Get("Refresh") == "" || strings.Contains(text, "odd") {
			t.Errorf("page for %v: %d %s", c.err, page.StatusCode, text)
		}
		if csp := page.Header.Get("Content-Security-Policy"); !strings.Contains(csp, "frame-ancestors 'self' "+x.auth.ControlOrigin()) {
			t.Errorf("the control page cannot show it: %s", csp)
		}
		fetch := x.do("GET", host, "/", "Sec-Fetch-Mode", "cors", "Sec-Fetch-Site", "same-origin")
		if text := body(t, fetch); fetch.StatusCode != c.status || !strings.HasPrefix(text, `{"detail":"`) {
			t.Errorf("fetch for %v: %d %s", c.err, fetch.StatusCode, text)
		}
	}
	gone := x.do("GET", strings.Replace(x.open(auth.Editor, 0), "editor", "term", 1), "/", "Accept", "text/html")
	if text := body(t, gone); gone.StatusCode != 404 || !strings.Contains(text, "reload") {
		t.Errorf("unknown label: %d %s", gone.StatusCode, text)
	}
}

func TestConnectionsAreReusedUntilTheSessionStops(t *testing.T) {
	x := newRig(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { io.WriteString(w, "ok") }))
	host := x.open(auth.Editor, 0)
	for range 5 {
		body(t, x.do("GET", host, "/"))
	}
	if n := x.dials.Load(); n != 1 {
		t.Errorf("%d dials for five requests in a row", n)
	}
	x.proxy.Forget(session)
	body(t, x.do("GET", host, "/"))
	if n := x.dials.Load(); n != 2 {
		t.Errorf("%d dials after the session stopped", n)
	}
}

func TestHeadersAreBounded(t *testing.T) {
	x := newRig(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("X", strings.Repeat("x", 100<<10))
	}))
	if res := x.do("GET", x.open(auth.Editor, 0), "/"); res.StatusCode != 502 {
		t.Errorf("status %d", res.StatusCode)
	}
}
