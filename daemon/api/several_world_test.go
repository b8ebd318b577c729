package api

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/cgi"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"volundr/daemon/auth"
	"volundr/daemon/changes"
	"volundr/daemon/config"
	"volundr/daemon/forge"
	"volundr/daemon/source"
	"volundr/runtime/broker/wire"
	"volundr/store"
)

// several is a session that runs in two repositories of two forges, its workspace
// a folder of this machine: git is real, and goes its way through the daemon to
// servers over HTTP.
type several struct {
	*world
	s        store.Session
	dir      string // the workspace
	app, lib *upstream
	request  string
}

const ownBranch = "volundr/session/both"

// upstream is a real git server over HTTP with one repository, and the API of its
// forge beside it.
type upstream struct {
	t    *testing.T
	bare string
	url  string
	api  string

	mu    sync.Mutex
	open  map[string]string // fields of the pull request that is open; nil: none
	asked []string          // what was asked of the API, but for reading
}

func newUpstream(t *testing.T, kind, path string) *upstream {
	t.Helper()
	u := &upstream{t: t}
	root := t.TempDir()
	u.bare = filepath.Join(root, path+".git")
	seed := filepath.Join(root, "seed")
	git(t, root, "init", "-q", "-b", "main", seed)
	put(t, filepath.Join(seed, "README.md"), "one\ntwo\nthree\n")
	git(t, seed, "add", "-A")
	git(t, seed, "commit", "-qm", "First of "+path)
	git(t, root, "clone", "-q", "--bare", seed, u.bare)
	git(t, u.bare, "config", "http.receivepack", "true")
	binary, err := exec.LookPath("git")
	if err != nil {
		t.Fatal(err)
	}
	srv := httptest.NewServer(&cgi.Handler{Path: binary, Args: []string{"http-backend"}, Dir: root, Env: []string{"GIT_PROJECT_ROOT=" + root, "GIT_HTTP_EXPORT_ALL=1"}})
	t.Cleanup(srv.Close)
	u.url = srv.URL + "/" + path + ".git"
	api := httptest.NewServer(http.HandlerFunc(map[string]http.HandlerFunc{forge.GitHub: u.gitHub, forge.GitLab: u.gitLab}[kind]))
	t.Cleanup(api.Close)
	u.api = api.URL
	return u
}

func (u *upstream) at(branch string) string {
	out, _ := exec.Command("git", "-C", u.bare, "rev-parse", "-q", "--verify", "refs/heads/"+branch).Output()
	return strings.TrimSpace(string(out))
}

// opened keeps what a pull request was opened with.
func (u *upstream) opened(r *http.Request) {
	u.open = map[string]string{}
	if err := json.NewDecoder(r.Body).Decode(&u.open); err != nil {
		u.t.Error(err)
	}
	u.asked = append(u.asked, r.Method+" "+r.URL.EscapedPath())
}

func (u *upstream) gitHub(w http.ResponseWriter, r *http.Request) {
	u.mu.Lock()
	defer u.mu.Unlock()
	mine := func() string {
		if u.open == nil {
			return ""
		}
		return fmt.Sprintf(`{"number":7,"title":%q,"html_url":"https://hub.example/acme/app/pull/7","state":"open","mergeable":true,"head":{"ref":%q,"sha":"abc"},"base":{"ref":%q}}`,
			u.open["title"], u.open["head"], u.open["base"])
	}
	switch r.Method + " " + r.URL.EscapedPath() {
	case "GET /repos/acme/app/pulls":
		fmt.Fprintf(w, "[%s]", mine())
	case "POST /repos/acme/app/pulls":
		u.opened(r)
		w.WriteHeader(http.StatusCreated)
		fmt.Fprint(w, mine())
	case "GET /repos/acme/app/pulls/7":
		fmt.Fprint(w, mine())
	case "GET /repos/acme/app/commits/abc/check-runs":
		fmt.Fprint(w, `{"check_runs":[{"name":"build","status":"completed","conclusion":"success"}]}`)
	case "GET /repos/acme/app/commits/abc/status":
		fmt.Fprint(w, `{"statuses":[]}`)
	default:
		http.Error(w, `{"message":"Not Found"}`, http.StatusNotFound)
	}
}

func (u *upstream) gitLab(w http.ResponseWriter, r *http.Request) {
	u.mu.Lock()
	defer u.mu.Unlock()
	const project = "/projects/group%2Flib"
	mine := func() string {
		if u.open == nil {
			return ""
		}
		return fmt.Sprintf(`{"iid":3,"title":%q,"web_url":"https://lab.example/group/lib/-/merge_requests/3","state":"opened","source_branch":%q,"target_branch":%q,"sha":"def"}`,
			u.open["title"], u.open["source_branch"], u.open["target_branch"])
	}
	switch r.Method + " " + r.URL.EscapedPath() {
	case "GET " + project + "/merge_requests":
		fmt.Fprintf(w, "[%s]", mine())
	case "GET " + project + "/merge_requests/3":
		fmt.Fprint(w, mine())
	case "POST " + project + "/merge_requests":
		u.opened(r)
		w.WriteHeader(http.StatusCreated)
		fmt.Fprint(w, mine())
	case "GET " + project + "/repository/commits/def/statuses":
		fmt.Fprint(w, `[{"name":"test","status":"failed"}]`)
	default:
		http.Error(w, `{"message":"404 Not Found"}`, http.StatusNotFound)
	}
}

func git(t *testing.T, dir string, args ...string) string {
	t.Helper()
	cmd := exec.Command("git", append([]string{"-c", "user.name=Agent", "-c", "user.email=agent@example.org"}, args...)...)
	cmd.Dir = dir
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("git %v: %v\n%s", args, err, out)
	}
	return strings.TrimSpace(string(out))
}

