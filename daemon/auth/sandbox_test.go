package auth

import (
	"net"
	"net/http"
	"net/http/httptest"
	"testing"
)

// TestTheDoorOfTheSandboxAPI is the table of who may come in where tokens are
// asked for, and where not.
func TestTheDoorOfTheSandboxAPI(t *testing.T) {
	a := newAuth(t)
	here, everywhere := &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: 8000}, &net.TCPAddr{IP: net.IPv4zero, Port: 8000}
	who := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		p, _ := PrincipalFrom(r.Context())
		http.SetCookie(w, &http.Cookie{Name: "never", Value: "sent"})
		w.Header().Set("Who", p.UserID)
		w.WriteHeader(http.StatusOK)
	})
	door := func(addr net.Addr, encrypted, open bool) http.Handler {
		t.Helper()
		h, err := a.SandboxDoor(addr, encrypted, open, who)
		if err != nil {
			t.Fatal(err)
		}
		return h
	}
	const ours = "127.0.0.1:8000"
	bearer, wrong := []string{"Authorization", "Bearer " + a.token}, []string{"Authorization", "Bearer wrong"}
	for _, c := range []struct {
		name    string
		method  string
		host    string
		headers []string
		token   int // where a token is asked for
		open    int // where not
		who     string
	}{
		{"a program", "POST", ours, nil, 401, 200, "anonymous"},
		{"a program, by name", "POST", "localhost:8000", nil, 401, 200, "anonymous"},
		{"a program with the token", "POST", ours, bearer, 200, 200, "local"},
		{"a program with a wrong token", "POST", ours, wrong, 401, 200, "anonymous"},
		{"a rebound name", "POST", "evil.example:8000", bearer, 421, 421, ""},
		{"another port", "POST", "127.0.0.1:7420", bearer, 421, 421, ""},
		{"no port", "POST", "localhost", bearer, 421, 421, ""},
		{"the daemon's name", "POST", a.hosts.control, bearer, 421, 421, ""},
		{"a web page", "POST", ours, append([]string{"Origin", "http://evil.example"}, bearer...), 403, 403, ""},
		{"a page that says it is ours", "POST", ours, append([]string{"Origin", "http://" + ours}, bearer...), 403, 403, ""},
		{"a page without origin", "POST", ours, append([]string{"Origin", "null"}, bearer...), 403, 403, ""},
		{"a page's image", "GET", ours, append([]string{"Sec-Fetch-Site", "cross-site"}, bearer...), 403, 403, ""},
		{"another server of this machine", "GET", ours, append([]string{"Sec-Fetch-Site", "same-site"}, bearer...), 403, 403, ""},
		{"a link on a page", "GET", ours, append([]string{"Sec-Fetch-Site", "cross-site", "Sec-Fetch-Mode", "navigate", "Sec-Fetch-Dest", "document"}, bearer...), 403, 403, ""},
		{"a typed address", "GET", ours, append([]string{"Sec-Fetch-Site", "none", "Sec-Fetch-Mode", "navigate", "Sec-Fetch-Dest", "document"}, bearer...), 200, 200, "local"},
	} {
		for _, open := range []bool{false, true} {
			r := httptest.NewRequest(c.method, "/v1/sessions", http.NoBody)
			r.Host = c.host
			for i := 0; i < len(c.headers); i += 2 {
				r.Header.Add(c.headers[i], c.headers[i+1])
			}
			rec := httptest.NewRecorder()
			door(here, false, open).ServeHTTP(rec, r)
			want := c.token
			if open {
				want = c.open
			}
			if rec.Code != want || want == 200 && rec.Header().Get("Who") != c.who || rec.Header().Get("Set-Cookie") != "" {
				t.Errorf("%s, open %v: %d for %q, want %d for %q", c.name, open, rec.Code, rec.Header().Get("Who"), want, c.who)
			}
		}
	}
	r := httptest.NewRequest("GET", "/v1/sessions", http.NoBody)
	r.Host = "box.example"
	rec := httptest.NewRecorder()
	if door(everywhere, true, false).ServeHTTP(rec, r); rec.Code != 401 {
		t.Errorf("by another machine, nobody: %d", rec.Code)
	}
	r.Header.Set("Authorization", "Bearer "+a.token)
	rec = httptest.NewRecorder()
	if door(everywhere, true, false).ServeHTTP(rec, r); rec.Code != 200 {
		t.Errorf("by another machine, with the token: %d", rec.Code)
	}
	for _, open := range []bool{false, true} {
		if _, err := a.SandboxDoor(everywhere, open, open, who); err == nil {
			t.Errorf("other machines come in without encryption or token (open %v)", open)
		}
	}
}
