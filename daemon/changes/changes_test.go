package changes_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"volundr/daemon/changes"
	"volundr/runtime/broker/wire"
)

// space is a workspace on this machine in place of a session's.
type space struct {
	*testing.T
	dir string
	c   *changes.Changes
}

func newSpace(t *testing.T) *space {
	s := &space{T: t, dir: t.TempDir()}
	s.c = changes.New(s.run)
	return s
}

func (s *space) run(ctx context.Context, id string, c wire.Command) (wire.RunResult, error) {
	argv := append([]string(nil), c.Argv...)
	argv[2] = strings.ReplaceAll(argv[2], "/workspace", s.dir)
	cmd := exec.CommandContext(ctx, argv[0], argv[1:]...)
	cmd.Env = append(append(os.Environ(), "HOME="+s.dir+"/../none"), c.Env...)
	cmd.Stdin = bytes.NewReader(c.Stdin)
	var out, fail bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &fail
	err := cmd.Run()
	if exit := (*exec.ExitError)(nil); err != nil && !errors.As(err, &exit) {
		return wire.RunResult{}, err
	}
	return wire.RunResult{Exit: cmd.ProcessState.ExitCode(), Stdout: out.Bytes(), Stderr: fail.Bytes()}, nil
}

func (s *space) git(args ...string) string {
	s.Helper()
	cmd := exec.Command("git", append([]string{"-c", "user.name=Ann", "-c", "user.email=ann@example.org"}, args...)...)
	cmd.Dir = s.dir
	out, err := cmd.CombinedOutput()
	if err != nil {
		s.Fatalf("git %v: %v\n%s", args, err, out)
	}
	return strings.TrimSpace(string(out))
}

func (s *space) write(name, text string) {
	s.Helper()
	at := filepath.Join(s.dir, name)
	if err := errors.Join(os.MkdirAll(filepath.Dir(at), 0o755), os.WriteFile(at, []byte(text), 0o644)); err != nil {
		s.Fatal(err)
	}
}

func (s *space) read(name string) string {
	b, err := os.ReadFile(filepath.Join(s.dir, name))
	if err != nil {
		return "(" + filepath.Base(err.Error()) + ")"
	}
	return string(b)
}

func (s *space) list(base changes.Base) changes.List {
	s.Helper()
	l, err := s.c.List(s.Context(), changes.Place{Base: base})
	if err != nil {
		s.Fatal(err)
	}
	return l
}

// cameFromElsewhere has the history of a repository begin here with a clone.
func (s *space) cameFromElsewhere(repo string) {
	s.Helper()
	log := filepath.Join(repo, ".git/logs/HEAD")
	s.write(log, strings.Replace(s.read(log), "commit (initial): ", "clone: from ", 1))
}

// lines numbers n lines, so that changes among them are few.
func lines(n int, change ...int) string {
	var b strings.Builder
	for i := 1; i <= n; i++ {
		fmt.Fprintf(&b, "line %d\n", i)
	}
	text := b.String()
	for _, c := range change {
		text = strings.Replace(text, fmt.Sprintf("line %d\n", c), fmt.Sprintf("LINE %d\n", c), 1)
	}
	return text
}

// worked is a repository with a commit of the session's own on a branch, and
// work of every kind on top of it.
func worked(t *testing.T) *space {
	s := newSpace(t)
	s.git("init", "-q", "-b", "main")
	s.git("config", "user.name", "Ann")
	s.git("config", "user.email", "ann@example.org")
	s.write("kept.txt", lines(40))
	s.write("gone.txt", "old\n")
	s.write("moved.txt", lines(30))
	s.write(".gitignore", "*.log\n")
	s.git("add", "-A")
	s.git("commit", "-qm", "first")
	s.git("checkout", "-qb", "work")
	s.write("committed.txt", "in the session\n")
	s.git("add", "-A")
	s.git("commit", "-qm", "second")
	s.write("kept.txt", lines(40, 3, 20))
	s.git("rm", "-q", "gone.txt")
	s.git("mv", "moved.txt", "dir moved\nodd.txt")
	s.write("new -x.txt", "a\nb\n")
	s.write("noise.log", "ignored\n")
	s.write("pic.bin", "\x00\x01\x02")
	return s
}

