package source

import (
	"context"
	"encoding/json"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"volundr/store"
	"volundr/store/storetest"
)

type sessionKey struct{}

// bench is a Sources with a server in front of it; the path's first element
// says which session asks, as the link does by the context.
type bench struct {
	*Sources
	t   *testing.T
	dir string
	url string
}

func newBench(t *testing.T) *bench {
	t.Helper()
	// No configuration of whoever runs the tests plays a part.
	t.Setenv("GIT_CONFIG_GLOBAL", filepath.Join(t.TempDir(), "gitconfig"))
	t.Setenv("GIT_CONFIG_NOSYSTEM", "1")
	dir := t.TempDir()
	db, err := store.Open(storetest.New(t, dir))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { db.Close() })
	b := &bench{t: t, dir: dir}
	b.Sources, err = New(Options{Dir: filepath.Join(dir, "mirrors"), DB: db, Log: slog.New(slog.DiscardHandler),
		Session: func(ctx context.Context) string { return ctx.Value(sessionKey{}).(string) },
		Folders: Folders{Enabled: true, Prefixes: []string{dir}}})
	if err != nil {
		t.Fatal(err)
	}
	git := b.Git()
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		session, rest, _ := strings.Cut(strings.TrimPrefix(r.URL.Path, "/"), "/")
		r.URL.Path = "/" + rest
		git.ServeHTTP(w, r.WithContext(context.WithValue(r.Context(), sessionKey{}, session)))
	}))
	t.Cleanup(srv.Close)
	b.url = srv.URL
	return b
}

// session makes a session and returns its id and the URL of its remote.
func (b *bench) session(o origin) (id, url string) {
	b.t.Helper()
	raw, err := json.Marshal(map[string]any{"source": o})
	if err != nil {
		b.t.Fatal(err)
	}
	s, err := b.DB.CreateSession(b.t.Context(), store.Session{Name: "s", OwnerID: "u", TenantID: "t", Runtime: "fake", Request: raw})
	if err != nil {
		b.t.Fatal(err)
	}
	return s.ID, b.at(s.ID, "")
}

// at is the URL of the remote in a folder of a session.
func (b *bench) at(session, folder string) (url string) {
	b.t.Helper()
	w, err := b.Work(b.t.Context(), session, folder)
	if err != nil {
		b.t.Fatal(err)
	}
	return b.url + "/" + session + "/git/" + w.r.Key()
}

// try runs git as somebody else would: in a session, or at a desk.
func try(dir string, args ...string) (string, error) {
	cmd := exec.Command("git", append([]string{"-c", "init.defaultBranch=main", "-c", "user.name=t", "-c", "user.email=t@example.com"}, args...)...)
	cmd.Dir = dir
	out, err := cmd.CombinedOutput()
	return strings.TrimSpace(string(out)), err
}

func git(t *testing.T, dir string, args ...string) string {
	t.Helper()
	out, err := try(dir, args...)
	if err != nil {
		t.Fatalf("git %v: %v\n%s", args, err, out)
	}
	return out
}

func put(t *testing.T, path, text string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}

// commit makes a repository at dir, if there is none, and a commit in it.
func commit(t *testing.T, dir, file, text string) (oid string) {
	t.Helper()
	put(t, filepath.Join(dir, file), text)
	if _, err := os.Stat(filepath.Join(dir, ".git")); err != nil {
		git(t, dir, "init", "-q")
	}
	git(t, dir, "add", file)
	git(t, dir, "commit", "-q", "-m", "change "+file)
	return git(t, dir, "rev-parse", "HEAD")
}

// bare makes a bare repository with one commit on main.
func (b *bench) bare() (dir string) {
	b.t.Helper()
	return b.named("remote")
}

// named makes one of that name.
func (b *bench) named(name string) (dir string) {
	b.t.Helper()
	desk := filepath.Join(b.t.TempDir(), "desk")
	commit(b.t, desk, "hello", "one")
	dir = filepath.Join(b.dir, name+".git")
	git(b.t, b.dir, "clone", "-q", "--bare", desk, dir)
	return dir
}

func (b *bench) clone(url string) (dir string) {
	b.t.Helper()
	dir = filepath.Join(b.t.TempDir(), "work")
	git(b.t, b.dir, "clone", "-q", url, dir)
	return dir
}
