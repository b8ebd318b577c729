package e2e

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"net/http"
	"net/http/cgi"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"volundr/daemon/changes"
	"volundr/daemon/source"
	"volundr/runtime/broker/wire"
	"volundr/store"
)

// remote is a real git server over HTTP: git's own http-backend, behind a login
// where one is set.
type remote struct {
	t    *testing.T
	root string
	url  string

	mu     sync.Mutex
	user   string // "user:password"; empty: everybody may read and write
	reader string // who may only read
}

func newRemote(t *testing.T) *remote {
	t.Helper()
	r := &remote{t: t, root: t.TempDir()}
	path, err := exec.LookPath("git")
	if err != nil {
		t.Fatal(err)
	}
	r.make("app")
	backend := &cgi.Handler{Path: path, Args: []string{"http-backend"}, Dir: r.root,
		Env: []string{"GIT_PROJECT_ROOT=" + r.root, "GIT_HTTP_EXPORT_ALL=1"}}
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		r.mu.Lock()
		user, reader := r.user, r.reader
		r.mu.Unlock()
		name, password, _ := req.BasicAuth()
		who, writes := name+":"+password, strings.Contains(req.URL.String(), "git-receive-pack")
		switch {
		case user == "", who == user, who == reader && !writes:
			backend.ServeHTTP(w, req)
		case who == reader:
			http.Error(w, "Write access to repository not granted.", http.StatusForbidden)
		default:
			w.Header().Set("WWW-Authenticate", `Basic realm="git"`)
			http.Error(w, "Who are you?", http.StatusUnauthorized)
		}
	}))
	t.Cleanup(srv.Close)
	r.url = srv.URL + "/acme/app.git"
	return r
}

// make makes a repository acme/NAME.
func (r *remote) make(name string) {
	r.t.Helper()
	bare := filepath.Join(r.root, "acme", name+".git")
	git(r.t, repository(r.t), "clone", "-q", "--bare", ".", bare)
	git(r.t, bare, "config", "http.receivepack", "true")
}

// login asks for it from now on.
func (r *remote) login(user, reader string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.user, r.reader = user, reader
}

func (r *remote) at(branch string) string { return r.of("app", branch) }

// of is the commit that a branch of acme/NAME is at.
func (r *remote) of(name, branch string) string {
	out, _ := exec.Command("git", "-C", filepath.Join(r.root, "acme", name+".git"), "rev-parse", "-q", "--verify", branch).Output()
	return strings.TrimSpace(string(out))
}

// desk is a session's workspace on this machine, whose way to the remote is the
// daemon's, as in a session.
type desk struct {
	t       *testing.T
	dir     string
	sources *source.Sources
	changes *changes.Changes
	id      string
}

