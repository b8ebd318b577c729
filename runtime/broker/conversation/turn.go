package conversation

import (
	"context"
	"errors"
	"sync"
	"time"

	"volundr/runtime/broker/acp"
	"volundr/runtime/broker/wire"
)

// turn is the one under way.
type turn struct {
	id        string
	automatic bool
	cancelled bool
	why       string // of a cancel that was ours
	cut       bool   // an answer of the model was cut in this turn
	cost      float64
	text      text
	tools     map[string]*call
	toolOrder []string
	progress  time.Time
	moved     int64
	stalled   bool
	grace     *time.Timer
	// finish ends the turn as the agent answered; nil while it has not. It waits
	// until what the turn changed is told, and for a cancel that is on its way:
	// one that came late would be of the next turn.
	finish              func()
	settled, cancelling bool
	// where are the calls whose folder is to be looked up; looking: that is done.
	where   []*call
	looking bool
}

const continueText = "The connection to the model was interrupted. Please continue where you left off."

// next starts the next turn when the agent is free.
func (c *Conversation) next(ctx context.Context, wg *sync.WaitGroup) {
	if c.turn != nil || c.agent == nil || c.holding > 0 || c.closing || c.looking != nil || c.rewinding != nil || len(c.queue) == 0 {
		return
	}
	if q := c.queue[0]; c.o.Before != nil && !q.prompt.Automatic && !q.looked {
		c.look(ctx, wg, q.prompt.ID)
		return
	}
	q := c.queue[0]
	c.queue = c.queue[1:]
	p := q.prompt
	c.beside()
	start := wire.TurnStart{Prompt: p.ID, Automatic: p.Automatic}
	if p.Automatic {
		start.Text = p.Blocks[0].Text
	}
	c.turn = &turn{id: p.ID, automatic: p.Automatic, cost: c.agent.cost, tools: map[string]*call{}, progress: time.Now(), moved: c.o.Moved()}
	c.o.Began(p.ID)
	c.add(wire.EntryTurnStart, start)
	if err := c.o.Journal.Sync(ctx); err == nil && q.order > 0 {
		c.o.Journal.Started(q.order)
	}
	if q.cancelled {
		c.endTurn("cancelled", acp.Result{}, "")
		return
	}
	a, blocks := c.agent, p.Blocks
	if !a.info.Images {
		blocks = withoutImages(blocks)
	}
	t := c.turn
	wg.Go(func() {
		res, err := a.conn.Prompt(ctx, a.session.ID, blocks, c.o.Dir)
		c.post(func() { c.answered(a, res, err) })
		c.o.Ended(ctx)
		c.post(func() { t.settled = true; c.finish(t) })
	})
}

func withoutImages(in []wire.Block) []wire.Block {
	var out []wire.Block
	for _, b := range in {
		if b.Type == "image" {
			b = wire.Block{Type: "text", Text: "(An image was sent here, which this agent cannot see.)"}
		}
		out = append(out, b)
	}
	return out
}

// answered is the end of the agent's prompt. The turn ends a moment later, when
// what it changed is told.
func (c *Conversation) answered(a *agent, res acp.Result, err error) {
	if c.agent != a || c.turn == nil || errors.Is(err, acp.ErrClosed) {
		return // down ends the turn, and knows how the process ended
	}
	c.hear()
	reason, message := res.StopReason, ""
	switch {
	case c.turn.cancelled && c.turn.why != "":
		reason, message = "error", c.turn.why
	case c.turn.cancelled:
		reason = "cancelled"
	case err != nil:
		reason, message = "error", err.Error()
	}
	if c.turn.grace != nil && !c.turn.cancelling {
		c.turn.grace.Stop()
	}
	c.turn.finish = func() { c.endTurn(reason, res, message) }
}

// finish ends a turn that is answered, when nothing of it is under way any more.
func (c *Conversation) finish(t *turn) {
	if t != nil && c.turn == t && t.finish != nil && t.settled && !t.cancelling && !t.looking {
		c.hear()
		t.finish()
	}
}

