package integration

import (
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/google/go-cmp/cmp"

	"volundr/daemon/vault"
	"volundr/store"
	"volundr/store/storetest"
)

var ann = store.Principal{UserID: "ann", TenantID: "t"}

// noRing has no keyring: the key lies in a file.
type noRing struct{}

func (noRing) Get(string, string) (string, error) { return "", errors.New("none") }
func (noRing) Set(string, string, string) error   { return errors.New("none") }

// credentials are a key of each kind.
var credentials = map[string]struct {
	kind   string
	values vault.Values
}{
	"key":       {vault.APIKey, vault.Values{"api_key": "s3cret-key"}},
	"personal":  {vault.APIKey, vault.Values{"api_key": "lin_api_s3cret-key"}},
	"oauth":     {vault.OAuthToken, vault.Values{"access_token": "s3cret-key", "refresh_token": "r"}},
	"any":       {vault.Generic, vault.Values{"pat": "s3cret-key"}},
	"two":       {vault.Generic, vault.Values{"user": "u", "pat": "p"}},
	"git":       {vault.GitCredential, vault.Values{"url": "https://me:tok@github.com"}},
	"anthropic": {vault.APIKey, vault.Values{"api_key": "s3cret-key"}},
	"openai":    {vault.APIKey, vault.Values{"api_key": "s3cret-key"}},
}

// stocked holds all of them, and asks for models at a gateway.
func stocked(t *testing.T) func(gateway string) *vault.Vault {
	t.Helper()
	db, err := store.Open(storetest.New(t, t.TempDir()))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { db.Close() })
	dir := t.TempDir()
	open := func(gateway string) *vault.Vault {
		return vault.New(vault.Options{DB: db, Dir: dir, Keyring: noRing{}, Env: func(string) string { return "" },
			Gateways: map[string]string{"anthropic": gateway, "openai": gateway + "/v1"}})
	}
	v := open("http://127.0.0.1:1")
	for name, c := range credentials {
		if _, err := v.Put(t.Context(), ann, vault.Credential{Name: name, Type: c.kind}, c.values); err != nil {
			t.Fatal(err)
		}
	}
	return open
}

// at has a service ask a server of the test's in place of its own.
func at(t *testing.T, slug, address string) {
	t.Helper()
	i := slices.IndexFunc(catalogue, func(e Entry) bool { return e.Slug == slug })
	was := catalogue[i].api
	catalogue[i].api = address
	t.Cleanup(func() { catalogue[i].api = was })
}