func TestList(t *testing.T) {
	s := worked(t)
	objects := s.git("count-objects")
	l := s.list(changes.LastCommit)
	want := []changes.File{
		{Path: "dir moved\nodd.txt", From: "moved.txt", Status: "renamed", Staged: true},
		{Path: "gone.txt", Status: "deleted", Del: 1, Staged: true},
		{Path: "kept.txt", Status: "modified", Ins: 2, Del: 2, Unstaged: true},
		{Path: "new -x.txt", Status: "added", Ins: 2, Untracked: true, Unstaged: true},
		{Path: "pic.bin", Status: "added", Binary: true, Untracked: true, Unstaged: true},
	}
	if diff := cmp.Diff(want, l.Files); diff != "" {
		t.Error(diff)
	}
	if l.Branch != "work" || l.Head == "" || l.Base != l.Head || l.Against != "the last commit" {
		t.Errorf("%+v", l)
	}
	if got := s.git("status", "--porcelain"); !strings.Contains(got, "?? pic.bin") {
		t.Errorf("looking changed the index:\n%s", got)
	}
	if got := s.git("count-objects"); got != objects {
		t.Errorf("looking wrote into the repository: %s, %s before", got, objects)
	}
}

func TestBases(t *testing.T) {
	s := worked(t)
	first := s.git("rev-parse", "main")
	s.cameFromElsewhere("")
	has := func(l changes.List, path string) bool {
		for _, f := range l.Files {
			if f.Path == path {
				return true
			}
		}
		return false
	}
	for _, base := range []changes.Base{changes.Session, changes.DefaultBranch} {
		if l := s.list(base); l.Base != first || !has(l, "committed.txt") || !has(l, "pic.bin") {
			t.Errorf("%s: %+v", base, l)
		}
	}
	// The session may have begun in the middle of the history.
	l, err := s.c.List(t.Context(), changes.Place{Base: changes.Session, Commit: s.git("rev-parse", "HEAD")})
	if err != nil || has(l, "committed.txt") || !has(l, "kept.txt") {
		t.Errorf("%+v %v", l, err)
	}
	s.git("branch", "-m", "main", "trunk")
	if _, err := s.c.List(t.Context(), changes.Place{Base: changes.DefaultBranch}); !errors.Is(err, changes.ErrNoBase) {
		t.Errorf("%v", err)
	}
	s.git("update-ref", "refs/remotes/origin/trunk", "trunk")
	s.git("symbolic-ref", "refs/remotes/origin/HEAD", "refs/remotes/origin/trunk")
	if l := s.list(changes.DefaultBranch); l.Against != "origin/trunk" || l.Base != first {
		t.Errorf("%+v", l)
	}
}

// What an agent begins by itself and commits is new since the start of the session.
func TestARepositoryThatWasBegunInTheSession(t *testing.T) {
	s := worked(t)
	l := s.list(changes.Session)
	all := []string{}
	for _, f := range l.Files {
		all = append(all, f.Status+" "+f.Path)
	}
	want := []string{"added .gitignore", "added committed.txt", "added dir moved\nodd.txt", "added kept.txt", "added new -x.txt", "added pic.bin"}
	if diff := cmp.Diff(want, all); diff != "" || l.Base != "" {
		t.Errorf("since %q: %s", l.Base, diff)
	}
	repos, err := s.c.Repos(t.Context(), "", changes.Session, []string{""}, nil)
	if err != nil || len(repos) != 1 || repos[0].Files != len(want) {
		t.Errorf("%+v %v", repos, err)
	}
	if d, err := s.c.Diff(t.Context(), changes.Place{Base: changes.Session}, "committed.txt", "", 3); err != nil || d.Status != "added" || d.Ins != 1 {
		t.Errorf("%+v %v", d, err)
	}
}

func TestARepositoryWithoutACommit(t *testing.T) {
	s := newSpace(t)
	s.git("init", "-q")
	s.write("a.txt", "one\n")
	for _, base := range []changes.Base{changes.LastCommit, changes.Session} {
		l := s.list(base)
		if len(l.Files) != 1 || l.Files[0].Status != "added" || l.Head != "" || l.Base != "" {
			t.Errorf("%s: %+v", base, l)
		}
	}
	if list, err := s.c.Commits(t.Context(), changes.Place{}, ""); err != nil || len(list) != 0 {
		t.Errorf("%v %v", list, err)
	}
}

