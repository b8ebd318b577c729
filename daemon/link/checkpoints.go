package link

import (
	"context"
	"net/url"
	"slices"
	"time"

	"volundr/runtime/broker/wire"
)

const (
	maxCheckpoints = 10_000
	lossTimeout    = time.Minute
	rewindTimeout  = 5 * time.Minute
)

// Checkpoints gives what the session can go back to, oldest first.
func (l *Links) Checkpoints(ctx context.Context, id string) (list []wire.Checkpoint, err error) {
	_, c, err := l.inside(ctx, id)
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	if err := c.exchange(ctx, wire.PathCheckpoints, nil, nil, 8<<20, decode(&list)); err != nil {
		return nil, err
	}
	list = slices.DeleteFunc(list, func(p wire.Checkpoint) bool { return !goodID(p.ID) || p.Prompt != "" && !goodID(p.Prompt) })
	for i := range list {
		list[i].Error = plain(list[i].Error, maxName)
	}
	return list[max(0, len(list)-maxCheckpoints):], nil
}

// Loss tells what going back to a checkpoint would change in the workspace.
func (l *Links) Loss(ctx context.Context, id, checkpoint string) (f wire.Files, err error) {
	_, c, err := l.inside(ctx, id)
	if err != nil {
		return f, err
	}
	ctx, cancel := context.WithTimeout(ctx, lossTimeout)
	defer cancel()
	if err := c.exchange(ctx, wire.PathLoss, []string{url.PathEscape(checkpoint)}, nil, 8<<20, decode(&f)); err != nil {
		return f, err
	}
	f.Changes = f.Changes[:min(len(f.Changes), 1000)]
	for i := range f.Changes {
		ch := &f.Changes[i]
		ch.Path, ch.From = plain(ch.Path, 4096), plain(ch.From, 4096)
		oneOf(&ch.Action, "modified", "created", "deleted", "renamed")
		ch.Ins, ch.Del = max(0, ch.Ins), max(0, ch.Del)
	}
	f.More = max(0, f.More)
	return f, nil
}

// Rewind takes files and conversation back to a checkpoint. store.ErrConflict
// while a turn is under way.
func (l *Links) Rewind(ctx context.Context, id, checkpoint string) error {
	_, c, err := l.inside(ctx, id)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, rewindTimeout)
	defer cancel()
	return c.exchange(ctx, wire.PathRewind, []string{url.PathEscape(checkpoint)}, nil, maxAnswer, decode(nil))
}
