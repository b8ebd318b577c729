package chronicle

import (
	"encoding/json"
	"strings"

	"volundr/daemon/link"
	"volundr/runtime/broker/wire"
	"volundr/store"
)

// tool tells of a tool call when it begins and when it has ended. A command is a
// row of type terminal. What a tool edits is told by the watcher as files,
// whoever did it; here it is only noted.
func (f *fold) tool(e store.Entry) []store.TimelineEvent {
	v, ok := data[wire.Tool](e)
	if !ok || v.Status == "pending" {
		return nil
	}
	over := v.Status == "completed" || v.Status == "failed"
	d := Data{Kind: KindTool, Who: Agent, Turn: e.Turn, Tool: v.Kind, Status: v.Status}
	at := e.At
	if v.StartedAt > 0 && v.EndedAt > v.StartedAt {
		d.DurationMS = v.EndedAt - v.StartedAt
	}
	if over { // it stands where it began
		at = at.Add(-millis(d.DurationMS))
	}
	typ, head, text := TypeMessage, label(f.clean(v.Title)), ""
	switch v.Kind {
	case "execute":
		typ, text = TypeTerminal, bounded(f.clean(commandOf(v)), maxCommand)
		if l := label(text); l != "" {
			head = l
		}
		d.Where, d.Dir = "agent", dirOf(v)
		switch {
		case v.Exit != nil:
			d.Exit = v.Exit
		case v.Status == "completed":
			d.Exit = of(0)
		case v.Status == "failed":
			d.Exit = of(1)
		}
	case "edit", "delete", "move":
		d.Touched = touched(v)
	}
	if head == "" {
		head = "A tool call"
	}
	if f.turn != nil {
		told := f.turn.tools[v.ID]
		switch {
		case !over && told == head:
			return nil
		case over && f.turn.denied[v.ID] && told == "": // the question tells of it
			return nil
		case over && f.turn.denied[v.ID]:
			d.Exit, d.DurationMS = nil, 0
		}
		f.turn.tools[v.ID] = head
	}
	return []store.TimelineEvent{row(e.Run, "tool:"+v.ID, at, typ, head, text, d)}
}

// dirOf is the folder that a tool call runs its command in, where the agent says
// it.
func dirOf(v wire.Tool) string {
	var in struct{ Cwd, Workdir string }
	_ = json.Unmarshal(v.Input, &in) // else it does not say
	return plain(or(v.Dir, or(in.Cwd, in.Workdir)), 1000)
}

// commandOf is the command line that a tool call runs.
func commandOf(v wire.Tool) string {
	var in struct {
		Command json.RawMessage `json:"command"`
	}
	var line string
	var argv []string
	if json.Unmarshal(v.Input, &in) == nil {
		switch {
		case json.Unmarshal(in.Command, &line) == nil && line != "":
			return line
		case json.Unmarshal(in.Command, &argv) == nil && len(argv) > 0:
			if len(argv) == 3 && strings.HasPrefix(argv[1], "-") && strings.HasSuffix(argv[1], "c") { // bash -lc
				return argv[2]
			}
			return strings.Join(argv, " ")
		}
	}
	return strings.Trim(v.Title, "` ")
}

// maxTouched bounds how many files of one tool call are noted.
const maxTouched = 50

// touched says what a tool call edited, as it says itself.
func touched(v wire.Tool) (out []FileStat) {
	for _, c := range v.Content {
		if c.Type != "diff" || c.Path == "" || len(out) >= maxTouched {
			continue
		}
		s := FileStat{Path: plain(inside(c.Path), 1000), Status: "mod"}
		switch {
		case v.Kind == "delete":
			s.Status = "del"
		case c.Old == "":
			s.Status = "new"
		}
		s.Ins, s.Del = changed(c.Old, c.New)
		out = append(out, s)
	}
	for _, l := range v.Locations {
		if len(out) == 0 && l.Path != "" {
			out = append(out, FileStat{Path: plain(inside(l.Path), 1000), Status: map[bool]string{true: "del", false: "mod"}[v.Kind == "delete"]})
		}
	}
	return out
}

