package chronicle

import (
	"fmt"
	"slices"
	"strings"

	"volundr/store"
)

// Markdown is a chronicle as a document: what happened in words, then what was
// done. Texts of events stand in it whole where they were read.
func Markdown(c store.Chronicle, t Timeline) string {
	var b strings.Builder
	fmt.Fprintf(&b, "# %s\n\n", line(or(c.Name, c.Project)))
	fmt.Fprintf(&b, "%s, run %d, %s", line(c.Project), c.Run, c.StartedAt.UTC().Format("2 January 2006 15:04 UTC"))
	if !c.EndedAt.IsZero() {
		fmt.Fprintf(&b, ", %s", span(c.EndedAt.Sub(c.StartedAt)))
	}
	if c.Reason != "" {
		fmt.Fprintf(&b, ". %s", line(end(c.Reason)))
	}
	b.WriteString("\n\n")
	section(&b, "", c.Summary)
	if len(c.KeyChanges) > 0 {
		b.WriteString("## Key changes\n\n")
		for _, k := range c.KeyChanges {
			fmt.Fprintf(&b, "- %s\n", line(k))
		}
		b.WriteString("\n")
	}
	section(&b, "Left to do", c.Unfinished)
	facts(&b, c)
	if len(t.Commits) > 0 {
		b.WriteString("## Commits\n\n")
		for _, x := range slices.Backward(t.Commits) {
			fmt.Fprintf(&b, "- `%s` %s\n", x.Hash, line(x.Msg))
		}
		b.WriteString("\n")
	}
	if len(t.Files) > 0 {
		b.WriteString("## Files\n\n| File | | + | − |\n|---|---|---|---|\n")
		for _, f := range t.Files {
			fmt.Fprintf(&b, "| %s | %s | %d | %d |\n", strings.ReplaceAll(code(f.Path), "|", `\|`), f.Status, f.Ins, f.Del)
		}
		b.WriteString("\n")
	}
	b.WriteString("## Timeline\n\n")
	for _, e := range t.Events {
		event(&b, e)
	}
	return b.String()
}

func section(b *strings.Builder, title, text string) {
	if text = strings.TrimSpace(text); text == "" {
		return
	}
	if title != "" {
		fmt.Fprintf(b, "## %s\n\n", title)
	}
	fmt.Fprintf(b, "%s\n\n", text)
}

func facts(b *strings.Builder, c store.Chronicle) {
	b.WriteString("## Facts\n\n")
	for _, f := range [][2]string{
		{"Repository", c.Repo}, {"Branch", c.Branch}, {"Began at", c.BaseCommit}, {"Ended at", c.FinalCommit},
		{"Tokens", fmt.Sprint(c.Tokens)}, {"Cost", fmt.Sprintf("$%.2f", float64(c.CostMicros)/1e6)},
		{"Agent at work", span(c.Active)}, {"Tags", strings.Join(c.Tags, ", ")}, {"Chronicle", c.ID}, {"Continues", c.ParentID},
	} {
		if f[1] != "" {
			fmt.Fprintf(b, "- %s: %s\n", f[0], line(f[1]))
		}
	}
	for _, m := range c.Models {
		fmt.Fprintf(b, "- %s: %d in, %d out, %d from the cache, %s\n", line(m.Model), m.Input+m.CacheWrite, m.Output, m.CacheRead, plural(m.Turns, "turn"))
	}
	b.WriteString("\n")
}

// event is one line, and the whole text of what was asked and answered below it.
func event(b *strings.Builder, e Event) {
	fmt.Fprintf(b, "- **%d:%02d** ", e.T/60, e.T%60)
	switch {
	case e.Type == TypeTerminal:
		b.WriteString(code(e.Label))
		if e.Exit != nil {
			fmt.Fprintf(b, " (exit %d)", *e.Exit)
		}
	case e.Type == TypeFile:
		fmt.Fprintf(b, "%s %s", e.Action, code(e.Label))
		if e.Ins != nil && e.Del != nil {
			fmt.Fprintf(b, " (+%d −%d)", *e.Ins, *e.Del)
		}
	case e.Type == TypeGit && e.Hash != "":
		fmt.Fprintf(b, "%s `%s` %s", e.Git, e.Hash[:min(7, len(e.Hash))], line(e.Label))
	case e.Kind == KindPrompt:
		fmt.Fprintf(b, "asked: %s", line(e.Label))
	case e.Kind == KindTurn && e.Who == Daemon:
		b.WriteString("asked for a summary")
	case e.Kind == KindTurn:
		fmt.Fprintf(b, "answered: %s", line(e.Label))
	default:
		fmt.Fprintf(b, "%s: %s", e.Type, line(e.Label))
	}
	b.WriteString("\n")
	if e.Detail != "" {
		fmt.Fprintf(b, "  %s\n", code(e.Detail))
	}
	if text := strings.TrimSpace(e.Text); text != "" && text != e.Label && (e.Kind == KindPrompt || e.Kind == KindTurn) {
		b.WriteString("\n")
		for l := range strings.Lines(text) {
			b.WriteString("  > " + strings.TrimRight(l, "\n") + "\n")
		}
		b.WriteString("\n")
	}
}

// line is text on one line of a document.
func line(s string) string { return strings.Join(strings.Fields(s), " ") }

// code is text as code, whatever backticks are in it.
func code(s string) string {
	s, fence := line(s), "`"
	for strings.Contains(s, fence) {
		fence += "`"
	}
	if len(fence) > 1 {
		s = " " + s + " "
	}
	return fence + s + fence
}
