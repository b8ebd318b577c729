package vault

import (
	"bufio"
	"bytes"
	"context"
	"crypto/x509"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
)

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
	if got != 401 || !strings.Contains(body, "invalid x-api-key [key]") || !strings.Contains(body, "volundr credentials set anthropic") || h.Get("Request-Id") != "r1" {
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
