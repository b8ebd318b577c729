package forge

import (
	"encoding/json"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"volundr/daemon/config"
	"volundr/daemon/vault"
	"volundr/store"
	"volundr/store/storetest"
)

var ann = store.Principal{UserID: "ann", TenantID: "t"}

// noRing has no keyring: the key lies in a file.
type noRing struct{}

func (noRing) Get(string, string) (string, error) { return "", errors.New("none") }
func (noRing) Set(string, string, string) error   { return errors.New("none") }

func newVault(t *testing.T) *vault.Vault {
	t.Helper()
	db, err := store.Open(storetest.New(t, t.TempDir()))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { db.Close() })
	return vault.New(vault.Options{DB: db, Dir: t.TempDir(), Keyring: noRing{}, Env: func(string) string { return "" }})
}

func keep(t *testing.T, v *vault.Vault, name, kind string, values vault.Values) {
	t.Helper()
	if _, err := v.Put(t.Context(), ann, vault.Credential{Name: name, Type: kind}, values); err != nil {
		t.Fatal(err)
	}
}

// server is a forge's API: answers by "METHOD path", and what was asked.
type server struct {
	t       *testing.T
	url     string
	mu      sync.Mutex
	answers map[string]string // "201 {…}"; without a status: 200
	asked   []string          // "METHOD path?query body"
}

func newServer(t *testing.T, answers map[string]string) *server {
	s := &server{t: t, answers: answers}
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s.mu.Lock()
		defer s.mu.Unlock()
		var body map[string]any
		json.NewDecoder(r.Body).Decode(&body)
		raw, _ := json.Marshal(body)
		line := r.Method + " " + r.URL.EscapedPath() + "?" + r.URL.RawQuery
		if body != nil {
			line += " " + string(raw)
		}
		s.asked = append(s.asked, line)
		if r.Header.Get("Authorization") != "Bearer tok-1" {
			w.WriteHeader(http.StatusUnauthorized)
			w.Write([]byte(`{"message":"Bad credentials"}`))
			return
		}
		answer, ok := s.answers[r.Method+" "+r.URL.EscapedPath()]
		if !ok {
			w.WriteHeader(http.StatusNotFound)
			w.Write([]byte(`{"message":"Not Found"}`))
			return
		}
		if code, rest, ok := strings.Cut(answer, " "); ok && len(code) == 3 {
			status := int(code[0]-'0')*100 + int(code[1]-'0')*10 + int(code[2]-'0')
			w.Header().Set("Location", "/elsewhere")
			w.WriteHeader(status)
			answer = rest
		}
		w.Write([]byte(answer))
	}))
	t.Cleanup(srv.Close)
	s.url = srv.URL
	return s
}

func (s *server) calls() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]string(nil), s.asked...)
}

// open gives the repository acme/app of a forge of this kind at the server.
func (s *server) open(kind string) *Repository {
	s.t.Helper()
	v := newVault(s.t)
	keep(s.t, v, "work", vault.APIKey, vault.Values{"api_key": "tok-1"})
	f := New(Options{Vault: v, Hosts: map[string]config.Forge{"git.example": {Type: kind, API: s.url, Credential: "work"}}})
	r, err := f.Open(s.t.Context(), ann, "https://git.example/acme/app.git")
	if err != nil {
		s.t.Fatal(err)
	}
	return r
}

const (
	hubPR = `{"number":7,"title":"Fix","html_url":"https://git.example/acme/app/pull/7","state":"open","mergeable":true,"head":{"ref":"work","sha":"abc"},"base":{"ref":"main"}}`
	labMR = `{"iid":7,"title":"Fix","web_url":"https://git.example/acme/app/-/merge_requests/7","state":"opened","detailed_merge_status":"mergeable","source_branch":"work","target_branch":"main","sha":"abc"}`
)

