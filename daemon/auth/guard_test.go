package auth

import (
	"io"
	"net/http"
	"strings"
	"testing"
)

// TestForgedRequests is the table of what may not come in, each beside the
// honest request that it differs from in one thing.
func TestForgedRequests(t *testing.T) {
	a := newAuth(t)
	cookie := logIn(t, a)
	control, origin := a.hosts.control, a.ControlOrigin()
	name := strings.TrimSuffix(control, ":7420")
	with := func(headers ...string) []string {
		return append([]string{"Cookie", cookie.Name + "=" + cookie.Value}, headers...)
	}
	bearer := func(headers ...string) []string {
		return append([]string{"Authorization", "Bearer " + a.token}, headers...)
	}
	ws := func(headers ...string) []string {
		return with(append([]string{"Connection", "Upgrade", "Upgrade", "websocket"}, headers...)...)
	}
	nav := []string{"Sec-Fetch-Mode", "navigate", "Sec-Fetch-Dest", "document"}

	for _, c := range []struct {
		name    string
		method  string
		host    string
		headers []string
		want    int
	}{
		{"own page reads", "GET", control, with("Sec-Fetch-Site", "same-origin"), 200},
		{"own page reads, says its origin", "GET", control, with("Origin", origin), 200},
		{"own page changes", "POST", control, with("Origin", origin, "Sec-Fetch-Site", "same-origin"), 200},
		{"own page opens a socket", "GET", control, ws("Origin", origin), 200},
		{"typed address", "GET", control, with(append(nav, "Sec-Fetch-Site", "none")...), 200},
		{"link on another site", "GET", control, with(append(nav, "Sec-Fetch-Site", "cross-site")...), 200},

		{"rebound name", "GET", "evil.example:7420", with(), 421},
		{"rebound name, posts", "POST", "evil.example:7420", with("Origin", "http://evil.example:7420"), 421},
		{"rebound name with the token", "GET", "evil.example:7420", bearer(), 421},
		{"no name", "GET", "", with(), 421},
		{"no port", "GET", name, with(), 421},
		{"another port", "GET", name + ":7421", with(), 421},
		{"port with a zero", "GET", name + ":07420", with(), 421},
		{"trailing dot", "GET", name + ".:7420", with(), 421},
		{"upper case", "GET", strings.ToUpper(name) + ":7420", with(), 421},
		{"user before the name", "GET", "evil@" + control, with(), 421},
		{"name as user", "GET", control + "@evil.example", with(), 421},
		{"name below ours", "GET", "evil." + control, with(), 421},
		{"name that ends like ours", "GET", "x" + control, with(), 421},
		{"ours as prefix", "GET", control + ".evil.example", with(), 421},
		{"bare suffix", "GET", ".localhost:7420", with(), 421},
		{"another installation", "GET", "volundr-aaaaaaaa.localhost:7420", with(), 421},
		{"IPv6 loopback", "GET", "[::1]:7420", bearer(), 421},
		{"IPv6 with zone", "GET", "[::1%25lo]:7420", bearer(), 421},
		{"mapped IPv4", "GET", "[::ffff:127.0.0.1]:7420", bearer(), 421},
		{"short IPv4", "GET", "127.1:7420", bearer(), 421},
		{"number", "GET", "2130706433:7420", bearer(), 421},
		{"another loopback address", "GET", "127.0.0.2:7420", bearer(), 421},
		{"any address", "GET", "0.0.0.0:7420", bearer(), 421},
		{"localhost with dot", "GET", "localhost.:7420", bearer(), 421},
		{"surface's host at this door", "GET", "editor--" + strings.Repeat("a", 26) + "--" + strings.Repeat("a", 26) + ".localhost:7420", with(), 421},

		{"foreign origin reads", "GET", control, with("Origin", "http://evil.example"), 403},
		{"foreign origin posts", "POST", control, with("Origin", "http://evil.example"), 403},
		{"foreign origin opens a socket", "GET", control, ws("Origin", "http://evil.example"), 403},
		{"absent origin posts", "POST", control, with(), 403},
		{"absent origin, says same-origin", "POST", control, with("Sec-Fetch-Site", "same-origin"), 403},
		{"absent origin deletes", "DELETE", control, with(), 403},
		{"absent origin asks for options", "OPTIONS", control, with(), 403},
		{"absent origin opens a socket", "GET", control, ws(), 403},
		{"null origin posts", "POST", control, with("Origin", "null"), 403},
		{"null origin reads", "GET", control, with("Origin", "null"), 403},
		{"null origin opens a socket", "GET", control, ws("Origin", "null"), 403},
		{"empty origin posts", "POST", control, with("Origin", ""), 403},
		{"two origins", "POST", control, with("Origin", origin, "Origin", "http://evil.example"), 403},
		{"our origin twice", "POST", control, with("Origin", origin, "Origin", origin), 403},
		{"list of origins", "POST", control, with("Origin", origin+" http://evil.example"), 403},
		{"origin over https", "POST", control, with("Origin", "https://"+control), 403},
		{"origin on another port", "POST", control, with("Origin", "http://"+name+":7421"), 403},
		{"origin without port", "POST", control, with("Origin", "http://"+name), 403},
		{"origin in upper case", "POST", control, with("Origin", strings.ToUpper(origin)), 403},
		{"origin with dot", "POST", control, with("Origin", "http://"+name+".:7420"), 403},
		{"origin with slash", "POST", control, with("Origin", origin+"/"), 403},
		{"origin with user", "POST", control, with("Origin", "http://evil@"+control), 403},
		{"origin that starts like ours", "POST", control, with("Origin", origin+".evil.example"), 403},
		{"program's origin at control", "POST", control, with("Origin", "http://127.0.0.1:7420"), 403},
		{"surface's origin", "POST", control, with("Origin", "http://editor--a--b.localhost:7420"), 403},

		{"cross-site GET", "GET", control, with("Sec-Fetch-Site", "cross-site", "Sec-Fetch-Mode", "no-cors", "Sec-Fetch-Dest", "image"), 403},
		{"cross-site fetch", "GET", control, with("Sec-Fetch-Site", "cross-site", "Sec-Fetch-Mode", "cors", "Sec-Fetch-Dest", "empty"), 403},
		{"cross-site frame", "GET", control, with("Sec-Fetch-Site", "cross-site", "Sec-Fetch-Mode", "navigate", "Sec-Fetch-Dest", "iframe"), 403},
		{"cross-site form", "POST", control, with("Sec-Fetch-Site", "cross-site", "Sec-Fetch-Mode", "navigate", "Sec-Fetch-Dest", "document", "Origin", "http://evil.example"), 403},
		{"cross-site form that hides its origin", "POST", control, with("Sec-Fetch-Site", "cross-site", "Sec-Fetch-Mode", "navigate", "Sec-Fetch-Dest", "document"), 403},
		{"cross-site socket", "GET", control, ws("Sec-Fetch-Site", "cross-site", "Sec-Fetch-Mode", "websocket", "Origin", origin), 403},
		{"another port of our name", "GET", control, with("Sec-Fetch-Site", "same-site", "Sec-Fetch-Mode", "no-cors"), 403},
		{"two claims of a site", "GET", control, with("Sec-Fetch-Site", "same-origin", "Sec-Fetch-Site", "cross-site"), 403},

		{"nobody reads", "GET", control, nil, 401},
		{"nobody posts", "POST", control, []string{"Origin", origin}, 401},
		{"wrong cookie", "GET", control, []string{"Cookie", cookie.Name + "=AAAA"}, 401},
		{"another daemon's cookie", "GET", control, []string{"Cookie", "volundr-aaaaaaaa=" + cookie.Value}, 401},
		{"public path is open", "HEALTH", control, nil, 200},
		{"public path, foreign host", "HEALTH", "evil.example", nil, 421},
		{"public path, cross-site", "HEALTH", control, []string{"Sec-Fetch-Site", "cross-site"}, 403},

		{"program reads", "GET", "127.0.0.1:7420", bearer(), 200},
		{"program by name", "GET", "localhost:7420", bearer(), 200},
		{"program changes", "POST", "127.0.0.1:7420", bearer(), 200},
		{"program opens a socket", "GET", "127.0.0.1:7420", bearer("Connection", "Upgrade", "Upgrade", "websocket"), 200},
		{"program at control", "POST", control, bearer(), 200},
		{"program with a foreign origin", "POST", "127.0.0.1:7420", bearer("Origin", "http://evil.example"), 403},
		{"program host ignores cookies", "GET", "127.0.0.1:7420", with(), 401},
		{"program host ignores cookies by name", "GET", "localhost:7420", with(), 401},
		{"wrong token", "GET", "127.0.0.1:7420", []string{"Authorization", "Bearer x"}, 401},
		{"wrong token beside a good cookie", "GET", control, with("Authorization", "Bearer x"), 401},
		{"token in basic", "GET", "127.0.0.1:7420", []string{"Authorization", "Basic " + a.token}, 401},
		{"token cut short", "GET", "127.0.0.1:7420", []string{"Authorization", "Bearer " + a.token[:25]}, 401},
		{"token in the query", "GET", "127.0.0.1:7420", nil, 401},
		{"page load by program's name", "GET", "127.0.0.1:7420", append(nav, "Sec-Fetch-Site", "none"), 303},
		{"page load by localhost", "GET", "localhost:7420", append(nav, "Sec-Fetch-Site", "none"), 303},
		{"frame of program's name", "GET", "localhost:7420", []string{"Sec-Fetch-Site", "cross-site", "Sec-Fetch-Mode", "navigate", "Sec-Fetch-Dest", "iframe"}, 403},
		{"cross-site fetch of program's name", "GET", "localhost:7420", []string{"Sec-Fetch-Site", "cross-site", "Sec-Fetch-Mode", "cors"}, 403},
	} {
		t.Run(c.name, func(t *testing.T) {
			method, path := c.method, "/api/v1/volundr/sessions?token="+a.token
			if method == "HEALTH" {
				method, path = "GET", "/health"
			}
			res := serve(door(a), request(method, path, c.host, c.headers...))
			body, _ := io.ReadAll(res.Body)
			if res.StatusCode != c.want {
				t.Fatalf("status %d, want %d: %s", res.StatusCode, c.want, body)
			}
			if in := strings.HasPrefix(string(body), "in as"); in != (c.want == 200) {
				t.Errorf("handler reached: %v", in)
			}
			if c.want == 303 && res.Header.Get("Location") != origin+path {
				t.Errorf("redirected to %q", res.Header.Get("Location"))
			}
			if c.want == 401 && res.Header.Get("WWW-Authenticate") != "Bearer" {
				t.Error("401 without WWW-Authenticate")
			}
			for h := range res.Header {
				if strings.HasPrefix(h, "Access-Control-") {
					t.Errorf("CORS header %s", h)
				}
			}
		})
	}
}

