package watch

import (
	"encoding/json"
	"errors"

	"volundr/runtime/broker/wire"
)

// Event is one line of what a watcher says. One of its pointers is set, or
// Settled.
type Event struct {
	Turn    string             `json:"turn,omitempty"` // that was under way when it was noticed
	Files   *wire.Files        `json:"files,omitempty"`
	Git     *wire.Git          `json:"git,omitempty"`
	Command *wire.ShellCommand `json:"command,omitempty"`
	Note    *wire.Note         `json:"note,omitempty"`
	// Settled answers Order.Settle: all that happened before is told.
	Settled string `json:"settled,omitempty"`
}

// Order is one line of what a watcher is told.
type Order struct {
	// Turn begins: what is noticed from now on belongs to it.
	Turn string `json:"turn,omitempty"`
	// Settle asks to tell at once what happened so far, and to answer with
	// these letters. The turn is over then.
	Settle string `json:"settle,omitempty"`
}

// EnvPart names the environment variable that tells a shell in which part of
// the session it runs. Shells of the agent do not report: its tool calls do.
const EnvPart = "VOLUNDR_PART"

// Bounds of one event. The daemon's are not narrower.
const (
	MaxLine    = 768 << 10 // bytes of one event as JSON, below wire.MaxEntry
	maxChanges = 1000      // changed files of one event
	maxNames   = 200       // files of a commit
	maxCommand = 4 << 10   // bytes of a command line
	maxPath    = 4 << 10   // bytes of a path
	maxText    = 2 << 10   // bytes of a subject, a name, a note
)

var errEvent = errors.New("the watcher said what nobody expects")

// Parse reads one line of a watcher, which is hostile: its sizes are checked,
// its fields are those of the structs. data is nil for Settled.
func Parse(line []byte) (e Event, typ string, data any, err error) {
	if len(line) > MaxLine {
		return e, "", nil, errEvent
	}
	if err := json.Unmarshal(line, &e); err != nil {
		return e, "", nil, errEvent
	}
	switch {
	case e.Files != nil && len(e.Files.Changes) > 0 && len(e.Files.Changes) <= maxChanges:
		return e, wire.EntryFiles, e.Files, nil
	case e.Git != nil && e.Git.Action != "" && len(e.Git.Files) <= maxNames:
		return e, wire.EntryGit, e.Git, nil
	case e.Command != nil && e.Command.Command != "" && len(e.Command.Command) <= maxCommand && len(e.Command.Dir) <= maxPath:
		return e, wire.EntryCommand, e.Command, nil
	case e.Note != nil && len(e.Note.Message) <= maxText:
		return e, wire.EntryNote, e.Note, nil
	case e.Settled != "" && len(e.Settled) <= 100:
		return e, "", nil, nil
	}
	return e, "", nil, errEvent
}