func newDesk(t *testing.T, r *remote, login func(repo string) (string, string)) *desk {
	t.Helper()
	t.Setenv("GIT_CONFIG_GLOBAL", filepath.Join(t.TempDir(), "gitconfig"))
	t.Setenv("GIT_CONFIG_NOSYSTEM", "1")
	d := &desk{t: t, dir: filepath.Join(t.TempDir(), "workspace")}
	db, err := store.Open(filepath.Join(t.TempDir(), "volundr.db"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { db.Close() })
	request, err := json.Marshal(map[string]any{"source": map[string]string{"type": "git", "repo": r.url, "branch": "volundr/session/fix", "base_branch": "main"}})
	if err != nil {
		t.Fatal(err)
	}
	s, err := db.CreateSession(t.Context(), store.Session{Name: "fix", OwnerID: "ann", TenantID: "t", Runtime: "fake", Request: request})
	if err != nil {
		t.Fatal(err)
	}
	d.id = s.ID
	d.sources, err = source.New(source.Options{Dir: filepath.Join(t.TempDir(), "mirrors"), DB: db, Session: func(context.Context) string { return s.ID },
		Protected: []string{"main", "master"}, BranchPrefix: "volundr/session", Log: slog.New(slog.DiscardHandler),
		Login: func(_ context.Context, _ store.Principal, repo string) (user, password string, err error) {
			user, password = login(repo)
			return user, password, nil
		}})
	if err != nil {
		t.Fatal(err)
	}
	srv := httptest.NewServer(d.sources.Git())
	t.Cleanup(srv.Close)
	key, err := source.Parse(r.url)
	if err != nil {
		t.Fatal(err)
	}
	git(t, filepath.Dir(d.dir), "clone", "-q", srv.URL+"/git/"+key.Key(), d.dir)
	git(t, d.dir, "checkout", "-q", "--no-track", "-b", "volundr/session/fix", "origin/main")
	d.changes = changes.New(d.run)
	return d
}

func (d *desk) run(ctx context.Context, _ string, c wire.Command) (wire.RunResult, error) {
	argv := append([]string(nil), c.Argv...)
	argv[2] = strings.ReplaceAll(argv[2], "/workspace", d.dir)
	cmd := exec.CommandContext(ctx, argv[0], argv[1:]...)
	cmd.Env, cmd.Stdin = append(os.Environ(), c.Env...), bytes.NewReader(c.Stdin)
	var out, fail bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &fail
	err := cmd.Run()
	if exit := (*exec.ExitError)(nil); err != nil && !errors.As(err, &exit) {
		return wire.RunResult{}, err
	}
	return wire.RunResult{Exit: cmd.ProcessState.ExitCode(), Stdout: out.Bytes(), Stderr: fail.Bytes()}, nil
}

func (d *desk) commit(file string) string {
	d.t.Helper()
	if err := os.WriteFile(filepath.Join(d.dir, file), []byte("x\n"), 0o644); err != nil {
		d.t.Fatal(err)
	}
	hash, err := d.changes.Commit(d.t.Context(), changes.Place{}, changes.Author{Name: "Ann", Email: "ann@example.com"}, "Add "+file, true)
	if err != nil {
		d.t.Fatal(err)
	}
	return hash
}

// refuses pushes and looks at why that was refused.
func (d *desk) refuses(what, branch string, kind error, want string) {
	d.t.Helper()
	_, err := d.changes.Push(d.t.Context(), changes.Place{}, branch)
	if !errors.Is(err, kind) || !strings.Contains(err.Error(), want) || !strings.HasSuffix(err.Error(), ".") {
		d.t.Errorf("%s: %v", what, err)
	}
}

func TestPushByWayOfTheDaemon(t *testing.T) {
	r := newRemote(t)
	token := ""
	d := newDesk(t, r, func(repo string) (string, string) {
		if repo != r.url || token == "" {
			return "", ""
		}
		return "x-access-token", token
	})
	work, err := d.sources.Work(t.Context(), d.id, "")
	if err != nil {
		t.Fatal(err)
	}
	place := changes.Place{}
	if s, err := d.changes.Standing(t.Context(), place); err != nil || s.Branch != "volundr/session/fix" || s.Ahead != 0 || s.Pushed != "" {
		t.Fatalf("%+v, %v", s, err)
	}
	first := d.commit("one.txt")
	if s, err := d.changes.Standing(t.Context(), place); err != nil || s.Ahead != 1 || s.Head != first || s.Title != "Add one.txt" {
		t.Errorf("%+v, %v", s, err)
	}
	if s, err := d.changes.Push(t.Context(), place, ""); err != nil || s.Branch != "volundr/session/fix" || r.at("volundr/session/fix") != first {
		t.Fatalf("%+v, %v; the remote is at %s", s, err, r.at("volundr/session/fix"))
	}
	if at, err := work.At(t.Context(), "volundr/session/fix"); err != nil || at != first {
		t.Errorf("asked, the remote is at %s, %v", at, err)
	}
	if s, err := d.changes.Standing(t.Context(), place); err != nil || s.Ahead != 0 || s.Pushed != first {
		t.Errorf("%+v, %v", s, err)
	}
	main := r.at("main")
	d.refuses("a protected branch", "main", changes.ErrProtected, "Push to a branch of the session")
	if r.at("main") != main {
		t.Error("main has moved")
	}

	other := filepath.Join(t.TempDir(), "other")
	git(t, d.dir, "clone", "-q", "-b", "volundr/session/fix", r.url, other)
	git(t, other, "-c", "user.name=Bob", "-c", "user.email=bob@example.com", "commit", "-q", "--allow-empty", "-m", "Meanwhile")
	git(t, other, "push", "-q", "origin", "HEAD")
	d.commit("two.txt")
	d.refuses("the remote went on", "", changes.ErrBehind, "git pull --rebase origin volundr/session/fix")

	r.login("x-access-token:tok-write", "x-access-token:tok-read")
	d.refuses("no login", "fresh", changes.ErrLogin, "volundr credentials set")
	token = "tok-wrong"
	d.refuses("a wrong token", "fresh", changes.ErrLogin, "volundr credentials set")
	token = "tok-read"
	d.refuses("a token that may only read", "fresh", changes.ErrLogin, "store a token that may write")
	token = "tok-write"
	if s, err := d.changes.Push(t.Context(), place, "fresh"); err != nil || r.at("fresh") != s.Head {
		t.Errorf("with a token: %+v, %v", s, err)
	}
	for _, file := range []string{"config", "FETCH_HEAD"} { // nothing of the token stays anywhere
		if raw, err := os.ReadFile(filepath.Join(d.dir, ".git", file)); err == nil && strings.Contains(string(raw), "tok-") {
			t.Errorf("%s holds the token", file)
		}
	}

	git(t, d.dir, "checkout", "-q", "--detach")
	d.refuses("no branch", "", changes.ErrNoBranch, "Name a branch")
	d.refuses("no name of a branch", "a..b", changes.ErrRefused, "push failed")
	git(t, d.dir, "remote", "remove", "origin")
	d.refuses("no remote", "x", changes.ErrRefused, "no remote called origin")
}
