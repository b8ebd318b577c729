package chronicle

import (
	"context"
	"encoding/json"
	"slices"
	"strings"
	"sync"

	"volundr/daemon/link"
	"volundr/runtime/broker/wire"
	"volundr/store"
)

// folds are the folds of sessions that say something now.
type folds struct {
	mu sync.Mutex
	of map[string]*fold
}

func (f *folds) get(session string) *fold {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.of[session]
}

func (f *folds) put(session string, v *fold) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.of == nil {
		f.of = map[string]*fold{}
	}
	if f.of[session] = v; v == nil {
		delete(f.of, session)
	}
}

// note keeps in mind what a person did.
func (f *folds) note(e store.Entry) {
	if v := f.get(e.SessionID); v != nil {
		v.mu.Lock()
		defer v.mu.Unlock()
		if v.run == e.Run {
			v.note(e)
		}
	}
}

// Tell says what the timeline tells of journal entries that are about to be
// stored, and takes out of these what must not be stored. Batches of a session
// come one at a time and in order; after a gap, or a batch that was not stored,
// it reads the conversation again.
func (c *Chronicles) Tell(ctx context.Context, b link.Batch) ([]store.TimelineEvent, error) {
	s, err := c.db.SystemSession(ctx, b.Session)
	if err != nil {
		return nil, err
	}
	clean := c.Redact(s.Owner())
	f, err := c.fold(ctx, b, s.Owner())
	if err != nil {
		return nil, err
	}
	prompts, err := c.prompts(ctx, b)
	if err != nil {
		return nil, err
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.local, f.clean, f.asked = b.Local, clean, func(id string) said { return prompts[id] }
	var rows []store.TimelineEvent
	var stored []store.Entry // earlier, and to be mended
	for i := range b.Entries {
		cleaned(&b.Entries[i], clean)
		e := b.Entries[i]
		rows = append(rows, f.add(e)...)
		if e.Type != wire.EntryText && e.Type != wire.EntryThought {
			continue
		}
		for _, m := range f.trail.add(e, clean) {
			if at := slices.IndexFunc(b.Entries, func(e store.Entry) bool { return e.Seq == m.Seq }); at >= 0 {
				b.Entries[at].Data = m.Data
			} else {
				stored = append(stored, m)
			}
		}
	}
	return rows, c.db.AmendJournal(ctx, b.Session, b.Epoch, stored)
}

// cleaned takes secrets out of an entry.
func cleaned(e *store.Entry, clean func(string) string) {
	if text := clean(string(e.Data)); text != string(e.Data) && json.Valid([]byte(text)) {
		e.Data = json.RawMessage(text)
	}
}

// fold gives the session's fold as it stands before a batch.
func (c *Chronicles) fold(ctx context.Context, b link.Batch, of store.Principal) (*fold, error) {
	f := c.folds.get(b.Session)
	if f != nil && f.epoch == b.Epoch && len(b.Entries) > 0 && b.Entries[0].Seq == f.seq+1 {
		return f, nil
	}
	f, err := c.recall(ctx, b, of)
	if err != nil {
		return nil, err
	}
	c.folds.put(b.Session, f)
	return f, nil
}

// recall folds the end of the stored conversation: from the last turn's start, or
// a bounded way back.
func (c *Chronicles) recall(ctx context.Context, b link.Batch, of store.Principal) (*fold, error) {
	f := newFold()
	f.clean, f.asked = c.Redact(of), func(string) said { return said{} }
	const page, pages = 256, 8
	var tail []store.Entry
	for before := int64(1 << 62); len(tail) < page*pages; {
		some, err := c.db.Entries(ctx, of, b.Session, 0, before, page)
		if err != nil {
			return nil, err
		}
		tail = slices.Concat(some, tail)
		if len(some) < page || slices.ContainsFunc(some, func(e store.Entry) bool { return e.Type == wire.EntryTurnStart && e.Source == "journal" }) {
			break
		}
		before = some[0].N
	}
	for _, e := range tail {
		f.add(e)
	}
	f.epoch, f.seq = b.Epoch, 0
	if len(b.Entries) > 0 {
		f.seq = b.Entries[0].Seq - 1
	}
	return f, nil
}

// prompts are what was asked in the turns that a batch speaks of.
func (c *Chronicles) prompts(ctx context.Context, b link.Batch) (map[string]said, error) {
	out := map[string]said{}
	for _, e := range b.Entries {
		var id string
		switch e.Type {
		case wire.EntryTurnStart:
			v, _ := data[wire.TurnStart](e)
			id = v.Prompt
		case wire.EntryCheckpoint:
			v, _ := data[wire.Checkpoint](e)
			id = v.Prompt
		case wire.EntryRewound:
			v, _ := data[wire.Rewound](e)
			id = v.Prompt
		}
		if id == "" {
			continue
		}
		p, err := c.db.Prompt(ctx, b.Session, id)
		if err == nil {
			out[id] = inWords(p.Blocks, p.Via)
		} else if !isNotFound(err) {
			return nil, err
		}
	}
	return out, nil
}

// inWords is the text of a prompt, with its files named and its images counted.
func inWords(raw json.RawMessage, via string) (s said) {
	s.via = via
	var blocks []wire.Block
	if json.Unmarshal(raw, &blocks) != nil {
		return s
	}
	var parts []string
	for _, b := range blocks {
		switch b.Type {
		case "text":
			parts = append(parts, b.Text)
		case "file":
			parts = append(parts, "@"+b.Text)
		case "image":
			s.images++
		}
	}
	s.text = strings.Join(parts, "\n")
	return s
}