// Each service is asked as its API wants it, once, and tells whose the key is.
func TestWhoseAKeyIs(t *testing.T) {
	open := stocked(t)
	for name, c := range map[string]struct {
		slug, credential string
		config           map[string]string
		asked, shown     string // method and path; the authorization
		answer           string
		want             Account
	}{
		"GitHub":             {"github", "key", nil, "GET /user", "Bearer s3cret-key", `{"login":"ann","company":"@acme"}`, Account{"ann", "@acme"}},
		"an OAuth token":     {"github", "oauth", nil, "GET /user", "Bearer s3cret-key", `{"login":"ann"}`, Account{"ann", ""}},
		"a generic value":    {"github", "any", nil, "GET /user", "Bearer s3cret-key", `{"login":"ann","company":null}`, Account{"ann", ""}},
		"GitLab":             {"gitlab", "key", nil, "GET /user", "Bearer s3cret-key", `{"username":"ann"}`, Account{"ann", ""}},
		"a GitLab elsewhere": {"gitlab", "key", map[string]string{"url": "HERE/"}, "GET /api/v4/user", "Bearer s3cret-key", `{"username":"ann"}`, Account{"ann", ""}},
		"with a path":        {"gitlab", "key", map[string]string{"url": "HERE/git/api/v4"}, "GET /git/api/v4/user", "Bearer s3cret-key", `{"username":"ann"}`, Account{"ann", ""}},
		"Linear": {"linear", "personal", nil, "POST /graphql", "lin_api_s3cret-key",
			`{"data":{"viewer":{"name":"Ann","email":"ann@acme.io"},"organization":{"name":"Acme"}}}`, Account{"ann@acme.io", "Acme"}},
		"Linear by OAuth": {"linear", "oauth", nil, "POST /graphql", "Bearer s3cret-key", `{"data":{"viewer":{"name":"Ann"},"organization":{"name":"Acme"}}}`, Account{"Ann", "Acme"}},
		"Jira": {"jira", "key", map[string]string{"url": "HERE", "email": "ann@acme.io"}, "GET /rest/api/3/myself", "Basic YW5uQGFjbWUuaW86czNjcmV0LWtleQ==",
			`{"displayName":"Ann  A\n.","emailAddress":"x"}`, Account{"Ann A .", "HOST"}},
		"Anthropic": {"anthropic", "anthropic", nil, "GET /v1/models", "s3cret-key", `{"data":[]}`, Account{}},
		"OpenAI":    {"openai", "openai", nil, "GET /v1/models", "Bearer s3cret-key", `{"data":[]}`, Account{}},
		"a long name": {"github", "key", nil, "GET /user", "Bearer s3cret-key", `{"login":"` + strings.Repeat("ä", 300) + `"}`,
			Account{strings.Repeat("ä", 100), ""}},
	} {
		t.Run(name, func(t *testing.T) {
			asked := make(chan string, 10)
			srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				shown := r.Header.Get("Authorization") + r.Header.Get("X-Api-Key")
				asked <- r.Method + " " + r.URL.Path + " " + shown
				if r.Method == "POST" {
					var body struct{ Query string }
					if json.NewDecoder(r.Body).Decode(&body) != nil || !strings.Contains(body.Query, "viewer") {
						t.Errorf("asked %+v", body)
					}
				}
				io.WriteString(w, c.answer)
			}))
			defer srv.Close()
			host := strings.TrimPrefix(srv.URL, "http://")
			at(t, c.slug, srv.URL)
			config := map[string]string{}
			for k, v := range c.config {
				config[k] = strings.Replace(v, "HERE", srv.URL, 1)
			}
			if c.want.Workspace == "HOST" {
				c.want.Workspace = host
			}
			got, err := Test(t.Context(), open(srv.URL), ann, store.Integration{Slug: c.slug, Credential: c.credential, Config: config})
			if diff := cmp.Diff(c.want, got); diff != "" || err != nil {
				t.Fatalf("%v %s", err, diff)
			}
			if first := <-asked; first != c.asked+" "+c.shown || len(asked) > 0 {
				t.Errorf("asked %s, and %d times more", first, len(asked))
			}
		})
	}
}

