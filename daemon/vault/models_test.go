package vault

import (
	"bufio"
	"bytes"
	"context"
	"crypto/x509"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
)

const canary = "sk-canary-0123456789"

// upstream is a provider that writes down what reaches it.
type upstream struct {
	*httptest.Server
	mu   sync.Mutex
	got  []*http.Request
	body [][]byte
}

func newUpstream(t *testing.T, answer http.HandlerFunc) *upstream {
	t.Helper()
	u := &upstream{}
	u.Server = httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		b, _ := io.ReadAll(r.Body)
		u.mu.Lock()
		u.got, u.body = append(u.got, r), append(u.body, b)
		u.mu.Unlock()
		answer(w, r)
	}))
	t.Cleanup(u.Close)
	return u
}

func (u *upstream) requests() []*http.Request {
	u.mu.Lock()
	defer u.mu.Unlock()
	return u.got
}

func fine(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, `{"ok":true}`) }

// towards sends both providers' requests to u.
func towards(u *upstream, env map[string]string) func(*Options) {
	return func(o *Options) {
		o.Roots = x509.NewCertPool()
		o.Roots.AddCert(u.Certificate())
		o.Gateways = map[string]string{"anthropic": u.URL, "openai": u.URL + "/v1"}
		o.Env = func(name string) string { return env[name] }
	}
}

var bothKeys = map[string]string{"ANTHROPIC_API_KEY": canary, "OPENAI_API_KEY": canary + "-o"}

// serve gives the address of the model routes as a session sees them.
func serve(t *testing.T, ctx context.Context, v *Vault) string {
	t.Helper()
	s := httptest.NewUnstartedServer(v.Models())
	s.Config.BaseContext = func(net.Listener) context.Context { return ctx }
	s.Start()
	t.Cleanup(s.Close)
	return s.URL
}

func ask(t *testing.T, method, url, body string, headers ...string) (int, string, http.Header) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, url, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	for i := 0; i < len(headers); i += 2 {
		req.Header.Add(headers[i], headers[i+1])
	}
	res, err := http.DefaultTransport.RoundTrip(req)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	b, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	return res.StatusCode, string(b), res.Header
}

func TestWhatIsOnTheListGoesOutWithTheRealKey(t *testing.T) {
	u := newUpstream(t, fine)
	p := newPlace(t)
	base := serve(t, p.session(t), p.vault(&ring{err: errNoRing}, towards(u, bothKeys)))
	type seen struct{ Method, URI, Key, Auth string }
	for _, c := range []struct {
		method, path string
		want         seen
	}{
		{"POST", "/models/anthropic/v1/messages?beta=true", seen{"POST", "/v1/messages?beta=true", canary, ""}},
		{"POST", "/models/anthropic/v1/messages/count_tokens?beta=true", seen{"POST", "/v1/messages/count_tokens?beta=true", canary, ""}},
		{"GET", "/models/anthropic/v1/models?limit=20&evil=1", seen{"GET", "/v1/models?limit=20", canary, ""}},
		{"POST", "/models/openai/v1/responses", seen{"POST", "/v1/responses", "", "Bearer " + canary + "-o"}},
		{"GET", "/models/openai/v1/models", seen{"GET", "/v1/models", "", "Bearer " + canary + "-o"}},
	} {
		before := len(u.requests())
		status, body, _ := ask(t, c.method, base+c.path, "{}")
		if status != 200 || body != `{"ok":true}` {
			t.Errorf("%s %s: %d %s", c.method, c.path, status, body)
			continue
		}
		r := u.requests()[before]
		got := seen{r.Method, r.RequestURI, r.Header.Get("X-Api-Key"), r.Header.Get("Authorization")}
		if d := cmp.Diff(c.want, got); d != "" {
			t.Errorf("%s: %s", c.path, d)
		}
	}
}