func put(t *testing.T, file, text string) {
	t.Helper()
	if err := errors.Join(os.MkdirAll(filepath.Dir(file), 0o755), os.WriteFile(file, []byte(text), 0o644)); err != nil {
		t.Fatal(err)
	}
}

func newSeveral(t *testing.T) *several {
	t.Helper()
	home := filepath.Join(t.TempDir(), "gitconfig")
	put(t, home, "[user]\n\tname = Ann\n\temail = ann@example.org\n")
	t.Setenv("GIT_CONFIG_GLOBAL", home)
	t.Setenv("GIT_CONFIG_NOSYSTEM", "1")
	w := &several{world: newWorld(t), app: newUpstream(t, forge.GitHub, "acme/app"), lib: newUpstream(t, forge.GitLab, "group/lib")}
	host := func(u *upstream) string {
		h, _, _ := strings.Cut(strings.TrimPrefix(u.url, "http://"), "/")
		return h
	}
	w.options.Forges = forge.New(forge.Options{Vault: w.vault, Hosts: map[string]config.Forge{
		host(w.app): {Type: forge.GitHub, API: w.app.api, Credential: "work"}, host(w.lib): {Type: forge.GitLab, API: w.lib.api, Credential: "work"}}})
	w.token("tok")
	var id string // is there before somebody asks
	var err error
	if w.options.Sources, err = source.New(source.Options{Dir: filepath.Join(w.world.dir, "mirrors-of-several"), DB: w.db, Session: func(context.Context) string { return id },
		Protected: []string{"main"}, BranchPrefix: "volundr/session", Log: w.options.Log}); err != nil {
		t.Fatal(err)
	}
	w.request = fmt.Sprintf(`{"agent":"claude","source":{"type":"git","repo":%q,"branch":%q,"base_branch":"main","additional_repos":[{"repo":%q,"branch":%q,"base_branch":"main"}]}}`,
		w.app.url, ownBranch, w.lib.url, ownBranch)
	w.s = w.at("both", w.request)
	n := w.s
	n.Run, n.State, n.ReadyAt = 1, store.Running, time.Now()
	if w.s, err = w.db.Conclude(t.Context(), w.s, n); err != nil {
		t.Fatal(err)
	}
	id = w.s.ID
	way := httptest.NewServer(w.options.Sources.Git())
	t.Cleanup(way.Close)
	w.dir = filepath.Join(t.TempDir(), "workspace")
	for folder, u := range map[string]*upstream{"app": w.app, "lib": w.lib} {
		r, err := source.Parse(u.url)
		if err != nil {
			t.Fatal(err)
		}
		git(t, t.TempDir(), "clone", "-q", way.URL+"/git/"+r.Key(), filepath.Join(w.dir, folder))
		w.git(folder, "checkout", "-q", "--no-track", "-b", ownBranch, "origin/main")
	}
	sv := serving(w.options)
	sv.changes = changes.New(w.run)
	h := w.options.Auth.Guard(sv.router())
	w.handler.Store(&h)
	return w
}

// run is a command in the workspace.
func (w *several) run(ctx context.Context, _ string, c wire.Command) (wire.RunResult, error) {
	argv := append([]string(nil), c.Argv...)
	for i := range argv[:3] {
		argv[i] = strings.ReplaceAll(argv[i], "/workspace", w.dir)
	}
	cmd := exec.CommandContext(ctx, argv[0], argv[1:]...)
	cmd.Env = append(os.Environ(), c.Env...)
	return ranAsInside(cmd, c)
}

// ranAsInside runs on this machine what a session would be asked to run.
func ranAsInside(cmd *exec.Cmd, c wire.Command) (wire.RunResult, error) {
	cmd.Stdin = bytes.NewReader(c.Stdin)
	var out, fail bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &fail
	err := cmd.Run()
	if exit := (*exec.ExitError)(nil); err != nil && !errors.As(err, &exit) {
		return wire.RunResult{}, err
	}
	return wire.RunResult{Exit: cmd.ProcessState.ExitCode(), Stdout: out.Bytes(), Stderr: fail.Bytes()}, nil
}

func (w *several) git(folder string, args ...string) string {
	w.t.Helper()
	return git(w.t, filepath.Join(w.dir, folder), args...)
}

func (w *several) put(file, text string) {
	w.t.Helper()
	put(w.t, filepath.Join(w.dir, file), text)
}

// wants asks for a route of the session.
func (w *several) wants(what, method, path, body string, status int, want ...string) string {
	w.t.Helper()
	code, _, got := w.ask(method, Prefix+strings.ReplaceAll(path, "/S/", "/sessions/"+w.s.ID+"/"), strings.ReplaceAll(body, "$S", w.s.ID), func(r *http.Request) {
		r.Header.Set("Content-Type", "application/json")
	})
	for _, text := range append(want, "") {
		if code != status || !strings.Contains(got, text) {
			w.t.Errorf("%s: %d %s, want %d with %q", what, code, got, status, text)
		}
	}
	return got
}

// opens gives the session a chronicle of its first run, as the daemon does.
func (w *several) opens(began map[string]string) {
	w.t.Helper()
	all := []store.Repository{{Folder: "app", Repo: w.app.url, BaseCommit: began["app"]}, {Folder: "lib", Repo: w.lib.url, BaseCommit: began["lib"]}}
	err := w.db.OpenChronicle(w.t.Context(), store.Chronicle{SessionID: w.s.ID, Run: 1, OwnerID: auth.Local.UserID, TenantID: auth.Local.TenantID, Name: w.s.Name, Repositories: all})
	if err != nil {
		w.t.Fatal(err)
	}
}
