package cli

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"volundr/ui/client"
)

// clock is a time since a run began: "0:07", "12:40", "3:04:10".
func clock(t int64) string {
	if t < 3600 {
		return fmt.Sprintf("%d:%02d", t/60, t%60)
	}
	return fmt.Sprintf("%d:%02d:%02d", t/3600, t%3600/60, t%60)
}

// eventLines are events of a timeline, each with its time.
func eventLines(events []client.TimelineEvent) (rows [][]string) {
	for _, g := range client.Told(events) {
		text := eventLine(g[0])
		if n := len(g); n > 1 {
			ins, del := client.Changed(g)
			text = fmt.Sprintf("%s%d files: %s, %s and %d more (+%d -%d)", fileVerb(g[0]), n, g[0].Label, g[1].Label, n-2, ins, del)
		}
		rows = append(rows, []string{clock(g[0].T), text})
	}
	return rows
}

func fileVerb(e client.TimelineEvent) string {
	return map[string]string{"created": "Created ", "modified": "Changed ", "deleted": "Deleted "}[client.Deref(e.Action)]
}

// eventLine is an event of a timeline in a line: what happened, and in brackets what
// is to be known of it.
func eventLine(e client.TimelineEvent) string {
	var facts []string
	fact := func(format string, args ...any) { facts = append(facts, fmt.Sprintf(format, args...)) }
	what := e.Label
	switch {
	case e.Type == "terminal":
		what = "$ " + what
		if e.Dir != "" && e.Dir != "/workspace" {
			fact("in %s", e.Dir)
		}
		fact("%s", map[string]string{"agent": "by the agent", "terminal": "in the terminal", "editor": "in the editor"}[e.Where])
	case e.Kind == "prompt" && e.Automatic:
		what = "Volundr asked, by itself: " + what
	case e.Kind == "prompt":
		what = "Asked" + map[string]string{"cli": " on the command line", "api": " by a program"}[e.Via] + ": " + what
	case e.Kind == "turn" && e.StopReason == "cancelled":
		what = "Was stopped at: " + what
	case e.Kind == "turn" && e.Who == "assistant":
		what = "Answered: " + what
	case e.Kind == "tool":
		what = "Used a tool: " + what
		if e.Status == "failed" {
			fact("it failed")
		}
	case e.Type == "file" && e.From != "":
		what = "Renamed " + e.From + " to " + what
	case e.Type == "file" && client.Deref(e.Action) != "":
		what = fileVerb(e) + what
	case client.Deref(e.Hash) != "":
		what = strings.ToUpper(e.Git[:min(1, len(e.Git))]) + e.Git[min(1, len(e.Git)):] + " " + (*e.Hash)[:min(7, len(*e.Hash))] + ": " + what
		if e.Author != "" {
			fact("by %s", e.Author)
		}
	case e.Kind == "stalled":
		what = "Stalled: " + what
	case e.Type == "error":
		what = "Error: " + what
	case e.Who == "person" && e.Type == "message":
		what = "A person: " + what
	}
	if e.Repo != "" {
		fact("in %s", e.Repo)
	}
	if e.Exit != nil {
		fact("exit %d", *e.Exit)
	}
	if ins, del := client.Deref(e.Ins), client.Deref(e.Del); ins+del > 0 {
		fact("+%d -%d", ins, del)
	}
	if n := client.Deref(e.Tokens); n > 0 {
		fact("%d tokens", n)
	}
	if e.CostUSD > 0 {
		fact("$%.4f", e.CostUSD)
	}
	if d := time.Duration(e.DurationMS) * time.Millisecond; d >= time.Second {
		fact("%s", age(d))
	}
	if known := strings.Join(slices.DeleteFunc(facts, func(f string) bool { return f == "" }), ", "); known != "" {
		what += " (" + known + ")"
	}
	return what
}
