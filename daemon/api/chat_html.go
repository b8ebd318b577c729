package api

import (
	"context"
	"encoding/json"
	"time"

	"volundr/store"
	"volundr/ui"
	"volundr/ui/client"
)

// paint is the least time between two renderings of what streams.
const paint = 50 * time.Millisecond

// htmlSpeaker renders: one renderer makes the first page and what changes in it.
type htmlSpeaker struct {
	*socket
	transcript *ui.Transcript
	dirty      map[string]bool
	order      []string
	painted    time.Time
}

func newHTMLSpeaker(k *socket) (*htmlSpeaker, error) {
	t, err := k.s.transcript(k.c, k.row)
	return &htmlSpeaker{socket: k, transcript: t, dirty: map[string]bool{}}, err
}

// greet waits for hello, and brings the page from there to now. It is made of
// the same entries as the page was, so that its items are whole.
func (sp *htmlSpeaker) greet(ctx context.Context) error {
	_, b, err := sp.ws.Read(ctx)
	if err != nil {
		return err
	}
	var f client.ChatSend
	if json.Unmarshal(b, &f) != nil || f.Type != client.FrameHello {
		return sp.complain(ctx, fail(400, "The first frame of a chat is hello."))
	}
	part, err := sp.s.stretch(sp.c, sp.row.ID, latest)
	if err != nil {
		return err
	}
	if part.older && f.After < part.entries[0].N {
		return sp.write(ctx, client.ChatFrame{Type: client.FrameReload})
	}
	part.page(sp.transcript)
	if n := len(part.entries); n > 0 {
		sp.after = part.entries[n-1].N
	}
	for _, it := range sp.transcript.After(f.After) {
		if err := sp.item(ctx, it); err != nil {
			return err
		}
	}
	return sp.write(ctx, client.ChatFrame{Type: client.FrameCaughtUp, Entry: client.Entry{N: sp.after}})
}

func (sp *htmlSpeaker) tell(_ context.Context, entries []store.Entry) error {
	for _, e := range entries {
		for _, id := range sp.transcript.Apply(entryView(e)) {
			if !sp.dirty[id] {
				sp.dirty[id] = true
				sp.order = append(sp.order, id)
			}
		}
	}
	return nil
}

// settled sends what changed, not more often than eyes can follow.
func (sp *htmlSpeaker) settled(ctx context.Context) error {
	if len(sp.order) == 0 {
		return nil
	}
	if wait := paint - time.Since(sp.painted); wait > 0 {
		select {
		case <-time.After(wait):
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	for _, id := range sp.order {
		if it, ok := sp.transcript.Item(id); ok {
			if err := sp.item(ctx, it); err != nil {
				return err
			}
		}
	}
	sp.order, sp.painted = sp.order[:0], time.Now()
	clear(sp.dirty)
	return nil
}

func (sp *htmlSpeaker) item(ctx context.Context, it ui.Item) error {
	id, html, err := ui.RenderItem(ctx, it)
	if err != nil {
		return err
	}
	return sp.write(ctx, client.ChatFrame{Type: client.FrameItem, ID: id, HTML: html, Entry: client.Entry{N: it.Last}})
}

func (sp *htmlSpeaker) state(context.Context, store.Session) error { return nil } // by the event stream

func (sp *htmlSpeaker) hear(ctx context.Context, frame []byte) error { return sp.command(ctx, frame) }