func TestAPullRequestIsOpenedOnce(t *testing.T) {
	yes := true
	for kind, c := range map[string]struct {
		answers map[string]string
		calls   []string
		url     string
		taken   string
	}{
		GitHub: {map[string]string{"GET /repos/acme/app/pulls": `[]`, "GET /repos/acme/app": `{"default_branch":"main"}`, "POST /repos/acme/app/pulls": "201 " + hubPR},
			[]string{"GET /repos/acme/app/pulls?direction=desc&head=acme%3Awork&per_page=100&sort=created&state=open", "GET /repos/acme/app?",
				`POST /repos/acme/app/pulls? {"base":"main","body":"Because.","head":"work","title":"Fix"}`},
			"https://git.example/acme/app/pull/7", "GET /repos/acme/app/pulls"},
		GitLab: {map[string]string{"GET /projects/acme%2Fapp/merge_requests": `[]`, "GET /projects/acme%2Fapp": `{"default_branch":"main"}`, "POST /projects/acme%2Fapp/merge_requests": "201 " + labMR},
			[]string{"GET /projects/acme%2Fapp/merge_requests?order_by=created_at&per_page=100&sort=desc&source_branch=work&state=opened", "GET /projects/acme%2Fapp?",
				`POST /projects/acme%2Fapp/merge_requests? {"description":"Because.","source_branch":"work","target_branch":"main","title":"Fix"}`},
			"https://git.example/acme/app/-/merge_requests/7", "GET /projects/acme%2Fapp/merge_requests"},
	} {
		t.Run(kind, func(t *testing.T) {
			s := newServer(t, c.answers)
			r := s.open(kind)
			pr, err := r.Create(t.Context(), Proposal{Title: "Fix", Body: "Because.", Source: "work"})
			want := PullRequest{Number: 7, Title: "Fix", URL: c.url, State: "open", Source: "work", Target: "main", Head: "abc", Mergeable: &yes}
			if diff := cmp.Diff(want, pr); err != nil || diff != "" {
				t.Fatal(err, diff)
			}
			if diff := cmp.Diff(c.calls, s.calls()); diff != "" {
				t.Error(diff)
			}
			s.mu.Lock()
			s.answers[c.taken] = "[" + map[string]string{GitHub: hubPR, GitLab: labMR}[kind] + "]"
			s.mu.Unlock()
			pr, err = r.Create(t.Context(), Proposal{Title: "Again", Source: "work"})
			if !errors.Is(err, ErrExists) || pr.Number != 7 || !strings.Contains(err.Error(), c.url) {
				t.Errorf("a second one: %+v, %v", pr, err)
			}
			if _, err := r.Create(t.Context(), Proposal{Title: "x", Source: "main", Target: "main"}); !errors.Is(err, ErrConflict) {
				t.Errorf("from a branch into itself: %v", err)
			}
		})
	}
}

func TestChecksOfBothForgesReadTheSame(t *testing.T) {
	for kind, answers := range map[string]map[string]string{
		GitHub: {
			"GET /repos/acme/app/commits/abc/check-runs": `{"check_runs":[{"name":"build","status":"completed","conclusion":"success","html_url":"https://ci/1"},
				{"name":"lint","status":"completed","conclusion":"timed_out"},{"name":"test","status":"in_progress"},{"name":"docs","status":"completed","conclusion":"skipped"}]}`,
			"GET /repos/acme/app/commits/abc/status": `{"statuses":[{"context":"deploy","state":"error"}]}`},
		GitLab: {"GET /projects/acme%2Fapp/repository/commits/abc/statuses": `[{"name":"build","status":"success","target_url":"https://ci/1"},{"name":"lint","status":"failed"},
				{"name":"test","status":"running"},{"name":"docs","status":"failed","allow_failure":true},{"name":"deploy","status":"canceled"},{"name":"release","status":"manual"}]`},
	} {
		checks, err := newServer(t, answers).open(kind).Checks(t.Context(), "abc")
		want := []Check{{"build", Passing, "https://ci/1"}, {"lint", Failing, ""}, {"test", Pending, ""}, {"docs", Passing, ""}, {"deploy", Failing, ""}}
		if diff := cmp.Diff(want, checks); err != nil || diff != "" {
			t.Errorf("%s: %v %s", kind, err, diff)
		}
	}
	for want, list := range map[string][]Check{
		Unknown: nil, Passing: {{Status: Passing}, {Status: Passing}}, Pending: {{Status: Passing}, {Status: Pending}, {Status: Passing}},
		Failing: {{Status: Pending}, {Status: Failing}, {Status: Passing}},
	} {
		if got := Together(list); got != want {
			t.Errorf("%v is %s", list, got)
		}
	}
}

