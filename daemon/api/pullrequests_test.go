package api

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	"volundr/daemon/auth"
	"volundr/daemon/config"
	"volundr/daemon/forge"
	"volundr/daemon/vault"
	"volundr/store"
)

// hub is a GitHub with the repository acme/app.
type hub struct {
	url   string
	mu    sync.Mutex
	open  string // the open pull request, as JSON; empty: none
	asked string // last body of a POST or PUT
}

func newHub(t *testing.T) *hub {
	h := &hub{}
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h.mu.Lock()
		defer h.mu.Unlock()
		body, _ := io.ReadAll(r.Body)
		if len(body) > 0 {
			h.asked = string(body)
		}
		if r.Header.Get("Authorization") != "Bearer tok-good" {
			w.WriteHeader(http.StatusUnauthorized)
			io.WriteString(w, `{"message":"Bad credentials"}`)
			return
		}
		switch path := strings.TrimPrefix(r.URL.Path, "/repos/acme/app"); r.Method + " " + path {
		case "GET /pulls":
			io.WriteString(w, "["+h.open+"]")
		case "POST /pulls":
			var in map[string]string
			json.Unmarshal(body, &in)
			h.open = `{"number":7,"title":"` + in["title"] + `","html_url":"https://git.example/acme/app/pull/7","state":"open","mergeable":true,"head":{"ref":"` + in["head"] + `","sha":"abc"},"base":{"ref":"` + in["base"] + `"}}`
			w.WriteHeader(http.StatusCreated)
			io.WriteString(w, h.open)
		case "GET /pulls/7":
			io.WriteString(w, h.open)
		case "GET /commits/abc/check-runs":
			io.WriteString(w, `{"check_runs":[{"name":"build","status":"completed","conclusion":"success"}]}`)
		case "GET /commits/abc/status":
			io.WriteString(w, `{"statuses":[]}`)
		case "PUT /pulls/7/merge":
			w.WriteHeader(http.StatusMethodNotAllowed)
			io.WriteString(w, `{"message":"Required reviews are missing"}`)
		default:
			w.WriteHeader(http.StatusNotFound)
			io.WriteString(w, `{"message":"Not Found"}`)
		}
	}))
	t.Cleanup(srv.Close)
	h.url = srv.URL
	return h
}

func (w *world) token(text string) {
	w.t.Helper()
	if _, err := w.vault.Put(w.t.Context(), auth.Local, vault.Credential{Name: "work", Type: vault.APIKey}, vault.Values{"api_key": text}); err != nil {
		w.t.Fatal(err)
	}
}

// at makes a stopped session of a repository.
func (w *world) at(name, request string) store.Session {
	w.t.Helper()
	s, err := w.db.CreateSession(w.t.Context(), store.Session{Name: name, OwnerID: auth.Local.UserID, TenantID: auth.Local.TenantID,
		Runtime: "fake", Request: json.RawMessage(request)})
	if err != nil {
		w.t.Fatal(err)
	}
	return s
}

const ofHub = `{"agent":"claude","source":{"type":"git","repo":"http://127.0.0.1:1/acme/app.git","branch":"volundr/session/fix","base_branch":"main"}}`