func TestForgedRequestsDoNotGoOut(t *testing.T) {
	u := newUpstream(t, fine)
	p := newPlace(t)
	base := serve(t, p.session(t), p.vault(&ring{err: errNoRing}, towards(u, bothKeys)))
	addr := strings.TrimPrefix(base, "http://")
	for _, c := range []struct {
		line string // request line without the version
		want int
	}{
		{"GET /models/anthropic/v1/messages", 405},
		{"DELETE /models/anthropic/v1/messages", 405},
		{"PUT /models/openai/v1/responses", 405},
		{"POST /models/anthropic/v1/models", 405},
		{"POST /models/anthropic/v1/files", 404},
		{"POST /models/anthropic/v1/organizations/api_keys", 404},
		{"GET /models/openai/v1/files", 404},
		{"POST /models/openai/v1/chat/completions", 404},
		{"POST /models/openai/v1/messages", 404},
		{"POST /models/anthropic/v1/responses", 404},
		{"POST /models/anthropic/", 404},
		{"POST /models/anthropic", 404},
		{"POST /models/", 404},
		{"POST /models/azure/v1/messages", 404},
		{"POST /models/anthropic/v1/messages/", 404},
		{"POST /models/anthropic//v1/messages", 404},
		{"POST //models/anthropic/v1/messages", 404},
		{"POST /models/anthropic/v1/./messages", 404},
		{"POST /models/anthropic/v1/messages/../files", 404},
		{"POST /models/anthropic/../openai/v1/responses", 404},
		{"POST /models/anthropic/v1/%6dessages", 404},
		{"POST /models/anthropic/v1%2Fmessages", 404},
		{"POST /models/anthropic/v1/messages%2f..%2ffiles", 404},
		{"POST /models/anthropic/v1/messages%00", 404},
		{"POST /models/anthropic/v1/messages;x=1", 404},
		{"POST /models/anthropic/v1/messages%3fa", 404},
		{"POST /models/anthropic/V1/Messages", 404},
		{"POST /models/anthropic@evil.example/v1/messages", 404},
		{"POST /models/anthropic%2fv1/messages", 404},
		{"POST http://evil.example/models/anthropic/v1/messages", 404},
		{"POST https://evil.example/models/anthropic/v1/messages", 404},
		{"CONNECT evil.example:443", 404},
		{"OPTIONS *", 0}, // answered by the server itself
	} {
		conn, err := net.Dial("tcp", addr)
		if err != nil {
			t.Fatal(err)
		}
		fmt.Fprintf(conn, "%s HTTP/1.1\r\nHost: %s\r\nContent-Length: 2\r\nConnection: close\r\n\r\n{}", c.line, addr)
		res, err := http.ReadResponse(bufio.NewReader(conn), nil)
		if err != nil {
			t.Errorf("%s: %v", c.line, err)
			conn.Close()
			continue
		}
		if c.want != 0 && res.StatusCode != c.want {
			t.Errorf("%s: %d, want %d", c.line, res.StatusCode, c.want)
		}
		conn.Close()
	}
	for _, r := range u.requests() {
		t.Errorf("went out: %s %s", r.Method, r.RequestURI)
	}
}

func TestWhatASessionSendsDoesNotIdentifyIt(t *testing.T) {
	u := newUpstream(t, fine)
	p := newPlace(t)
	base := serve(t, p.session(t), p.vault(&ring{err: errNoRing}, towards(u, bothKeys)))
	status, body, _ := ask(t, "POST", base+"/models/anthropic/v1/messages", `{"a":1}`,
		"X-Api-Key", "foreign", "Authorization", "Bearer foreign", "Cookie", "a=foreign", "Proxy-Authorization", "foreign",
		"X-Forwarded-For", "foreign", "Forwarded", "for=foreign", "X-Real-Ip", "foreign", "Via", "foreign", "Openai-Organization", "foreign",
		"Host", "foreign", "Origin", "http://foreign", "Referer", "http://foreign", "Connection", "X-Stainless-Lang, Upgrade", "Upgrade", "websocket",
		"Anthropic-Beta", "a-1,oauth-2025-04-20", "Anthropic-Version", "2023-06-01", "Content-Type", "application/json", "User-Agent", "agent/1")
	if status != 200 {
		t.Fatalf("%d %s", status, body)
	}
	r := u.requests()[0]
	for name, values := range r.Header {
		if strings.Contains(strings.Join(values, ","), "foreign") {
			t.Errorf("%s: %v went out", name, values)
		}
	}
	if strings.Contains(r.Host, "foreign") {
		t.Errorf("host %s", r.Host)
	}
	want := map[string]string{"X-Api-Key": canary, "Authorization": "", "Anthropic-Beta": "a-1", "Anthropic-Version": "2023-06-01",
		"Content-Type": "application/json", "User-Agent": "agent/1", "Upgrade": "", "X-Forwarded-For": ""}
	for name, v := range want {
		if got := r.Header.Get(name); got != v {
			t.Errorf("%s is %q, want %q", name, got, v)
		}
	}
	if got := string(u.body[0]); got != `{"a":1}` {
		t.Errorf("body %s", got)
	}
}

