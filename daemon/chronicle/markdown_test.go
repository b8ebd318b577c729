package chronicle

import (
	"strings"
	"testing"
	"time"

	"volundr/store"
)

// An export reads as a document, and nothing in it breaks out of its line.
func TestMarkdown(t *testing.T) {
	began := time.Date(2026, 5, 1, 9, 0, 0, 0, time.UTC)
	c := store.Chronicle{ID: "id", Name: "fix-login", Project: "app", Run: 2, StartedAt: began, EndedAt: began.Add(65 * time.Minute), Reason: "stopped",
		Texts: store.Texts{Summary: "The login test passes.", KeyChanges: []string{"a cookie\nis kept"}, Unfinished: "Logout."},
		Repo:  "https://example.org/app", Tokens: 1200, CostMicros: 40_000, Active: 3 * time.Minute}
	tl := Timeline{Sums: Sums{Files: []FileStat{{Path: "a|b`.go", Status: "mod", Ins: 3, Del: 1}}, Commits: []Commit{{Hash: "abc1234", Msg: "Keep it"}}},
		Events: []Event{
			{T: 3, Type: TypeMessage, Label: "Fix the login test", Text: "Fix the login test\nand explain", Data: Data{Kind: KindPrompt}},
			{T: 70, Type: TypeTerminal, Label: "go test ./...\nrm", Data: Data{Exit: of(1)}},
			{T: 80, Type: TypeFile, Label: "a.go", Data: Data{Action: "modified", Ins: of(3), Del: of(1)}},
			{T: 90, Type: TypeGit, Label: "Keep it", Data: Data{Git: "commit", Hash: "abc1234def"}},
		}}
	got := Markdown(c, tl)
	for _, want := range []string{
		"# fix-login\n", "app, run 2, 1 May 2026 09:00 UTC, 1 hour 5 minutes. stopped", "The login test passes.", "- a cookie is kept\n", "## Left to do\n\nLogout.",
		"- Cost: $0.04\n", "| `` a\\|b`.go `` | mod | 3 | 1 |", "- **0:03** asked: Fix the login test\n\n  > Fix the login test\n  > and explain\n",
		"- **1:10** `go test ./... rm` (exit 1)\n", "- **1:20** modified `a.go` (+3 −1)\n", "- **1:30** commit `abc1234` Keep it\n",
	} {
		if !strings.Contains(got, want) {
			t.Errorf("%q is not in\n%s", want, got)
		}
	}
}
