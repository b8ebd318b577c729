package source

import (
	"errors"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// unpack fetches the archive of a session and unpacks it with tar.
func (b *bench) unpack(url string) (dir string) {
	b.t.Helper()
	resp, err := http.Get(url + "/archive")
	if err != nil {
		b.t.Fatal(err)
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		body, _ := io.ReadAll(resp.Body)
		b.t.Fatalf("%s: %s", resp.Status, body)
	}
	dir = b.t.TempDir()
	cmd := exec.Command("tar", "-xf", "-", "--no-same-owner")
	cmd.Dir, cmd.Stdin = dir, resp.Body
	if out, err := cmd.CombinedOutput(); err != nil {
		b.t.Fatalf("tar: %v %s", err, out)
	}
	return dir
}

// project is a repository with every kind of uncommitted work.
func project(t *testing.T, dir string) {
	commit(t, dir, ".gitignore", "*.log\n/target/\n")
	for _, f := range []string{"same", "edited", "staged", "deleted", "dir/deep"} {
		commit(t, dir, f, f)
	}
	git(t, dir, "branch", "other")
	git(t, dir, "tag", "v1")
	git(t, dir, "checkout", "-q", "-b", "topic")
	put(t, filepath.Join(dir, "edited"), "edited anew")
	put(t, filepath.Join(dir, "staged"), "staged anew")
	put(t, filepath.Join(dir, "new staged"), "x")
	git(t, dir, "add", "staged", "new staged")
	put(t, filepath.Join(dir, "untracked/ä b"), "x")
	put(t, filepath.Join(dir, "noise.log"), "x")
	put(t, filepath.Join(dir, "target/out"), "x")
	put(t, filepath.Join(dir, ".git/info/exclude"), "private\n")
	put(t, filepath.Join(dir, "private"), "x")
	put(t, filepath.Join(dir, "run.sh"), "#!/bin/sh\n")
	for _, err := range []error{os.Remove(filepath.Join(dir, "deleted")), os.Chmod(filepath.Join(dir, "run.sh"), 0o755),
		os.Symlink("/etc/passwd", filepath.Join(dir, "link"))} {
		if err != nil {
			t.Fatal(err)
		}
	}
}

func TestCopyIsAWorkingRepositoryWithTheUncommittedWork(t *testing.T) {
	b := newBench(t)
	dir := filepath.Join(b.dir, "project")
	project(t, dir)
	_, url := b.session(origin{Type: LocalCopy, LocalPath: dir})
	got := b.unpack(url)
	for _, args := range [][]string{{"rev-parse", "HEAD"}, {"branch", "--show-current"}, {"for-each-ref"}, {"diff", "HEAD", "--", "edited", "staged", "deleted"},
		{"log", "--oneline", "--all"}} {
		if diff := cmp.Diff(git(t, dir, args...), git(t, got, args...)); diff != "" {
			t.Errorf("git %v: %s", args, diff)
		}
	}
	want := " M edited\n M staged\n D deleted\n?? link\n?? \"new staged\"\n?? run.sh\n?? \"untracked/\\303\\244 b\""
	if diff := cmp.Diff(strings.Split(want, "\n"), strings.Split(" "+git(t, got, "status", "--porcelain", "-uall"), "\n"),
		cmp.Transformer("sort", func(in []string) map[string]bool {
			out := map[string]bool{}
			for _, s := range in {
				out[s] = true
			}
			return out
		})); diff != "" {
		t.Error(diff)
	}
	for _, ignored := range []string{"noise.log", "target", "private"} {
		if _, err := os.Lstat(filepath.Join(got, ignored)); err == nil {
			t.Errorf("%s was copied although ignored", ignored)
		}
	}
	if target, err := os.Readlink(filepath.Join(got, "link")); target != "/etc/passwd" {
		t.Errorf("the link was followed: %q, %v", target, err)
	}
	if info, err := os.Stat(filepath.Join(got, "run.sh")); err != nil || info.Mode()&0o100 == 0 {
		t.Errorf("run.sh: %v, %v", info, err)
	}
	if left, err := filepath.Glob(filepath.Join(b.Dir, "copy-*")); err != nil || len(left) != 0 {
		t.Errorf("left behind: %v, %v", left, err)
	}
	// What was done in the copy comes back as a branch of the original.
	git(t, got, "checkout", "-q", "-b", "from-session")
	done := commit(t, got, "edited", "by the agent")
	git(t, got, "push", "-q", url, "from-session")
	if git(t, dir, "rev-parse", "from-session") != done {
		t.Error("not in the original")
	}
}

func TestCopyOfUnusualRepositories(t *testing.T) {
	b := newBench(t)
	t.Run("detached", func(t *testing.T) {
		dir := filepath.Join(b.dir, "detached")
		project(t, dir)
		git(t, dir, "checkout", "-q", "--detach")
		want := commit(t, dir, "only here", "x")
		_, url := b.session(origin{Type: LocalCopy, LocalPath: dir})
		got := b.unpack(url)
		if git(t, got, "rev-parse", "HEAD") != want || git(t, got, "branch", "--show-current") != "" {
			t.Error("HEAD is another")
		}
		git(t, got, "fsck", "--connectivity-only")
	})
	t.Run("without a commit", func(t *testing.T) {
		dir := filepath.Join(b.dir, "unborn")
		put(t, filepath.Join(dir, "file"), "x")
		git(t, dir, "init", "-q", "-b", "dawn")
		_, url := b.session(origin{Type: LocalCopy, LocalPath: dir})
		got := b.unpack(url)
		if head := git(t, got, "symbolic-ref", "HEAD"); head != "refs/heads/dawn" || git(t, got, "status", "--porcelain") != "?? file" {
			t.Errorf("HEAD is %s", head)
		}
	})
	t.Run("a worktree of another", func(t *testing.T) {
		main, dir := filepath.Join(b.dir, "main"), filepath.Join(b.dir, "tree")
		project(t, main)
		git(t, main, "worktree", "add", "-q", "-b", "side", dir)
		put(t, filepath.Join(dir, "fresh"), "x")
		_, url := b.session(origin{Type: LocalCopy, LocalPath: dir})
		got := b.unpack(url)
		if git(t, got, "branch", "--show-current") != "side" || git(t, got, "status", "--porcelain") != "?? fresh" {
			t.Errorf("on %s: %s", git(t, got, "branch", "--show-current"), git(t, got, "status", "--porcelain"))
		}
	})
	t.Run("no repository", func(t *testing.T) {
		dir := filepath.Join(b.dir, "plain")
		put(t, filepath.Join(dir, "a/b"), "text")
		put(t, filepath.Join(dir, ".hidden"), "x")
		_, url := b.session(origin{Type: LocalCopy, LocalPath: dir})
		got := b.unpack(url)
		if text, err := os.ReadFile(filepath.Join(got, "a/b")); string(text) != "text" {
			t.Error(err)
		}
		if _, err := os.Stat(filepath.Join(got, ".hidden")); err != nil {
			t.Error(err)
		}
	})
}

func TestFolderThatCannotBeCopiedIsSaidSo(t *testing.T) {
	b := newBench(t)
	broken := filepath.Join(b.dir, "broken")
	put(t, filepath.Join(broken, ".git/HEAD"), "nonsense")
	for path, want := range map[string]string{broken: "was not found or needs a login", filepath.Join(b.dir, "none"): "cannot be opened", "/": "whole machine"} {
		err := b.CheckFolder(t.Context(), path)
		var check *CheckError
		if !errors.As(err, &check) || check.Field != "local_path" || !strings.Contains(check.Msg, want) {
			t.Errorf("%s: %v", path, err)
		}
	}
	_, url := b.session(origin{Type: LocalCopy, LocalPath: broken})
	resp, err := http.Get(url + "/archive")
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusUnprocessableEntity {
		t.Errorf("archive: %s", resp.Status)
	}
	good := filepath.Join(b.dir, "good")
	project(t, good)
	if err := b.CheckFolder(t.Context(), good); err != nil {
		t.Error(err)
	}
}

func TestHostileFolderRunsNothing(t *testing.T) {
	b := newBench(t)
	dir := filepath.Join(b.dir, "hostile")
	project(t, dir)
	mark := filepath.Join(b.dir, "mark")
	run := "touch " + mark + ";false"
	for _, key := range []string{"core.fsmonitor", "uploadpack.packObjectsHook", "filter.x.clean", "filter.x.smudge", "core.sshCommand", "diff.external",
		"core.pager", "core.alternateRefsCommand", "credential.helper"} {
		git(t, dir, "config", key, run)
	}
	put(t, filepath.Join(dir, ".gitattributes"), "* filter=x\n")
	for _, hook := range []string{"post-index-change", "reference-transaction", "fsmonitor-watchman"} {
		put(t, filepath.Join(dir, ".git/hooks", hook), "#!/bin/sh\n"+run+"\n")
		if err := os.Chmod(filepath.Join(dir, ".git/hooks", hook), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	os.Remove(mark) // the desk's own git ran some of it above
	_, url := b.session(origin{Type: LocalCopy, LocalPath: dir})
	b.unpack(url)
	if _, err := os.Stat(mark); err == nil {
		t.Error("a program of the folder was run")
	}
}

func TestWhichFoldersMayBeUsed(t *testing.T) {
	base := t.TempDir()
	home := filepath.Join(base, "home")
	for _, d := range []string{"home/code/app", "home/.ssh", "home/data/keys", "work/app", "secret"} {
		if err := os.MkdirAll(filepath.Join(base, d), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	put(t, filepath.Join(base, "work/file"), "x")
	for link, to := range map[string]string{"work/out": "secret", "work/root": "/", "in": "work/app"} {
		if !filepath.IsAbs(to) {
			to = filepath.Join(base, to)
		}
		if err := os.Symlink(to, filepath.Join(base, link)); err != nil {
			t.Fatal(err)
		}
	}
	f := Folders{Enabled: true, Home: home, Prefixes: []string{home, filepath.Join(base, "work"), "/"}, Private: []string{filepath.Join(home, "data")}}
	for path, want := range map[string]string{ // the real folder, or a piece of what is wrong
		"home/code/app":     "home/code/app",
		"home/code/../code": "home/code",
		"work":              "work",
		"in":                "work/app", // a link to an allowed folder
		"work/out":          "!is not below an allowed folder",
		"work/root":         "!whole machine",
		"work/file":         "!is not a folder",
		"work/none":         "!no such file",
		"secret":            "!is not below an allowed folder",
		"home":              "!home directory",
		"home/.ssh":         "!is not below an allowed folder",
		"home/data":         "!Volundr's own data",
		"home/data/keys":    "!Volundr's own data",
		"work/../secret":    "!is not below an allowed folder",
	} {
		got, err := f.Resolve(filepath.Join(base, path))
		msg, bad := strings.CutPrefix(want, "!")
		var check *CheckError
		switch {
		case bad && (!errors.As(err, &check) || check.Field != "local_path" || !strings.Contains(check.Msg, msg)):
			t.Errorf("%s: %q, %v", path, got, err)
		case !bad && (err != nil || got != filepath.Join(base, want)):
			t.Errorf("%s: %q, %v", path, got, err)
		}
	}
	for path, msg := range map[string]string{"/": "whole machine", "relative": "not an absolute path", "": "not an absolute path"} {
		if _, err := f.Resolve(path); err == nil || !strings.Contains(err.Error(), msg) {
			t.Errorf("%q: %v", path, err)
		}
	}
	f.Enabled = false
	if _, err := f.Resolve(filepath.Join(base, "work")); err == nil || !strings.Contains(err.Error(), "switched off") {
		t.Errorf("switched off: %v", err)
	}
}
