package wire

import "encoding/json"

// Types of journal entries, each with the struct in its Data.
const (
	EntryTurnStart      = "turn_start"      // TurnStart
	EntryText           = "text"            // Text: a piece of the agent's answer
	EntryThought        = "thought"         // Text: a piece of its thinking
	EntryTool           = "tool"            // Tool: its whole state now; the last one with an id counts
	EntryPlan           = "plan"            // Plan: whole, replaces the one before
	EntryPermission     = "permission"      // Permission: a question is open
	EntryPermissionDone = "permission_done" // PermissionDone
	EntryTurnEnd        = "turn_end"        // TurnEnd
	EntrySpent          = "spent"           // []Spent: tokens beside a turn
	EntryMode           = "mode"            // Options: current mode and those on offer
	EntryModel          = "model"           // Options: current model and those on offer
	EntryCommands       = "commands"        // Options: slash commands on offer
	EntryUsage          = "usage"           // Context: how full the context window is
	EntryAgent          = "agent"           // AgentState
	EntryStalled        = "stalled"         // Note: a turn makes no progress
	EntryError          = "error"           // Note
	EntryPorts          = "ports"           // []Port: the whole list, when it changed
	EntryFiles          = "files"           // Files: what changed in the workspace, whoever did it
	EntryGit            = "git"             // Git: what happened in a repository of the workspace
	EntryCommand        = "command"         // ShellCommand: a command that a person ran has ended
	EntryCheckpoint     = "checkpoint"      // Checkpoint: the state before a prompt was recorded
	EntryRewound        = "rewound"         // Rewound: files and conversation are back at a checkpoint
	EntryNote           = "note"            // Note: worth knowing, and no error
)

// TurnStart opens a turn.
type TurnStart struct {
	Prompt    string `json:"prompt"` // Prompt.ID
	Automatic bool   `json:"automatic,omitempty"`
	Text      string `json:"text,omitempty"` // of an automatic prompt
}

// Text is appended to the block it names.
type Text struct {
	Block string `json:"block"` // unique within the session
	Text  string `json:"text"`
	// Replaces names a block that was cut in the middle and whose answer was
	// asked for again: what follows stands in its place.
	Replaces string `json:"replaces,omitempty"`
}

// Tool is a tool call as it stands.
type Tool struct {
	ID     string          `json:"id"`
	Title  string          `json:"title"`
	Kind   string          `json:"kind"`   // read, edit, delete, move, search, execute, think, fetch, other
	Status string          `json:"status"` // pending, in_progress, completed, failed
	Input  json.RawMessage `json:"input,omitempty"`
	// InputBody names the whole input (JSON) by hash when it was too long to
	// stand here; Input then holds it with long texts cut.
	InputBody string     `json:"input_body,omitempty"`
	Content   []Content  `json:"content,omitempty"`
	Locations []Location `json:"locations,omitempty"`
	StartedAt int64      `json:"started_at,omitempty"` // unix ms
	EndedAt   int64      `json:"ended_at,omitempty"`
	Exit      *int       `json:"exit,omitempty"` // of a command, where the agent tells it
	Dir       string     `json:"dir,omitempty"`  // the same
}

// Content is a piece of a tool's output.
type Content struct {
	Type string `json:"type"`           // "text", "diff", "image"
	Text string `json:"text,omitempty"` // text; image: base64
	MIME string `json:"mime,omitempty"`
	Path string `json:"path,omitempty"` // diff
	Old  string `json:"old,omitempty"`
	New  string `json:"new,omitempty"`
	// Body names by sha-256 (hex) what was too long to stand here: the whole
	// Content as JSON, by PathBody.
	Body string `json:"body,omitempty"`
	Size int    `json:"size,omitempty"` // of what Body names, in bytes
}

// Location is a place in the workspace that a tool touches.
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
	Tool    Tool     `json:"tool"` // what would be run, in full
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
	ID   string `json:"id"`
	Name string `json:"name"`
	// Kind: for permissions allow_once, allow_always, reject_once, reject_always.
	Kind        string `json:"kind,omitempty"`
	Description string `json:"description,omitempty"`
}

// Options is a choice with its current value.
type Options struct {
	Current string   `json:"current,omitempty"`
	Options []Option `json:"options,omitempty"`
}

// TurnEnd closes a turn. Tokens are this turn's, never cumulative.
type TurnEnd struct {
	Prompt     string  `json:"prompt"`
	StopReason string  `json:"stop_reason"` // end_turn, cancelled, max_tokens, max_turn_requests, refusal, error
	Model      string  `json:"model,omitempty"`
	Input      int64   `json:"input_tokens"`  // without cache reads
	Output     int64   `json:"output_tokens"` // thinking included
	CacheRead  int64   `json:"cache_read_tokens,omitempty"`
	CacheWrite int64   `json:"cache_write_tokens,omitempty"`
	CostUSD    float64 `json:"cost_usd,omitempty"` // this turn's; 0: not told, priced by the daemon
	// Models are these tokens by model, as the provider counted them. Without them
	// the agent told the tokens, and its name for the model.
	Models []Spent `json:"models,omitempty"`
	Error  string  `json:"error,omitempty"`
	Detail string  `json:"detail,omitempty"` // the error in the agent's words, where Error is a sentence of the daemon
}