func TestSourcesOfKeysInTheirOrder(t *testing.T) {
	u := newUpstream(t, fine)
	type shown struct{ Key, Auth, Beta string }
	for name, c := range map[string]struct {
		env    map[string]string
		typ    string
		values Values
		want   shown
		source string
	}{
		"credential before environment": {bothKeys, APIKey, Values{"api_key": "own"}, shown{"own", "", ""}, "the credential anthropic"},
		"subscription":                  {nil, OAuthToken, Values{"access_token": "tok"}, shown{"", "Bearer tok", oauthBeta}, "the credential anthropic"},
		"subscription set as a key":     {nil, APIKey, Values{"api_key": "sk-ant-oat01-x"}, shown{"", "Bearer sk-ant-oat01-x", oauthBeta}, "the credential anthropic"},
		"environment":                   {bothKeys, "", nil, shown{canary, "", ""}, "ANTHROPIC_API_KEY of the daemon's environment"},
		"environment, bearer":           {map[string]string{"ANTHROPIC_AUTH_TOKEN": "b"}, "", nil, shown{"", "Bearer b", ""}, "ANTHROPIC_AUTH_TOKEN of the daemon's environment"},
		"environment, subscription":     {map[string]string{"CLAUDE_CODE_OAUTH_TOKEN": "c"}, "", nil, shown{"", "Bearer c", oauthBeta}, "CLAUDE_CODE_OAUTH_TOKEN of the daemon's environment"},
		"gateway without a key":         {nil, "", nil, shown{}, "none: the gateway " + strings.TrimPrefix(u.URL, "https://") + " is asked without a key"},
	} {
		t.Run(name, func(t *testing.T) {
			p := newPlace(t)
			v := p.vault(&ring{err: errNoRing}, towards(u, c.env))
			if c.typ != "" {
				put(t, v, anna, "anthropic", c.typ, c.values)
			}
			put(t, v, bert, "anthropic", APIKey, Values{"api_key": "not-annas"})
			before := len(u.requests())
			status, body, _ := ask(t, "POST", serve(t, p.session(t), v)+"/models/anthropic/v1/messages", "{}")
			if status != 200 {
				t.Fatalf("%d %s", status, body)
			}
			h := u.requests()[before].Header
			if d := cmp.Diff(c.want, shown{h.Get("X-Api-Key"), h.Get("Authorization"), h.Get("Anthropic-Beta")}); d != "" {
				t.Error(d)
			}
			if s := v.KeyStatus(t.Context(), anna, "anthropic"); !s.Configured || s.Source != c.source || s.Problem != "" {
				t.Errorf("status %+v", s)
			}
		})
	}
}

func TestWithoutAKeyTheAgentIsToldWhatToDo(t *testing.T) {
	p := newPlace(t)
	v := p.vault(&ring{err: errNoRing})
	base := serve(t, p.session(t), v)
	status, body, _ := ask(t, "POST", base+"/models/anthropic/v1/messages", "{}")
	var a struct {
		Type  string
		Error struct{ Type, Message string }
	}
	if err := json.Unmarshal([]byte(body), &a); err != nil || status != 401 || a.Type != "error" || a.Error.Type != "authentication_error" ||
		!strings.Contains(a.Error.Message, "No Anthropic key is configured. Run `volundr credentials set anthropic`") {
		t.Errorf("%d %s", status, body)
	}
	status, body, _ = ask(t, "POST", base+"/models/openai/v1/responses", "{}")
	if status != 401 || !strings.Contains(body, "volundr credentials set openai") || !strings.Contains(body, "invalid_api_key") {
		t.Errorf("%d %s", status, body)
	}
	if s := v.KeyStatus(t.Context(), anna, "openai"); s.Configured || !strings.Contains(s.Problem, "credentials set openai") {
		t.Errorf("status %+v", s)
	}
	if status, _, _ := ask(t, "POST", serve(t, t.Context(), v)+"/models/anthropic/v1/messages", "{}"); status != 403 {
		t.Errorf("a request of no session: %d", status)
	}
}