func TestTheOpenOneOfABranchComesFirst(t *testing.T) {
	s := newServer(t, map[string]string{
		"GET /repos/acme/app/pulls": `[{"number":9,"state":"closed","head":{"ref":"work"}},` + hubPR + `,{"number":3,"state":"closed","merged_at":"2026-01-02T03:04:05Z","head":{"ref":"work"}},
			{"number":8,"state":"open","head":{"ref":"other"}}]`,
		"GET /repos/acme/app/pulls/7": hubPR})
	r := s.open(GitHub)
	if pr, err := r.OfBranch(t.Context(), "work"); err != nil || pr.Number != 7 {
		t.Errorf("%+v, %v", pr, err)
	}
	if _, err := r.OfBranch(t.Context(), "none"); !errors.Is(err, ErrNotFound) {
		t.Errorf("%v", err)
	}
	if merged, err := r.List(t.Context(), "merged"); err != nil || len(merged) != 1 || merged[0].Number != 3 {
		t.Errorf("%+v, %v", merged, err)
	}
}

// What a forge refuses is a sentence with the next step, and holds no token.
func TestRefusalsAreSentences(t *testing.T) {
	for _, c := range []struct {
		answer string
		kind   error
		want   string
	}{
		{"401 {\"message\":\"Bad credentials\"}", ErrRefused, "refused the token (401: Bad credentials). Store another one with `volundr credentials set work`"},
		{"403 {\"message\":\"Resource not accessible by personal access token\"}", ErrRefused, "has no right to merge the pull request #7 at GitHub at git.example (403: Resource not accessible"},
		{"403 {\"message\":\"API rate limit exceeded\"}", ErrUnavailable, "too many requests"},
		{"404 {\"message\":\"Not Found\"}", ErrNotFound, "Check the repository acme/app"},
		{"405 {\"message\":\"Required status check is failing\"}", ErrConflict, "Required status check is failing"},
		{"422 {\"message\":\"Validation Failed\",\"errors\":[{\"message\":\"No commits between main and work\"}]}", ErrConflict, "Validation Failed; No commits between main and work"},
		{"301 {}", ErrUnavailable, "has moved"},
		{"500 <html>", ErrUnavailable, "answered 500"},
	} {
		s := newServer(t, map[string]string{"PUT /repos/acme/app/pulls/7/merge": c.answer})
		err := s.open(GitHub).Merge(t.Context(), 7, "squash")
		if !errors.Is(err, c.kind) || !strings.Contains(err.Error(), c.want) || strings.Contains(err.Error(), "tok-1") {
			t.Errorf("%s: %v", c.answer, err)
		}
	}
	s := newServer(t, map[string]string{"GET /repos/acme/app/pulls/7": "<html>a login page</html>"})
	if _, err := s.open(GitHub).Get(t.Context(), 7); !errors.Is(err, ErrUnavailable) || !strings.Contains(err.Error(), "git.forges") {
		t.Errorf("no API: %v", err)
	}
	gone := httptest.NewServer(http.NotFoundHandler())
	away := (&server{t: t, url: gone.URL}).open(GitLab)
	gone.Close()
	if _, err := away.Get(t.Context(), 7); !errors.Is(err, ErrUnavailable) || !strings.Contains(err.Error(), "could not be reached") {
		t.Errorf("away: %v", err)
	}
}
