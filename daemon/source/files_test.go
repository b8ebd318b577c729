package source

import (
	"archive/tar"
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"volundr/store"
)

// ask gives what a session of this launch request gets of its files.
func (b *bench) ask(request map[string]any) (status int, files map[string]string, body string) {
	b.t.Helper()
	raw, err := json.Marshal(request)
	if err != nil {
		b.t.Fatal(err)
	}
	s, err := b.DB.CreateSession(b.t.Context(), store.Session{Name: "s", OwnerID: "u", TenantID: "t", Runtime: "fake", Request: raw})
	if err != nil {
		b.t.Fatal(err)
	}
	w := httptest.NewRecorder()
	b.ServeFiles(w, httptest.NewRequest("GET", "/files/", nil).WithContext(context.WithValue(b.t.Context(), sessionKey{}, s.ID)))
	if w.Code != http.StatusOK {
		return w.Code, nil, w.Body.String()
	}
	files = map[string]string{}
	for in := tar.NewReader(w.Body); ; {
		h, err := in.Next()
		if errors.Is(err, io.EOF) {
			return w.Code, files, ""
		}
		text, rerr := io.ReadAll(in)
		if err = errors.Join(err, rerr); err != nil {
			b.t.Fatal(err)
		}
		if h.Mode != 0o600 {
			b.t.Errorf("%s may be read by others: %o", h.Name, h.Mode)
		}
		files[h.Name] = string(text)
	}
}

func TestASessionGetsTheFilesThatItsRequestNames(t *testing.T) {
	b := newBench(t)
	project := filepath.Join(b.dir, "project")
	commit(t, project, "hello", "one")
	put(t, filepath.Join(project, ".env"), "SECRET=1")
	put(t, filepath.Join(project, "conf/local.yaml"), "x: 1")
	put(t, filepath.Join(project, "other"), "not asked for")
	put(t, filepath.Join(b.dir, "keys/app.env"), "K=2")
	for name, source := range map[string]map[string]string{
		"a copy":             {"type": LocalCopy, "local_path": project},
		"a local repository": {"type": Git, "repo": project},
	} {
		_, files, body := b.ask(map[string]any{"source": source, "files": []any{".env", "conf/local.yaml", map[string]string{"from": filepath.Join(b.dir, "keys/app.env"), "to": "app.env"}}})
		want := map[string]string{".env": "SECRET=1", "conf/local.yaml": "x: 1", "app.env": "K=2"}
		if diff := cmp.Diff(want, files); diff != "" {
			t.Errorf("%s: %s %s", name, diff, body)
		}
	}
}

func TestFilesOutsideOfWhatIsAllowedAreRefused(t *testing.T) {
	b := newBench(t)
	project, elsewhere := filepath.Join(b.dir, "project"), t.TempDir()
	put(t, filepath.Join(project, "hello"), "one")
	put(t, filepath.Join(elsewhere, "key"), "secret")
	put(t, filepath.Join(b.dir, "beside"), "secret")
	put(t, filepath.Join(project, "large"), strings.Repeat("x", maxFile+1))
	for to, name := range map[string]string{filepath.Join(elsewhere, "key"): "absolute-link", "../beside": "link-out", project: "link-to-folder"} {
		if err := os.Symlink(to, filepath.Join(project, name)); err != nil {
			t.Fatal(err)
		}
	}
	remote := map[string]string{"type": Git, "repo": "https://git.example/p.git"}
	local := map[string]string{"type": LocalCopy, "local_path": project}
	for _, c := range []struct {
		source map[string]string
		from   string
		says   string
	}{
		{local, "missing", "There is no file missing"},
		{local, "../beside", "cannot be opened"},
		{local, "link-out", "cannot be opened"},
		{local, "absolute-link", "cannot be opened"},
		{local, "large", "larger than 1 MiB"},
		{local, ".", "is not a file"},
		{local, filepath.Join(elsewhere, "key"), "not below an allowed folder"},
		{local, filepath.Join(project, "absolute-link"), "not below an allowed folder"},
		{remote, ".env", "give its full path"},
		{map[string]string{"type": LocalCopy, "local_path": elsewhere}, "key", "not below an allowed folder"},
	} {
		status, files, body := b.ask(map[string]any{"source": c.source, "files": []any{c.from}})
		if status != http.StatusUnprocessableEntity || files != nil || !strings.Contains(body, c.says) || strings.Contains(body, "secret") {
			t.Errorf("%s of %v: %d %s", c.from, c.source, status, body)
		}
	}
}

// Where there are several repositories files go with the first, which they come
// from, unless it is said otherwise.
func TestFilesGoWithTheFirstRepository(t *testing.T) {
	layout := []Checkout{{Folder: "app"}, {Folder: "lib"}}
	for f, want := range map[File]string{
		{From: ".env"}:                    "app/.env",
		{From: "lib/x"}:                   "app/lib/x", // of the first's own folder
		{From: "/etc/x", To: "lib/x"}:     "lib/x",
		{From: "/etc/x", To: "app/lib/x"}: "app/lib/x",
		{From: ".env", To: "conf/.env"}:   "app/conf/.env",
		{From: ".env", To: "lib"}:         "app/lib",
		{From: ".env", To: "../x"}:        "../x", // refused
		{From: "/etc/x"}:                  "",
	} {
		if got := f.Target(layout); got != want {
			t.Errorf("%+v stands at %q, not %q", f, got, want)
		}
	}
	b := newBench(t)
	project := filepath.Join(b.dir, "project")
	commit(t, project, "hello", "one")
	put(t, filepath.Join(project, ".env"), "SECRET=1")
	source := map[string]any{"type": Git, "repo": project, "folder": "web", "additional_repos": []any{map[string]string{"repo": "https://git.example/lib.git"}}}
	_, files, body := b.ask(map[string]any{"source": source, "files": []any{".env", map[string]string{"from": ".env", "to": "lib/.env"}}})
	if diff := cmp.Diff(map[string]string{"web/.env": "SECRET=1", "lib/.env": "SECRET=1"}, files); diff != "" {
		t.Errorf("%s %s", diff, body)
	}
}
