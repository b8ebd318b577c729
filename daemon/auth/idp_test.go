package auth

import (
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"math/big"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"volundr/daemon/auth/oidc"
	"volundr/store"
)

// idp is an identity provider that lies as a test wants.
type idp struct {
	*httptest.Server
	key *rsa.PrivateKey

	mu       sync.Mutex
	asked    url.Values          // of the last login that came
	verifier string              // that the last code was redeemed with
	says     map[string]any      // what is changed in a token; nil: the claim is left out
	sign     func(string) string // signs "header.claims", when not honestly
	header   string
	refuses  string         // what the token endpoint answers, with status 400
	info     map[string]any // user information; nil: there is none
	finds    map[string]any // what is changed in its discovery
	raw      string         // what the token endpoint answers instead
}

// idpKey is that of all of them, for to make one takes time.
var idpKey = sync.OnceValue(newKey)

func newKey() *rsa.PrivateKey {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		panic(err)
	}
	return key
}

func newIDP(t *testing.T) *idp {
	t.Helper()
	p := &idp{key: idpKey()}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /.well-known/openid-configuration", p.discovery)
	mux.HandleFunc("GET /keys", p.keys)
	mux.HandleFunc("POST /token", p.token)
	mux.HandleFunc("GET /info", p.userinfo)
	p.Server = httptest.NewServer(mux)
	t.Cleanup(p.Close)
	return p
}

// set changes how it lies; tests and its handlers run side by side.
func (p *idp) set(change func(*idp)) {
	p.mu.Lock()
	defer p.mu.Unlock()
	change(p)
}

func (p *idp) discovery(w http.ResponseWriter, _ *http.Request) {
	p.mu.Lock()
	defer p.mu.Unlock()
	doc := map[string]any{
		"issuer": p.URL, "authorization_endpoint": p.URL + "/login", "token_endpoint": p.URL + "/token", "jwks_uri": p.URL + "/keys",
		"end_session_endpoint": p.URL + "/logout", "id_token_signing_alg_values_supported": []string{"RS256", "HS256", "none"},
		"response_types_supported": []string{"code"}, "subject_types_supported": []string{"public"},
	}
	if p.info != nil {
		doc["userinfo_endpoint"] = p.URL + "/info"
	}
	maps.Copy(doc, p.finds)
	answerJSON(w, doc)
}

func answerJSON(w http.ResponseWriter, v any) {
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(v)
}

func b64(raw []byte) string { return base64.RawURLEncoding.EncodeToString(raw) }

func (p *idp) keys(w http.ResponseWriter, _ *http.Request) {
	answerJSON(w, map[string]any{"keys": []any{map[string]any{"kty": "RSA", "alg": "RS256", "use": "sig", "kid": "k",
		"n": b64(p.key.N.Bytes()), "e": b64(big.NewInt(int64(p.key.E)).Bytes())}}})
}

func (p *idp) token(w http.ResponseWriter, r *http.Request) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.verifier = r.FormValue("code_verifier")
	switch {
	case p.refuses != "":
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(http.StatusBadRequest)
		fmt.Fprint(w, p.refuses)
		return
	case p.raw != "":
		w.Header().Set("Content-Type", "application/json")
		fmt.Fprint(w, p.raw)
		return
	}
	now := time.Now()
	claims := map[string]any{"iss": p.URL, "aud": "volundr", "sub": "42", "exp": now.Add(time.Minute).Unix(), "iat": now.Unix(),
		"nonce": p.asked.Get("nonce"), "preferred_username": "Ann@example.com", "groups": []string{"staff"}}
	for name, v := range p.says {
		if claims[name] = v; v == nil {
			delete(claims, name)
		}
	}
	raw, _ := json.Marshal(claims)
	header := `{"alg":"RS256","kid":"k"}`
	if p.header != "" {
		header = p.header
	}
	text := b64([]byte(header)) + "." + b64(raw)
	sign := p.honestly
	if p.sign != nil {
		sign = p.sign
	}
	answerJSON(w, map[string]any{"access_token": "at", "token_type": "Bearer", "id_token": text + "." + sign(text)})
}

func (p *idp) honestly(text string) string { return signed(p.key, text) }

func signed(key *rsa.PrivateKey, text string) string {
	sum := sha256.Sum256([]byte(text))
	sig, err := rsa.SignPKCS1v15(nil, key, crypto.SHA256, sum[:])
	if err != nil {
		panic(err)
	}
	return b64(sig)
}

func (p *idp) userinfo(w http.ResponseWriter, _ *http.Request) {
	p.mu.Lock()
	defer p.mu.Unlock()
	answerJSON(w, p.info)
}

// byProvider is a daemon's door with a provider.
func byProvider(t *testing.T, p *oidc.Provider, roles Roles) *Auth {
	t.Helper()
	dir := t.TempDir()
	a, err := New(t.Context(), Options{DB: open(t, dir), Dir: dir, Listen: listen, OIDC: NewOIDC(p, roles, time.Hour),
		Log: slog.New(slog.NewTextHandler(io.Discard, nil))})
	if err != nil {
		t.Fatal(err)
	}
	return a
}

func (p *idp) provider() *oidc.Provider {
	return oidc.New(oidc.Options{Issuer: p.URL, ClientID: "volundr", ClientSecret: "hunter2", GroupsClaim: "groups"})
}

var staffRoles = Roles{ByGroup: map[string]store.Role{"staff": store.RoleDeveloper, "chiefs": store.RoleAdmin, "guests": store.RoleViewer}}

// tab is a browser's tab that keeps cookies.
type tab struct {
	a       *Auth
	cookies map[string]string
}

func newTab(a *Auth) *tab { return &tab{a, map[string]string{}} }

// load opens a page as a link on site ("none", "same-origin", "cross-site") does.
func (b *tab) load(method, target, site string) *http.Response {
	r := request(method, target, b.a.hosts.control, "Sec-Fetch-Mode", "navigate", "Sec-Fetch-Dest", "document", "Sec-Fetch-Site", site)
	if method != "GET" {
		r.Header.Set("Origin", b.a.ControlOrigin())
	}
	for name, value := range b.cookies {
		if site != "cross-site" || strings.HasSuffix(name, "-flow") { // the login's is Strict
			r.AddCookie(&http.Cookie{Name: name, Value: value})
		}
	}
	res := serve(door(b.a), r)
	for _, c := range res.Cookies() {
		if b.cookies[c.Name] = c.Value; c.MaxAge < 0 {
			delete(b.cookies, c.Name)
		}
	}
	return res
}

func (b *tab) loggedIn() bool { return b.cookies[b.a.cookieName(here)] != "" }

// begin goes to the provider and gives what it is asked.
func (b *tab) begin(t *testing.T, next string) url.Values {
	t.Helper()
	res := b.load("GET", beginPath+"?next="+url.QueryEscape(next), "same-origin")
	to, err := url.Parse(res.Header.Get("Location"))
	if err != nil || res.StatusCode != http.StatusSeeOther {
		t.Fatalf("begin: %d %v %s", res.StatusCode, err, text(res))
	}
	return to.Query()
}

// through logs in by the provider.
func (b *tab) through(t *testing.T, p *idp, next string) *http.Response {
	t.Helper()
	asked := b.begin(t, next)
	p.set(func(p *idp) { p.asked = asked })
	return b.load("GET", callbackPath+"?code=c0de&state="+asked.Get("state"), "cross-site")
}

func text(res *http.Response) string {
	raw, _ := io.ReadAll(res.Body)
	return string(raw)
}