func TestNoRepository(t *testing.T) {
	s := newSpace(t)
	s.write("sub/x", "")
	s.git("init", "-q", "sub/one")
	s.git("init", "-q", "two")
	l, err := s.c.List(t.Context(), changes.Place{Base: changes.LastCommit})
	if !errors.Is(err, changes.ErrNoRepository) || !cmp.Equal(l.Repos, []string{"sub/one", "two"}) {
		t.Errorf("%v %v", l, err)
	}
	s.write("two/a", "1\n")
	if l, err := s.c.List(t.Context(), changes.Place{Repo: "two", Base: changes.LastCommit}); err != nil || len(l.Files) != 1 {
		t.Errorf("%v %v", l, err)
	}
	for _, repo := range []string{"../", "/etc", "..", "a/../..", "-C"} {
		if _, err := s.c.List(t.Context(), changes.Place{Repo: repo, Base: changes.LastCommit}); !errors.Is(err, changes.ErrPath) && !errors.Is(err, changes.ErrNoRepository) {
			t.Errorf("%q: %v", repo, err)
		}
	}
}

// Who has not told git who they are is told how to.
func TestACommitOfNobody(t *testing.T) {
	t.Setenv("GIT_CONFIG_GLOBAL", os.DevNull)
	t.Setenv("GIT_CONFIG_SYSTEM", os.DevNull)
	s := newSpace(t)
	s.git("init", "-q", "-b", "main")
	s.git("config", "user.useConfigOnly", "true")
	s.write("a.txt", "one\n")
	_, err := s.c.Commit(t.Context(), changes.Place{Base: changes.LastCommit}, changes.Author{}, "first", true)
	if !errors.Is(err, changes.ErrRefused) || !strings.Contains(err.Error(), "git config --global user.email") {
		t.Errorf("committed by nobody: %v", err)
	}
	if _, err := s.c.Commit(t.Context(), changes.Place{Base: changes.LastCommit}, changes.Author{Name: "Ann", Email: "ann@example.org"}, "first", true); err != nil {
		t.Error(err)
	}
}

// A file that is written anew in the moment in which git looked at it, and is as
// long as before, differs all the same.
func TestAChangeInTheMomentOfACommit(t *testing.T) {
	s := newSpace(t)
	s.git("init", "-q", "-b", "main")
	s.git("config", "core.trustctime", "false") // as if that too had not passed
	s.write("a.txt", "one\n")
	then := time.Now().Add(-time.Hour)
	moment := func(name string) {
		if err := os.Chtimes(filepath.Join(s.dir, name), then, then); err != nil {
			t.Fatal(err)
		}
	}
	moment("a.txt")
	s.git("add", "-A")
	s.git("commit", "-qm", "first")
	s.write("a.txt", "two\n")
	moment("a.txt")
	moment(".git/index")
	if l := s.list(changes.LastCommit); len(l.Files) != 1 || l.Files[0].Ins != 1 {
		t.Errorf("%+v", l.Files)
	}
}

// Each repository is counted from where the session began in it, without being
// changed; one whose figures cannot be had is named all the same.
func TestRepos(t *testing.T) {
	s := newSpace(t)
	for _, name := range []string{"app", "lib", "tools/own"} {
		s.git("init", "-q", "-b", "main", name)
		s.write(name+"/kept.txt", lines(40))
		s.git("-C", name, "add", "-A")
		s.git("-C", name, "commit", "-qm", "first")
	}
	s.cameFromElsewhere("app")
	first := s.git("-C", "lib", "rev-parse", "HEAD")
	s.git("-C", "lib", "update-ref", "refs/remotes/origin/main", "HEAD")
	s.git("-C", "lib", "checkout", "-qb", "work")
	s.write("lib/committed.txt", "in the session\n")
	s.git("-C", "lib", "add", "-A")
	s.git("-C", "lib", "commit", "-qm", "second")
	s.write("lib/new.txt", "x\n")
	if err := os.Rename(filepath.Join(s.dir, "lib/kept.txt"), filepath.Join(s.dir, "lib/moved.txt")); err != nil {
		t.Fatal(err)
	}
	s.write("tools/own/new.txt", "x\n")
	objects := s.git("-C", "lib", "count-objects")
	began := map[string]string{"lib": first, "app": first} // app has no such commit
	for base, files := range map[changes.Base]int{changes.Session: 3, changes.LastCommit: 2, changes.DefaultBranch: 3} {
		got, err := s.c.Repos(t.Context(), "s", base, []string{"lib", "app", "gone"}, began)
		if err != nil {
			t.Fatal(err)
		}
		own := 1
		if base == changes.Session { // it was begun in it
			own = 2
		}
		want := []changes.Repo{{Folder: "lib", Branch: "work", Files: files, Ahead: 1, Counted: true}, {Folder: "app", Branch: "main", Ahead: 1, Counted: true},
			{Folder: "gone"}, {Folder: "tools/own", Branch: "main", Files: own, Ahead: 1, Counted: true}}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s: %s", base, diff)
		}
		if l, err := s.c.List(t.Context(), changes.Place{Repo: "lib", Base: base, Commit: first}); err != nil || len(l.Files) != files {
			t.Errorf("%s: %d files in the list, %v", base, len(l.Files), err)
		}
	}
	if got := s.git("-C", "lib", "count-objects"); got != objects {
		t.Errorf("counting wrote into the repository: %s, %s before", got, objects)
	}
}

