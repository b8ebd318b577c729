package api

import (
	"context"
	"encoding/json"

	"volundr/runtime/broker/wire"
	"volundr/store"
	"volundr/ui/client"
)

// firstPage is how many entries a client without any begins with.
const firstPage = 500

// entriesSpeaker tells entries as they are, from where the client's hello says.
type entriesSpeaker struct {
	*socket
	caught bool
	first  int64 // older entries exist before this number; 0: none
}

// greet waits for hello.
func (sp *entriesSpeaker) greet(ctx context.Context) error {
	_, b, err := sp.ws.Read(ctx)
	if err != nil {
		return err
	}
	var f client.ChatSend
	if json.Unmarshal(b, &f) != nil || f.Type != client.FrameHello {
		return sp.complain(ctx, fail(400, "The first frame of a chat is hello."))
	}
	sp.after = f.After
	if f.After > 0 {
		return nil
	}
	if sp.after, err = sp.tail(ctx, firstPage); err != nil || sp.after == 0 {
		return err
	}
	sp.first = sp.after + 1
	stands, err := sp.s.DB.Standing(ctx, sp.p, sp.row.ID, sp.after+1)
	if err != nil {
		return err
	}
	return sp.tell(ctx, stands)
}

// tail gives the cursor after which the last n entries lie; 0: there are no
// more than n.
func (k *socket) tail(ctx context.Context, n int) (int64, error) {
	last, err := k.s.DB.Entries(ctx, k.p, k.row.ID, 0, latest, n+1)
	if err != nil || len(last) <= n {
		return 0, err
	}
	return last[0].N, nil
}

func (sp *entriesSpeaker) tell(ctx context.Context, entries []store.Entry) error {
	for _, e := range entries {
		if err := sp.write(ctx, client.ChatFrame{Type: client.FrameEntry, Entry: entryView(e)}); err != nil {
			return err
		}
	}
	return nil
}

func (sp *entriesSpeaker) settled(ctx context.Context) error {
	if sp.caught {
		return nil
	}
	sp.caught = true
	return sp.write(ctx, client.ChatFrame{Type: client.FrameCaughtUp, Entry: client.Entry{N: sp.after}, First: sp.first})
}

func (sp *entriesSpeaker) state(ctx context.Context, row store.Session) error {
	v := sp.s.view(sp.c, row)
	return sp.write(ctx, client.ChatFrame{Type: client.FrameState, Session: &v})
}

func (sp *entriesSpeaker) hear(ctx context.Context, frame []byte) error {
	return sp.command(ctx, frame)
}

// command does what a frame of our own protocols asks for.
func (k *socket) command(ctx context.Context, frame []byte) error {
	var f client.ChatSend
	if err := json.Unmarshal(frame, &f); err != nil {
		return k.complain(ctx, fail(400, "The frame is not JSON."))
	}
	var err error
	switch f.Type {
	case client.FramePrompt:
		if len(f.Blocks) == 0 {
			return nil
		}
		_, err = k.s.prompt(ctx, k.p, k.row, store.Prompt{ID: f.ID, Via: via(k.c)}, blocksOf(f.Blocks))
	case client.FrameCancel:
		err = k.s.Links.Cancel(ctx, k.row.ID)
	case client.FrameAnswer:
		err = k.s.Links.Answer(ctx, k.p, k.row.ID, f.ID, f.Option)
	case client.FrameMode:
		err = k.s.Links.SetMode(ctx, k.row.ID, f.ID)
	case client.FrameModel:
		err = k.s.Links.SetModel(ctx, k.row.ID, f.ID)
	case client.FrameHello:
	default:
		err = fail(400, "Frames of type %q are not known.", f.Type)
	}
	if err != nil {
		return k.complainOf(ctx, f.ID, err)
	}
	return nil
}

func blocksOf(given []client.Block) []wire.Block {
	out := make([]wire.Block, len(given))
	for i, b := range given {
		out[i] = wire.Block(b)
	}
	return out
}
