package watch

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"volundr/runtime/broker/wire"
)

// space is a workspace with a home, and the watcher that looks at it.
type space struct {
	t      *testing.T
	o      Options
	in     io.WriteCloser
	lines  chan Event
	done   chan error
	orders int
	events []Event // since they were last taken
}

func newSpace(t *testing.T) *space {
	t.Helper()
	dir := t.TempDir()
	o := Options{Workspace: filepath.Join(dir, "workspace"), Home: filepath.Join(dir, "home"), Log: slog.New(slog.NewTextHandler(t.Output(), nil))}
	for _, d := range []string{o.Workspace, o.Home} {
		if err := os.Mkdir(d, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	return &space{t: t, o: o}
}

// start starts the watcher and waits until it looks.
func (s *space) start() *space {
	s.t.Helper()
	in, orders := io.Pipe()
	out, events := io.Pipe()
	s.in, s.lines, s.done = orders, make(chan Event, 1000), make(chan error, 1)
	ctx, cancel := context.WithCancel(context.Background())
	go func() {
		err := Run(ctx, s.o, in, events)
		in.Close()
		events.Close()
		s.done <- err
	}()
	go func() {
		defer close(s.lines)
		sc := bufio.NewScanner(out)
		sc.Buffer(nil, 1<<20)
		for sc.Scan() {
			e, _, _, err := Parse(sc.Bytes())
			if err != nil {
				s.t.Errorf("%s: %v", sc.Bytes()[:min(len(sc.Bytes()), 200)], err)
			}
			s.lines <- e
		}
	}()
	s.t.Cleanup(func() { cancel(); s.stop() })
	s.events = s.settle()
	return s
}

func (s *space) stop() {
	if s.in == nil {
		return
	}
	s.in.Close()
	for range s.lines {
	}
	if err := <-s.done; err != nil {
		s.t.Error(err)
	}
	s.in = nil
}

func (s *space) order(o Order) {
	s.t.Helper()
	b, _ := json.Marshal(o)
	if _, err := s.in.Write(append(b, '\n')); err != nil {
		s.t.Fatal(err)
	}
}

// settle gives what was told since the last time.
func (s *space) settle() []Event {
	s.t.Helper()
	s.orders++
	token := fmt.Sprint(s.orders)
	s.order(Order{Settle: token})
	s.await(func(e Event) bool { return e.Settled == token })
	events := s.events
	s.events = nil
	return events
}

func (s *space) await(ok func(Event) bool) Event {
	s.t.Helper()
	late := time.After(60 * time.Second)
	for {
		select {
		case e, open := <-s.lines:
			if !open {
				s.t.Fatalf("the watcher ended: %v", <-s.done)
			}
			if e.Settled == "" {
				s.events = append(s.events, e)
			}
			if ok(e) {
				return e
			}
		case <-late:
			s.t.Fatalf("nothing came; %d events before", len(s.events))
		}
	}
}

func (s *space) sh(script string) {
	s.t.Helper()
	cmd := exec.Command("bash", "-ec", script)
	cmd.Dir = s.o.Workspace
	cmd.Env = append(os.Environ(), "HOME="+s.o.Home, "GIT_CONFIG_NOSYSTEM=1", "GIT_CONFIG_GLOBAL=/dev/null", "GIT_AUTHOR_NAME=Ada", "GIT_AUTHOR_EMAIL=a@x",
		"GIT_COMMITTER_NAME=Ada", "GIT_COMMITTER_EMAIL=a@x")
	if out, err := cmd.CombinedOutput(); err != nil {
		s.t.Fatalf("%s: %v: %s", script, err, out)
	}
}

// short is what events say, one line each; files of all events together.
func short(events []Event) []string {
	var lines []string
	for _, e := range events {
		switch {
		case e.Files != nil:
			for _, c := range e.Files.Changes {
				line := fmt.Sprintf("%s %s +%d -%d", c.Action, c.Path, c.Ins, c.Del)
				if c.From != "" {
					line += " from " + c.From
				}
				if c.Binary {
					line += " binary"
				}
				lines = append(lines, line)
			}
			if e.Files.More > 0 {
				lines = append(lines, fmt.Sprint("and ", e.Files.More))
			}
		case e.Git != nil:
			g := e.Git
			line := "git " + g.Action
			for _, p := range []struct{ name, value string }{{"in", g.Repo}, {"on", g.Branch}, {"from", g.From}, {"to", g.Remote}, {"says", g.Subject}, {"by", g.Author}, {"files", strings.Join(g.Files, ",")}} {
				if p.value != "" && (p.name != "by" || g.Action == "commit") {
					line += " " + p.name + " " + p.value
				}
			}
			if g.Commits != nil {
				line += fmt.Sprintf(" with %d", *g.Commits)
			}
			if g.Ins+g.Del > 0 {
				line += fmt.Sprintf(" +%d -%d", g.Ins, g.Del)
			}
			lines = append(lines, line)
		case e.Command != nil:
			lines = append(lines, "command "+e.Command.Command)
		case e.Note != nil:
			lines = append(lines, "note "+e.Note.Message)
		}
	}
	return lines
}

func (s *space) want(script string, want ...string) {
	s.t.Helper()
	s.sh(script)
	var got []string
	for range 20 { // a repository may not be whole yet
		if got = append(got, short(s.settle())...); len(got) >= len(want) {
			break
		}
	}
	if diff := cmp.Diff(want, got); diff != "" {
		s.t.Errorf("%s: %s", script, diff)
	}
}

const repository = "git init -q -b main; printf '1\\n2\\n3\\n' > a; mkdir d; echo x > d/b; printf 'out/\\n*.log\\n' > .gitignore; git add .; git commit -qm one"

func TestFiles(t *testing.T) {
	for _, c := range []struct {
		name, before, script string
		want                 []string
	}{
		{"nothing", repository, "true", nil},
		{"created", repository, "printf 'x\\ny\\n' > n", []string{"created n +2 -0"}},
		{"modified", repository, "printf '1\\nb\\n3\\n4\\n' > a", []string{"modified a +2 -1"}},
		{"deleted", repository, "rm a", []string{"deleted a +0 -3"}},
		{"renamed", repository, "mv a z", []string{"renamed z +0 -0 from a"}},
		{"renamed with an edit", repository + "; seq 40 > l; git add l; git commit -qm l", "mv l o; echo x >> o; sed -i 1d o", []string{"renamed o +1 -1 from l"}},
		{"renamed by git with an edit", repository + "; seq 40 > l; git add l; git commit -qm l", "git mv l o; echo x >> o; git commit -qam o", []string{"renamed o +1 -0 from l", "git commit on main says o by Ada files o +1 -0"}},
		{"written anew under another name", repository + "; seq 40 > l; git add l; git commit -qm l", "(cat l; echo x) > o; rm l", []string{"renamed o +1 -0 from l"}},
		{"another in its place", repository + "; seq 40 > l; git add l; git commit -qm l", "rm l; seq 100 140 > o", []string{"deleted l +0 -40", "created o +41 -0"}},
		{"a short one renamed with an edit", repository, "mv a z; echo 4 >> z", []string{"renamed z +1 -0 from a"}},
		{"a folder of its own", repository, "mkdir -p p/q/r; echo 1 > p/q/r/f", []string{"created p/q/r/f +1 -0"}},
		{"a folder renamed", repository, "mv d e", []string{"renamed e/b +0 -0 from d/b"}},
		{"a folder gone", repository, "rm -r d", []string{"deleted d/b +0 -1"}},
		{"a folder that becomes a file", repository, "rm -r d; seq 9 > d", []string{"created d +9 -0", "deleted d/b +0 -1"}},
		{"a file that becomes a folder", repository, "rm a; mkdir a; seq 9 > a/a", []string{"deleted a +0 -3", "created a/a +9 -0"}},
		{"ignored", repository, "mkdir out; echo 1 > out/f; echo 1 > x.log", nil},
		{"tracked though ignored", "mkdir out; echo 1 > out/f; " + repository + "; git add -f out/f", "echo 2 >> out/f", []string{"modified out/f +1 -0"}},
		{"binary", repository, "head -c 100 /dev/zero > z", []string{"created z +0 -0 binary"}},
		{"executable", repository, "chmod +x a", []string{"modified a +0 -0"}},
		{"a link", repository, "ln -s /etc l", []string{"created l +1 -0"}},
		{"a pipe", repository, "mkfifo p; echo 1 > n", []string{"created n +1 -0"}},
		{"odd names", repository, `echo 1 > $'a\nb'; echo 1 > ' "c"'; echo 1 > 'ü*?[x]'; echo 1 > :x; echo 1 > -- ; echo 1 > '!n'`,
			[]string{"created  \"c\" +1 -0", "created !n +1 -0", "created -- +1 -0", "created :x +1 -0", "created a\nb +1 -0", "created ü*?[x] +1 -0"}},
		{"committed at once", repository, "echo 4 >> a; git commit -qam two", []string{"modified a +1 -0", "git commit on main says two by Ada files a +1 -0"}},
		{"with line ends of another kind", "printf '* text=auto eol=crlf\\n' > .gitattributes; " + repository, "rm a; git checkout -q a; printf '4\\r\\n' >> a", []string{"modified a +1 -0"}},
		{"a filter is not run", repository + "; git config filter.x.clean 'touch ../ran; cat'; echo '* filter=x' > .gitattributes; rm -f ../ran", "echo 4 >> a; test ! -e ../ran", []string{"modified a +1 -0"}},
		{"a hook is not run", repository + "; printf '#!/bin/sh\\ntouch ../ran' > .git/hooks/post-index-change; chmod +x .git/hooks/post-index-change", "echo 4 >> a; test ! -e ../ran", []string{"modified a +1 -0"}},
		{"ignored from now on", repository + "; mkdir nm; echo 1 > nm/f", "echo nm/ >> .gitignore; echo 2 > nm/g; rm nm/f", []string{"modified .gitignore +1 -0"}},
		{"ignored no more", repository + "; mkdir out; echo 1 > out/f", "echo > .gitignore", []string{"modified .gitignore +1 -2", "created out/f +1 -0"}},
		{"the repository's own excludes", repository + "; echo secret >> .git/info/exclude", "echo 1 > secret", nil},
		{"the user's excludes", repository + "; mkdir -p ~/.config/git; echo mine > ~/.config/git/ignore", "echo 1 > mine", nil},
		{"a conflict", repository + "; git checkout -qb o; echo o > a; git commit -qam o; git checkout -q main; echo m > a; git commit -qam m", "git merge -q o || true", []string{"modified a +4 -0"}},
		{"in the middle of a conflict", repository + "; git checkout -qb o; echo o > a; git commit -qam o; git checkout -q main; echo m > a; git commit -qam m; git merge -q o || true", "echo x > a", []string{"modified a +1 -5"}},
		{"names by sha-256", "git init -q --object-format=sha256 -b main; echo 1 > a; git add .; git commit -qm one", "echo 2 >> a; git commit -qam two", []string{"modified a +1 -0", "git commit on main says two by Ada files a +1 -0"}},
		{"no repository", "mkdir d; echo 1 > d/a", "echo 2 >> d/a; mkdir -p x/node_modules/y .venv/lib; echo 1 > x/node_modules/y/z; echo 1 > .venv/lib/q; echo 1 > x/b", []string{"modified d/a +1 -0", "created x/b +1 -0"}},
		{"an index of no use", repository + "; echo rubbish > .git/index", "echo 4 >> a", []string{"modified a +1 -0"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			s := newSpace(t)
			s.sh(c.before)
			s.start().want(c.script, c.want...)
			s.want("true")
		})
	}
}

// Files that are too long to be remembered are told of without lines.
func TestLongFiles(t *testing.T) {
	s := newSpace(t)
	s.sh(repository)
	s.start()
	s.want("seq 1000000 > long", "created long +0 -0 binary")
	s.want("echo 1 >> long", "modified long +0 -0 binary")
	s.want("true")
	s.want("echo 1 > long", "created long +1 -0")
	s.want("seq 1000000 > a", "modified a +0 -0 binary")
	s.want("rm a", "deleted a +0 -3")
	s.want("seq 1000000 > long; rm long", "deleted long +0 -1")
}

func TestATurnHoldsWhatHappenedInIt(t *testing.T) {
	s := newSpace(t)
	s.sh(repository)
	s.start()
	s.sh("echo 1 > before")
	s.order(Order{Turn: "t1"})
	s.await(func(e Event) bool { return e.Files != nil })
	s.sh("echo 1 > within; git add within; git commit -qm two")
	events := s.settle()
	s.sh("echo 1 > after")
	events = append(events, s.settle()...)
	var got []string
	for _, e := range events {
		got = append(got, e.Turn+": "+strings.Join(short([]Event{e}), " "))
	}
	want := []string{": created before +1 -0", "t1: created within +1 -0", "t1: git commit on main says two by Ada files within +1 -0", ": created after +1 -0"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

// Without being asked, changes are told when things are quiet.
func TestTellsByItself(t *testing.T) {
	s := newSpace(t)
	s.sh(repository)
	s.start()
	began := time.Now()
	s.sh("echo 1 > n")
	s.await(func(e Event) bool { return e.Files != nil })
	if took := time.Since(began); took > 5*time.Second {
		t.Errorf("told after %s", took)
	}
}

func TestRestart(t *testing.T) {
	for name, before := range map[string]string{"repository": repository, "folder": "echo 1 > a; mkdir d; echo x > d/b"} {
		t.Run(name, func(t *testing.T) {
			s := newSpace(t)
			s.sh(before)
			s.start()
			s.sh("seq 5 > n")
			s.settle()
			s.stop()
			s.sh("seq 6 > n; echo 1 > m; rm d/b; git init -q -b main new; cd new; echo 1 > f; git add .; git commit -qm first; cd ..; echo '{\"t\":1700000000000000,\"us\":5,\"cmd\":\"ls\",\"dir\":\"/w\",\"rc\":0}' >> ~/.volundr/commands")
			s.start()
			got := short(s.events)
			s.events = nil
			got = append(got, short(s.settle())...)
			want := []string{"command ls", "created m +1 -0", "created new/f +1 -0", "deleted d/b +0 -1", "git commit in new on main says first by Ada files f +1 -0", "modified n +1 -0"}
			slices.Sort(got)
			if diff := cmp.Diff(want, got); diff != "" {
				t.Error(diff)
			}
			s.stop()
			s.start()
			if got := short(append(s.events, s.settle()...)); len(got) > 0 {
				t.Errorf("told again: %q", got)
			}
		})
	}
}

func TestNothingIsToldOfABeginning(t *testing.T) {
	s := newSpace(t)
	s.sh(repository + "; echo 2 >> a; echo u > untracked; mkdir sub; cd sub; git init -q -b main; echo 1 > x; git add .; git commit -qm sub")
	s.start()
	if got := short(append(s.events, s.settle()...)); len(got) > 0 {
		t.Errorf("told %q", got)
	}
	s.want("echo 3 >> a; echo v >> untracked; echo 2 >> sub/x", "modified a +1 -0", "modified untracked +1 -0", "modified sub/x +1 -0")
}

func TestRepositoriesWithin(t *testing.T) {
	s := newSpace(t)
	s.sh(repository + "; mkdir ../up; cd ../up; git init -q -b main; seq 3 > u; git add .; git commit -qm up")
	s.start()
	s.want("git clone -q ../up sub", "created sub/u +3 -0", "git checkout in sub on main from "+s.o.Workspace+"/../up")
	s.want("cd sub; echo 4 >> u; git commit -qam four", "modified sub/u +1 -0", "git commit in sub on main says four by Ada files u +1 -0")
	s.want("mkdir e; cd e; git init -q -b main; echo 1 > f", "created e/f +1 -0")
	s.want("cd e; git add .; git commit -qm first", "git commit in e on main says first by Ada files f +1 -0")
	s.want("cd d; git init -q -b main; echo y >> b", "modified d/b +1 -0")
	s.want("rm -rf sub", "deleted sub/u +0 -0")
	s.want("git worktree add -q ../workspace/wt -b side; cd wt; echo 1 >> a; git commit -qam side",
		"git branch on side from main", "created wt/.gitignore +2 -0", "created wt/a +4 -0", "created wt/d/b +1 -0", "git commit in wt on side says side by Ada files a +1 -0")
}

func TestAWorkspaceBecomesARepository(t *testing.T) {
	s := newSpace(t)
	s.sh("echo 1 > a; mkdir d; echo 1 > d/b")
	s.start()
	s.want("git init -q -b main; echo 2 >> a; git add .; git commit -qm first", "modified a +1 -0", "git commit on main says first by Ada files a,d/b +3 -0")
	s.want("rm -rf .git; echo 3 >> a", "modified a +0 -0")
	s.want("echo 4 >> a", "modified a +1 -0")
}

func TestExcludedFilesDoNotWake(t *testing.T) {
	s := newSpace(t)
	s.sh(repository + "; echo 0 > x.log")
	s.start()
	s.want("echo 1 >> x.log")
	s.want("echo 1 >> x.log")
	s.want("echo '!x.log' >> .gitignore", "modified .gitignore +1 -0", "created x.log +3 -0")
	s.want("echo 1 >> x.log", "modified x.log +1 -0")
}

var _ = wire.EntryFiles