func TestUserInTheRequestLineIsForeign(t *testing.T) {
	a := newAuth(t)
	r := request("GET", "http://evil@"+a.hosts.control+"/", a.hosts.control, "Authorization", "Bearer "+a.token)
	if res := serve(door(a), r); res.StatusCode != http.StatusMisdirectedRequest {
		t.Errorf("status %d", res.StatusCode)
	}
}

func TestEveryAnswerOfControlIsHardened(t *testing.T) {
	a := newAuth(t)
	cookie := logIn(t, a)
	for _, r := range []*http.Request{
		request("GET", "/", a.hosts.control, "Cookie", cookie.String()),
		request("GET", "/", a.hosts.control),
		request("GET", "/", "127.0.0.1:7420", "Authorization", "Bearer "+a.token),
	} {
		h := serve(door(a), r).Header
		for name, want := range map[string]string{
			"Content-Security-Policy":      "frame-ancestors 'none'",
			"X-Content-Type-Options":       "nosniff",
			"Cross-Origin-Opener-Policy":   "same-origin",
			"Cross-Origin-Resource-Policy": "same-origin",
			"Referrer-Policy":              "same-origin",
			"Cache-Control":                "no-store",
		} {
			if !strings.Contains(h.Get(name), want) {
				t.Errorf("%s: %q lacks %q", name, h.Get(name), want)
			}
		}
		if strings.Contains(h.Get("Content-Security-Policy"), "unsafe") {
			t.Error("CSP allows inline code")
		}
	}
}

