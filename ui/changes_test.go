package ui

import (
	"context"
	"fmt"
	"io"
	"strings"
	"testing"

	"github.com/a-h/templ"
	"github.com/google/go-cmp/cmp"

	"volundr/ui/client"
)

// change is a file of which one line was replaced by two.
func change() client.FileDiff {
	return client.FileDiff{FilePath: "a.go", Status: "modified", Hunks: []client.DiffHunk{{OldStart: 7, OldCount: 3, NewStart: 7, NewCount: 4, Section: "func f()", Lines: []client.DiffLine{
		{Type: "context", Content: "\tx := 1", OldLine: 7, NewLine: 7},
		{Type: "remove", Content: "\treturn x", OldLine: 8},
		{Type: "add", Content: "\tx++", NewLine: 8},
		{Type: "add", Content: "\treturn \"<b>\"", NewLine: 9},
		{Type: "context", Content: "}", OldLine: 9, NewLine: 10},
	}}}}
}

func TestCommentsStandAtTheirLinesUntilThoseChange(t *testing.T) {
	comments := []client.Comment{
		{ID: "new", Side: "new", Line: 9, Text: "\treturn \"<b>\"", Body: "why"},
		{ID: "old", Side: "old", Line: 8, Text: "\treturn x", Body: "keep"},
		{ID: "edited", Side: "new", Line: 8, Text: "\tx += 1", Body: "was different"},
		{ID: "gone", Side: "new", Line: 99, Text: "x", Body: "far away"},
	}
	rows, stale := FilePane{Diff: change(), Comments: comments}.Rows()
	got := map[string]string{}
	for _, r := range rows {
		for _, c := range r.Comments {
			got[c.ID] = r.Op + r.Text
		}
	}
	if diff := cmp.Diff(map[string]string{"new": "+\treturn \"<b>\"", "old": "-\treturn x"}, got); diff != "" {
		t.Error(diff)
	}
	if len(stale) != 2 || stale[0].ID != "edited" || stale[1].ID != "gone" {
		t.Errorf("%+v", stale)
	}
}

