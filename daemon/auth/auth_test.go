package auth

import (
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"testing"

	"volundr/store"
	"volundr/store/storetest"
)

const listen = "127.0.0.1:7420"

func open(t *testing.T, dir string) *store.DB {
	t.Helper()
	db, err := store.Open(storetest.New(t, dir))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { db.Close() })
	return db
}

func newAuth(t *testing.T) *Auth {
	t.Helper()
	dir := t.TempDir()
	return authIn(t, open(t, dir), dir)
}

func authIn(t *testing.T, db *store.DB, dir string) *Auth {
	t.Helper()
	a, err := New(t.Context(), Options{
		DB: db, Dir: dir, Listen: listen, Log: slog.New(slog.NewTextHandler(io.Discard, nil)),
		Open: func(r *http.Request) bool { return r.URL.Path == "/health" },
	})
	if err != nil {
		t.Fatal(err)
	}
	return a
}

// request makes a request as it reaches a server; headers come in pairs.
func request(method, target, host string, headers ...string) *http.Request {
	r := httptest.NewRequest(method, target, nil)
	r.Host = host
	for i := 0; i < len(headers); i += 2 {
		r.Header.Add(headers[i], headers[i+1])
	}
	return r
}

// here is a request to the address on loopback.
var here = httptest.NewRequest("GET", "/", nil)

// door is a guarded handler that tells who came in.
func door(a *Auth) http.Handler {
	return a.Guard(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		p, _ := PrincipalFrom(r.Context())
		io.WriteString(w, "in as "+p.UserID)
	}))
}

func serve(h http.Handler, r *http.Request) *http.Response {
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w.Result()
}

// logIn opens a login link as a browser does and returns the cookie.
func logIn(t *testing.T, a *Auth) *http.Cookie {
	t.Helper()
	link, err := a.LoginLink(t.Context(), Local)
	if err != nil {
		t.Fatal(err)
	}
	res := serve(door(a), request("GET", link, a.hosts.control, "Sec-Fetch-Mode", "navigate", "Sec-Fetch-Dest", "document", "Sec-Fetch-Site", "none"))
	if res.StatusCode != http.StatusSeeOther || res.Header.Get("Location") != "/" || len(res.Cookies()) != 1 {
		t.Fatalf("login link: %d %q %v", res.StatusCode, res.Header.Get("Location"), res.Cookies())
	}
	return res.Cookies()[0]
}
