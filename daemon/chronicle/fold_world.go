package chronicle

import (
	"fmt"
	"strings"
	"time"

	"volundr/runtime/broker/wire"
	"volundr/store"
)

// key names a row after its entry.
func (f *fold) key(e store.Entry) string { return fmt.Sprintf("j:%s:%d", f.epoch, e.Seq) }

func millis(n int64) time.Duration { return time.Duration(n) * time.Millisecond }

func (f *fold) files(e store.Entry) []store.TimelineEvent {
	v, ok := data[wire.Files](e)
	if !ok {
		return nil
	}
	rows := make([]store.TimelineEvent, 0, len(v.Changes)+1)
	for i, c := range v.Changes {
		d := Data{Action: c.Action, From: plain(c.From, 1000), Ins: of(c.Ins), Del: of(c.Del), Binary: c.Binary}
		if c.Action == "renamed" { // the contract has no word for it
			d.Action = "modified"
		}
		rows = append(rows, row(e.Run, fmt.Sprintf("%s:%d", f.key(e), i), e.At, TypeFile, plain(c.Path, 1000), "", d))
	}
	if v.More > 0 {
		rows = append(rows, row(e.Run, f.key(e), e.At, TypeFile, fmt.Sprintf("%d more files", v.More), "",
			Data{Kind: KindMore, More: v.More}))
	}
	return rows
}

func (f *fold) git(e store.Entry) []store.TimelineEvent {
	v, ok := data[wire.Git](e)
	if !ok {
		return nil
	}
	d := Data{Git: v.Action, Branch: v.Branch, From: v.From, Repo: v.Repo, Remote: v.Remote, Author: v.Author}
	subject, short := f.clean(v.Subject), v.Hash[:min(len(v.Hash), 7)]
	var head string
	switch v.Action {
	case "commit", "merge":
		d.Hash, d.Files = v.Hash, v.Files // only these count as commits
		d.Ins, d.Del = of(v.Ins), of(v.Del)
		head = subject
	case "branch":
		head = fmt.Sprintf("Branch %s made from %s", v.Branch, or(v.From, short))
	case "checkout":
		head = "Checked out " + or(v.Branch, short)
	case "push":
		head = fmt.Sprintf("Pushed %s to %s", or(v.Branch, short), or(v.Remote, "its remote"))
		if d.Pushed = v.Commits; d.Pushed != nil {
			head += ", " + plural(*d.Pushed, "commit")
		}
	case "rebase":
		head = "Rebased " + or(v.Branch, short)
	case "reset":
		head = fmt.Sprintf("Reset %s to %s", or(v.Branch, "the branch"), short)
	default:
		head = v.Action
	}
	if d.Hash == "" {
		d.Commit = v.Hash
	}
	if head = label(head); head == "" {
		head = v.Action
	}
	return []store.TimelineEvent{row(e.Run, f.key(e), e.At, TypeGit, head, strings.Join(append([]string{subject}, d.Files...), "\n"), d)}
}

func (f *fold) command(e store.Entry) []store.TimelineEvent {
	v, ok := data[wire.ShellCommand](e)
	if !ok {
		return nil
	}
	text := bounded(f.clean(v.Command), maxCommand)
	d := Data{Who: Person, Exit: of(v.Exit), Dir: v.Dir, Shell: v.Shell, Where: v.Where, DurationMS: max(0, v.EndedAt-v.StartedAt)}
	return []store.TimelineEvent{row(e.Run, f.key(e), began(e, v), TypeTerminal, or(label(text), "A command"), text, d)}
}

// How long after its end a command may be heard of, and how long one may last.
const (
	maxHeard = time.Minute
	maxLasts = 30 * 24 * time.Hour
)

// began is when a command began: as its shell says, for many are heard of at
// once, unless that cannot be.
func began(e store.Entry, v wire.ShellCommand) time.Time {
	start, end := time.UnixMilli(v.StartedAt).UTC(), time.UnixMilli(v.EndedAt).UTC()
	if start.After(end) || end.After(e.At) || e.At.Sub(end) > maxHeard || end.Sub(start) > maxLasts {
		return e.At.Add(-min(millis(max(0, v.EndedAt-v.StartedAt)), maxLasts))
	}
	return start
}

// checkpoint is noted with the prompt that it was taken before.
func (f *fold) checkpoint(e store.Entry) []store.TimelineEvent {
	v, ok := data[wire.Checkpoint](e)
	switch {
	case !ok:
		return nil
	case v.ID == "":
		return f.say(e, TypeError, "No checkpoint: "+v.Error, Data{Source: "checkpoint"})
	}
	if len(f.marks) > 64 {
		clear(f.marks)
	}
	f.marks[v.Prompt] = v.ID
	if t := f.turn; t != nil && t.id == v.Prompt && !t.automatic {
		at := e
		at.At = t.began
		return []store.TimelineEvent{f.prompt(at, wire.TurnStart{Prompt: t.id})}
	}
	return nil
}

func (f *fold) rewound(e store.Entry) []store.TimelineEvent {
	v, ok := data[wire.Rewound](e)
	if !ok {
		return nil
	}
	head := "Back to the state before: " + or(label(f.clean(f.asked(v.Prompt).text)), "an earlier prompt")
	return []store.TimelineEvent{row(e.Run, f.key(e), e.At, TypeSession, plain(head, maxLabel), "",
		Data{Kind: KindRewound, Who: Person, Checkpoint: v.Checkpoint, Turn: v.Prompt})}
}

func (f *fold) agent(e store.Entry) []store.TimelineEvent {
	v, ok := data[wire.AgentState](e)
	if !ok {
		return nil
	}
	name := or(v.Agent, "The agent")
	switch v.State {
	case "ready":
		return f.say(e, TypeSession, name+" is ready", Data{Kind: KindAgent})
	case "resumed":
		return f.say(e, TypeSession, name+" goes on with its conversation", Data{Kind: KindAgent})
	case "exited":
		if v.Exit == wire.ExitUnknown {
			return f.say(e, TypeError, strings.TrimSpace(name+" ended. "+v.Detail), Data{Source: "agent"})
		}
		return f.say(e, TypeError, strings.TrimSpace(fmt.Sprintf("%s ended (exit code %d) %s", name, v.Exit, v.Detail)), Data{Source: "agent", Exit: of(v.Exit)})
	case "failed":
		return f.say(e, TypeError, strings.TrimSpace("The agent cannot work. "+v.Detail), Data{Source: "agent"})
	}
	return nil
}

func (f *fold) stalled(e store.Entry) []store.TimelineEvent {
	v, _ := data[wire.Note](e)
	return f.say(e, TypeError, strings.TrimSuffix(v.Message, wire.StallAdvice), Data{Kind: KindStalled, Source: v.Source, Turn: e.Turn})
}

func (f *fold) failed(e store.Entry) []store.TimelineEvent {
	v, _ := data[wire.Note](e)
	return f.say(e, TypeError, v.Message, Data{Source: v.Source, Turn: e.Turn})
}

func (f *fold) noted(e store.Entry) []store.TimelineEvent {
	v, _ := data[wire.Note](e)
	return f.say(e, TypeSession, v.Message, Data{Kind: KindNote, Source: v.Source})
}

// say is a row of a sentence.
func (f *fold) say(e store.Entry, typ, text string, d Data) []store.TimelineEvent {
	text = f.clean(text)
	head := label(text)
	if head == "" {
		return nil
	}
	return []store.TimelineEvent{row(e.Run, f.key(e), e.At, typ, head, bounded(text, maxCommand), d)}
}

func or(text, instead string) string {
	if text == "" {
		return instead
	}
	return text
}
