package ui

import (
	"slices"
	"strings"
	"time"

	"volundr/ui/client"
)

// applyDaemon takes what the daemon itself recorded.
func applyDaemon(t *Transcript, e client.Entry) {
	switch e.Type {
	case client.EntryPrompt:
		p, ok := read[client.Prompt](e)
		id := elementID("p", p.ID)
		if !ok || t.items[id] != nil {
			return
		}
		it := t.put(id, KindPrompt, e)
		it.Blocks, it.Queued = p.Blocks, true
		t.order = t.order[:len(t.order)-1]
		t.queued = append(t.queued, id)
		t.status.Queued = len(t.queued)
	case client.EntryAnswer:
		a, ok := read[client.Answer](e)
		if it := t.items[elementID("q", a.ID)]; ok && it != nil && it.Open {
			it = t.put(it.ID, it.Kind, e)
			it.Answer, it.Pending = a.Option, true
		}
	case client.EntryStop:
		t.note(e, "", "", "You pressed stop.")
	case client.EntryMode:
		if c, ok := read[client.Choice](e); ok {
			t.note(e, "", "", "Mode set to "+nameOf(t.Fixed(KindOptions).Mode.Options, c.ID)+".")
		}
	case client.EntryModel:
		if c, ok := read[client.Choice](e); ok {
			t.note(e, "", "", "Model set to "+nameOf(t.Fixed(KindOptions).Model.Options, c.ID)+".")
		}
	}
}

// applyJournal takes what the session said.
func applyJournal(t *Transcript, e client.Entry) {
	switch e.Type {
	case client.EntryTurnStart:
		if v, ok := read[client.TurnStart](e); ok {
			t.turnStart(e, v)
		}
	case client.EntryTurnEnd:
		if v, ok := read[client.TurnEnd](e); ok {
			t.turnEnd(e, v)
		}
	case client.EntryText, client.EntryThought:
		v, ok := read[client.Text](e)
		if !ok {
			return
		}
		prefix, kind := "b", KindText
		if e.Type == client.EntryThought {
			prefix, kind = "h", KindThought
		}
		if kind == KindText && client.IsLast(e.Turn) {
			t.record(e, e.Turn).Text += v.Text
			return
		}
		id := elementID(prefix, v.Block)
		if t.items[id] == nil {
			t.settle(e)
		}
		it := t.put(id, kind, e)
		it.Text += v.Text
		it.Open = t.status.Busy
		t.progress()
	case client.EntryTool:
		if v, ok := read[client.Tool](e); ok {
			t.settle(e)
			t.tool(e, v)
		}
	case client.EntryPlan:
		if v, ok := read[client.Plan](e); ok {
			t.put(elementID("plan", e.Turn), KindPlan, e).Plan = v.Steps
			t.progress()
		}
	case client.EntryPermission:
		if v, ok := read[client.Permission](e); ok {
			t.settle(e)
			it := t.put(elementID("q", v.ID), KindPermission, e)
			it.Ask, it.Tool, it.Options, it.Open = v.ID, v.Tool, v.Options, true
			t.ask(it.ID, true)
		}
	case client.EntryPermissionDone:
		v, ok := read[client.PermissionDone](e)
		if it := t.items[elementID("q", v.ID)]; ok && it != nil {
			it = t.put(it.ID, it.Kind, e)
			it.Open, it.Pending, it.Answer, it.Allowed = false, false, v.Option, v.Allowed
			t.ask(it.ID, false)
		}
	case client.EntryMode:
		if v, ok := read[client.Options](e); ok {
			it := t.put(idOptions, KindOptions, e)
			it.Mode = merged(it.Mode, v)
		}
	case client.EntryModel:
		if v, ok := read[client.Options](e); ok {
			it := t.put(idOptions, KindOptions, e)
			it.Model = merged(it.Model, v)
		}
	case client.EntryUsage:
		if v, ok := read[client.Context](e); ok {
			t.put(idContext, KindContext, e).Context = v
		}
	case client.EntryPorts:
		if v, ok := read[[]client.Port](e); ok {
			t.put(idPorts, KindPorts, e).Ports = v
		}
	case client.EntryCommands:
		if v, ok := read[client.Options](e); ok {
			t.put(idCommands, KindCommands, e).Commands = v.Options
		}
	case client.EntryAgent:
		if v, ok := read[client.AgentState](e); ok {
			t.agent(e, v)
		}
	case client.EntryStalled:
		if v, ok := read[client.Note](e); ok {
			t.status.Stalled = true
			t.note(e, "warning", v.Source, v.Message)
		}
	case client.EntryError:
		if v, ok := read[client.Note](e); ok {
			t.note(e, "error", v.Source, v.Message)
		}
	case client.EntryNote:
		if v, ok := read[client.Note](e); ok {
			t.note(e, "", v.Source, v.Message)
		}
	case client.EntryCheckpoint:
		v, ok := read[client.Checkpoint](e)
		if it := t.items[elementID("p", v.Prompt)]; ok && v.ID != "" && it != nil {
			t.put(it.ID, KindPrompt, e).Checkpoint = v.ID
		}
	case client.EntryRewound:
		t.note(e, "", "", "Files and conversation are back at an earlier point. The agent knows nothing of what was said in between.")
	case client.EntryGit:
		if v, ok := read[client.Git](e); ok {
			t.git(e, v)
		}
	}
}

