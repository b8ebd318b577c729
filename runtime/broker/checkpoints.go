package broker

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"sync"
	"time"

	"volundr/runtime/broker/checkpoint"
	"volundr/runtime/broker/wire"
)

// checkpoints has one change at a time made to what the agent's home keeps of
// earlier states.
type checkpoints struct {
	mu   sync.Mutex
	warm sync.Mutex
	stop context.CancelFunc // ends the first look at a workspace; nil: none is under way
}

const (
	// The command has a shorter limit of its own and says what it lacked.
	takeWithin    = 10 * time.Second
	readWithin    = time.Minute
	restoreWithin = 10 * time.Minute
)

// takeCheckpoint records the state before a prompt. A checkpoint that could not
// be taken says why; the prompt goes on.
func (b *Broker) takeCheckpoint(ctx context.Context, prompt, session string) wire.Checkpoint {
	began := time.Now()
	b.points.change()
	defer b.points.mu.Unlock()
	a, err := b.checkpoint(ctx, takeWithin, "take", "-prompt", prompt, "-agent", b.config.Agent.Kind, "-session", session)
	switch {
	case errors.Is(err, context.Canceled):
		err = errors.New("the prompt was cancelled")
	case err == nil && a.Checkpoint == nil:
		err = errors.New("nothing was said")
	}
	if err != nil {
		b.log.Warn("Checkpoint was not taken", "error", err)
		return wire.Checkpoint{Prompt: prompt, Took: time.Since(began).Milliseconds(),
			Error: fmt.Sprintf("There is no way back to before this message: %v.", err)}
	}
	return *a.Checkpoint
}

// change ends the first look, if it is under way, and takes the lock.
func (c *checkpoints) change() {
	c.warm.Lock()
	if c.stop != nil {
		c.stop()
	}
	c.warm.Unlock()
	c.mu.Lock()
}

// warmCheckpoints has the workspace looked at once the agent is up, so that the
// first prompt does not wait for it.
func (b *Broker) warmCheckpoints(ctx context.Context) {
	tick := time.NewTicker(500 * time.Millisecond)
	defer tick.Stop()
	for !b.talk.State().Ready {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	b.points.mu.Lock()
	defer b.points.mu.Unlock()
	b.points.warm.Lock()
	b.points.stop = cancel
	b.points.warm.Unlock()
	if _, err := b.checkpoint(ctx, restoreWithin, "warm"); err != nil && ctx.Err() == nil {
		b.log.Warn("The workspace could not be recorded", "error", err)
	}
	b.points.warm.Lock()
	b.points.stop = nil
	b.points.warm.Unlock()
}

// checkpoint runs a command of package checkpoint beside the agent.
func (b *Broker) checkpoint(ctx context.Context, within time.Duration, args ...string) (a checkpoint.Answer, err error) {
	res, err := b.runner.Run(ctx, wire.Command{
		Argv: append([]string{wire.Program, "checkpoint"}, args...), Dir: "/", TimeoutMS: int(within.Milliseconds()), Limit: 4 << 20,
	})
	switch {
	case ctx.Err() != nil:
		return a, ctx.Err()
	case err != nil:
		return a, err
	case res.TimedOut:
		return a, errors.New("it took too long")
	case json.Unmarshal(res.Stdout, &a) != nil:
		return a, fmt.Errorf("it broke off (exit %d): %.300s", res.Exit, res.Stderr)
	case a.Unknown:
		return a, checkpoint.ErrUnknown
	case a.Error != "":
		return a, errors.New(a.Error)
	}
	return a, nil
}

func (b *Broker) serveCheckpoints(w http.ResponseWriter, r *http.Request) {
	a, err := b.checkpoint(r.Context(), readWithin, "list")
	if err != nil {
		finish(w, err, 0)
		return
	}
	answer(w, http.StatusOK, append([]wire.Checkpoint{}, a.List...))
}

func (b *Broker) serveLoss(w http.ResponseWriter, r *http.Request) {
	a, err := b.checkpoint(r.Context(), readWithin, "loss", "--", r.PathValue("id"))
	if err == nil && a.Loss == nil {
		err = errors.New("nothing was said")
	}
	if err != nil {
		finish(w, err, 0)
		return
	}
	answer(w, http.StatusOK, a.Loss)
}

// serveRewind goes back to a checkpoint: files and conversation.
func (b *Broker) serveRewind(w http.ResponseWriter, r *http.Request) {
	session := b.conversation()
	finish(w, b.talk.Rewind(r.Context(), func(ctx context.Context) (string, wire.Rewound, error) {
		b.points.change()
		defer b.points.mu.Unlock()
		a, err := b.checkpoint(ctx, restoreWithin, "restore", "-agent", b.config.Agent.Kind, "-session", session, "--", r.PathValue("id"))
		if err == nil && a.Restored == nil {
			err = errors.New("nothing was said")
		}
		if a.Restored != nil && a.Restored.Undo.ID != "" {
			b.journal.Append("", wire.EntryCheckpoint, a.Restored.Undo)
		}
		if err != nil {
			return "", wire.Rewound{}, fmt.Errorf("going back did not come to its end: %w", err)
		}
		return a.Restored.Resume.Session, a.Restored.Rewound, nil
	}), http.StatusNoContent)
}
