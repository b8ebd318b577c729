package vault

import (
	"bufio"
	"context"
	"crypto/x509"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
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
