// Package conversation drives one agent through its turns: prompts in order,
// each accepted once; every word, tool call and question into the journal;
// cancel, kills and cuts survived.
//
// One goroutine holds all state. What others ask of it, and what the agent
// says, comes to it as functions and events.
package conversation

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"time"

	"volundr/runtime/broker/acp"
	"volundr/runtime/broker/journal"
	"volundr/runtime/broker/meter"
	"volundr/runtime/broker/runner"
	"volundr/runtime/broker/wire"
)

// Errors that the API knows.
var (
	ErrNotOpen  = errors.New("that question is not open any more")
	ErrInvalid  = errors.New("not accepted")
	ErrNotReady = errors.New("the agent is not ready: wait until the session runs")
	ErrBusy     = errors.New("the agent is at work: wait until it has answered, or stop it first")
)

// Options of New.
type Options struct {
	Config  wire.Config
	Journal *journal.Journal
	Log     *slog.Logger
	// Start starts a process beside the agent, as its user.
	Start func(ctx context.Context, argv []string, dir string, env []string) (*runner.Process, error)
	// Ready is closed when the workspace is ready.
	Ready <-chan struct{}
	// Resume names, once the workspace is ready, the ACP session that a
	// conversation without one of its own goes on with; empty: none. With
	// instead its own is not gone on with.
	Resume func() (session string, instead bool)
	// Before records the state before a prompt of a person is given to the agent
	// with that ACP session. It is bounded in time, and returns when ctx ends.
	Before func(ctx context.Context, prompt, session string) wire.Checkpoint
	// Moved counts bytes of model traffic: a sign of life.
	Moved func() int64
	// Spent gives what the agent's models answered since it was asked last; may be
	// nil.
	Spent func() meter.Sum
	// Began and Ended tell of a turn to who watches the workspace; both may be
	// nil. Ended returns when what the turn changed is journalled, or after a
	// short while, or at once when ctx is over.
	Began func(turn string)
	Ended func(ctx context.Context)
	// Where gives the folders in which tool calls of an ACP session ran their
	// commands, by the calls' ids, as far as they are known; nil: the agent tells
	// them itself.
	Where func(ctx context.Context, session string, calls []string) map[string]string
	// Dir is where the agent works; empty: /workspace.
	Dir string
	// StallAfter is how long a turn may be without progress; zero: 120 s.
	StallAfter time.Duration
}

// State is what health wants to know.
type State struct {
	Ready, Failed, Busy, Waiting bool
	Detail                       string
	Session                      string // the agent's ACP session, the last one when none is open
}

const (
	cancelGrace = 5 * time.Second // between asking to cancel and killing
	// A tool that runs is given longer: builds and tests are silent.
	stallWithTool = 5 // times StallAfter
)

// Conversation is made by New and works in Run.
type Conversation struct {
	o       Options
	program acp.Program
	do      chan func()
	ended   chan struct{} // Run returned

	mu    sync.Mutex
	state State

	// The rest belongs to Run's goroutine.
	agent    *agent // nil while none is up
	queue    []queued
	known    map[string]bool // prompt ids that were accepted
	order    int64
	turn     *turn
	asks     map[string]ask
	modes    wire.Options
	models   wire.Options
	commands wire.Options
	closing  bool
	nextAsk  int
	blocks   int
	// looking ends the record that is made before a prompt; nil: none is made.
	looking func()
	// rewinding is closed when the agent may be started again; nil: it may. wanted
	// is the ACP session that it then goes on with.
	rewinding chan struct{}
	wanted    *string
	// lastSession is the one that this run opened; holding counts settings that
	// the next turn has to wait for.
	lastSession string
	holding     int
}

type queued struct {
	prompt wire.Prompt
	order  int64 // its file in the journal; 0: none
	// looked: the state before it was recorded. cancelled: while that was done.
	looked, cancelled bool
}

// New makes a conversation that goes on from what the journal says.
func New(o Options) *Conversation {
	if o.Dir == "" {
		o.Dir = "/workspace"
	}
	if o.StallAfter == 0 {
		o.StallAfter = 2 * time.Minute
	}
	if o.Spent == nil {
		o.Spent = func() meter.Sum { return meter.Sum{} }
	}
	if o.Began == nil {
		o.Began = func(string) {}
	}
	if o.Ended == nil {
		o.Ended = func(context.Context) {}
	}
	return &Conversation{o: o, do: make(chan func()), ended: make(chan struct{}), known: map[string]bool{}, asks: map[string]ask{}}
}

// Run works until ctx ends.
func (c *Conversation) Run(ctx context.Context) {
	var err error
	if c.program, err = acp.For(c.o.Config.Agent); err != nil {
		c.fail(err.Error())
	}
	c.recall()
	var wg sync.WaitGroup
	defer wg.Wait()
	defer close(c.ended) // those who wait to be heard give up
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	if err == nil {
		wg.Go(func() { c.keep(ctx) })
	}
	look := time.NewTicker(c.o.StallAfter / 24)
	defer look.Stop()
	for {
		var more <-chan struct{}
		if c.agent != nil {
			more = c.agent.conn.More()
		}
		changed := c.o.Journal.Changed()
		select {
		case <-ctx.Done():
			return
		case f := <-c.do:
			f()
		case <-more:
			c.hear()
		case <-changed:
			c.checkDisk()
		case <-look.C:
			c.checkStall()
			c.beside()
		}
		c.next(ctx, &wg)
		c.publish()
	}
}

