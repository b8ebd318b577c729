package source

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"volundr/store"
)

var somebody = store.Principal{UserID: "u", TenantID: "t"}

// told is a definition as lines.
func told(d Definition) (out []string) {
	for _, f := range d.Files {
		if f.Problem != "" {
			out = append(out, f.Name+" "+f.Problem)
			continue
		}
		out = append(out, f.Name+": "+string(f.Content))
	}
	return out
}

// definedProject makes a repository with files, and a commit of them.
func definedProject(t *testing.T, dir string, files map[string]string) {
	t.Helper()
	if err := os.MkdirAll(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	git(t, dir, "init", "-q", "-b", "main")
	for name, text := range files {
		put(t, filepath.Join(dir, name), text)
	}
	put(t, filepath.Join(dir, "README"), "x")
	git(t, dir, "add", "-A")
	git(t, dir, "commit", "-q", "-m", "first")
}

// What a repository brings is the same from a folder, a server, a server that
// gives no parts of a commit, a mirror, and a copy.
func TestADefinitionIsReadWhereverItLies(t *testing.T) {
	b := newBench(t)
	dir := filepath.Join(b.dir, "app")
	definedProject(t, dir, map[string]string{".volundr/session.yaml": "image: x\n", ".volundr/prompts/b.md": "B", ".volundr/prompts/a.md": "A",
		".volundr/prompts/notes.txt": "-", ".volundr/README.md": "-", ".volundr/prompts/deep/c.md": "-", "src/session.yaml": "-"})
	want := []string{"session.yaml: image: x\n", "prompts/a.md: A", "prompts/b.md: B"}
	_, smart := b.session(origin{Type: Git, Repo: dir})
	bare := filepath.Join(b.dir, "bare.git")
	git(t, b.dir, "clone", "-q", "--bare", dir, bare)
	git(t, bare, "update-server-info")
	dumb := httptest.NewServer(http.FileServer(http.Dir(b.dir)))
	defer dumb.Close()
	for name, c := range map[string]struct{ kind, repo, copied string }{
		"a local repository":      {Git, dir, ""},
		"a server":                {Git, smart, ""},
		"one without parts":       {Git, dumb.URL + "/bare.git", ""},
		"a copied folder":         {LocalCopy, "", dir},
		"again, from its mirror":  {Git, dumb.URL + "/bare.git", ""},
		"again, without a mirror": {Git, dir, ""},
	} {
		d, err := b.Definition(t.Context(), somebody, c.kind, c.repo, "", "", c.copied)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if diff := cmp.Diff(want, told(d)); diff != "" || (d.Commit == "") != (c.kind == LocalCopy) {
			t.Errorf("%s: %s %q", name, diff, d.Commit)
		}
	}
	for name, c := range map[string]struct{ kind, copied string }{"a live folder": {LocalMount, dir}, "an empty workspace": {Git, ""}} {
		if d, err := b.Definition(t.Context(), somebody, c.kind, "", "", "", c.copied); err != nil || len(d.Files) > 0 {
			t.Errorf("%s: %+v %v", name, d, err)
		}
	}
	left, err := filepath.Glob(filepath.Join(b.Dir, "copy-*"))
	if err != nil || len(left) > 0 {
		t.Errorf("left behind: %v %v", left, err)
	}
}

// A mirror that is in use, as by another session's first clone, keeps nobody
// waiting: a part of the commit is fetched beside it.
func TestADefinitionDoesNotWaitForAMirror(t *testing.T) {
	b := newBench(t)
	dir := filepath.Join(b.dir, "app")
	definedProject(t, dir, map[string]string{".volundr/session.yaml": "image: x\n"})
	r, err := b.parse(t.Context(), somebody, dir)
	if err == nil {
		err = b.refresh(t.Context(), r)
	}
	if err != nil {
		t.Fatal(err)
	}
	unlock, err := b.lock(t.Context(), r.place())
	if err != nil {
		t.Fatal(err)
	}
	defer unlock()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	if d, err := b.Definition(ctx, somebody, Git, dir, "", "", ""); err != nil || len(d.Files) != 1 {
		t.Errorf("%+v %v", d, err)
	}
}

// The branch counts that the session begins with, and what is at the remote
// now, not what a mirror had.
func TestADefinitionIsThatOfTheBranch(t *testing.T) {
	b := newBench(t)
	dir := filepath.Join(b.dir, "app")
	definedProject(t, dir, map[string]string{".volundr/session.yaml": "main"})
	git(t, dir, "checkout", "-q", "-b", "topic")
	put(t, filepath.Join(dir, ".volundr/session.yaml"), "topic")
	git(t, dir, "commit", "-q", "-am", "second")
	git(t, dir, "checkout", "-q", "main")
	r, err := b.parse(t.Context(), somebody, dir)
	if err == nil {
		err = b.refresh(t.Context(), r)
	}
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct{ branch, base, want string }{
		{"", "", "main"}, {"topic", "", "topic"}, {"new", "topic", "topic"}, {"new", "", "main"}, {"topic", "main", "topic"},
	} {
		d, err := b.Definition(t.Context(), somebody, Git, dir, c.branch, c.base, "")
		if diff := cmp.Diff([]string{"session.yaml: " + c.want}, told(d)); err != nil || diff != "" {
			t.Errorf("%+v: %v %s", c, err, diff)
		}
	}
	put(t, filepath.Join(dir, ".volundr/session.yaml"), "later")
	git(t, dir, "commit", "-q", "-am", "third")
	if d, err := b.Definition(t.Context(), somebody, Git, dir, "", "", ""); err != nil || told(d)[0] != "session.yaml: later" || d.Commit != strings.TrimSpace(git(t, dir, "rev-parse", "HEAD")) {
		t.Errorf("%+v %v", d, err)
	}
	put(t, filepath.Join(dir, ".volundr/session.yaml"), "uncommitted")
	if d, err := b.Definition(t.Context(), somebody, LocalCopy, "", "", "", dir); err != nil || told(d)[0] != "session.yaml: uncommitted" {
		t.Errorf("%+v %v", d, err)
	}
	empty := filepath.Join(b.dir, "empty")
	if err := os.Mkdir(empty, 0o755); err != nil {
		t.Fatal(err)
	}
	git(t, empty, "init", "-q")
	if d, err := b.Definition(t.Context(), somebody, Git, empty, "", "", ""); err != nil || len(d.Files) > 0 {
		t.Errorf("%+v %v", d, err)
	}
}

// Links, huge files, too many of them and what is no file are told, and nothing
// of them is read.
func TestAHostileDefinitionIsNotRead(t *testing.T) {
	b := newBench(t)
	secret := filepath.Join(b.dir, "secret")
	put(t, secret, "s3cret")
	link := func(to, name string) func(string) {
		return func(dir string) {
			if err := os.MkdirAll(filepath.Dir(filepath.Join(dir, name)), 0o755); err != nil {
				t.Fatal(err)
			}
			if err := os.Symlink(to, filepath.Join(dir, name)); err != nil {
				t.Fatal(err)
			}
		}
	}
	file := func(name string, size int) func(string) {
		return func(dir string) { put(t, filepath.Join(dir, name), strings.Repeat("x", size)) }
	}
	for name, c := range map[string]struct {
		make func(dir string)
		want []string // by their beginnings
	}{
		"the folder is a link": {link(b.dir, ".volundr"), []string{".volundr is a link"}},
		"the folder is a file": {file(".volundr", 3), []string{".volundr is a file, where a folder is meant"}},
		"a link out of it":     {link(secret, ".volundr/session.yaml"), []string{"session.yaml is a link"}},
		"a link in it":         {link("../README", ".volundr/session.yaml"), []string{"session.yaml is a link"}},
		"prompts are a link":   {link("/etc", ".volundr/prompts"), []string{"prompts is a link"}},
		"a prompt is a link":   {link(secret, ".volundr/prompts/a.md"), []string{"prompts/a.md is a link"}},
		"a folder for a file":  {file(".volundr/session.yaml/x", 3), []string{"session.yaml is a folder, where a file is meant"}},
		"too large":            {file(".volundr/session.yaml", MaxDefinitionFile+1), []string{"session.yaml is larger than 32 KiB"}},
		"as large as can be":   {file(".volundr/session.yaml", MaxDefinitionFile), []string{"session.yaml: xxx"}},
		"another name":         {file(".volundr/session.yml", 3), []string{"session.yml does not count: call it session.yaml"}},
		"too many prompts": {func(dir string) {
			for i := range maxPrompts + 1 {
				file(fmt.Sprintf(".volundr/prompts/%d.md", i), 3)(dir)
			}
		}, []string{"prompts holds more than 50 prompts"}},
		"too much in all": {func(dir string) {
			for i := range 9 {
				file(fmt.Sprintf(".volundr/prompts/%d.md", i), MaxDefinitionFile-i)(dir)
			}
		}, []string{".volundr holds more than 256 KiB"}},
	} {
		t.Run(name, func(t *testing.T) {
			dir := filepath.Join(b.dir, strings.ReplaceAll(name, " ", "-"))
			definedProject(t, dir, nil)
			c.make(dir)
			git(t, dir, "add", "-A")
			git(t, dir, "commit", "-q", "-m", "hostile")
			for kind, d := range map[string]func() (Definition, error){
				"of a commit": func() (Definition, error) { return b.Definition(t.Context(), somebody, Git, dir, "", "", "") },
				"of a folder": func() (Definition, error) { return b.Definition(t.Context(), somebody, LocalCopy, "", "", "", dir) },
			} {
				d, err := d()
				got := told(d)
				for i := range min(len(got), len(c.want)) {
					got[i] = got[i][:min(len(got[i]), len(c.want[i]))]
				}
				if diff := cmp.Diff(c.want, got); err != nil || diff != "" {
					t.Errorf("%s: %v %s", kind, err, diff)
				}
			}
		})
	}
	crowd := filepath.Join(b.dir, "crowd")
	definedProject(t, crowd, nil)
	for i := range maxEntries + 1 {
		put(t, filepath.Join(crowd, ".volundr", strings.Repeat("n", 200)+fmt.Sprint(i)), "")
	}
	git(t, crowd, "add", "-A")
	git(t, crowd, "commit", "-q", "-m", "crowd")
	for _, kind := range []string{Git, LocalCopy} {
		d, err := b.Definition(t.Context(), somebody, kind, crowd, "", "", crowd)
		if unread := (*UnreadError)(nil); !errors.As(err, &unread) || !strings.HasSuffix(unread.Why, " holds more than 1000 things, and nobody could read that") {
			t.Errorf("%s: %+v %v", kind, d, err)
		}
	}
	// A pipe without a writer keeps nobody waiting.
	piped := filepath.Join(b.dir, "piped", ".volundr")
	if err := os.MkdirAll(piped, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := exec.Command("mkfifo", filepath.Join(piped, "session.yaml")).Run(); err != nil {
		t.Fatal(err)
	}
	if d, err := b.Definition(t.Context(), somebody, LocalCopy, "", "", "", filepath.Dir(piped)); err != nil || told(d)[0] != "session.yaml is no file" {
		t.Errorf("%+v %v", d, err)
	}
}

// A remote that does not answer is told as one, and hooks of a local one are
// not run.
func TestADefinitionThatCannotBeHad(t *testing.T) {
	b := newBench(t)
	if _, err := b.Definition(t.Context(), somebody, Git, filepath.Join(b.dir, "gone"), "", "", ""); err == nil || !strings.Contains(err.Error(), "was not found") {
		t.Error(err)
	}
	ended, end := context.WithCancel(t.Context())
	end()
	dir := filepath.Join(b.dir, "app")
	definedProject(t, dir, map[string]string{".volundr/session.yaml": "a"})
	if _, err := b.Definition(ended, somebody, Git, dir, "", "", ""); err == nil {
		t.Error("read without asking")
	}
	ran := filepath.Join(b.dir, "ran")
	git(t, dir, "config", "uploadpack.packObjectsHook", "touch "+ran+"; ")
	git(t, dir, "config", "core.fsmonitor", "touch "+ran)
	if _, err := b.Definition(t.Context(), somebody, Git, dir, "", "", ""); err != nil {
		t.Error(err)
	}
	if _, err := os.Stat(ran); err == nil {
		t.Error("a program of the repository's configuration was run")
	}
}
