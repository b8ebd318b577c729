package chronicle

import (
	"fmt"
	"strings"
	"time"
)

// burst is how many files change alike, one after the other, before they are told
// together.
const burst = 6

// timeline tells events, one a line: files that change alike stand together, and
// an answer that its question tells is left out. oneModel: it need not be named.
func timeline(b *strings.Builder, events []Event, oneModel bool) {
	settled := map[string]bool{} // turns whose questions say how they were answered
	for _, e := range events {
		settled[e.Turn] = settled[e.Turn] || e.Kind == KindPermission && e.Allowed != nil
	}
	for i := 0; i < len(events); i++ {
		e := events[i]
		if e.Kind == KindAnswer && settled[e.Turn] {
			continue
		}
		if n := alike(events[i:]); n >= burst {
			files(b, events[i:i+n])
			i += n - 1
			continue
		}
		if oneModel {
			e.Model = ""
		}
		event(b, e)
	}
}

// alike counts the files at the beginning that changed in the same way.
func alike(events []Event) int {
	for i, e := range events {
		if e.Type != TypeFile || e.Kind == KindMore || e.From != "" || e.Action != events[0].Action {
			return i
		}
	}
	return len(events)
}

// files are told in one line.
func files(b *strings.Builder, all []Event) {
	ins, del := 0, 0
	var names []string
	for _, e := range all {
		if e.Ins != nil && e.Del != nil {
			ins, del = ins+*e.Ins, del+*e.Del
		}
		if len(names) < 3 {
			names = append(names, code(e.Label))
		}
	}
	fmt.Fprintf(b, "- **%s** %s %d files: %s and %d more (+%d −%d)\n", clock(all[0].T), all[0].Action, len(all), strings.Join(names, ", "), len(all)-len(names), ins, del)
}

// event is one line of a document, and below it the whole text of what was asked
// and answered where that does not fit into the line.
func event(b *strings.Builder, e Event) {
	text := strings.TrimSpace(e.Text)
	quoted := (e.Kind == KindPrompt || e.Kind == KindTurn) && text != "" && text != e.Label
	what := line(e.Label)
	if quoted {
		what = ""
	}
	fmt.Fprintf(b, "- **%s** ", clock(e.T))
	var notes []string
	switch {
	case e.Type == TypeTerminal:
		b.WriteString(code(e.Label) + place(e.Dir))
		if strings.Contains(text, "\n") {
			notes = append(notes, plural(strings.Count(text, "\n")+1, "line"))
		}
		if e.Exit != nil {
			notes = append(notes, fmt.Sprintf("exit %d", *e.Exit))
		}
		notes = append(notes, lasted(e)...)
		notes = append(notes, wheres[e.Where])
	case e.Kind == KindMore:
		b.WriteString("and " + what)
	case e.Type == TypeFile && e.From != "":
		fmt.Fprintf(b, "renamed %s to %s%s", code(e.From), code(e.Label), insDel(e))
	case e.Type == TypeFile:
		fmt.Fprintf(b, "%s %s%s", e.Action, code(e.Label), insDel(e))
	case e.Type == TypeGit && e.Hash != "":
		fmt.Fprintf(b, "%s `%s` %s%s%s", e.Git, e.Hash[:min(7, len(e.Hash))], line(e.Label), place(e.Repo), insDel(e))
		if e.Author != "" {
			notes = append(notes, "by "+line(e.Author))
		}
	case e.Type == TypeGit:
		b.WriteString(what + place(e.Repo))
	case e.Kind == KindPrompt:
		b.WriteString(colon(asks(e), what))
		if e.Images > 0 && what != "An image" {
			notes = append(notes, plural(e.Images, "image"))
		}
	case e.Kind == KindTurn:
		head := "The agent answered"
		switch {
		case e.Who == Daemon:
			head, what = "Volundr asked the agent for a summary", ""
		case e.StopReason == "cancelled":
			head = "The agent was stopped at this point"
		}
		b.WriteString(colon(head, what))
		notes = append(lasted(e), used(e)...)
	case e.Kind == KindTool:
		b.WriteString(colon("The agent used a tool", what))
		if e.Status == "failed" {
			notes = append(notes, "it failed")
		}
		notes = append(notes, lasted(e)...)
	case e.Kind == KindBeside:
		b.WriteString(what)
		notes = used(e)
	case e.Kind == KindStalled:
		b.WriteString(colon("Stalled", what))
	case e.Type == TypeError:
		b.WriteString(colon("Error", what))
	case e.Who == Person && e.Type == TypeMessage:
		b.WriteString(colon("A person", what))
	default:
		b.WriteString(what)
	}
	if said := strings.Join(notEmpty(notes), ", "); said != "" {
		fmt.Fprintf(b, " (%s)", said)
	}
	b.WriteString("\n")
	if e.Detail != "" {
		fmt.Fprintf(b, "  %s\n", code(e.Detail))
	}
	if quoted {
		b.WriteString("\n")
		for l := range strings.Lines(text) {
			b.WriteString(strings.TrimRight("  > "+strings.TrimRight(l, "\n"), " ") + "\n")
		}
		b.WriteString("\n")
	}
}

// clock is a time since the run began: "0:07", "12:40", "3:04:10".
func clock(t int64) string {
	if t < 3600 {
		return fmt.Sprintf("%d:%02d", t/60, t%60)
	}
	return fmt.Sprintf("%d:%02d:%02d", t/3600, t%3600/60, t%60)
}

// asks says who asked.
func asks(e Event) string {
	if e.Automatic || e.Who == Daemon {
		return "Volundr asked, by itself"
	}
	return "Asked" + vias[e.Via]
}

// vias say how somebody asked, where it was not in the chat.
var vias = map[string]string{"cli": " on the command line", "api": " by a program"}

func colon(head, what string) string {
	if what == "" {
		return head
	}
	return head + ": " + what
}

// wheres say whose a command was.
var wheres = map[string]string{"agent": "by the agent", "terminal": "in the terminal", "editor": "in the editor's terminal"}

func lasted(e Event) []string {
	if e.DurationMS < 1000 {
		return nil
	}
	return []string{span(time.Duration(e.DurationMS) * time.Millisecond)}
}

func used(e Event) (notes []string) {
	if e.Tokens != nil && *e.Tokens > 0 {
		notes = append(notes, grouped(*e.Tokens)+" tokens")
	}
	if e.CostMicros > 0 {
		notes = append(notes, fmt.Sprintf("$%.4f", float64(e.CostMicros)/1e6))
	}
	if e.Model != "" {
		notes = append(notes, line(e.Model))
	}
	return notes
}

// grouped is a number with its digits in threes.
func grouped(n int64) string {
	text := fmt.Sprint(n)
	for i := len(text) - 3; i > 0; i -= 3 {
		text = text[:i] + "," + text[i:]
	}
	return text
}

func insDel(e Event) string {
	if e.Ins == nil || e.Del == nil || e.Binary || e.Type == TypeGit && *e.Ins+*e.Del == 0 {
		return ""
	}
	return fmt.Sprintf(" (+%d −%d)", *e.Ins, *e.Del)
}

func notEmpty(all []string) (out []string) {
	for _, s := range all {
		if s != "" {
			out = append(out, s)
		}
	}
	return out
}