// endTurn writes the end of the turn and, when a cut caused it, asks the agent
// once to continue.
func (c *Conversation) endTurn(reason string, res acp.Result, message string) {
	t := c.turn
	if t.grace != nil {
		t.grace.Stop()
	}
	if t.finish == nil {
		over, cancel := context.WithCancel(context.Background())
		cancel()
		c.o.Ended(over)
	}
	c.dropAsks()
	c.closeTools()
	sum := c.o.Spent()
	if sum.Refused != "" && reason == "end_turn" { // some agents pass it off as an answer
		reason, message = "error", sum.Refused
	}
	end := wire.TurnEnd{
		Prompt: t.id, StopReason: reason, Error: message, Model: c.models.Current,
		Input: res.Input, Output: res.Output, CacheRead: res.CacheRead, CacheWrite: res.CacheWrite,
	}
	metered(&end, sum)
	if a := c.agent; a != nil && a.cost > 0 {
		end.CostUSD = a.cost
		if c.program.CostSumsUp {
			end.CostUSD = max(0, a.cost-t.cost)
		}
	}
	c.add(wire.EntryTurnEnd, end)
	c.turn = nil
	c.say("")
	if reason == "error" && t.cut && !t.automatic && !t.cancelled {
		p := wire.Prompt{ID: "auto-" + t.id, Automatic: true, Blocks: []wire.Block{{Type: "text", Text: continueText}}}
		if !c.known[p.ID] {
			c.known[p.ID] = true
			c.queue = append([]queued{{prompt: p}}, c.queue...)
		}
	}
}

// Cut notes that the answer to a request of the agent was cut in the middle.
func (c *Conversation) Cut(path string) {
	go c.post(func() {
		c.o.Log.Warn("An answer was cut in the middle", "path", path)
		if c.turn != nil {
			c.hear()
			c.turn.cut = true
			c.turn.text.cut()
		}
	})
}

// Cancel ends the turn under way: the agent is asked to, and after a grace
// killed and resumed. Without a turn it does nothing.
func (c *Conversation) Cancel(ctx context.Context) error {
	return c.call(ctx, func() { c.cancel("") })
}

// cancel with a reason makes the turn end in that error.
func (c *Conversation) cancel(why string) {
	t, a := c.turn, c.agent
	if c.looking != nil {
		c.looking()
	}
	if t == nil || t.cancelled || t.finish != nil { // none, or one that is over
		return
	}
	t.cancelled, t.why = true, why
	c.dropAsks()
	if a == nil {
		return
	}
	conn, id := a.conn, a.session.ID
	t.cancelling = true
	go func() {
		conn.Cancel(context.Background(), id) // returns when the process is killed, at the latest
		c.post(func() { t.cancelling = false; c.finish(t) })
	}()
	t.grace = time.AfterFunc(cancelGrace, func() {
		c.post(func() {
			if c.turn == t && c.agent == a && (t.finish == nil || t.cancelling) {
				c.o.Log.Warn("Agent did not cancel and is killed")
				a.killed = why == ""
				a.process.Close()
			}
		})
	})
}

// End ends the run: the turn is cancelled, nothing new is begun, and what was
// said is on the disk.
func (c *Conversation) End(ctx context.Context) error {
	if err := c.call(ctx, func() { c.closing = true; c.cancel("") }); err != nil {
		return err
	}
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for c.State().Busy {
		select {
		case <-tick.C:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	if err := c.call(ctx, c.beside); err != nil {
		return err
	}
	return c.o.Journal.Sync(ctx)
}

// checkDisk stops the turn when the journal's disk is full.
func (c *Conversation) checkDisk() {
	if c.turn == nil || c.turn.cancelled || (c.o.Journal.Err() == nil && !c.o.Journal.Low()) {
		return
	}
	const full = "The disk of this session's journal is full, so the turn was stopped: nothing may happen that is not written down. Free space on the host, then send a message to go on."
	c.add(wire.EntryError, wire.Note{Source: "disk", Message: full})
	c.cancel(full)
}

// checkStall makes a turn without progress visible.
func (c *Conversation) checkStall() {
	t := c.turn
	if t == nil || len(c.asks) > 0 {
		return
	}
	if moved := c.o.Moved(); moved != t.moved {
		t.moved = moved
		c.touch()
		return
	}
	limit, what := c.o.StallAfter, "The agent has made no progress for %s."+wire.StallAdvice
	if t.toolsRunning() {
		limit, what = stallWithTool*c.o.StallAfter, "A tool has been running for %s without a word."+wire.StallAdvice
	}
	if !t.stalled && time.Since(t.progress) >= limit {
		t.stalled = true
		message := sprintDuration(what, limit)
		c.add(wire.EntryStalled, wire.Note{Source: "agent", Message: message})
		c.say(message)
	}
}

// touch notes progress.
func (c *Conversation) touch() {
	if c.turn == nil {
		return
	}
	c.turn.progress = time.Now()
	if c.turn.stalled {
		c.turn.stalled = false
		c.say("")
	}
}
