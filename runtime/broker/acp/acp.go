// Package acp speaks the Agent Client Protocol to a coding agent and says what
// it hears in the words of package wire. Only conn.go knows the protocol's
// library.
package acp

import (
	"volundr/runtime/broker/wire"
)

// Info is what an agent says about itself.
type Info struct {
	Name, Version string
	CanResume     bool // session/resume
	CanLoad       bool // session/load
	Images        bool // in prompts
	MCPHTTP       bool // MCP servers by http
	MCPSSE        bool // and by server-sent events
	Auth          []string
}

// Session is an open session. Empty options: the agent offers no choice.
type Session struct {
	ID            string
	Modes, Models wire.Options
}

// Result ends a prompt.
type Result struct {
	StopReason                           string
	Input, Output, CacheRead, CacheWrite int64
}

// Event is something the agent said: one of the types below. Events come in
// the order of the protocol's messages.
type Event any

// Text is a piece of the answer, or of thinking.
type Text struct {
	Thought bool
	Message string // the agent's id of the message; may be empty
	Text    string
}

// Tool is a change of a tool call: what is empty did not change.
type Tool struct {
	Started bool // the first of this id, not a change
	Call    wire.Tool
	Output  []wire.Content // of the raw output, for tools that show nothing else
	More    string         // what a command printed since the last change
	Exit    *int           // of a command
}

// Plan replaces the plan.
type Plan struct{ Plan wire.Plan }

// Modes and Models tell a change of choice or of what is on offer; without
// options only the current one changed.
type (
	Modes  struct{ Options wire.Options }
	Models struct{ Options wire.Options }
)

// Commands are the slash commands on offer.
type Commands struct{ Options wire.Options }

// Usage is how full the context is, and the cost so far of this process.
type Usage struct {
	Context wire.Context
	CostUSD float64
}

// Ask is a permission question. Reply must be called once, with an option's id
// or with nothing to cancel.
type Ask struct {
	Tool    Tool
	Options []wire.Option
	Reply   func(option string)
}

// Dropped tells of a message that was too long to be taken.
type Dropped struct{ Bytes int }
