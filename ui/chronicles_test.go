package ui

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/a-h/templ"

	"volundr/ui/client"
)

func of[T any](v T) *T { return &v }

// tales are chronicles of a chain, the newest first.
func tales() []client.Chronicle {
	var out []client.Chronicle
	for i := range 3 {
		id := fmt.Sprintf("c%d", 3-i)
		c := client.Chronicle{ID: id, SessionID: of("s1"), Status: "complete", Project: "billing", Repo: "https://github.com/acme/billing.git", Branch: "fix-rounding",
			Model: "claude-sonnet-4-6", ConfigSnapshot: json.RawMessage(`{"name":"fix-rounding","model":"claude-sonnet-4-6"}`), KeyChanges: []string{},
			TokenUsage: 41200, Cost: of(0.42), DurationSeconds: of(int64(1260)), Tags: []string{"money"}, Name: "fix-rounding", Run: 3 - i, Author: "agent",
			Reason: "stopped", StartedAt: now.Add(-time.Duration(i+1) * 5 * time.Hour), WallSeconds: 4020, BaseCommit: "3ee7d9c97b6c59a81ad1c40e44a786692d6a939b", FinalCommit: "5b97581aa97b6c59a81ad1c40e44a786692d6a93", Agent: "claude", Pack: true,
			Models: []client.ModelUsage{{Model: "claude-sonnet-4-6", Provider: "cloud", Turns: 4, Input: 30100, Output: 11100, CostUSD: 0.42},
				{Model: "next-1", Provider: "cloud", Turns: 1, Input: 300, Output: 20, Unpriced: true}}}
		if i < 2 {
			c.ParentChronicleID = of(fmt.Sprintf("c%d", 2-i))
		}
		out = append(out, c)
	}
	out[0].Summary = of("Invoices are rounded half to even, once, on the total.\nThe three places that rounded each line do not any more.")
	out[0].KeyChanges = []string{"invoice.Round replaces roundLine in all three callers", "A table test of 40 amounts, from the accountant's list"}
	out[0].UnfinishedWork = of("The CSV export still prints two decimals for JPY.")
	out[1].Status, out[1].Author = "draft", ""
	return out
}

func tale3() client.Timeline {
	return client.Timeline{
		Events: []client.TimelineEvent{
			{T: 0, Type: "session", Kind: "start", Label: "Run 3 began", At: now},
			{T: 4, Type: "message", Kind: "prompt", Who: "user", Label: "Round invoices half to even, on the total only", At: now, Checkpoint: "k1", Via: "cli"},
			{T: 19, Type: "terminal", Who: "agent", Label: "go test ./invoice/...", Exit: of(1), DurationMS: 8200, At: now},
			{T: 61, Type: "file", Label: "invoice/round.go", Action: of("modified"), Ins: of(24), Del: of(9), At: now},
			{T: 61, Type: "file", Label: "invoice/half_even.go", From: "invoice/bankers.go", Action: of("modified"), At: now},
			{T: 70, Type: "message", Kind: "permission", Label: "Run curl https://example.org", Allowed: of(false), At: now},
			{T: 88, Type: "terminal", Who: "person", Label: "go test ./...", Exit: of(0), Dir: "/workspace/invoice", At: now},
			{T: 95, Type: "git", Git: "commit", Label: "Round on the total only", Hash: of("5b97581aa97b6c59a81ad1c40e44a786692d6a93"), Files: []string{"invoice/round.go"}, Ins: of(24), Del: of(9), At: now},
			{T: 101, Type: "message", Kind: "turn", Who: "assistant", Label: "Rounding is done once now, on the total.", Tokens: of(int64(41200)), CostUSD: 0.42, DurationMS: 97000, At: now},
			{T: 3700, Type: "error", Label: "The model did not answer for 60 s.", At: now},
			{T: 4020, Type: "session", Kind: "end", Label: "stopped", At: now},
		},
		Files:     []client.FileStat{{Path: "invoice/round.go", Status: "mod", Ins: 24, Del: 9}, {Path: "invoice/half_even.go", Status: "mod", From: "invoice/bankers.go"}},
		Commits:   []client.Commit{{Hash: "5b97581", Msg: "Round on the total only", Time: "09:14"}},
		TokenBurn: []int64{41200, 0, 0, 1200, 300, 0, 0, 0, 9000, 4100, 0, 0, 0, 700}, Next: "1.2",
	}
}

func chroniclePage() ChroniclePage {
	all := tales()
	return ChroniclePage{Shell: shell("fix-rounding"), Chronicle: all[0], Timeline: tale3(), Chain: []client.Chronicle{all[2], all[1], all[0]},
		Agents: []string{"claude", "codex"}, Name: "fix-rounding-2", Session: true}
}

