// Package worlds makes workspaces for tests, of every sort that is hard to
// carry: odd names, modes, links, repositories in the middle of something.
package worlds

import (
	"bytes"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"sort"
	"strings"
	"testing"
	"time"
)

// Kinds of workspaces that Make knows.
var Kinds = []string{"plain", "files", "shallow", "stash", "submodule", "rebase", "nested", "worktree", "empty"}

// Make fills dir with a workspace of a kind, by chance r.
func Make(t testing.TB, dir, kind string, r *rand.Rand) {
	t.Helper()
	Files(t, dir, r, 40)
	if kind == "plain" {
		return
	}
	if kind == "empty" {
		Sh(t, dir, "git init -q -b main")
		return
	}
	Sh(t, dir, `git init -q -b main; printf '*.ignored\nbuild/\n!kept.ignored\n' > .gitignore
printf '*.txt text eol=crlf\n*.id ident\n*.f filter=shout\n*.u working-tree-encoding=UTF-16LE\n' > .gitattributes
git config filter.shout.clean 'tr a-z A-Z'; git config filter.shout.smudge 'tr A-Z a-z'
printf 'a\nb\n' > crlf.txt; printf 'a\r\nb\r\n' > mixed.txt; echo '$Id$' > x.id; echo shout > y.f; printf 'h\0i\0' > z.u
git add -A . && git commit -q -m one; echo two > two; git add two; git commit -q -m two
mkdir -p build/deep; echo no > build/deep/x; echo no > gone.ignored; echo yes > kept.ignored; git add kept.ignored; git commit -q -m kept
printf '#!/bin/sh\nexit 0\n' > .git/hooks/pre-commit; chmod 755 .git/hooks/pre-commit
echo staged > staged; git add staged; echo changed >> two; echo untracked > untracked`)
	switch kind {
	case "shallow":
		src := t.TempDir()
		Sh(t, src, "git clone -q --depth 1 file://"+dir+" c")
		Sh(t, dir, "rm -rf .git && mv "+src+"/c/.git .git && git reset -q")
	case "stash":
		Sh(t, dir, "git stash -q -u; echo more > two; git stash -q; echo again > three; git add three")
	case "submodule":
		sub := t.TempDir()
		Sh(t, sub, "git init -q -b main && echo s > s && git add s && git commit -q -m s")
		Sh(t, dir, "git -c protocol.file.allow=always submodule --quiet add "+sub+" vendor/sub && echo dirty > vendor/sub/s")
	case "rebase":
		Sh(t, dir, `git stash -q -u; git checkout -q -b side HEAD~1; echo side > two; git commit -q -am side; git checkout -q main
echo main > two; git commit -q -am main; git rebase -q side || true; test -d .git/rebase-merge`)
	case "nested":
		Sh(t, dir, `mkdir -p in/ner empty/er && cd in/ner && git init -q -b other && printf 'own\n' > .gitignore && echo o > own && echo x > x.ignored && echo f > f && git add f .gitignore && git commit -q -m n
cd ../.. && mkdir broken && mkdir broken/.git && echo h > broken/.git/HEAD && echo b > broken/b.ignored && mkdir -p all/left && echo a > all/left/a.ignored`)
	case "worktree":
		Sh(t, dir, "git worktree add -q wt -b wt && echo w > wt/w")
	}
}

// Files writes n files, folders and links of all sorts.
func Files(t testing.TB, dir string, r *rand.Rand, n int) {
	t.Helper()
	names := []string{"plain", "-dash", "new\nline", "in\xffvalid", "späße", " space ", "a'b\"c", "tab\t", "*", "a-b", "a", "a.c", "..dots", "back\\slash", "~", "#x", ":x"}
	modes := []fs.FileMode{0o644, 0o755, 0o600, 0o444, 0o640, 0o711}
	at := []string{dir}
	must := func(err error) {
		if err != nil {
			t.Helper()
			t.Fatal(err)
		}
	}
	for i := range n {
		in := at[r.IntN(len(at))]
		p := filepath.Join(in, names[r.IntN(len(names))])
		if _, err := os.Lstat(p); err == nil {
			p = filepath.Join(in, fmt.Sprintf("%d%s", i, names[r.IntN(len(names))]))
		}
		switch r.IntN(6) {
		case 0:
			must(os.Mkdir(p, 0o755))
			at = append(at, p)
		case 1:
			must(os.Symlink([]string{"plain", "/etc/passwd", "../../out", "nowhere\n", "."}[r.IntN(5)], p))
		case 2:
			must(os.Link(anyFile(t, dir), p))
		default:
			b := make([]byte, r.IntN(5000))
			for i := range b {
				b[i] = byte(r.IntN(256))
			}
			if r.IntN(2) == 0 {
				b = bytes.Repeat([]byte("line\r\n"), r.IntN(200))
			}
			must(os.WriteFile(p, b, 0o600))
			must(os.Chmod(p, modes[r.IntN(len(modes))]))
			when := time.Unix(1.6e9+int64(r.IntN(1e8)), int64(r.IntN(1e9)))
			must(os.Chtimes(p, when, when))
		}
	}
}