// What cannot be told is a sentence with a next step, and holds no value.
func TestWhyAKeyIsNotTaken(t *testing.T) {
	open := stocked(t)
	answers := func(status int, text string) http.HandlerFunc {
		return func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(status); io.WriteString(w, text) }
	}
	for name, c := range map[string]struct {
		slug, credential, address string
		answer                    http.HandlerFunc
		said                      string
	}{
		"refused":          {"github", "key", "", answers(401, `{"message":"Bad credentials s3cret-key"}`), "GitHub refused the key (401). Store another with `volundr credentials set key`."},
		"no right":         {"gitlab", "key", "", answers(403, `{}`), "GitLab refused the key (403)"},
		"GraphQL's no":     {"linear", "key", "", answers(200, `{"errors":[{"message":"Authentication required"}]}`), "Linear refused the key"},
		"a web page":       {"github", "key", "", answers(200, `<html>`), "did not answer as its API does (200). Check the address."},
		"nothing there":    {"gitlab", "key", "", answers(404, `{}`), "did not answer as its API does (404)"},
		"out of order":     {"github", "key", "", answers(502, ``), "GitHub answered 502. Try again later."},
		"too often":        {"github", "key", "", answers(429, ``), "GitHub answered 429. Try again later."},
		"endless":          {"github", "key", "", answers(200, `{"login":"`+strings.Repeat("x", 2*maxAnswer)+`"}`), "did not answer as its API does"},
		"models":           {"anthropic", "anthropic", "", answers(401, `{"error":{"message":"invalid s3cret-key"}}`), "refused the key (401: invalid [key]) from the credential anthropic."},
		"no key in it":     {"github", "git", "", nil, "The credential git holds no key for GitHub. Set it again as an API key"},
		"which of two":     {"github", "two", "", nil, "The credential two holds no key"},
		"no credential":    {"github", "gone", "", nil, "The credential gone is gone. Store it again"},
		"no service":       {"song", "key", "", nil, `This version knows no service "song"`},
		"in clear":         {"gitlab", "key", "http://git.acme.io", nil, "begins with https://"},
		"a login in it":    {"gitlab", "key", "https://u:p@git.acme.io", nil, "without user, query or fragment"},
		"nobody is there":  {"gitlab", "key", "http://127.0.0.1:1", nil, "GitLab could not be reached."},
		"without its site": {"jira", "key", "", nil, "The address of a service looks like"},
	} {
		t.Run(name, func(t *testing.T) {
			var reached atomic.Int64
			srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				reached.Add(1)
				if c.answer != nil {
					c.answer(w, r)
				}
			}))
			defer srv.Close()
			if c.answer != nil {
				at(t, c.slug, srv.URL)
			}
			_, err := Test(t.Context(), open(srv.URL), ann, store.Integration{Slug: c.slug, Credential: c.credential, Config: map[string]string{"url": c.address}})
			var no *Refused
			if !errors.As(err, &no) || !strings.Contains(no.Text, c.said) || strings.Contains(no.Text, "s3cret") {
				t.Errorf("%v", err)
			}
			if n := reached.Load(); (c.answer != nil) != (n == 1) || n > 1 {
				t.Errorf("asked %d times", n)
			}
		})
	}
}

// A key goes nowhere but to the host that it was given for.
func TestARedirectGetsNoKey(t *testing.T) {
	elsewhere := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { t.Error("it was followed") }))
	defer elsewhere.Close()
	srv := httptest.NewServer(http.RedirectHandler(elsewhere.URL, http.StatusFound))
	defer srv.Close()
	at(t, "github", srv.URL)
	_, err := Test(t.Context(), stocked(t)(srv.URL), ann, store.Integration{Slug: "github", Credential: "key"})
	if err == nil || !strings.Contains(err.Error(), "(302)") {
		t.Errorf("%v", err)
	}
}

func TestTheCatalogueIsWhole(t *testing.T) {
	if diff := cmp.Diff([]string{"github", "gitlab", "linear", "jira", "anthropic", "openai"}, Slugs()); diff != "" {
		t.Error(diff)
	}
	for _, e := range Catalogue() {
		if e.Name == "" || e.Description == "" || len(e.Credential.Required) != 1 || e.Config.Properties == nil || e.Config.Required == nil {
			t.Errorf("%+v", e)
		}
		if (e.Type == Models) != (e.ask == nil) || e.Type == Models && e.MCP != nil {
			t.Errorf("%s: models are asked by the vault, and have no tools", e.Slug)
		}
		if e.MCP == nil {
			continue
		}
		module := e.MCP.Args[len(e.MCP.Args)-1]
		if len(e.MCP.Secret) != 1 || !strings.Contains(module[1:], "@") {
			t.Errorf("%s: %+v", e.Slug, e.MCP)
		}
		for _, from := range e.MCP.Secret {
			if _, ok := e.Credential.Properties[from]; !ok {
				t.Errorf("%s gets %s, which its credential has not", e.Slug, from)
			}
		}
	}
}