// git notes what a reader of the conversation wants to know of a repository:
// what was committed and what left the session.
func (t *Transcript) git(e client.Entry, v client.Git) {
	hash := v.Hash[:min(len(v.Hash), 7)]
	switch v.Action {
	case "commit":
		t.note(e, "", "", "Committed "+hash+": "+v.Subject)
	case "push":
		t.note(e, "", "", "Pushed "+v.Branch+" to "+v.Remote+" ("+hash+").")
	}
}

func (t *Transcript) turnStart(e client.Entry, v client.TurnStart) {
	id := elementID("p", v.Prompt)
	if i := slices.Index(t.queued, id); i >= 0 {
		t.queued = slices.Delete(t.queued, i, i+1)
		t.order = append(t.order, id)
		t.items[id].First = e.N // it stands here now
	}
	if v.Automatic || t.items[id] == nil {
		it := t.put(id, KindPrompt, e)
		it.Automatic, it.Record = v.Automatic, v.Automatic && client.IsLast(v.Prompt)
		if v.Text != "" {
			it.Blocks = []client.Block{{Type: "text", Text: v.Text}}
		}
	}
	t.put(id, KindPrompt, e).Queued = false
	t.turns[v.Prompt] = e.At
	t.status.Busy, t.status.Since, t.status.Stalled = true, e.At, false
	t.status.Queued = len(t.queued)
	t.progress()
}

// record is the item of the turn that tells a run at its end.
func (t *Transcript) record(e client.Entry, turn string) *Item {
	it := t.put(elementID("p", turn), KindPrompt, e)
	it.Automatic, it.Record = true, true
	return it
}

func (t *Transcript) turnEnd(e client.Entry, v client.TurnEnd) {
	t.settle(e)
	var it *Item
	if client.IsLast(v.Prompt) && v.Error == "" {
		it = t.record(e, v.Prompt)
	} else {
		it = t.put(elementID("e", v.Prompt), KindTurnEnd, e)
	}
	it.End = v
	if begin, ok := t.turns[v.Prompt]; ok {
		it.Duration = e.At.Sub(begin)
	}
	delete(t.turns, v.Prompt)
	if len(t.turns) > 0 {
		return
	}
	for id := range t.asked { // whatever was open ended with the turn
		q := t.put(id, KindPermission, e)
		q.Open, q.Pending = false, false
	}
	for id := range t.tools {
		if tool := t.put(id, KindTool, e); tool.Tool.Status == "in_progress" || tool.Tool.Status == "pending" {
			tool.Tool.Status = "cancelled"
		}
	}
	clear(t.asked)
	clear(t.tools)
	t.status = Status{Queued: len(t.queued)}
}

func (t *Transcript) tool(e client.Entry, v client.Tool) {
	id := elementID("t", v.ID)
	it := t.put(id, KindTool, e)
	it.Tool = v
	if v.Status == "completed" || v.Status == "failed" {
		delete(t.tools, id)
	} else {
		look := toolLook(v)
		t.tools[id] = strings.TrimSpace(look.Verb + " " + look.Target)
	}
	t.progress()
}

// agent notes what a reader has to know of the agent's life: that it died and
// that it is back.
func (t *Transcript) agent(e client.Entry, v client.AgentState) {
	switch v.State {
	case "exited", "failed":
		text := "The agent ended."
		if v.Detail != "" {
			text = "The agent ended: " + v.Detail
		}
		t.note(e, "warning", "", text)
	case "resumed":
		t.note(e, "", "", "The agent is back and continues this conversation.")
	}
}

func (t *Transcript) ask(id string, open bool) {
	if open {
		t.asked[id] = true
	} else {
		delete(t.asked, id)
	}
	t.status.Waiting = len(t.asked) > 0
}

// progress recomputes the status line: something has just happened.
func (t *Transcript) progress() {
	t.status.Stalled = false
	t.status.Text = ""
	for _, id := range t.order[max(0, len(t.order)-20):] {
		if line, ok := t.tools[id]; ok {
			t.status.Text = line
		}
	}
}

// merged keeps what is on offer when only the current value is told.
func merged(old, now client.Options) client.Options {
	if len(now.Options) == 0 {
		now.Options = old.Options
	}
	if now.Current == "" {
		now.Current = old.Current
	}
	return now
}

func nameOf(options []client.Option, id string) string {
	for _, o := range options {
		if o.ID == id && o.Name != "" {
			return o.Name
		}
	}
	return id
}

func unixMilli(ms int64) time.Time {
	if ms == 0 {
		return time.Time{}
	}
	return time.UnixMilli(ms).UTC()
}