func TestAProvidersErrorPassesAndIsRemembered(t *testing.T) {
	status := 401
	u := newUpstream(t, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Request-Id", "r1")
		w.Header().Set("Set-Cookie", "session=1")
		w.Header().Set("X-Echo", r.Header.Get("X-Api-Key"))
		w.WriteHeader(status)
		if status != 200 {
			fmt.Fprintf(w, `{"error":"invalid x-api-key %s"}`, r.Header.Get("X-Api-Key"))
		}
	})
	p := newPlace(t)
	v := p.vault(&ring{err: errNoRing}, towards(u, bothKeys))
	base := serve(t, p.session(t), v)
	got, body, h := ask(t, "POST", base+"/models/anthropic/v1/messages", "{}")
	if got != 401 || !strings.Contains(body, "invalid x-api-key [key]") || h.Get("Request-Id") != "r1" {
		t.Errorf("%d %s %v", got, body, h)
	}
	if h.Get("Set-Cookie") != "" || strings.Contains(fmt.Sprint(h)+body, canary) {
		t.Errorf("the key or a cookie came through: %v %s", h, body)
	}
	if s := v.KeyStatus(t.Context(), anna, "anthropic"); !strings.Contains(s.Problem, "refused the key (401) from ANTHROPIC_API_KEY") {
		t.Errorf("status %+v", s)
	}
	if s := v.KeyStatus(t.Context(), bert, "anthropic"); s.Problem != "" {
		t.Errorf("bert is told of anna's: %+v", s)
	}
	status = 200
	ask(t, "POST", base+"/models/anthropic/v1/messages", "{}")
	if s := v.KeyStatus(t.Context(), anna, "anthropic"); s.Problem != "" {
		t.Errorf("status after a yes %+v", s)
	}
	status = 429
	if got, _, _ := ask(t, "POST", base+"/models/anthropic/v1/messages", "{}"); got != 429 {
		t.Errorf("a limit came through as %d", got)
	}
	if strings.Contains(p.log.String(), canary) {
		t.Error("the key is in the log")
	}
}

func TestRedirectsAreNotFollowed(t *testing.T) {
	reached := false
	other := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { reached = true }))
	defer other.Close()
	for _, code := range []int{301, 302, 303, 307, 308} {
		u := newUpstream(t, func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, other.URL, code) })
		p := newPlace(t)
		base := serve(t, p.session(t), p.vault(&ring{err: errNoRing}, towards(u, bothKeys)))
		got, body, h := ask(t, "POST", base+"/models/anthropic/v1/messages", "{}")
		if got != 502 || h.Get("Location") != "" || !strings.Contains(body, "redirect") || reached {
			t.Errorf("%d: %d %s %v, reached %v", code, got, body, h, reached)
		}
	}
}

func TestOnlyATrustedCertificateGetsTheKey(t *testing.T) {
	u := newUpstream(t, fine)
	p := newPlace(t)
	v := p.vault(&ring{err: errNoRing}, towards(u, bothKeys), func(o *Options) { o.Roots = x509.NewCertPool() })
	got, body, _ := ask(t, "POST", serve(t, p.session(t), v)+"/models/anthropic/v1/messages", "{}")
	if got != 502 || !strings.Contains(body, "could not be reached") || len(u.requests()) != 0 {
		t.Errorf("%d %s", got, body)
	}
	if strings.Contains(body+p.log.String(), canary) {
		t.Error("the key is in the answer or the log")
	}
}

func TestGatewaysThatWouldLoseTheKeyAreRefused(t *testing.T) {
	for _, gateway := range []string{"http://gateway.example", "http://10.0.0.5:4000", "ftp://x", "gateway.example", "https://user:pw@x", "https://x/?a=b", "https://"} {
		p := newPlace(t)
		v := p.vault(&ring{err: errNoRing}, func(o *Options) {
			o.Env = func(name string) string {
				return map[string]string{"ANTHROPIC_BASE_URL": gateway, "ANTHROPIC_API_KEY": canary}[name]
			}
		})
		got, body, _ := ask(t, "POST", serve(t, p.session(t), v)+"/models/anthropic/v1/messages", "{}")
		if got != 401 || !strings.Contains(body, "gateway") {
			t.Errorf("%s: %d %s", gateway, got, body)
		}
	}
}

