package ui

import (
	"slices"
	"time"

	"volundr/ui/client"
)

// Kind says what an Item shows.
type Kind string

// Kinds of items.
const (
	KindPrompt     Kind = "prompt"
	KindText       Kind = "text"
	KindThought    Kind = "thought"
	KindTool       Kind = "tool"
	KindPlan       Kind = "plan"
	KindPermission Kind = "permission"
	KindTurnEnd    Kind = "end"
	KindNote       Kind = "note"
	// Fixed places of the page rather than of the conversation.
	KindStatus   Kind = "status"   // what goes on now; carries busy and waiting for the script
	KindOptions  Kind = "options"  // mode and model
	KindContext  Kind = "context"  // how full the window is
	KindPorts    Kind = "ports"    // what can be previewed
	KindCommands Kind = "commands" // slash commands on offer; the script reads them
)

// Item is one element of a conversation, ready to be shown. Which fields are
// set depends on Kind.
type Item struct {
	ID      string // of the HTML element; unique in the page
	Kind    Kind
	Session string // whose conversation it is
	First   int64  // number of the entry that made it
	Last    int64  // number of the entry that changed it last
	At      time.Time

	Text      string         // text, thought, note; prompt of a record: the answer
	Blocks    []client.Block // prompt
	Automatic bool           // prompt: nobody typed it
	Record    bool           // prompt: of the turn that tells a run at its end, with all of it
	Queued    bool           // prompt: its turn has not begun
	// Checkpoint is the state before a prompt, to go back to; empty: there is none.
	Checkpoint string
	Open       bool // text, thought, permission: more may come, or an answer

	Tool    client.Tool
	Plan    []client.PlanStep
	Options []client.Option // permission
	Ask     string          // permission: its id
	Answer  string          // permission: the option that was chosen
	Allowed bool            // permission: answered so
	Pending bool            // permission: answered here, not yet taken by the agent
	// Watched says to who looks only who can answer; empty: the reader can.
	Watched string

	Tone     string // note: "error", "warning" or ""
	Source   string // note: who says so
	End      client.TurnEnd
	Duration time.Duration // end

	Status   Status
	Mode     client.Options
	Model    client.Options
	Context  client.Context
	Ports    []client.Port
	Commands []client.Option
}

// Status is what goes on in a conversation now.
type Status struct {
	Busy    bool // a turn is under way
	Waiting bool // a question is open
	Queued  int  // prompts whose turn has not begun
	Since   time.Time
	Text    string // "running go test"
	Stalled bool
}

// said reports whether a message holds more than pictures.
func said(blocks []client.Block) bool {
	return slices.ContainsFunc(blocks, func(b client.Block) bool { return b.Type != "image" })
}
