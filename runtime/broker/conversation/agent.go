package conversation

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"volundr/runtime/broker/acp"
	"volundr/runtime/broker/runner"
	"volundr/runtime/broker/wire"
)

// agent is one life of the agent's process.
type agent struct {
	process *runner.Process
	conn    *acp.Conn
	info    acp.Info
	session acp.Session
	cost    float64       // last told
	killed  bool          // by us, after a cancel
	resumed bool          // the session is one from before
	gone    chan struct{} // closed when it is down, where somebody waits for that
}

const (
	firstPause   = 200 * time.Millisecond
	longestPause = 15 * time.Second
	openTimeout  = 90 * time.Second
	// So many lives without a session, one after the other, and the agent is
	// taken for broken.
	lives = 5
)

// keep has an agent running until ctx ends: started, its session opened, and
// started again when it ends.
func (c *Conversation) keep(ctx context.Context) {
	pause, dead := firstPause, 0
	session, first := c.o.Journal.History().Session, true
	for ctx.Err() == nil {
		if wanted := c.mayStart(ctx); wanted != nil {
			session, first = *wanted, false
		}
		c.say("Starting the agent")
		a, detail, err := c.live(ctx, session, first)
		if ctx.Err() != nil {
			return
		}
		switch {
		case a != nil:
			pause, dead = firstPause, 0
			session, first = a.session.ID, false
		case errors.Is(err, errRunner):
			time.Sleep(20 * time.Millisecond)
			continue
		default:
			if dead++; dead >= lives {
				c.call(ctx, func() { c.fail("The agent does not start: " + detail) })
				return
			}
			c.o.Log.Warn("Agent did not start", "detail", detail)
		}
		select {
		case <-ctx.Done():
		case <-time.After(pause):
		}
		pause = min(2*pause, longestPause)
	}
}

// errRunner: the agent's container is not up yet.
var errRunner = errors.New("the agent's container does not answer yet")

// live is one life: it returns when the process has ended. The agent is nil,
// and detail says why, when no session was opened. first: no session was opened
// in this run yet.
func (c *Conversation) live(ctx context.Context, session string, first bool) (_ *agent, detail string, _ error) {
	p, err := c.o.Start(ctx, c.program.Argv, c.o.Dir, c.program.Env)
	if err != nil {
		if strings.HasPrefix(err.Error(), "runner: ") {
			return nil, fmt.Sprintf("%s cannot be run (%s). Check the session's image.", c.program.Argv[0], err), err
		}
		return nil, "", errRunner
	}
	defer p.Close()
	stop := context.AfterFunc(ctx, func() { p.Close() })
	defer stop()
	a := &agent{process: p, conn: acp.Dial(p, c.o.Log)}
	err = c.open(ctx, a, session, first)
	if err == nil {
		err = c.call(ctx, func() { c.up(a) })
	}
	if err != nil {
		p.Close()
		return nil, c.describe(ctx, p, err), err
	}
	<-a.conn.Done()
	p.Close()
	a.conn.Drain(2 * time.Second)
	exit, tail := 0, ""
	if !a.killed {
		wait, cancel := context.WithTimeout(ctx, 5*time.Second)
		if exit, tail, err = p.Ending(wait); err != nil {
			exit, tail = wire.ExitUnknown, "Its container does not answer."
		}
		cancel()
	}
	c.post(func() { c.down(a, exit, tail) })
	return a, "", nil
}

// open does the protocol's beginning, as far as it can while the workspace is
// still being made, and then opens the session.
func (c *Conversation) open(ctx context.Context, a *agent, session string, first bool) error {
	begin, cancel := context.WithTimeout(ctx, openTimeout)
	defer cancel()
	var err error
	if a.info, err = a.conn.Initialize(begin); err != nil {
		return fmt.Errorf("initialize: %w", err)
	}
	c.say("Waiting for the workspace")
	select {
	case <-c.o.Ready:
	case <-a.conn.Done():
		return acp.ErrClosed
	case <-ctx.Done():
		return ctx.Err()
	}
	c.say("Opening the agent's session")
	within, cancel2 := context.WithTimeout(ctx, openTimeout)
	defer cancel2()
	servers, left := a.info.Servers(c.o.Config.Agent.MCP)
	if len(left) > 0 && first {
		c.o.Journal.Append("", wire.EntryError, wire.Note{Source: "agent",
			Message: fmt.Sprintf("This agent does not speak HTTP to MCP servers, so it goes without %s. Give it a command instead of a URL.", strings.Join(left, ", "))})
	}
	resume := false // what to take up was named
	if first && c.o.Resume != nil {
		if other, instead := c.o.Resume(); instead || session == "" {
			session, resume = other, true
		}
	}
	if session != "" {
		err = c.reopen(within, a, session, servers)
		var no acp.Refusal
		if a.resumed = err == nil; a.resumed || !errors.As(err, &no) {
			return err
		}
		if c.talked(ctx) || resume {
			why, _, _ := strings.Cut(no.Message, ": {") // the adapter's own words, without its data
			c.o.Journal.Append("", wire.EntryError, wire.Note{Source: "agent",
				Message: "The agent could not take up its earlier session (" + why + ") and begins a new one: it does not remember what was said."})
		}
	}
	a.session, err = a.conn.New(within, c.o.Dir, c.program.Meta, servers)
	var no acp.Refusal
	if errors.As(err, &no) && c.program.Auth != "" {
		if err = a.conn.Authenticate(within, c.program.Auth); err == nil {
			a.session, err = a.conn.New(within, c.o.Dir, c.program.Meta, servers)
		}
	}
	if err != nil {
		return fmt.Errorf("open a session: %w", err)
	}
	return nil
}