func TestBodiesAreBounded(t *testing.T) {
	u := newUpstream(t, fine)
	p := newPlace(t)
	base := serve(t, p.session(t), p.vault(&ring{err: errNoRing}, towards(u, bothKeys)))
	big := bytes.Repeat([]byte("x"), maxRequest+1)
	for name, body := range map[string]io.Reader{"length told": bytes.NewReader(big), "chunked": io.MultiReader(bytes.NewReader(big))} {
		req, _ := http.NewRequest("POST", base+"/models/anthropic/v1/messages", body)
		res, err := http.DefaultTransport.RoundTrip(req)
		if err != nil { // closed while it was still sent: refused as well
			continue
		}
		res.Body.Close()
		if res.StatusCode != 413 {
			t.Errorf("%s: %d", name, res.StatusCode)
		}
	}
}

func TestStreamsComeAsTheyAreMade(t *testing.T) {
	next, gone := make(chan struct{}), make(chan struct{})
	u := newUpstream(t, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/json") // not only what is known to be a stream
		w.Header().Set("Content-Length", "100")            // more than is sent
		for range 2 {
			io.WriteString(w, "data: piece\n\n")
			w.(http.Flusher).Flush()
			<-next
		}
		<-r.Context().Done()
		close(gone)
	})
	p := newPlace(t)
	base := serve(t, p.session(t), p.vault(&ring{err: errNoRing}, towards(u, bothKeys)))
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	req, _ := http.NewRequestWithContext(ctx, "POST", base+"/models/anthropic/v1/messages", strings.NewReader("{}"))
	res, err := http.DefaultTransport.RoundTrip(req)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	r := bufio.NewReader(res.Body)
	for range 2 { // the second is only made when the first has arrived
		if line, err := r.ReadString('\n'); err != nil || line != "data: piece\n" {
			t.Fatalf("%q %v", line, err)
		}
		r.ReadString('\n')
		next <- struct{}{}
	}
	cancel()
	<-gone // the provider sees that the agent went away
}

func TestACutStreamIsSeenAsCut(t *testing.T) {
	u := newUpstream(t, func(w http.ResponseWriter, _ *http.Request) {
		io.WriteString(w, "data: half")
		w.(http.Flusher).Flush()
		panic(http.ErrAbortHandler)
	})
	p := newPlace(t)
	base := serve(t, p.session(t), p.vault(&ring{err: errNoRing}, towards(u, bothKeys)))
	req, _ := http.NewRequest("POST", base+"/models/anthropic/v1/messages", strings.NewReader("{}"))
	res, err := http.DefaultTransport.RoundTrip(req)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	if b, err := io.ReadAll(res.Body); err == nil {
		t.Errorf("taken for a whole answer: %q", b)
	}
}

func FuzzTarget(f *testing.F) {
	for _, s := range []string{"POST /v1/messages?beta=true", "GET /v1/models?limit=1", "POST /v1/../v1/messages", "POST /v1/responses#a", "POST //evil/v1/messages"} {
		method, rest, _ := strings.Cut(s, " ")
		path, query, _ := strings.Cut(rest, "?")
		f.Add(method, path, query)
	}
	all := providers(nil, func(string) string { return "" })
	out := map[string]bool{
		"POST https://api.anthropic.com/v1/messages": true, "POST https://api.anthropic.com/v1/messages/count_tokens": true,
		"GET https://api.anthropic.com/v1/models": true, "POST https://api.openai.com/v1/responses": true, "GET https://api.openai.com/v1/models": true,
	}
	names := map[string]bool{"beta": true, "limit": true, "after_id": true, "before_id": true, "client_version": true}
	f.Fuzz(func(t *testing.T, method, path, query string) {
		for _, p := range all {
			u, ok, _ := p.target(method, path, query)
			if !ok {
				continue
			}
			bare := *u
			bare.RawQuery = ""
			if !out[method+" "+bare.String()] {
				t.Errorf("%s %q goes to %s", method, path, u)
			}
			q, err := url.ParseQuery(u.RawQuery)
			if err != nil {
				t.Error(err)
			}
			for k, v := range q {
				if !names[k] || len(v) != 1 || !queryValue.MatchString(v[0]) {
					t.Errorf("query %q became %q", query, u.RawQuery)
				}
			}
		}
	})
}
