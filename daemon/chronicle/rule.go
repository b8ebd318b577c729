package chronicle

import (
	"fmt"
	"slices"
	"strings"

	"volundr/store"
)

// ruled are texts made from the timeline: what was asked first and last, what
// came of it, and what is open. They are read by people and by the next agent.
func ruled(c store.Chronicle, events []Event) store.Texts {
	s := survey(events)
	return store.Texts{Summary: s.summary(c), KeyChanges: s.changes(), Unfinished: s.open(), Author: store.AuthorRule}
}

// findings are what a timeline holds, sorted.
type findings struct {
	Sums
	prompts  []Event // of people
	answers  []Event // of the agent, in words
	commands int
	failing  []Event // commands that failed and did not succeed later
	tests    *Event  // the last command that looks like tests
	asking   []Event // permission questions without an answer
	errors   []Event
	waiting  []Event // prompts that were never answered
	cut      bool    // a turn was under way when the run ended
	dirty    *Event  // what was not committed at the end
}

func survey(events []Event) findings {
	f := findings{Sums: Sum(touchedFiles(events))}
	failed := map[string]int{} // command → index in failing
	done := map[string]bool{}  // turns that ended
	for i, e := range events {
		switch {
		case e.Automatic:
		case e.Kind == KindPrompt:
			f.prompts = append(f.prompts, e)
		case e.Kind == KindTurn:
			done[e.Turn] = true
			f.cut = f.cut || e.StopReason == "cut"
			if strings.TrimSpace(e.Text) != "" {
				f.answers = append(f.answers, e)
			}
		case e.Type == TypeTerminal && e.Exit != nil:
			f.commands++
			line := or(e.Text, e.Label)
			if isTest(line) {
				f.tests = &events[i]
			}
			if at, ok := failed[line]; ok {
				f.failing[at].Label = ""
				delete(failed, line)
			}
			if *e.Exit != 0 {
				failed[line] = len(f.failing)
				f.failing = append(f.failing, e)
			}
		case e.Kind == KindPermission && e.Allowed == nil:
			f.asking = append(f.asking, e)
		case e.Type == TypeError:
			f.errors = append(f.errors, e)
		case e.Kind == KindDirty:
			f.dirty = &events[i]
		}
	}
	f.failing = slices.DeleteFunc(f.failing, func(e Event) bool { return e.Label == "" })
	for _, p := range f.prompts {
		if !done[p.Turn] {
			f.waiting = append(f.waiting, p)
		}
	}
	return f
}

// isTest reports whether a command line looks like running tests.
func isTest(line string) bool {
	for _, sign := range []string{"go test", "pytest", "npm test", "npm run test", "yarn test", "pnpm test", "cargo test", "make test",
		"make check", "mvn test", "gradle test", "jest", "vitest", "rspec", "ctest", "phpunit", "dotnet test", "tox", "unittest"} {
		if strings.Contains(line, sign) {
			return true
		}
	}
	return false
}

func (f findings) summary(c store.Chronicle) string {
	var out []string
	say := func(format string, args ...any) { out = append(out, fmt.Sprintf(format, args...)) }
	switch n := len(f.prompts); n {
	case 0:
		say("Nothing was asked of the agent in this run.")
	case 1:
		say("Asked: %s", quote(f.prompts[0], 400))
	default:
		say("Asked first: %s", quote(f.prompts[0], 300))
		say("Asked last, after %s: %s", plural(n-1, "prompt"), quote(f.prompts[n-1], 300))
	}
	if n := len(f.answers); n > 0 {
		say("The agent's last words: %s", quote(f.answers[n-1], 600))
	}
	var did []string
	if n := len(f.Commits); n > 0 {
		did = append(did, plural(n, "commit"))
	}
	if n := len(f.Files); n > 0 {
		ins, del := 0, 0
		for _, file := range f.Files {
			ins, del = ins+file.Ins, del+file.Del
		}
		did = append(did, fmt.Sprintf("%s changed (+%d −%d)", plural(n, "file"), ins, del))
	}
	if f.commands > 0 {
		did = append(did, plural(f.commands, "command"))
	}
	if len(did) > 0 {
		say("In all: %s.", strings.Join(did, ", "))
	}
	if t := f.tests; t != nil {
		if *t.Exit == 0 {
			say("The tests passed when they were last run (`%s`).", t.Label)
		} else {
			say("The tests failed when they were last run (`%s`, exit code %d).", t.Label, *t.Exit)
		}
	}
	if c.EndedAt.IsZero() { // it goes on
		return strings.Join(out, "\n\n")
	}
	wall := c.EndedAt.Sub(c.StartedAt)
	switch {
	case c.Active > 0 && wall > 0:
		say("The agent worked for %s of %s. The run ended: %s", span(c.Active), span(wall), end(c.Reason))
	default:
		say("The run ended: %s", end(c.Reason))
	}
	return strings.Join(out, "\n\n")
}

const maxListed = 15

// changes are the commits, newest first, and the files.
func (f findings) changes() []string {
	out := []string{}
	for i, c := range f.Commits {
		where := ""
		if c.Repo != "" {
			where = c.Repo + ": "
		}
		if i == maxListed {
			out = append(out, fmt.Sprintf("and %s before", plural(len(f.Commits)-i, "commit")))
			break
		}
		out = append(out, where+fmt.Sprintf("%s %s", c.Hash, c.Msg))
	}
	for i, file := range f.Files {
		if i == maxListed {
			out = append(out, fmt.Sprintf("and %s more", plural(len(f.Files)-i, "file")))
			break
		}
		word := map[string]string{"new": ", new", "del": ", deleted"}[file.Status]
		out = append(out, fmt.Sprintf("%s (+%d −%d%s)", file.Path, file.Ins, file.Del, word))
	}
	return out
}

// open is what is left to do, one thing a line; empty when nothing is known.
func (f findings) open() string {
	var out []string
	add := func(format string, args ...any) { out = append(out, "- "+fmt.Sprintf(format, args...)) }
	if f.cut {
		add("The agent was in the middle of a turn when the run ended.")
	}
	for _, p := range last(f.waiting, 3) {
		add("Not answered: %s", quote(p, 200))
	}
	for _, q := range last(f.asking, 3) {
		add("The agent waits for leave: %s", strings.TrimPrefix(q.Label, "Asked: "))
	}
	for _, e := range last(f.failing, 5) {
		add("Failed: `%s` (exit code %d)", e.Label, *e.Exit)
	}
	for _, e := range last(f.errors, 2) {
		add("Error: %s", e.Label)
	}
	if d := f.dirty; d != nil && len(d.Files) > 0 {
		add("%s", d.Label+": "+strings.Join(d.Files[:min(len(d.Files), 10)], ", "))
	}
	return strings.Join(out, "\n")
}

func last[T any](v []T, n int) []T { return v[max(0, len(v)-n):] }

// quote is what an event says, in one paragraph.
func quote(e Event, n int) string { return "“" + plain(or(e.Text, e.Label), n) + "”" }

// end finishes a sentence.
func end(text string) string {
	if text == "" || strings.HasSuffix(text, ".") {
		return text
	}
	return text + "."
}
