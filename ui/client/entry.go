package client

import (
	"encoding/json"
	"strings"
	"time"
)

// Entry is one piece of a conversation as it was recorded. N is its cursor.
// Data is the struct that stands beside the type's constant. What has Source
// "journal" was said by the session and is hostile.
type Entry struct {
	N      int64           `json:"n"`
	Source string          `json:"source"` // "journal", "daemon"
	Run    int             `json:"run"`
	At     time.Time       `json:"at"`
	Turn   string          `json:"turn,omitempty"` // id of the prompt whose turn it belongs to
	Type   string          `json:"entry"`
	Data   json.RawMessage `json:"data"`
}

// Types of entries.
const (
	EntryTurnStart      = "turn_start"      // TurnStart
	EntryText           = "text"            // Text: appended to its block
	EntryThought        = "thought"         // Text
	EntryTool           = "tool"            // Tool: its whole state now
	EntryPlan           = "plan"            // Plan: replaces the one before
	EntryPermission     = "permission"      // Permission: a question is open
	EntryPermissionDone = "permission_done" // PermissionDone
	EntryTurnEnd        = "turn_end"        // TurnEnd
	EntryMode           = "mode"            // journal: Options; daemon: Choice
	EntryModel          = "model"           // journal: Options; daemon: Choice
	EntryCommands       = "commands"        // Options
	EntryUsage          = "usage"           // Context
	EntryAgent          = "agent"           // AgentState
	EntryStalled        = "stalled"         // Note
	EntryError          = "error"           // Note
	EntryPorts          = "ports"           // []Port
	EntryFiles          = "files"           // Files: what changed in the workspace
	EntryGit            = "git"             // Git
	EntryCommand        = "command"         // ShellCommand: ended in a terminal
	EntryCheckpoint     = "checkpoint"      // Checkpoint
	EntryRewound        = "rewound"         // Rewound
	EntryNote           = "note"            // Note: worth knowing, and no error

	EntryPrompt = "prompt" // daemon: Prompt
	EntryAnswer = "answer" // daemon: Answer
	EntryStop   = "stop"   // daemon: {}
)

// Prompt is one message to the agent. The same id twice is one prompt.
type Prompt struct {
	ID     string  `json:"id"`
	Blocks []Block `json:"blocks"`
	Via    string  `json:"via,omitempty"` // browser, cli, api
}

// Block is one piece of a prompt.
type Block struct {
	Type string `json:"type"`           // "text", "image", "file"
	Text string `json:"text,omitempty"` // text; for file: its path in the workspace
	MIME string `json:"mime,omitempty"` // image
	Data string `json:"data,omitempty"` // image, base64
}

// Answer to a permission question.
type Answer struct {
	ID     string `json:"id"`
	Option string `json:"option"` // empty cancels
}

// Choice of a mode or a model.
type Choice struct {
	ID string `json:"id"`
}

// TurnStart opens a turn.
type TurnStart struct {
	Prompt    string `json:"prompt"`
	Automatic bool   `json:"automatic,omitempty"` // nobody typed it
	Text      string `json:"text,omitempty"`      // of an automatic prompt
}

// Text is appended to the block that it names.
type Text struct {
	Block string `json:"block"`
	Text  string `json:"text"`
}

// Tool is a tool call as it stands.
type Tool struct {
	ID        string          `json:"id"`
	Title     string          `json:"title"`
	Kind      string          `json:"kind"`   // read, edit, delete, move, search, execute, think, fetch, other
	Status    string          `json:"status"` // pending, in_progress, completed, failed
	Input     json.RawMessage `json:"input,omitempty"`
	Content   []Content       `json:"content,omitempty"`
	Locations []Location      `json:"locations,omitempty"`
	StartedAt int64           `json:"started_at,omitempty"` // unix ms
	EndedAt   int64           `json:"ended_at,omitempty"`
}

// Content is a piece of a tool's output.
type Content struct {
	Type string `json:"type"`           // "text", "diff", "image"
	Text string `json:"text,omitempty"` // text; image: base64
	MIME string `json:"mime,omitempty"`
	Path string `json:"path,omitempty"` // diff
	Old  string `json:"old,omitempty"`
	New  string `json:"new,omitempty"`
	Body string `json:"body,omitempty"` // sha-256 of what was too long; GET /s/{id}/bodies/{hash}
	Size int    `json:"size,omitempty"` // of Body, in bytes
}

// Location is a place in the workspace.
type Location struct {
	Path string `json:"path"`
	Line int    `json:"line,omitempty"`
}

// Plan is the agent's checklist.
type Plan struct {
	Steps []PlanStep `json:"steps"`
}

// PlanStep is one line of a plan.
type PlanStep struct {
	Text   string `json:"text"`
	Status string `json:"status"` // pending, in_progress, completed
}

// Permission is a question of the agent.
type Permission struct {
	ID      string   `json:"id"`
	Tool    Tool     `json:"tool"`
	Options []Option `json:"options"`
}

// PermissionDone closes a question.
type PermissionDone struct {
	ID      string `json:"id"`
	Option  string `json:"option,omitempty"` // empty: cancelled
	Allowed bool   `json:"allowed"`
}

// Option is something to choose.
type Option struct {
	ID          string `json:"id"`
	Name        string `json:"name"`
	Kind        string `json:"kind,omitempty"` // allow_once, allow_always, reject_once, reject_always
	Description string `json:"description,omitempty"`
}

// Options is a choice with its current value.
type Options struct {
	Current string   `json:"current,omitempty"`
	Options []Option `json:"options,omitempty"`
}

// TurnEnd closes a turn. Tokens are this turn's.
type TurnEnd struct {
	Prompt     string  `json:"prompt"`
	StopReason string  `json:"stop_reason"` // end_turn, cancelled, max_tokens, max_turn_requests, refusal, error
	Model      string  `json:"model,omitempty"`
	Input      int64   `json:"input_tokens"`
	Output     int64   `json:"output_tokens"`
	CacheRead  int64   `json:"cache_read_tokens,omitempty"`
	CacheWrite int64   `json:"cache_write_tokens,omitempty"`
	CostUSD    float64 `json:"cost_usd,omitempty"`
	Error      string  `json:"error,omitempty"`
	Detail     string  `json:"detail,omitempty"` // the error in the agent's words, where Error says what it means
}

// Context is how much of the model's window is in use.
type Context struct {
	Used int64 `json:"used"`
	Size int64 `json:"size"`
}

// AgentState is a change in the life of the agent process.
type AgentState struct {
	State   string `json:"state"` // starting, ready, resumed, exited, failed
	Agent   string `json:"agent,omitempty"`
	Session string `json:"session,omitempty"`
	Detail  string `json:"detail,omitempty"`
	Exit    int    `json:"exit,omitempty"`
}

// Note is a sentence for people.
type Note struct {
	Source  string `json:"source,omitempty"` // agent, broker, workspace, disk
	Message string `json:"message"`
}

// Port is a loopback port in the session that can be previewed.
type Port struct {
	Port    int    `json:"port"`
	Process string `json:"process,omitempty"`
}

// IsLast reports whether a turn is the one in which the agent tells the run at
// its end: nobody asked for it.
func IsLast(turn string) bool { return strings.HasPrefix(turn, "last-") }
