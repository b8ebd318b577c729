package chronicle

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"volundr/runtime"
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
	switch {
	case c.Reason == "":
	case strings.HasSuffix(c.Reason, "."):
		fmt.Fprintf(&b, ". %s", line(c.Reason))
	default: // a word: stopped
		fmt.Fprintf(&b, ", %s.", line(c.Reason))
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
	if said := authors[c.Author]; said != "" {
		fmt.Fprintf(&b, "*%s*\n\n", said)
	}
	facts(&b, c)
	models(&b, c)
	commits(&b, t.Events)
	left(&b, t.Events)
	touchedTable(&b, t)
	b.WriteString("## Timeline\n\n")
	timeline(&b, t.Events, len(c.Models) == 1)
	return b.String()
}

// authors say whose words a chronicle's texts are.
var authors = map[string]string{
	store.AuthorAgent:  "Told by the agent at the end of the run.",
	store.AuthorRule:   "Written from the timeline, without the agent.",
	store.AuthorPerson: "Written by a person.",
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
	var asked struct{ Agent, Mode string }
	_ = json.Unmarshal(c.Config, &asked) // else nothing is said of them
	b.WriteString("## Facts\n\n")
	where := [][2]string{{"Repository", c.Repo}, {"Branch", c.Branch}, {"Began at", c.BaseCommit}, {"Ended at", c.FinalCommit}}
	if len(c.Repositories) > 0 {
		where = nil
	}
	for _, r := range c.Repositories {
		where = append(where, [2]string{"Repository " + code(r.Folder), r.Repo}, [2]string{"Its branch", r.Branch}, [2]string{"It began at", r.BaseCommit},
			[2]string{"It ended at", r.FinalCommit})
	}
	for _, f := range append(where, [][2]string{
		{"Agent", or(c.Agent, asked.Agent)}, {"Mode at the start", asked.Mode}, {"Model asked for", c.Model},
		{"Tokens", grouped(c.Tokens)}, {"Cost", cost(c)},
		{"Agent at work", span(c.Active)}, {"Tags", strings.Join(c.Tags, ", ")}, {"Chronicle", c.ID}, {"Continues", c.ParentID},
		{"No snapshot", c.Missing},
	}...) {
		if f[1] != "" {
			fmt.Fprintf(b, "- %s: %s\n", f[0], line(f[1]))
		}
	}
	b.WriteString("\n")
}

// cost is what the run cost, as far as prices are known.
func cost(c store.Chronicle) string {
	var unknown []string
	for _, m := range c.Models {
		if m.Unpriced() {
			unknown = append(unknown, m.Model)
		}
	}
	known := fmt.Sprintf("$%.2f", float64(c.CostMicros)/1e6)
	switch {
	case len(unknown) == 0:
		return known
	case c.CostMicros == 0:
		return "not known: there is no price for " + strings.Join(unknown, ", ")
	}
	return known + ", without " + strings.Join(unknown, ", ") + ", whose price is not known"
}

func models(b *strings.Builder, c store.Chronicle) {
	if len(c.Models) == 0 {
		return
	}
	b.WriteString("## Models\n\n| Model | Turns | Tokens in | Out | From the cache | Cost |\n|---|---|---|---|---|---|\n")
	for _, m := range c.Models {
		price := fmt.Sprintf("$%.4f", float64(m.CostMicros)/1e6)
		if m.Unpriced() {
			price = "price not known"
		}
		fmt.Fprintf(b, "| %s | %d | %s | %s | %s | %s |\n", cell(line(m.Model)), m.Turns, grouped(m.Input+m.CacheWrite), grouped(m.Output), grouped(m.CacheRead), price)
	}
	b.WriteString("\n")
}

func commits(b *strings.Builder, events []Event) {
	title := "## Commits\n\n"
	for _, e := range events {
		if e.Type != TypeGit || e.Hash == "" {
			continue
		}
		fmt.Fprintf(b, "%s- `%s` %s", title, e.Hash[:min(7, len(e.Hash))], line(e.Label)+place(e.Repo))
		title = ""
		if e.Author != "" {
			fmt.Fprintf(b, ", by %s", line(e.Author))
		}
		if len(e.Files) > 0 {
			fmt.Fprintf(b, ", %s", plural(len(e.Files), "file"))
		}
		fmt.Fprintf(b, "%s, at %s\n", insDel(e), e.At.UTC().Format("15:04"))
	}
	if title == "" {
		b.WriteString("\n")
	}
}

// left is what was not committed when the run ended.
func left(b *strings.Builder, events []Event) {
	i := slices.IndexFunc(events, func(e Event) bool { return e.Kind == KindDirty })
	if i < 0 || len(events[i].Files) == 0 {
		return
	}
	b.WriteString("## Not committed\n\n")
	for _, f := range events[i].Files {
		fmt.Fprintf(b, "- %s\n", code(f))
	}
	b.WriteString("\n")
}

func touchedTable(b *strings.Builder, t Timeline) {
	if len(t.Files) == 0 {
		return
	}
	b.WriteString("## Files\n\n| File | | + | − |\n|---|---|---|---|\n")
	for _, f := range t.Files {
		name, status := code(f.Path), or(statuses[f.Status], f.Status)
		if f.From != "" {
			name, status = code(f.From)+" → "+name, "renamed"
		}
		fmt.Fprintf(b, "| %s | %s | %d | %d |\n", cell(name), status, f.Ins, f.Del)
	}
	b.WriteString("\n")
}

var statuses = map[string]string{"new": "new", "mod": "changed", "del": "deleted"}

// line is text on one line of a document.
func line(s string) string { return strings.Join(strings.Fields(s), " ") }

// cell is a line in a table.
func cell(s string) string { return strings.ReplaceAll(s, "|", `\|`) }

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

// place is a folder for people; empty: the workspace itself.
func place(dir string) string {
	if dir == "" || dir == runtime.PathWorkspace {
		return ""
	}
	return " in " + code(dir)
}