func TestAPullRequestOfASession(t *testing.T) {
	h := newHub(t)
	w := newWorld(t)
	w.options.Forges = forge.New(forge.Options{Vault: w.vault, Hosts: map[string]config.Forge{"127.0.0.1:1": {Type: "github", API: h.url, Credential: "work"}}})
	w.serve()
	s := w.at("fix", ofHub)
	expect := func(what, method, path, body string, status int, want string) {
		t.Helper()
		if code, _, got := w.ask(method, Prefix+path, body); code != status || !strings.Contains(got, want) {
			t.Errorf("%s: %d %s", what, code, got)
		}
	}
	const repo = "?repo_url=http%3A%2F%2F127.0.0.1%3A1%2Facme%2Fapp"
	expect("no token", "POST", "/repos/prs", `{"session_id":"`+s.ID+`"}`, 400, "Store it with `volundr credentials set work`")
	w.token("tok-bad")
	expect("a token that is refused", "POST", "/repos/prs", `{"session_id":"`+s.ID+`"}`, 502, "refused the token (401: Bad credentials)")
	w.token("tok-good")
	expect("none yet", "GET", "/sessions/"+s.ID+"/pr", "", 200, "null")
	expect("opened", "POST", "/repos/prs", `{"session_id":"`+s.ID+`","title":"Fix the rounding"}`, 201,
		`{"number":7,"title":"Fix the rounding","url":"https://git.example/acme/app/pull/7","repo_url":"http://127.0.0.1:1/acme/app.git","provider":"github","source_branch":"volundr/session/fix","target_branch":"main","status":"open","description":null,"ci_status":null,"review_status":null,"created_at":null,"updated_at":null}`)
	expect("a second one", "POST", "/repos/prs", `{"session_id":"`+s.ID+`"}`, 409, "https://git.example/acme/app/pull/7")
	expect("the session's", "GET", "/sessions/"+s.ID+"/pr", "", 200, `"number":7,"url":"https://git.example/acme/app/pull/7","state":"open","mergeable":true,"checks":[{"name":"build","status":"passed","url":""}]`)
	expect("in the list", "GET", "/repos/prs"+repo, "", 200, `"number":7`)
	expect("by number", "GET", "/repos/prs/7"+repo, "", 200, `"ci_status":"passed"`)
	expect("its checks", "GET", "/repos/prs/7/ci"+repo+"&branch=x", "", 200, `{"status":"passed"}`)
	expect("an unknown number", "GET", "/repos/prs/8"+repo, "", 404, "knows no")
	expect("no number", "GET", "/repos/prs/x"+repo, "", 422, "int_parsing")
	expect("no repository", "GET", "/repos/prs", "", 422, "missing")
	expect("another status", "GET", "/repos/prs"+repo+"&status=odd", "", 422, "enum")
	expect("no forge", "GET", "/repos/prs?repo_url=https%3A%2F%2Fexample.org%2Fa%2Fb", "", 400, "lies at no forge")
	expect("a merge that may not be", "POST", "/repos/prs/7/merge"+repo, `{}`, 409, "Failed to merge PR #7 — check CI status and reviews: ")
	expect("another way to merge", "POST", "/repos/prs/7/merge"+repo, `{"merge_method":"octopus"}`, 422, "enum")
	expect("an unknown session", "POST", "/repos/prs", `{"session_id":"6b4d0d1e-26b5-4d5a-9f0f-0d9f6dbb0d9f"}`, 404, "Session not found")
	expect("no id", "POST", "/repos/prs", `{"session_id":"x"}`, 422, "uuid_parsing")
	expect("a session from nowhere", "POST", "/repos/prs", `{"session_id":"`+w.created("empty").ID+`"}`, 409, "comes from no repository")
	expect("what it would say", "GET", "/sessions/"+s.ID+"/pr/text", "", 200, `{"title":"fix","body":""}`)
	expect("forges with a token", "GET", "/providers", "", 200, `[{"name":"127.0.0.1:1","type":"github","orgs":[]}]`)
	expect("a session that does not run", "POST", "/sessions/"+s.ID+"/push", `{}`, 409, "Start it")

	events, err := w.db.Events(t.Context(), auth.Local, 0, 100)
	if err != nil {
		t.Fatal(err)
	}
	told := 0
	for _, e := range events {
		if e.Type == store.PRCreated && strings.Contains(string(e.Data), `"pr_number":7`) && e.SessionID == s.ID {
			told++
		}
	}
	if told != 1 {
		t.Errorf("told %d times", told)
	}
}

func TestBranchesOfARepository(t *testing.T) {
	w := newWorld(t)
	repo := w.repository()
	if status, _, got := w.ask("GET", Prefix+"/repos/branches?repo_url="+repo, ""); status != 200 || strings.TrimSpace(got) != `["main"]` {
		t.Errorf("%d %s", status, got)
	}
	if status, _, got := w.ask("GET", Prefix+"/repos/branches?repo_url="+repo+"x", ""); status != 404 || !strings.Contains(got, "was not found") {
		t.Errorf("%d %s", status, got)
	}
}