func TestDiff(t *testing.T) {
	s := worked(t)
	at := changes.Place{Base: changes.LastCommit}
	d, err := s.c.Diff(t.Context(), at, "kept.txt", "", 1)
	if err != nil {
		t.Fatal(err)
	}
	want := []changes.Hunk{
		{OldStart: 2, OldCount: 3, NewStart: 2, NewCount: 3, Lines: []changes.Line{
			{Op: ' ', Text: "line 2", Old: 2, New: 2}, {Op: '-', Text: "line 3", Old: 3}, {Op: '+', Text: "LINE 3", New: 3}, {Op: ' ', Text: "line 4", Old: 4, New: 4}}},
		{OldStart: 19, OldCount: 3, NewStart: 19, NewCount: 3, Lines: []changes.Line{
			{Op: ' ', Text: "line 19", Old: 19, New: 19}, {Op: '-', Text: "line 20", Old: 20}, {Op: '+', Text: "LINE 20", New: 20}, {Op: ' ', Text: "line 21", Old: 21, New: 21}}},
	}
	// The section is git's choice.
	if diff := cmp.Diff(want, d.Hunks, cmpopts.IgnoreFields(changes.Hunk{}, "Section")); diff != "" {
		t.Error(diff)
	}
	for _, c := range []struct{ path, from, status, note string }{
		{"new -x.txt", "", "added", ""},
		{"gone.txt", "", "deleted", ""},
		{"pic.bin", "", "added", "A binary file."},
		{"dir moved\nodd.txt", "moved.txt", "renamed", "It was renamed and not changed."},
		{"kept.txt", "", "modified", ""},
	} {
		d, err := s.c.Diff(t.Context(), at, c.path, c.from, 3)
		if err != nil || d.Status != c.status || d.Note != c.note || (c.note == "") != (len(d.Hunks) > 0) {
			t.Errorf("%q: %+v %v", c.path, d, err)
		}
	}
	for _, path := range []string{"", "..", "../x", "/etc/passwd", "a/../../b", "x\x00y"} {
		if _, err := s.c.Diff(t.Context(), at, path, "", 3); !errors.Is(err, changes.ErrPath) {
			t.Errorf("%q: %v", path, err)
		}
	}
}

func TestStageUnstageCommit(t *testing.T) {
	s := worked(t)
	at := changes.Place{Base: changes.LastCommit}
	if err := s.c.Stage(t.Context(), at, []string{"new -x.txt", "kept.txt"}); err != nil {
		t.Fatal(err)
	}
	if err := s.c.Unstage(t.Context(), at, []string{"kept.txt"}); err != nil {
		t.Fatal(err)
	}
	// A person's commit is theirs, whoever the session's repository says they are.
	s.git("config", "user.name", "Mallory")
	ann := changes.Author{Name: "Ann", Email: "ann@example.org"}
	staged := map[string]bool{}
	for _, f := range s.list(changes.LastCommit).Files {
		staged[f.Path] = f.Staged
	}
	if !staged["new -x.txt"] || staged["kept.txt"] {
		t.Errorf("%v", staged)
	}
	hash, err := s.c.Commit(t.Context(), at, ann, "third\n\nwith a body", false)
	if err != nil || hash != s.git("rev-parse", "HEAD") {
		t.Fatal(hash, err)
	}
	if got := s.git("log", "-1", "--format=%an %ae %cn %s"); got != "Ann ann@example.org Ann third" {
		t.Error(got)
	}
	if _, err := s.c.Commit(t.Context(), at, ann, "nothing", false); !errors.Is(err, changes.ErrRefused) || !strings.Contains(err.Error(), "nothing is staged") {
		t.Errorf("%v", err)
	}
	if _, err := s.c.Commit(t.Context(), at, ann, " \n", true); !errors.Is(err, changes.ErrMessage) {
		t.Errorf("%v", err)
	}
	if _, err := s.c.Commit(t.Context(), at, ann, "rest", true); err != nil {
		t.Error(err)
	}
	if l := s.list(changes.LastCommit); len(l.Files) != 0 {
		t.Errorf("%+v", l.Files)
	}
	list, err := s.c.Commits(t.Context(), at, "")
	if err != nil || len(list) != 4 || list[0].Subject != "rest" || list[3].Subject != "first" {
		t.Errorf("%v %v", list, err)
	}
}