// severalChronicle is of a session that works in two repositories.
func severalChronicle() ChroniclePage {
	p := chroniclePage()
	const long = "money_of_the_whole_company_in_each_of_its_currencies_and_subsidiaries"
	p.Chronicle.Repositories = []client.ChronicleRepository{
		{Folder: "billing", Repo: p.Chronicle.Repo, Branch: p.Chronicle.Branch, BaseCommit: p.Chronicle.BaseCommit, FinalCommit: p.Chronicle.FinalCommit},
		{Folder: long, Repo: "https://gitlab.com/acme/money.git", Branch: "volundr/session/fix-rounding", BaseCommit: "9c1185a5c5e9fc54612808977ee8f548b2258d31"},
	}
	p.Timeline.Events = []client.TimelineEvent{
		{T: 61, Type: "file", Label: "billing/invoice/round.go", Action: of("modified"), Ins: of(24), Del: of(9), At: now},
		{T: 95, Type: "git", Git: "commit", Repo: long, Label: "Offer half even", Hash: of("7aa2b1c97b6c59a81ad1c40e44a786692d6a939b"), Author: "Ann", Ins: of(12), Del: of(0), At: now},
		{T: 96, Type: "git", Git: "commit", Repo: "billing", Label: "Round on the total only", Hash: of("5b97581aa97b6c59a81ad1c40e44a786692d6a93"), Files: []string{"invoice/round.go"}, Ins: of(24), Del: of(9), At: now},
		{T: 99, Type: "git", Git: "push", Repo: long, Label: "Pushed volundr/session/fix-rounding to origin, 1 commit", At: now},
	}
	p.Timeline.Commits = []client.Commit{{Hash: "5b97581", Msg: "Round on the total only", Time: "09:14", Repo: "billing"}, {Hash: "7aa2b1c", Msg: "Offer half even", Time: "09:13", Repo: long}}
	return p
}

func timelineSession(s client.Session) SessionPage {
	p := sessionPage(s, "timeline")
	p.Timeline = &TimelinePane{Session: s, Chronicle: tales()[0], Timeline: tale3()}
	return p
}

// Long runs are drawn with fewer, longer bars, and no token is lost.
func TestBars(t *testing.T) {
	for _, n := range []int{1, 12, 96, 97, 500, 2000} {
		burn := make([]int64, n)
		var want int64
		for i := range burn {
			burn[i] = int64(i % 7 * 100)
			want += burn[i]
		}
		bars, minutes := Bars(burn)
		var got int64
		for _, b := range bars {
			got += b.Tokens
			if b.Height < 0 || b.Height > 100 || b.Tokens > 0 && b.Height < 2 {
				t.Fatalf("%d: %+v", n, b)
			}
		}
		if got != want || len(bars) > 96 || len(bars)*minutes < n*5 {
			t.Errorf("%d: %d bars of %d min, %d tokens of %d", n, len(bars), minutes, got, want)
		}
	}
}

// What an agent or a search says is text.
func TestChroniclesAreText(t *testing.T) {
	hostile := `<img src=x onerror=alert(1)>`
	p := chroniclePage()
	p.Chronicle.Summary, p.Chronicle.KeyChanges, p.Chronicle.Name = &hostile, []string{hostile}, hostile
	for i := range p.Timeline.Events {
		p.Timeline.Events[i].Label = hostile
	}
	list := ChroniclesPage{Shell: shell("Chronicles"), Query: hostile, Hits: []client.ChronicleHit{{Chronicle: p.Chronicle, Snippet: []client.Piece{{Text: hostile, Hit: true}}}}}
	for name, page := range map[string]interface{ String() string }{"one": rendered(t, ChronicleView(p)), "list": rendered(t, Chronicles(list))} {
		if strings.Contains(page.String(), "<img") {
			t.Errorf("%s: markup of others is in the page", name)
		}
	}
}

func rendered(t *testing.T, c templ.Component) *strings.Builder {
	t.Helper()
	var b strings.Builder
	if err := c.Render(t.Context(), &b); err != nil {
		t.Fatal(err)
	}
	return &b
}

func rewindPage() RewindPage {
	return RewindPage{Shell: shell("Back"), Session: sessions()[0], Checkpoint: "k1", Text: "Round invoices half to even", Chronicle: "c3", Name: "rounding-2",
		Loss: client.Files{Changes: []client.FileChange{{Path: "invoice/round.go", Action: "modified", Ins: 3, Del: 24}, {Path: "notes.txt", Action: "deleted"}}, More: 3}}
}