func TestSplitPutsWhatWasBesideWhatIs(t *testing.T) {
	rows, _ := FilePane{Diff: change()}.Rows()
	var got []string
	for _, r := range SplitRows(rows) {
		text := func(c *ChangeRow) string {
			if c == nil {
				return "-"
			}
			return strings.TrimSpace(c.Text)
		}
		if r.Gap {
			got = append(got, "@"+r.Text)
			continue
		}
		got = append(got, text(r.Left)+" | "+text(r.Right))
	}
	want := []string{"@func f()", "x := 1 | x := 1", "return x | x++", `- | return "<b>"`, "} | }"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

// Whatever a lexer does, the text of a line is what the file says.
func TestColoursKeepTheText(t *testing.T) {
	for _, name := range []string{"a.go", "b.py", "c.md", "d.unknown", "Makefile", "e.json", "f.html"} {
		d := change()
		d.FilePath = name
		d.Hunks[0].Lines = append(d.Hunks[0].Lines, client.DiffLine{Type: "add", Content: "  trailing \t", NewLine: 11}, client.DiffLine{Type: "add", Content: "\"open", NewLine: 12}, client.DiffLine{Type: "add", Content: "", NewLine: 13})
		rows, _ := FilePane{Diff: d}.Rows()
		for _, r := range rows {
			if r.Op != "@" && joined(r.Spans) != r.Text {
				t.Errorf("%s: %q is shown as %q", name, r.Text, joined(r.Spans))
			}
		}
	}
}

func TestAFileNameIsText(t *testing.T) {
	hostile := `"><script>alert(1)</script>.go`
	d := change()
	d.FilePath = hostile
	p := ChangesPane{Session: client.Session{ID: "s"}, Changes: client.Changes{Base: "session", Files: []client.ChangedFile{{Path: hostile, Status: "modified", Unstaged: true}}},
		Open: &FilePane{Diff: d}}
	var b strings.Builder
	if err := ChangesView(p).Render(t.Context(), &b); err != nil {
		t.Fatal(err)
	}
	if strings.Contains(b.String(), "<script>") || strings.Contains(b.String(), `"<b>"`) {
		t.Error("a name or a line of the file became markup")
	}
}

// A long change is many tables, so that a browser lays out what is seen.
func TestALongChangeIsCutIntoTables(t *testing.T) {
	d := client.FileDiff{FilePath: "long.txt", Hunks: []client.DiffHunk{{NewStart: 1, NewCount: 5000}}}
	for i := range 5000 {
		d.Hunks[0].Lines = append(d.Hunks[0].Lines, client.DiffLine{Type: "add", Content: fmt.Sprint("line ", i), NewLine: i + 1})
	}
	var b strings.Builder
	if err := FileChange(FilePane{Diff: d}).Render(t.Context(), &b); err != nil {
		t.Fatal(err)
	}
	if tables := strings.Count(b.String(), "<table"); tables != 25 {
		t.Errorf("%d tables", tables)
	}
	if rows := strings.Count(b.String(), "<tr"); rows != 5000 {
		t.Errorf("%d lines", rows)
	}
}

// diffsPage is a session page with changes of every kind, one of them open and
// commented.
func diffsPage(s client.Session, split bool) SessionPage {
	p := sessionPage(s, "diffs")
	said := []client.Comment{
		{ID: "c1", Path: "a.go", Side: "new", Line: 8, Text: "\tx++", Body: "Is this still needed?"},
		{ID: "c2", Path: "a.go", Side: "new", Line: 3, Text: "import \"fmt\"", Body: "Unused."},
	}
	p.Changes = &ChangesPane{Session: s, Split: split, Comments: said, Open: &FilePane{Diff: change(), Split: split, Comments: said},
		Changes: client.Changes{Base: client.BaseSession, Against: "the start of the session", Branch: "work", Files: []client.ChangedFile{
			{Path: "a.go", Status: "modified", Ins: 2, Del: 1, Staged: true, Unstaged: true},
			{Path: "docs/guide.md", From: "docs/help.md", Status: "renamed", Ins: 4},
			{Path: "logo.png", Status: "added", Binary: true, Untracked: true, Unstaged: true},
			{Path: "old/legacy.go", Status: "deleted", Del: 212, Staged: true},
		}},
		Work: &client.Standing{Branch: "volundr/session/fix-rounding", Commit: "0123456789", Pushed: "0123456", Ahead: 2, Own: "volundr/session/fix-rounding", Repo: s.Repo, Forge: "github"}}
	return p
}

// severalDiffs is of a session that works in three repositories, and made a fourth.
func severalDiffs(s client.Session) SessionPage {
	p := diffsPage(s, false)
	p.Changes.Changes.Repo, p.Changes.Work.Folder = "billing", "billing"
	p.Changes.Open.Repo = "billing"
	for i := range p.Changes.Comments {
		p.Changes.Comments[i].Repo = "billing"
	}
	p.Changes.Repos = []client.Repository{
		{Folder: "billing", URL: s.Repo, Branch: "volundr/session/fix-rounding", Files: 3, Ahead: 2, Counted: true},
		{Folder: "money", URL: "https://gitlab.com/acme/money.git", Branch: "volundr/session/fix-rounding", Files: 12, Counted: true},
		{Folder: "infrastructure-of-the-whole-company", URL: "https://github.com/acme/infrastructure.git", Counted: true},
		{Folder: "scratch/tool", Files: 1, Ahead: 4, Counted: true},
	}
	return p
}

// The switch says what differs in each repository, of the one that is shown as
// its list does, and what waits to be pushed by us.
func TestTheSwitchBetweenRepositories(t *testing.T) {
	p := *severalDiffs(client.Session{ID: "s", Repo: "https://github.com/acme/billing.git"}).Changes
	got := map[string]string{}
	for _, r := range p.Repos {
		got[r.Folder] = fmt.Sprint(p.changed(r), " ", p.self("repo", r.Folder))
	}
	if diff := cmp.Diff(map[string]string{"billing": "4 /sessions/s/diffs?base=session&repo=billing", "money": "12 /sessions/s/diffs?base=session&repo=money",
		"infrastructure-of-the-whole-company": "0 /sessions/s/diffs?base=session&repo=infrastructure-of-the-whole-company",
		"scratch/tool":                        "1 /sessions/s/diffs?base=session&repo=scratch%2Ftool"}, got); diff != "" {
		t.Error(diff)
	}
	text, err := Render(t.Context(), ChangesView(p))
	if err != nil {
		t.Fatal(err)
	}
	if n := strings.Count(text, "to push\">↑"); n != 1 || !strings.Contains(text, `title="Made in the session"`) || strings.Count(text, `aria-current="true"`) != 1 {
		t.Errorf("%d marks of what is to be pushed in %s", n, text[:3000])
	}
	p.Repos = p.Repos[:1]
	if text, err = Render(t.Context(), ChangesView(p)); err != nil || strings.Contains(text, "changes-repos") {
		t.Errorf("a switch between one repository, %v", err)
	}
}

// requested is the Diffs page of a branch that has a pull request.
func requested(s client.Session) templ.Component {
	return templ.ComponentFunc(func(ctx context.Context, w io.Writer) error {
		no := false
		page, err := Render(ctx, SessionView(diffsPage(s, false)))
		if err != nil {
			return err
		}
		pr, err := Render(ctx, PRView(PRPane{Self: "/sessions/" + s.ID + "/changes/pr", Forge: "github", PR: &client.SessionPR{
			Number: 482, Title: "Round half to even in invoices", URL: "https://github.com/acme/billing/pull/482", State: "open", Mergeable: &no,
			Source: "volundr/session/fix-rounding", Target: "main", CIStatus: client.ChecksFailed,
			Checks: []client.Check{{Name: "build", Status: client.ChecksPassed, URL: "https://ci.example/1"}, {Name: "test (postgres 16)", Status: client.ChecksFailed, URL: "javascript:alert(1)"}, {Name: "lint", Status: client.ChecksRunning}}}}))
		if err != nil {
			return err
		}
		_, err = io.WriteString(w, strings.Replace(page, `<div id="pr" class="js-only" data-pr="/sessions/`+s.ID+`/changes/pr"></div>`, strings.Replace(pr, "<details", "<details open", 1), 1))
		return err
	})
}

func TestWhereTheBranchStandsAndWhatCanBeDone(t *testing.T) {
	for name, c := range map[string]struct {
		w             client.Standing
		state, target string
	}{
		"nothing done":     {client.Standing{Branch: "b", Commit: "1", Repo: "r"}, "has no commit of its own yet", ""},
		"committed":        {client.Standing{Branch: "b", Commit: "1", Ahead: 1, Repo: "r"}, "1 commit, not pushed yet", "b"},
		"pushed":           {client.Standing{Branch: "b", Commit: "1", Pushed: "1", Repo: "r"}, "is pushed", ""},
		"pushed and on":    {client.Standing{Branch: "b", Commit: "2", Pushed: "1", Ahead: 2, Repo: "r"}, "2 commits to push", "b"},
		"protected":        {client.Standing{Branch: "main", Protected: true, Commit: "2", Pushed: "1", Ahead: 1, Repo: "r", Own: "o"}, "is protected: work goes to the session's own branch", "o"},
		"protected, clean": {client.Standing{Branch: "main", Protected: true, Commit: "1", Pushed: "1", Repo: "r", Own: "o"}, "is protected: work goes to the session's own branch", ""},
		"detached":         {client.Standing{Commit: "2", Ahead: 1, Repo: "r", Own: "o"}, "", "o"},
		"made in it":       {client.Standing{Folder: "own", Branch: "b", Commit: "1", Ahead: 3}, "was made in the session: it is not pushed from here", "b"},
		"no remote":        {client.Standing{Branch: "b", Commit: "1", Ahead: 3}, "has no remote to be pushed to", "b"},
	} {
		if state, target := workState(c.w), pushTarget(c.w); state != c.state || target != c.target {
			t.Errorf("%s: %q, %q", name, state, target)
		}
	}
}
