package conversation

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"volundr/runtime/broker/acp"
	"volundr/runtime/broker/wire"
)

// ask is an open permission question.
type ask struct {
	tool    string // id of the call
	options []wire.Option
	reply   func(string)
}

// hear writes down what the agent said since the last time.
func (c *Conversation) hear() {
	if c.agent == nil {
		return
	}
	for _, e := range c.agent.conn.Take() {
		c.touch()
		switch e := e.(type) {
		case acp.Text:
			c.hearText(e)
		case acp.Tool:
			c.hearTool(e)
		case acp.Plan:
			c.add(wire.EntryPlan, e.Plan)
		case acp.Modes:
			c.setModes(e.Options)
		case acp.Models:
			c.setModels(e.Options)
		case acp.Commands:
			if !slices.Equal(c.commands.Options, e.Options.Options) {
				c.commands = e.Options
				c.add(wire.EntryCommands, bounded(e.Options))
			}
		case acp.Usage:
			if e.CostUSD > 0 {
				c.agent.cost = e.CostUSD
			}
			if e.Context.Size > 0 {
				c.add(wire.EntryUsage, e.Context)
			}
		case acp.Ask:
			c.hearAsk(e)
		case acp.Dropped:
			c.add(wire.EntryError, wire.Note{Source: "broker", Message: fmt.Sprintf("A message of the agent was too long to be shown (%d MB).", e.Bytes>>20)})
		}
	}
}

// setModes takes what the agent says about modes; without options only the
// current one changed.
func (c *Conversation) setModes(o wire.Options) {
	if set(&c.modes, o) {
		c.add(wire.EntryMode, bounded(c.modes))
	}
}

func (c *Conversation) setModels(o wire.Options) {
	if set(&c.models, o) {
		c.add(wire.EntryModel, bounded(c.models))
	}
}

func set(have *wire.Options, told wire.Options) bool {
	if told.Options == nil {
		told.Options = have.Options
	}
	if told.Current == "" || (told.Current == have.Current && slices.Equal(told.Options, have.Options)) {
		return false
	}
	*have = told
	return true
}

// bounded keeps a list of options well below the longest entry.
func bounded(o wire.Options) wire.Options {
	const most, longest = 300, 1000
	out := wire.Options{Current: o.Current, Options: slices.Clone(o.Options[:min(len(o.Options), most)])}
	for i := range out.Options {
		d := &out.Options[i].Description
		*d = strings.ToValidUTF8((*d)[:min(len(*d), longest)], "")
	}
	return out
}

func (c *Conversation) hearAsk(e acp.Ask) {
	if c.turn == nil || c.turn.cancelled {
		e.Reply("")
		return
	}
	c.hearTool(e.Tool)
	c.nextAsk++
	id := fmt.Sprintf("%s-%d-%d", c.o.Journal.Epoch()[:6], c.o.Journal.Next(), c.nextAsk)
	t := wire.Tool{ID: e.Tool.Call.ID, Title: e.Tool.Call.Title, Kind: e.Tool.Call.Kind, Input: e.Tool.Call.Input}
	if known := c.turn.tools[e.Tool.Call.ID]; known != nil {
		t = known.tool
	}
	c.asks[id] = ask{tool: e.Tool.Call.ID, options: e.Options, reply: e.Reply}
	c.add(wire.EntryPermission, wire.Permission{ID: id, Tool: c.shrink(t, permissionInput), Options: e.Options})
}

// Answer answers an open question.
func (c *Conversation) Answer(ctx context.Context, id, option string) (err error) {
	cerr := c.call(ctx, func() {
		a, open := c.asks[id]
		if !open {
			err = ErrNotOpen
			return
		}
		allowed, known := false, option == ""
		for _, o := range a.options {
			if o.ID == option {
				known, allowed = true, strings.HasPrefix(o.Kind, "allow")
			}
		}
		if !known {
			err = fmt.Errorf("%w: the question has no option %q", ErrInvalid, option)
			return
		}
		delete(c.asks, id)
		c.touch()
		if c.turn != nil && allowed { // how long was waited is not the call's time
			if k := c.turn.tools[a.tool]; k != nil {
				k.tool.StartedAt = time.Now().UnixMilli()
			}
		}
		c.add(wire.EntryPermissionDone, wire.PermissionDone{ID: id, Option: option, Allowed: allowed})
		a.reply(option)
	})
	if cerr != nil {
		return cerr
	}
	return err
}

// dropAsks cancels the open questions.
func (c *Conversation) dropAsks() {
	for id, a := range c.asks {
		c.add(wire.EntryPermissionDone, wire.PermissionDone{ID: id})
		a.reply("")
	}
	clear(c.asks)
}

// SetMode and SetModel choose for the agent that is up.
func (c *Conversation) SetMode(ctx context.Context, id string) error {
	return c.choose(ctx, id, &c.modes, (*acp.Conn).SetMode)
}

func (c *Conversation) SetModel(ctx context.Context, id string) error {
	return c.choose(ctx, id, &c.models, (*acp.Conn).SetModel)
}

func (c *Conversation) choose(ctx context.Context, id string, among *wire.Options, set func(*acp.Conn, context.Context, string, string) error) (err error) {
	var a *agent
	cerr := c.call(ctx, func() {
		switch {
		case c.agent == nil:
			err = ErrNotReady
		case !offers(*among, id):
			err = fmt.Errorf("%w: the agent does not offer %q", ErrInvalid, id)
		default:
			a = c.agent
		}
	})
	if cerr != nil {
		return cerr
	}
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, 30*time.Second)
	defer cancel()
	if err := set(a.conn, ctx, a.session.ID, id); err != nil {
		return fmt.Errorf("%w: %w", ErrInvalid, err)
	}
	return c.call(ctx, func() { c.hear() })
}

func sprintDuration(format string, d time.Duration) string {
	return fmt.Sprintf(format, strings.TrimSuffix(d.String(), "0s"))
}