func anyFile(t testing.TB, dir string) string {
	p := filepath.Join(dir, "linked")
	if _, err := os.Lstat(p); err != nil {
		if err := os.WriteFile(p, []byte("linked"), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return p
}

// Sh runs a script in dir and gives its output.
func Sh(t testing.TB, dir, script string) string {
	t.Helper()
	cmd := exec.Command("bash", "-e", "-c", script)
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "GIT_CONFIG_GLOBAL=/dev/null", "GIT_CONFIG_NOSYSTEM=1", "GIT_AUTHOR_NAME=t", "GIT_AUTHOR_EMAIL=t@example.org",
		"GIT_COMMITTER_NAME=t", "GIT_COMMITTER_EMAIL=t@example.org", "LC_ALL=C", "GIT_EDITOR=true",
		"GIT_CONFIG_COUNT=2", "GIT_CONFIG_KEY_0=gc.auto", "GIT_CONFIG_VALUE_0=0", "GIT_CONFIG_KEY_1=maintenance.auto", "GIT_CONFIG_VALUE_1=false")
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%s: %v\n%s", script, err, out)
	}
	return string(out)
}

// Print describes every file, folder and link below dir but those that skip
// names, one a line.
func Print(t testing.TB, dir string, skip func(path string) bool) []string {
	t.Helper()
	var lines []string
	err := filepath.WalkDir(dir, func(p string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		rel, _ := filepath.Rel(dir, p)
		if skip != nil && skip(rel) {
			if d.IsDir() {
				return fs.SkipDir
			}
			return nil
		}
		info, err := d.Info()
		if err != nil {
			return err
		}
		line := fmt.Sprintf("%q %v %d", rel, info.Mode(), info.ModTime().UnixNano())
		switch {
		case d.Type() == fs.ModeSymlink:
			to, _ := os.Readlink(p)
			line += fmt.Sprintf(" → %q", to)
		case d.Type().IsRegular():
			b, err := os.ReadFile(p)
			if err != nil {
				return err
			}
			line += fmt.Sprintf(" %x", b)
			if len(line) > 2000 {
				line = fmt.Sprintf("%s… %d bytes, sum %d", line[:200], len(b), sum(b))
			}
		}
		lines = append(lines, line)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	sort.Strings(lines)
	return lines
}

func sum(b []byte) (h uint64) {
	h = 14695981039346656037
	for _, c := range b {
		h = (h ^ uint64(c)) * 1099511628211
	}
	return h
}

// Status is what git says of the workspace, or nothing where it is none.
func Status(t testing.TB, dir string) string {
	t.Helper()
	if _, err := os.Lstat(filepath.Join(dir, ".git")); err != nil {
		return ""
	}
	out := Sh(t, dir, `
export GIT_OPTIONAL_LOCKS=0
git status --porcelain=v2 --branch --show-stash -z | tr '\0' '\n'; git stash list; git log --all --oneline; git for-each-ref; git ls-files -s; git fsck 2>&1 || true; git submodule status 2>/dev/null || true
for r in in/ner vendor/sub wt; do test -e $r/.git && git -C $r status --porcelain=v2 --branch || true; done`)
	return strings.ReplaceAll(out, dir, "DIR")
}

// Many fills dir with a repository of n small files.
func Many(t testing.TB, dir string, n int) {
	t.Helper()
	var in bytes.Buffer
	fmt.Fprint(&in, "commit refs/heads/main\ncommitter t <t@example.org> 1700000000 +0000\ndata 4\nmany\n")
	for i := range n {
		d := fmt.Sprintf("d%d/e%d", i/1000, i/50%20)
		body := fmt.Sprintf("file %d\n%s", i, strings.Repeat("line\n", i%40))
		fmt.Fprintf(&in, "M 100644 inline %s/f%d.txt\ndata %d\n%s\n", d, i, len(body), body)
	}
	Sh(t, dir, "git init -q -b main")
	stream := filepath.Join(t.TempDir(), "stream")
	if err := os.WriteFile(stream, in.Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
	Sh(t, dir, "git fast-import --quiet < "+stream+" && git reset -q --hard")
}