// changed counts the lines between what both texts begin and end with.
func changed(old, new string) (ins, del int) {
	a, b := lines(old), lines(new)
	for len(a) > 0 && len(b) > 0 && a[0] == b[0] {
		a, b = a[1:], b[1:]
	}
	for len(a) > 0 && len(b) > 0 && a[len(a)-1] == b[len(b)-1] {
		a, b = a[:len(a)-1], b[:len(b)-1]
	}
	return len(b), len(a)
}

func lines(text string) []string {
	if text == "" {
		return nil
	}
	return strings.Split(strings.TrimSuffix(text, "\n"), "\n")
}

func (f *fold) permission(e store.Entry) []store.TimelineEvent {
	v, ok := data[wire.Permission](e)
	if !ok || len(f.open) >= 64 {
		return nil
	}
	if _, known := f.open[v.ID]; known {
		return nil
	}
	f.open[v.ID] = v
	return []store.TimelineEvent{f.question(e, v, "Asked", Data{})}
}

func (f *fold) question(e store.Entry, v wire.Permission, verb string, d Data) store.TimelineEvent {
	d.Kind, d.Who, d.Turn, d.Tool = KindPermission, Agent, e.Turn, v.Tool.Kind
	what := v.Tool.Title
	if v.Tool.Kind == "execute" {
		what = commandOf(v.Tool)
	}
	what = f.clean(what)
	head := label(what)
	if head == "" {
		head = "to use a tool"
	}
	return row(e.Run, "ask:"+v.ID, e.At, TypeMessage, verb+": "+head, bounded(what, maxCommand), d)
}

func (f *fold) permissionDone(e store.Entry) []store.TimelineEvent {
	v, ok := data[wire.PermissionDone](e)
	asked, known := f.open[v.ID]
	if !ok || !known {
		return nil
	}
	delete(f.open, v.ID)
	if f.turn != nil && !v.Allowed {
		f.turn.denied[asked.Tool.ID] = true
	}
	verb := "Denied"
	switch {
	case v.Allowed:
		verb = "Allowed"
	case v.Option == "":
		verb = "Not answered"
	}
	d := Data{Allowed: of(v.Allowed), Option: v.Option}
	for _, o := range asked.Options {
		if o.ID == v.Option {
			d.Option = plain(o.Name, maxLabel)
		}
	}
	return []store.TimelineEvent{f.question(e, asked, verb, d)}
}

func (f *fold) modeIs(e store.Entry) []store.TimelineEvent {
	return f.choice(e, link.EntryMode, KindMode, &f.mode, "Mode")
}

func (f *fold) modelIs(e store.Entry) []store.TimelineEvent {
	return f.choice(e, link.EntryModel, KindModel, &f.model, "Model")
}

// choice tells that the agent changed in a turn what a person did not choose.
// Outside of turns it is the daemon's wish that comes true: no change.
func (f *fold) choice(e store.Entry, entry, kind string, now *string, noun string) []store.TimelineEvent {
	v, ok := data[wire.Options](e)
	if !ok || v.Current == "" || v.Current == *now {
		return nil
	}
	first, chosen := *now == "", f.chose[entry] == v.Current
	*now = v.Current
	delete(f.chose, entry)
	if first || chosen || f.turn == nil {
		return nil
	}
	name := v.Current
	for _, o := range v.Options {
		if o.ID == v.Current && o.Name != "" {
			name = o.Name
		}
	}
	return []store.TimelineEvent{row(e.Run, f.key(e), e.At, TypeMessage, plain(noun+": "+name, maxLabel), "",
		Data{Kind: kind, Who: Agent, Option: v.Current, Turn: e.Turn})}
}
