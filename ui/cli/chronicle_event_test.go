package cli

import (
	"testing"

	"volundr/ui/client"
)

// An event is told in a line that says who did what, and how it ended.
func TestEventsAreTold(t *testing.T) {
	num := func(n int) *int { return &n }
	count := func(n int64) *int64 { return &n }
	text := func(s string) *string { return &s }
	for want, e := range map[string]client.TimelineEvent{
		"Asked: Mend it":                                   {Kind: "prompt", Who: "user", Label: "Mend it", Via: "browser"},
		"Asked on the command line: Mend it":               {Kind: "prompt", Who: "user", Label: "Mend it", Via: "cli"},
		"Asked by a program: Mend it":                      {Kind: "prompt", Who: "user", Label: "Mend it", Via: "api"},
		"Volundr asked, by itself: Go on":                  {Kind: "prompt", Automatic: true, Label: "Go on"},
		"Answered: Done (120 tokens, $0.0400, 6s)":         {Kind: "turn", Who: "assistant", Label: "Done", Tokens: count(120), CostUSD: 0.04, DurationMS: 6000},
		"Used a tool: Write a.go (it failed)":              {Kind: "tool", Label: "Write a.go", Status: "failed"},
		"$ make (in /workspace/api, by the agent, exit 2)": {Type: "terminal", Kind: "tool", Label: "make", Dir: "/workspace/api", Where: "agent", Exit: num(2)},
		"$ ls (in the terminal, exit 0)":                   {Type: "terminal", Label: "ls", Dir: "/workspace", Where: "terminal", Exit: num(0)},
		"Created a.go (+3 -0)":                             {Type: "file", Label: "a.go", Action: text("created"), Ins: num(3), Del: num(0)},
		"Renamed a.go to b.go":                             {Type: "file", Label: "b.go", Action: text("modified"), From: "a.go", Ins: num(0), Del: num(0)},
		"Commit abc1234: Mend it (by Ann, +4 -2)":          {Type: "git", Git: "commit", Hash: text("abc1234def"), Author: "Ann", Label: "Mend it", Ins: num(4), Del: num(2)},
		"Pushed main to origin, 2 commits":                 {Type: "git", Git: "push", Label: "Pushed main to origin, 2 commits"},
		"Stalled: No progress for 2m.":                     {Type: "error", Kind: "stalled", Label: "No progress for 2m."},
		"Was stopped at: And so (2s)":                      {Kind: "turn", Who: "assistant", StopReason: "cancelled", Label: "And so", DurationMS: 2000},
		"A person: Mode: plan":                             {Type: "message", Kind: "mode", Who: "person", Label: "Mode: plan"},
		"Error: It broke":                                  {Type: "error", Label: "It broke"},
		"7 more files":                                     {Type: "file", Kind: "more", Label: "7 more files"},
		"Started demo":                                     {Type: "session", Kind: "start", Label: "Started demo"},
	} {
		if got := eventLine(e); got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
	for at, want := range map[int64]string{7: "0:07", 760: "12:40", 11050: "3:04:10"} {
		if got := clock(at); got != want {
			t.Errorf("%d: %q, want %q", at, got, want)
		}
	}
}