// call runs f on Run's goroutine and waits for it.
func (c *Conversation) call(ctx context.Context, f func()) error {
	done := make(chan struct{})
	select {
	case c.do <- func() { f(); close(done) }:
		<-done
		return nil
	case <-c.ended:
		return ErrNotReady
	case <-ctx.Done():
		return ctx.Err()
	}
}

// post runs f on Run's goroutine, or never when that has ended.
func (c *Conversation) post(f func()) {
	select {
	case c.do <- f:
	case <-c.ended:
	}
}

// recall closes what an earlier run left open and takes up its queue.
func (c *Conversation) recall() {
	h := c.o.Journal.History()
	c.known = h.Prompts
	c.modes.Current, c.models.Current = h.Mode, h.Model
	for _, id := range h.Asked {
		c.o.Journal.Append(h.Open, wire.EntryPermissionDone, wire.PermissionDone{ID: id})
	}
	if h.Open != "" {
		for _, t := range h.Tools {
			t.Status, t.EndedAt = "failed", time.Now().UnixMilli()
			c.o.Journal.Append(h.Open, wire.EntryTool, t)
		}
		c.o.Journal.Append(h.Open, wire.EntryTurnEnd, wire.TurnEnd{Prompt: h.Open, StopReason: "error",
			Error: "The session was stopped in the middle of this turn. Send a message to go on."})
	}
	prompts, orders, err := c.o.Journal.Waiting()
	if err != nil {
		c.o.Log.Error("Queued prompts could not be read", "error", err)
	}
	for i, p := range prompts {
		if p.Automatic { // about an end that is past
			c.o.Journal.Started(orders[i])
			continue
		}
		c.known[p.ID] = true
		c.queue = append(c.queue, queued{prompt: p, order: orders[i]})
		c.order = orders[i]
	}
}

// Prompt accepts a prompt, once by its id; fresh is false when it was known.
// It returns when the prompt is safe on the disk.
func (c *Conversation) Prompt(ctx context.Context, p wire.Prompt) (fresh bool, err error) {
	if err := check(p); err != nil {
		return false, err
	}
	cerr := c.call(ctx, func() {
		switch {
		case c.known[p.ID]:
		case c.closing:
			err = fmt.Errorf("%w: the session is being stopped", ErrNotReady)
		case !c.o.Journal.Room():
			err = journal.ErrFull
		default:
			c.order++
			if err = c.o.Journal.Accept(p, c.order); err != nil {
				err = fmt.Errorf("%w: %w", journal.ErrFull, err)
				return
			}
			c.known[p.ID], fresh = true, true
			q := queued{prompt: p, order: c.order}
			if p.Automatic { // it belongs to what is under way
				c.queue = slices.Insert(c.queue, 0, q)
			} else {
				c.queue = append(c.queue, q)
			}
		}
	})
	return fresh, errors.Join(cerr, err)
}

func check(p wire.Prompt) error {
	if p.ID == "" || len(p.ID) > 100 || len(p.Blocks) == 0 {
		return fmt.Errorf("%w: a prompt has an id and at least one block", ErrInvalid)
	}
	for _, b := range p.Blocks {
		if b.Type != "text" && b.Type != "image" && b.Type != "file" {
			return fmt.Errorf("%w: there is no block of type %q", ErrInvalid, b.Type)
		}
		if b.Type == "image" && (b.Data == "" || b.MIME == "") {
			return fmt.Errorf("%w: an image has data and a MIME type", ErrInvalid)
		}
	}
	return nil
}

// State is safe from any goroutine.
func (c *Conversation) State() State {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.state
}

// Session names the ACP session that is open or was last; it may be empty.
func (c *Conversation) Session() string {
	if id := c.State().Session; id != "" {
		return id
	}
	return c.o.Journal.History().Session
}

func (c *Conversation) publish() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.state.Ready = c.agent != nil && c.agent.session.ID != ""
	c.state.Session = c.lastSession
	c.state.Busy = c.turn != nil || c.looking != nil || c.rewinding != nil
	c.state.Waiting = len(c.asks) > 0
}

func (c *Conversation) say(detail string) {
	c.mu.Lock()
	c.state.Detail = detail
	c.mu.Unlock()
}

func (c *Conversation) fail(detail string) {
	c.mu.Lock()
	c.state.Failed, c.state.Detail = true, detail
	c.mu.Unlock()
	c.o.Journal.Append("", wire.EntryAgent, wire.AgentState{State: "failed", Detail: detail})
}

// add writes an entry of the current turn.
func (c *Conversation) add(typ string, data any) {
	id := ""
	if c.turn != nil {
		id = c.turn.id
	}
	c.o.Journal.Append(id, typ, data)
}
