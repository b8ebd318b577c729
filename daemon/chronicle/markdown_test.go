package chronicle

import (
	"strings"
	"testing"
	"time"

	"volundr/store"
)

// An export reads as a document: who asked, who answered, what it took, each text
// once; and nothing in it breaks out of its line.
func TestMarkdown(t *testing.T) {
	began := time.Date(2026, 5, 1, 9, 0, 0, 0, time.UTC)
	c := store.Chronicle{ID: "id", Name: "fix-login", Project: "app", Run: 2, StartedAt: began, EndedAt: began.Add(65 * time.Minute), Reason: "stopped",
		Texts: store.Texts{Summary: "The login test passes.", KeyChanges: []string{"a cookie\nis kept"}, Unfinished: "Logout.", Author: store.AuthorAgent},
		Repo:  "https://example.org/app", Tokens: 1200, CostMicros: 40_000, Active: 3 * time.Minute, Config: []byte(`{"agent":"claude","mode":"acceptEdits"}`),
		Models: []store.ModelUsage{{Model: "claude-|4", Turns: 2, Input: 900, CacheWrite: 100, Output: 200, CacheRead: 50, CostMicros: 40_000}}}
	c.Models = append(c.Models, store.ModelUsage{Model: "new-1", Provider: "cloud", Turns: 1, Input: 10, Output: 5})
	long := "Fix the login test\nand explain"
	at := func(s int) time.Time { return began.Add(time.Duration(s) * time.Second) }
	tl := Timeline{Sums: Sums{Files: []FileStat{{Path: "a|b`.go", Status: "mod", Ins: 3, Del: 1}, {Path: "new.go", Status: "mod", Ins: 1, From: "old.go"}}},
		Events: []Event{
			{T: 3, Type: TypeMessage, Label: "Fix the login test", Text: long, Data: Data{Kind: KindPrompt, Who: User}},
			{T: 9, Type: TypeMessage, Label: "It is done", Text: "First.\n\nIt is done", Data: Data{Kind: KindTurn, Who: Assistant, DurationMS: 6000, Tokens: of(int64(1200)), CostMicros: 40_000, Model: "claude-4"}},
			{T: 11, Type: TypeMessage, Label: "Go on", Text: "Go on", Data: Data{Kind: KindPrompt, Who: Daemon, Automatic: true}},
			{T: 12, Type: TypeMessage, Label: "By hand", Text: "By hand", Data: Data{Kind: KindPrompt, Who: User, Via: store.ViaCLI}},
			{T: 13, Type: TypeMessage, Label: "By another", Text: "By another", Data: Data{Kind: KindPrompt, Who: User, Via: store.ViaAPI}},
			{T: 20, Type: TypeMessage, Label: "Write a.go", Data: Data{Kind: KindTool, Who: Agent, Status: "failed", DurationMS: 2000}},
			{T: 70, Type: TypeTerminal, Label: "go test ./...\nrm", Text: "go test ./...\nrm", Data: Data{Exit: of(1), Dir: "/workspace/api", Where: "agent", DurationMS: 12_000}},
			{T: 75, Type: TypeTerminal, Label: "ls", Text: "ls", Data: Data{Exit: of(0), Dir: "/workspace", Where: "terminal", DurationMS: 4}},
			{T: 80, Type: TypeFile, Label: "a.go", Data: Data{Action: "modified", Ins: of(3), Del: of(1)}},
			{T: 85, Type: TypeFile, Label: "mid.go", Data: Data{Action: "modified", From: "old.go", Ins: of(0), Del: of(0)}},
			{T: 86, Type: TypeFile, Label: "new.go", Data: Data{Action: "modified", From: "mid.go", Ins: of(1), Del: of(0)}},
			{T: 90, At: at(90), Type: TypeGit, Label: "Keep it", Data: Data{Git: "commit", Hash: "abc1234def", Author: "Ann", Files: []string{"a", "b"}, Ins: of(4), Del: of(2)}},
			{T: 91, Type: TypeMessage, Label: "left out", Data: Data{Kind: KindAnswer, Who: Person, Turn: "t9"}},
			{T: 92, Type: TypeMessage, Label: "Denied: rm -r x", Data: Data{Kind: KindPermission, Turn: "t9", Allowed: of(false)}},
			{T: 93, Type: TypeMessage, Label: "And so", Text: "And so", Data: Data{Kind: KindTurn, Who: Assistant, StopReason: "cancelled"}},
			{T: 94, Type: TypeFile, Label: "b1", Data: Data{Action: "created", Ins: of(1), Del: of(0)}}, {T: 94, Type: TypeFile, Label: "b2", Data: Data{Action: "created", Ins: of(1), Del: of(0)}},
			{T: 94, Type: TypeFile, Label: "b3", Data: Data{Action: "created", Ins: of(1), Del: of(0)}}, {T: 94, Type: TypeFile, Label: "b4", Data: Data{Action: "created", Ins: of(1), Del: of(0)}},
			{T: 94, Type: TypeFile, Label: "b5", Data: Data{Action: "created", Ins: of(1), Del: of(0)}}, {T: 94, Type: TypeFile, Label: "b6", Data: Data{Action: "created", Ins: of(1), Del: of(0)}},
			{T: 95, Type: TypeMessage, Label: "Allowed", Data: Data{Kind: KindAnswer, Who: Person}},
			{T: 96, Type: TypeError, Label: "It broke", Data: Data{Detail: "API error: 400"}},
			{T: 99, Type: TypeGit, Label: "2 files were not committed", Data: Data{Kind: KindDirty, Files: []string{"x.go", "y z"}}},
			{T: 4000, Type: TypeMessage, Label: "Mode: plan", Data: Data{Kind: KindMode, Who: Agent}},
			{T: 99, Type: TypeMessage, Label: askedLast, Data: Data{Kind: KindTurn, Who: Daemon, Automatic: true, DurationMS: 3000}},
		}}
	got := Markdown(c, tl)
	for _, want := range []string{
		"# fix-login\n", "app, run 2, 1 May 2026 09:00 UTC, 1 hour 5 minutes, stopped.", "The login test passes.", "- a cookie is kept\n", "## Left to do\n\nLogout.",
		"*Told by the agent at the end of the run.*\n", "- Agent: claude\n- Mode at the start: acceptEdits\n",
		"- Cost: $0.04, without new-1, whose price is not known\n", "| new-1 | 1 | 10 | 5 | 0 | price not known |\n", "| claude-\\|4 | 2 | 1,000 | 200 | 50 | $0.0400 |\n", "| `` a\\|b`.go `` | changed | 3 | 1 |\n", "| `old.go` → `new.go` | renamed | 1 | 0 |\n",
		"## Commits\n\n- `abc1234` Keep it, by Ann, 2 files (+4 −2), at 09:01\n", "## Not committed\n\n- `x.go`\n- `y z`\n",
		"- **0:03** Asked\n\n  > Fix the login test\n  > and explain\n\n", "- **0:09** The agent answered (6 seconds, 1,200 tokens, $0.0400, claude-4)\n\n  > First.\n  >\n  > It is done\n",
		"- **0:11** Volundr asked, by itself: Go on\n", "- **0:12** Asked on the command line: By hand\n- **0:13** Asked by a program: By another\n", "- **0:20** The agent used a tool: Write a.go (it failed, 2 seconds)\n",
		"- **1:10** `go test ./... rm` in `/workspace/api` (2 lines, exit 1, 12 seconds, by the agent)\n", "- **1:15** `ls` (exit 0, in the terminal)\n",
		"- **1:20** modified `a.go` (+3 −1)\n", "- **1:26** renamed `mid.go` to `new.go` (+1 −0)\n", "- **1:30** commit `abc1234` Keep it (+4 −2) (by Ann)\n",
		"- **1:35** A person: Allowed\n", "- **1:32** Denied: rm -r x\n- **1:33** The agent was stopped at this point: And so\n",
		"- **1:34** created 6 files: `b1`, `b2`, `b3` and 3 more (+6 −0)\n", "- **1:36** Error: It broke\n  `API error: 400`\n", "- **1:06:40** Mode: plan\n", "- **1:39** Volundr asked the agent for a summary (3 seconds)\n",
	} {
		if !strings.Contains(got, want) {
			t.Errorf("%q is not in\n%s", want, got)
		}
	}
	for _, once := range []string{"Fix the login test", "It is done", "Go on"} {
		if n := strings.Count(got, once); n != 1 {
			t.Errorf("%q stands %d times", once, n)
		}
	}
}