func TestDiscardKeepsWhatItTakes(t *testing.T) {
	s := worked(t)
	at := changes.Place{Base: changes.LastCommit}
	for _, c := range []struct{ path, from, was string }{
		{"kept.txt", "", lines(40, 3, 20)},
		{"new -x.txt", "", "a\nb\n"},
		{"gone.txt", "", ""},
		{"dir moved\nodd.txt", "moved.txt", lines(30)},
	} {
		kept, err := s.c.Discard(t.Context(), at, c.path, c.from)
		if err != nil {
			t.Fatalf("%q: %v", c.path, err)
		}
		if c.was != "" && s.git("cat-file", "-p", kept) != strings.TrimSpace(c.was) {
			t.Errorf("%q: %q is not what it held", c.path, kept)
		}
	}
	if s.read("kept.txt") != lines(40) || s.read("gone.txt") != "old\n" || s.read("moved.txt") != lines(30) {
		t.Error("not as at the last commit")
	}
	if got := s.git("status", "--porcelain"); got != "?? pic.bin" {
		t.Error(got)
	}
}

// What a repository says to run is not run by looking.
func TestLookingRunsNothing(t *testing.T) {
	s := worked(t)
	trap := filepath.Join(t.TempDir(), "ran")
	s.git("config", "core.fsmonitor", "touch "+trap)
	s.git("config", "diff.external", "touch "+trap)
	s.git("config", "diff.trap.textconv", "touch "+trap)
	s.write(".gitattributes", "* diff=trap\n")
	s.list(changes.LastCommit)
	if _, err := s.c.Diff(t.Context(), changes.Place{Base: changes.LastCommit}, "kept.txt", "", 3); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(trap); err == nil {
		t.Error("a program of the repository ran")
	}
}

// Whatever a session answers, it is understood or refused, and no path leads
// out of the workspace.
func FuzzAnswers(f *testing.F) {
	hash := strings.Repeat("a", 40)
	f.Add("main\x00" + hash + "\x00" + hash + "\x00the last commit\x00:100644 100644 " + hash + " " + hash + " M\x00a\x001\t2\ta\x00\x00==\x00? b\x00")
	f.Add("\x00\x00\x00\x00:100644 100644 1 2 R100\x00../x\x00/y\x001\t1\t\x00../x\x00/y\x00\x00==\x00")
	f.Add("diff --git a/x b/x\n--- a/x\n+++ b/x\n@@ -1 +1 @@\n-a\n+b\n")
	f.Fuzz(func(t *testing.T, out string) {
		c := changes.New(func(context.Context, string, wire.Command) (wire.RunResult, error) {
			return wire.RunResult{Stdout: []byte(out)}, nil
		})
		if l, err := c.List(t.Context(), changes.Place{}); err == nil {
			for _, x := range l.Files {
				if strings.HasPrefix(x.Path, "/") || strings.HasPrefix(x.Path, "../") || x.Path == "" {
					t.Errorf("%q", x.Path)
				}
			}
		}
		c.Diff(t.Context(), changes.Place{}, "x", "", 3)
		c.Commits(t.Context(), changes.Place{}, "")
		if all, err := c.Repos(t.Context(), "", changes.Session, []string{"app"}, nil); err == nil {
			for _, r := range all {
				if strings.HasPrefix(r.Folder, "/") || r.Folder == ".." || strings.HasPrefix(r.Folder, "../") || r.Files < 0 || r.Ahead < 0 {
					t.Errorf("%+v", r)
				}
			}
		}
	})
}

// A file that was moved by other means than git's, and edited, is told as git
// would tell it once it is committed, and its change is shown.
func TestARenameWithAnEdit(t *testing.T) {
	s := newSpace(t)
	s.git("init", "-q", "-b", "main")
	s.git("config", "user.name", "Ann")
	s.git("config", "user.email", "ann@example.org")
	s.write("was.txt", lines(40))
	s.git("add", "-A")
	s.git("commit", "-qm", "first")
	if err := os.Rename(filepath.Join(s.dir, "was.txt"), filepath.Join(s.dir, "is.txt")); err != nil {
		t.Fatal(err)
	}
	s.write("is.txt", lines(40, 7)+"more\n")
	l := s.list(changes.LastCommit)
	if diff := cmp.Diff([]changes.File{{Path: "is.txt", From: "was.txt", Status: "renamed", Ins: 2, Del: 1, Unstaged: true, Untracked: true}}, l.Files); diff != "" {
		t.Error(diff)
	}
}
