package e2e

import (
	"slices"
	"strings"

	"github.com/google/go-cmp/cmp"

	"volundr/ui/client"
)

// toldCommands: whoever ran them, in order, with folder and exit code.
func (s *tale) toldCommands(t client.Timeline) {
	type told struct {
		Line, Where, Dir string
		Exit             int
	}
	var want, got []told
	for _, d := range agentDeeds {
		want = append(want, told{d.line, "agent", "/workspace", d.exit})
	}
	for _, d := range personDeeds {
		want = append(want, told{d.line, "terminal", "/workspace", d.exit})
	}
	for _, e := range t.Events {
		if e.Type != "terminal" {
			continue
		}
		exit := -1
		if e.Exit != nil {
			exit = *e.Exit
		}
		got = append(got, told{e.Text, e.Where, e.Dir, exit})
	}
	if d := cmp.Diff(want, got); d != "" {
		s.t.Errorf("commands (-run +told):\n%s", d)
	}
}

// toldFiles: what became of every file that git does not ignore.
func (s *tale) toldFiles(t client.Timeline) {
	want := []client.FileStat{
		{Path: "README.md", Status: "mod", Ins: 1}, {Path: "binary.dat", Status: "new"}, {Path: "dangling", Status: "new", Ins: 1},
		{Path: "gone.txt", Status: "del", Del: 2}, {Path: "hand.txt", Status: "new", Ins: 1}, {Path: "hello.txt", Status: "new", Ins: 1},
		{Path: "link", Status: "new", Ins: 1}, {Path: "odd näme.txt", Status: "new", Ins: 2}, {Path: "renamed.txt", Status: "mod", From: "moved.txt"},
		{Path: "tool.sh", Status: "new", Ins: 2},
	}
	got := slices.Clone(t.Files)
	for i, f := range got {
		if f.Path == "hand.txt" { // a line that was stashed at once may have been seen, or not
			got[i].Ins, got[i].Del = f.Ins-f.Del, 0
		}
	}
	slices.SortFunc(got, func(a, b client.FileStat) int { return strings.Compare(a.Path, b.Path) })
	if d := cmp.Diff(want, got); d != "" {
		s.t.Errorf("files (-done +told):\n%s", d)
	}
	actions := map[string]string{}
	for _, e := range t.Events {
		if e.Type == "file" && e.Action != nil {
			actions[e.Label] = *e.Action + " " + e.From
		}
	}
	for path, want := range map[string]string{"hello.txt": "created ", "README.md": "modified ", "gone.txt": "deleted ", "renamed.txt": "modified moved.txt"} {
		if actions[path] != want {
			s.t.Errorf("%s was %s, want %s", path, actions[path], want)
		}
	}
}

// toldGit: commits with all that they hold, the branch, the push, and what was
// not committed.
func (s *tale) toldGit(t client.Timeline) {
	type told struct{ What, Label, Hash, Author, Branch, Files string }
	hello := strings.TrimSpace(git(s.t, s.repo, "rev-parse", "side")) // it was pushed
	want := []told{
		{"branch", "Branch side made from main", "", "", "side", ""},
		{"commit", "By hand", s.final, "Bob", "main", "hand.txt"},
		{"commit", "Say hello", hello, "Robot", "main", "hello.txt"},
		{"push", "Pushed side to origin, 1 commit", "", "", "side", ""},
	}
	var got []told
	var open []string
	for _, e := range t.Events {
		switch {
		case e.Kind == "dirty":
			open = e.Files
		case e.Type == "git":
			hash := ""
			if e.Hash != nil {
				hash = *e.Hash
			}
			if hash == "" {
				e.Author = "" // of the commit that was pushed
			}
			got = append(got, told{e.Git, e.Label, hash, e.Author, e.Branch, strings.Join(e.Files, " ")})
		}
	}
	slices.SortFunc(got, func(a, b told) int { return strings.Compare(a.What+a.Label, b.What+b.Label) })
	if d := cmp.Diff(want, got); d != "" {
		s.t.Errorf("git (-done +told):\n%s", d)
	}
	slices.Sort(open)
	if d := cmp.Diff([]string{"README.md", "binary.dat", "dangling", "gone.txt", "link", "moved.txt", "odd näme.txt", "renamed.txt", "tool.sh"}, open); d != "" {
		s.t.Errorf("not committed (-left +told):\n%s", d)
	}
	commits := []string{}
	for _, c := range t.Commits {
		commits = append(commits, c.Hash+" "+c.Msg)
	}
	if d := cmp.Diff([]string{s.final[:7] + " By hand", hello[:7] + " Say hello"}, commits); d != "" {
		s.t.Errorf("commits (-made +told):\n%s", d)
	}
}