// Spent are the tokens that a model took and gave.
type Spent struct {
	Model      string `json:"model"`
	Input      int64  `json:"input_tokens"`  // without cache reads
	Output     int64  `json:"output_tokens"` // thinking included
	CacheRead  int64  `json:"cache_read_tokens,omitempty"`
	CacheWrite int64  `json:"cache_write_tokens,omitempty"`
}

// Add adds the tokens of o.
func (s *Spent) Add(o Spent) {
	s.Input, s.Output = s.Input+o.Input, s.Output+o.Output
	s.CacheRead, s.CacheWrite = s.CacheRead+o.CacheRead, s.CacheWrite+o.CacheWrite
}

// Context is how much of the model's window is in use.
type Context struct {
	Used int64 `json:"used"`
	Size int64 `json:"size"`
}

// AgentState is a change in the life of the agent process.
type AgentState struct {
	State   string `json:"state"`             // starting, ready, resumed, exited, failed
	Agent   string `json:"agent,omitempty"`   // name and version, as it says
	Session string `json:"session,omitempty"` // the ACP session
	Detail  string `json:"detail,omitempty"`
	Exit    int    `json:"exit,omitempty"` // ExitUnknown when nobody saw it
}

// ExitUnknown stands for the exit code of a process whose container went with
// it.
const ExitUnknown = -1

// Note is a sentence for people.
type Note struct {
	Source  string `json:"source,omitempty"` // agent, broker, workspace, disk
	Message string `json:"message"`
}

// Files are changes of one moment in the workspace, ignored files left out.
type Files struct {
	Changes []FileChange `json:"changes"`
	More    int          `json:"more,omitempty"` // changes beyond those listed (1,000 at most)
}

// FileChange is what became of one file since it was last told of.
type FileChange struct {
	Path   string `json:"path"`           // in the workspace, with slashes
	Action string `json:"action"`         // created, modified, deleted, renamed
	From   string `json:"from,omitempty"` // renamed: its path before
	Ins    int    `json:"ins,omitempty"`  // lines; 0 for binary files
	Del    int    `json:"del,omitempty"`
	Binary bool   `json:"binary,omitempty"`
}

// Git is one event of a repository.
type Git struct {
	Action  string   `json:"action"`            // commit, branch, checkout, merge, rebase, reset, push
	Repo    string   `json:"repo,omitempty"`    // its folder in the workspace; empty: the workspace itself
	Hash    string   `json:"hash,omitempty"`    // commit, merge, rebase, reset, push: full
	Subject string   `json:"subject,omitempty"` // of that commit
	Author  string   `json:"author,omitempty"`  // its name
	Branch  string   `json:"branch,omitempty"`  // that is worked on, made, checked out or pushed
	From    string   `json:"from,omitempty"`    // branch, checkout: where it came from
	Remote  string   `json:"remote,omitempty"`  // push
	Commits *int     `json:"commits,omitempty"` // push: that the remote did not have; absent: not known
	Files   []string `json:"files,omitempty"`   // of the commit, 200 at most
	Ins     int      `json:"ins,omitempty"`
	Del     int      `json:"del,omitempty"`
}

// ShellCommand is a command that ended in a terminal. What the agent's own
// shell tool ran stands in its Tool.
type ShellCommand struct {
	Command   string `json:"command"` // 4 KiB at most
	Dir       string `json:"dir"`
	Exit      int    `json:"exit"`
	StartedAt int64  `json:"started_at"` // unix ms
	EndedAt   int64  `json:"ended_at"`
	Shell     string `json:"shell,omitempty"` // bash, zsh
	Where     string `json:"where,omitempty"` // terminal, editor, agent: whose terminal
}

// Checkpoint is a state of workspace and conversation that can be gone back to.
type Checkpoint struct {
	ID     string `json:"id"`
	Prompt string `json:"prompt"`          // the prompt that it was taken before
	Took   int64  `json:"took"`            // ms
	Files  int    `json:"files,omitempty"` // recorded
	// Error: why there is none for this prompt, for people. ID is empty then.
	Error string `json:"error,omitempty"`
}

// Rewound tells that a checkpoint was restored.
type Rewound struct {
	Checkpoint string `json:"checkpoint"`
	Prompt     string `json:"prompt"` // the conversation stands before this prompt
}

// StallAdvice ends the message of an EntryStalled: for whoever is there, not for
// whoever reads of it later.
const StallAdvice = " Stop the turn, or wait."
