package chronicle

import (
	"strings"
	"time"

	"volundr/daemon/link"
	"volundr/runtime/broker/wire"
	"volundr/store"
)

func (f *fold) turnStart(e store.Entry) []store.TimelineEvent {
	v, ok := data[wire.TurnStart](e)
	if !ok {
		return nil
	}
	f.turn = &turn{id: v.Prompt, run: e.Run, began: e.At, automatic: v.Automatic, tools: map[string]string{}, denied: map[string]bool{}}
	if v.Automatic && isLast(v.Prompt) {
		return nil // one row tells of it, when it has ended
	}
	return []store.TimelineEvent{f.prompt(e, v)}
}

// prompt is the row of what was asked, at the moment when the agent took it up.
func (f *fold) prompt(e store.Entry, v wire.TurnStart) store.TimelineEvent {
	asked, who := said{text: v.Text}, Daemon
	if !v.Automatic {
		asked, who = f.asked(v.Prompt), User
	}
	return promptRow(e.Run, v.Prompt, e.At, asked, Data{Who: who, Automatic: v.Automatic, Checkpoint: f.marks[v.Prompt]}, f.clean)
}

// promptRow is the row of a prompt.
func promptRow(run int, id string, at time.Time, asked said, d Data, clean func(string) string) store.TimelineEvent {
	text := clean(asked.text)
	d.Kind, d.Turn, d.Images, d.Via = KindPrompt, id, asked.images, asked.via
	head := label(text)
	if head == "" {
		head = "An image"
	}
	return row(run, "prompt:"+id, at, TypeMessage, head, bounded(text, maxText), d)
}

func (f *fold) said(e store.Entry) []store.TimelineEvent {
	if v, ok := data[wire.Text](e); ok && f.turn != nil {
		f.turn.text.add(v)
	}
	return nil
}

func (f *fold) turnEnd(e store.Entry) []store.TimelineEvent {
	v, ok := data[wire.TurnEnd](e)
	if !ok {
		return nil
	}
	t := f.turn
	if t == nil || t.id != v.Prompt {
		t = &turn{id: v.Prompt}
	}
	f.turn = nil
	d := spent(link.UsageOf("", e, v, f.local))
	d.Kind, d.Who, d.Turn, d.Automatic, d.Model, d.StopReason = KindTurn, Assistant, v.Prompt, t.automatic, v.Model, v.StopReason
	if t.run == e.Run { // else it was cut by the end of its run
		d.DurationMS = max(0, e.At.Sub(t.began).Milliseconds())
	}
	if isLast(v.Prompt) && (t.automatic || t.run == 0) {
		d.Who, d.Automatic = Daemon, true
		return append([]store.TimelineEvent{row(e.Run, store.KeyTurn+v.Prompt, e.At, TypeMessage, askedLast, "", d)}, f.wrong(e, v)...)
	}
	text := f.clean(t.text.whole())
	head := label(f.clean(t.text.last()))
	if head == "" {
		head = map[string]string{"end_turn": "Done, without a word", "cancelled": "(no words yet)", "error": "The turn ended in an error",
			"refusal": "The agent refused", "max_tokens": "The answer was cut: too long"}[v.StopReason]
	}
	if head == "" {
		head = "The turn ended: " + plain(strings.ReplaceAll(v.StopReason, "_", " "), maxLabel)
	}
	return append([]store.TimelineEvent{row(e.Run, store.KeyTurn+v.Prompt, e.At, TypeMessage, head, bounded(text, maxText), d)}, f.wrong(e, v)...)
}

// beside is the row of what was used while no turn was under way.
func (f *fold) beside(e store.Entry) []store.TimelineEvent {
	v, ok := data[[]wire.Spent](e)
	if !ok {
		return nil
	}
	used := link.BesideOf("", e, v, f.local)
	d := spent(used)
	d.Kind, d.Who, d.Model = KindBeside, Agent, used[0].Model
	return f.say(e, TypeMessage, "Asked the model beside the turns, as for a title", d)
}

// spent is what was used, as a row has it.
func spent(used []store.Usage) Data {
	u := link.Total(used)
	return Data{Tokens: of(u.Input + u.Output + u.CacheWrite), Input: u.Input, Output: u.Output, CacheRead: u.CacheRead, CacheWrite: u.CacheWrite,
		CostMicros: u.CostMicros}
}

// wrong is the row of the error that a turn ended in, if it did.
func (f *fold) wrong(e store.Entry, v wire.TurnEnd) []store.TimelineEvent {
	if v.Error == "" {
		return nil
	}
	text, raw := f.clean(v.Error), f.clean(v.Detail)
	d := Data{Turn: v.Prompt, Source: "agent", Detail: bounded(raw, maxCommand)}
	if raw != "" {
		text += "\n\n" + raw
	}
	return []store.TimelineEvent{row(e.Run, "error:"+v.Prompt, e.At, TypeError, label(text), bounded(text, maxText), d)}
}

// words are what the agent says in a turn, block by block.
type words struct {
	blocks []block
	size   int
}

type block struct {
	id   string
	text strings.Builder
}

// add puts a piece in its place. Of more than is kept anyway nothing is taken.
func (w *words) add(v wire.Text) {
	if v.Replaces != "" {
		for i := range w.blocks {
			if w.blocks[i].id == v.Replaces {
				w.size -= w.blocks[i].text.Len()
				w.blocks[i].text.Reset()
			}
		}
	}
	if w.size > 2*maxText {
		return
	}
	w.size += len(v.Text)
	for i := len(w.blocks) - 1; i >= 0; i-- {
		if w.blocks[i].id == v.Block {
			w.blocks[i].text.WriteString(v.Text)
			return
		}
	}
	w.blocks = append(w.blocks, block{id: v.Block})
	w.blocks[len(w.blocks)-1].text.WriteString(v.Text)
}

func (w *words) whole() string {
	var out []string
	for i := range w.blocks {
		if t := strings.TrimSpace(w.blocks[i].text.String()); t != "" {
			out = append(out, t)
		}
	}
	return strings.Join(out, "\n\n")
}

// last is what was said last.
func (w *words) last() string {
	for i := len(w.blocks) - 1; i >= 0; i-- {
		if t := strings.TrimSpace(w.blocks[i].text.String()); t != "" {
			return t
		}
	}
	return ""
}
