package link

import (
	"context"
	"encoding/json"
	"slices"
	"time"

	"volundr/runtime/broker/wire"
	"volundr/store"
)

// talk is where a conversation stands: what the agent does, and which questions
// are open. It follows from the entries alone.
type talk struct {
	run   int
	turn  string // under way, or ""
	busy  bool
	text  string // what it does when it runs no tool
	stall *Stall // it makes no progress, or nil
	model string // why its model does not answer, or ""
	tools []running
	open  []*question
}

// running is a tool call in progress.
type running struct{ id, text string }

// question is a permission question that is not settled.
type question struct {
	id, turn, text string
	at             time.Time
	kind           string // of the tool
	detail         string // what would be done, in full unless cut
	cut            bool
	options        []wire.Option
	taken          bool    // somebody's answer is being written down
	answer         *string // what it is
	by             *conn   // the connection on which it was sent
}

const maxOpen = 64 // tools and questions, each

func (t *talk) fold(e store.Entry) {
	if e.Run > t.run {
		*t = talk{run: e.Run} // nothing of an earlier run goes on
	}
	if e.Source == "daemon" {
		var a Answer
		if e.Type == EntryAnswer && json.Unmarshal(e.Data, &a) == nil {
			if q := t.question(a.ID); q != nil {
				q.taken, q.answer = true, &a.Option
			}
		}
		return
	}
	switch e.Type {
	case wire.EntryTurnStart:
		*t = talk{run: t.run, busy: true, turn: e.Turn, text: "thinking"}
	case wire.EntryThought:
		t.busy, t.text, t.stall = true, "thinking", nil
	case wire.EntryText:
		t.busy, t.text, t.stall = true, "answering", nil
	case wire.EntryStalled:
		t.stalled(e)
	case wire.EntryTool:
		t.tool(e)
	case wire.EntryPermission:
		t.ask(e)
	case wire.EntryPermissionDone:
		var d wire.PermissionDone
		if json.Unmarshal(e.Data, &d) == nil {
			t.open = slices.DeleteFunc(t.open, func(q *question) bool { return q.id == d.ID })
		}
	case wire.EntryTurnEnd:
		*t = talk{run: t.run}
	}
}

func (t *talk) tool(e store.Entry) {
	var v wire.Tool
	if json.Unmarshal(e.Data, &v) != nil {
		return
	}
	t.busy, t.stall = true, nil
	t.tools = slices.DeleteFunc(t.tools, func(r running) bool { return r.id == v.ID })
	// Some agents say that a tool is in progress half a minute after it began, if at all.
	if (v.Status == "pending" || v.Status == "in_progress") && len(t.tools) < maxOpen {
		t.tools = append(t.tools, running{v.ID, label(v)})
	}
}

func (t *talk) ask(e store.Entry) {
	var v wire.Permission
	if json.Unmarshal(e.Data, &v) != nil || t.question(v.ID) != nil || len(t.open) >= maxOpen {
		return
	}
	t.busy, t.stall = true, nil
	q := &question{id: v.ID, turn: e.Turn, at: e.At, text: label(v.Tool), kind: v.Tool.Kind, options: v.Options}
	q.detail, q.cut = particulars(v.Tool)
	t.open = append(t.open, q)
}

// label names a tool call for people.
func label(v wire.Tool) string {
	title := plain(v.Title, 120)
	switch {
	case title == "":
		return "running a tool"
	case v.Kind == "execute":
		return "running `" + trimTicks(title) + "`"
	}
	return title
}

func trimTicks(s string) string {
	for len(s) > 1 && s[0] == '`' && s[len(s)-1] == '`' {
		s = s[1 : len(s)-1]
	}
	return s
}

func (t *talk) question(id string) *question {
	for _, q := range t.open {
		if q.id == id {
			return q
		}
	}
	return nil
}

// activity is what stands on the session's row.
func (t *talk) activity() (kind, text string) {
	for _, q := range t.open {
		if !q.taken {
			return "waiting", "asks: " + q.text
		}
	}
	switch {
	case t.busy && t.model != "":
		return "active", "waits for the model: " + t.model // client.WaitsForModel
	case t.stall != nil:
		return "active", "makes no progress" // client.NoProgress
	case len(t.tools) > 0:
		return "tool_executing", t.tools[len(t.tools)-1].text
	case t.busy:
		return "active", t.text
	}
	return "idle", ""
}

// answers gives what was answered and not yet sent on c.
func (t *talk) answers(c *conn) (due []Answer) {
	for _, q := range t.open {
		if q.answer != nil && q.by != c {
			due = append(due, Answer{q.id, *q.answer})
		}
	}
	return due
}

func (t *talk) sent(id string, c *conn) {
	if q := t.question(id); q != nil {
		q.by = c
	}
}

// remember folds the end of the stored conversation, from the last turn's start
// or a bounded way back.
func remember(ctx context.Context, db *store.DB, row store.Session) (*talk, error) {
	const page, pages = 64, 16 // an entry may have a MiB
	p := row.Owner()
	from := int64(1 << 62)
	for range pages {
		some, err := db.Entries(ctx, p, row.ID, 0, from, page)
		if err != nil {
			return nil, err
		}
		if len(some) == 0 {
			break
		}
		from = some[0].N
		if slices.ContainsFunc(some, func(e store.Entry) bool { return e.Source == "journal" && e.Type == wire.EntryTurnStart }) {
			break
		}
	}
	t := &talk{}
	for after := from - 1; ; {
		some, err := db.Entries(ctx, p, row.ID, after, 0, page)
		if err != nil {
			return nil, err
		}
		for _, e := range some {
			t.fold(e)
			after = e.N
		}
		if len(some) < page {
			break
		}
	}
	if t.run < row.Run {
		*t = talk{run: row.Run}
	}
	return t, nil
}
