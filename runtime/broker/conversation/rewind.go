package conversation

import (
	"context"
	"sync"

	"volundr/runtime/broker/wire"
)

// look has the state before the first prompt of the queue recorded; then its
// turn begins.
func (c *Conversation) look(ctx context.Context, wg *sync.WaitGroup, prompt string) {
	within, cancel := context.WithCancel(ctx)
	c.looking = func() {
		if q := c.queued(prompt); q != nil {
			q.cancelled = true
		}
		cancel()
	}
	session := c.agent.session.ID
	wg.Go(func() {
		defer cancel()
		found := c.o.Before(within, prompt, session)
		c.post(func() {
			c.looking = nil
			if q := c.queued(prompt); q != nil {
				q.looked = true
			}
			c.o.Journal.Append("", wire.EntryCheckpoint, found)
		})
	})
}

// queued finds a prompt that waits.
func (c *Conversation) queued(prompt string) *queued {
	for i := range c.queue {
		if c.queue[i].prompt.ID == prompt {
			return &c.queue[i]
		}
	}
	return nil
}

// Rewind stops the agent, has f put files and conversation back, and starts the
// agent again with the ACP session that f names (empty: a new one). Nothing is
// begun while a turn is under way or waits (ErrBusy).
func (c *Conversation) Rewind(ctx context.Context, f func(context.Context) (session string, r wire.Rewound, err error)) error {
	var refused error
	gone := make(chan struct{})
	err := c.call(ctx, func() {
		switch {
		case c.closing || c.agent == nil:
			refused = ErrNotReady
		case c.turn != nil || c.looking != nil || c.rewinding != nil || len(c.queue) > 0:
			refused = ErrBusy
		default:
			c.mu.Lock()
			c.rewinding = make(chan struct{})
			c.mu.Unlock()
			c.say("Going back to an earlier state")
			c.agent.gone = gone
			c.agent.process.Close()
		}
	})
	if err != nil || refused != nil {
		return firstOf(err, refused)
	}
	var session string
	var done wire.Rewound
	select {
	case <-gone:
		// From here on it is brought to its end, whoever still waits for it.
		session, done, err = f(context.WithoutCancel(ctx))
	case <-c.ended:
		return ErrNotReady
	}
	c.post(func() {
		if err == nil {
			c.o.Journal.Append("", wire.EntryRewound, done)
		}
		c.mu.Lock()
		if err == nil {
			c.wanted = &session
		}
		close(c.rewinding)
		c.rewinding = nil
		c.mu.Unlock()
	})
	return err
}

func firstOf(errs ...error) error {
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}

// mayStart waits while the state is being put back, and says what ACP session
// is wanted, if another than before.
func (c *Conversation) mayStart(ctx context.Context) (wanted *string) {
	c.mu.Lock()
	wait := c.rewinding
	c.mu.Unlock()
	if wait != nil {
		select {
		case <-wait:
		case <-ctx.Done():
		}
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	wanted, c.wanted = c.wanted, nil
	return wanted
}