func TestProgramHostsNeverSetNorSeeACookie(t *testing.T) {
	a := newAuth(t)
	h := a.Guard(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Cookie") != "" {
			t.Error("handler sees a cookie")
		}
		http.SetCookie(w, &http.Cookie{Name: "x", Value: "y"})
		io.WriteString(w, "done")
	}))
	for _, path := range []string{"/", "/login/abc"} {
		res := serve(h, request("GET", path, "127.0.0.1:7420", "Authorization", "Bearer "+a.token, "Cookie", "a=b"))
		if len(res.Cookies()) != 0 {
			t.Errorf("%s sets %v", path, res.Cookies())
		}
	}
}

func TestPeopleGetPagesAndProgramsGetJSON(t *testing.T) {
	a := newAuth(t)
	for _, c := range []struct {
		accept, kind, body string
	}{
		{"text/html,*/*", "text/html; charset=utf-8", "volundr open"},
		{"*/*", "application/json", `{"detail":"Missing Authorization header"}`},
	} {
		res := serve(door(a), request("GET", "/", a.hosts.control, "Accept", c.accept))
		body, _ := io.ReadAll(res.Body)
		if res.StatusCode != 401 || res.Header.Get("Content-Type") != c.kind || !strings.Contains(string(body), c.body) {
			t.Errorf("%s: %d %s %s", c.accept, res.StatusCode, res.Header.Get("Content-Type"), body)
		}
	}
}

func TestWrongTokensAreSlowedDownAndRightOnesNever(t *testing.T) {
	a := newAuth(t)
	last := 0
	for range 40 {
		last = serve(door(a), request("GET", "/", "127.0.0.1:7420", "Authorization", "Bearer no")).StatusCode
	}
	if last != http.StatusTooManyRequests {
		t.Errorf("the 40th wrong token: %d", last)
	}
	if res := serve(door(a), request("GET", "/", "127.0.0.1:7420", "Authorization", "Bearer "+a.token)); res.StatusCode != 200 {
		t.Errorf("the right token: %d", res.StatusCode)
	}
}