// talked reports whether anything was ever said: agents keep no session in
// which nothing was, and then nothing is forgotten.
func (c *Conversation) talked(ctx context.Context) (yes bool) {
	if c.call(ctx, func() { yes = len(c.known) > 0 }) != nil {
		return true
	}
	return yes
}

func (c *Conversation) reopen(ctx context.Context, a *agent, session string, servers acp.Servers) (err error) {
	try := func() error {
		err := acp.Refusal{Message: "it cannot"}
		if a.info.CanResume {
			s, rerr := a.conn.Resume(ctx, session, c.o.Dir, c.program.Meta, servers)
			if a.session = s; rerr == nil || !errors.As(rerr, &err) {
				return rerr
			}
		}
		if a.info.CanLoad {
			s, lerr := a.conn.Load(ctx, session, c.o.Dir, c.program.Meta, servers)
			a.conn.Take() // the history, which the journal has
			a.session = s
			return lerr
		}
		return err
	}
	err = try()
	var no acp.Refusal
	if errors.As(err, &no) && c.program.Auth != "" {
		if a.conn.Authenticate(ctx, c.program.Auth) == nil {
			err = try()
		}
	}
	return err
}

// describe says for people why a life came to nothing.
func (c *Conversation) describe(ctx context.Context, p *runner.Process, err error) string {
	detail := err.Error()
	wait, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	if exit, tail, eerr := p.Ending(wait); eerr == nil {
		if line := lastLine(tail); line != "" {
			detail = fmt.Sprintf("%s (exit %d): %s", detail, exit, line)
		}
	}
	return detail
}

func lastLine(s string) string {
	lines := strings.Split(strings.TrimSpace(s), "\n")
	last := strings.TrimSpace(lines[len(lines)-1])
	return last[:min(len(last), 500)]
}

// up takes a new life in.
func (c *Conversation) up(a *agent) {
	c.agent = a
	state := "ready"
	if a.resumed {
		state = "resumed"
	}
	c.o.Journal.Append("", wire.EntryAgent, wire.AgentState{State: state, Agent: strings.TrimSpace(a.info.Name + " " + a.info.Version), Session: a.session.ID})
	wish, model := c.modes.Current, c.models.Current
	if wish == "" {
		if wish = c.o.Config.Agent.Mode; wish == "" {
			wish = c.program.Mode
		}
	}
	if model == "" {
		model = c.o.Config.Agent.Model
	}
	c.lastSession = a.session.ID
	c.say("")
	if asked := c.o.Config.Agent.Mode; asked != "" && c.modes.Current == "" && a.session.Modes.Options != nil && !offers(a.session.Modes, asked) {
		c.add(wire.EntryError, wire.Note{Source: "agent", Message: fmt.Sprintf("This agent has no mode %q: it begins in its own, and another can be chosen in the chat.", asked)})
	}
	conn, id := a.conn, a.session.ID
	c.begin("mode", wish, c.setModes, c.modes, a.session.Modes, func(ctx context.Context) error { return conn.SetMode(ctx, id, wish) })
	c.begin("model", model, c.setModels, c.models, a.session.Models, func(ctx context.Context) error { return conn.SetModel(ctx, id, model) })
}

// begin tells the choice that an opened session begins with: what is wished, as
// far as it is on offer, and it is set before the next turn. It is told before,
// so that a run which ends early does not lose it.
func (c *Conversation) begin(what, wish string, tell func(wire.Options), had, opened wire.Options, set func(context.Context) error) {
	if opened.Options == nil {
		opened.Options = had.Options
	}
	has := opened.Current
	if has == "" {
		has = had.Current
	}
	if !offers(opened, wish) || wish == has {
		tell(opened)
		return
	}
	opened.Current = wish
	tell(opened)
	c.holding++
	go c.wish(what, wish, set, func() { tell(wire.Options{Current: has}) })
}

// wish sets what the session should have before its next turn; refused undoes
// what was told of it.
func (c *Conversation) wish(what, id string, set func(context.Context) error, refused func()) {
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	err := set(ctx)
	c.post(func() {
		c.hear() // what the agent says about it comes before the next turn
		c.holding--
		if err != nil && !errors.Is(err, acp.ErrClosed) {
			refused()
			c.add(wire.EntryError, wire.Note{Source: "agent", Message: fmt.Sprintf("The %s %q could not be set: %v", what, id, err)})
		}
	})
}

// down notes that a life has ended, and ends what was going on in it.
func (c *Conversation) down(a *agent, exit int, tail string) {
	if c.agent != a {
		return
	}
	c.hear()
	if c.turn != nil && c.turn.finish != nil { // it had answered
		c.turn.finish()
	}
	c.agent = nil
	if a.gone != nil {
		close(a.gone)
	}
	if !c.closing {
		c.add(wire.EntryAgent, wire.AgentState{State: "exited", Session: a.session.ID, Exit: exit, Detail: lastLine(tail)})
	}
	c.dropAsks()
	if c.turn == nil {
		return
	}
	if a.killed || c.turn.cancelled {
		c.endTurn("cancelled", acp.Result{}, "")
		return
	}
	message := fmt.Sprintf("The agent's process ended in the middle of this turn (exit %d). It was started again and remembers the conversation: send a message to go on.", exit)
	if exit == wire.ExitUnknown {
		message = "The agent's container ended in the middle of this turn. Once the session runs again the agent remembers the conversation: send a message to go on."
	}
	c.endTurn("error", acp.Result{}, message)
}

func offers(o wire.Options, id string) bool {
	for _, x := range o.Options {
		if x.ID == id {
			return true
		}
	}
	return false
}
