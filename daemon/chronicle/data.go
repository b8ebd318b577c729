package chronicle

import (
	"encoding/json"
	"time"

	"volundr/store"
)

// Types of timeline rows.
const (
	TypeSession  = "session"
	TypeMessage  = "message"
	TypeFile     = "file"
	TypeGit      = "git"
	TypeTerminal = "terminal"
	TypeError    = "error"
)

// Kinds say more of a row than its type.
const (
	KindPrompt     = "prompt"     // message: what was asked
	KindTurn       = "turn"       // message: what was answered, with its tokens
	KindBeside     = "beside"     // message: tokens that were used while no turn was under way
	KindTool       = "tool"       // message: a tool call that is no command
	KindPermission = "permission" // message: a question of the agent, and how it was settled
	KindAnswer     = "answer"     // message: what a person answered to it
	KindMode       = "mode"
	KindModel      = "model"
	KindStop       = "stop" // message: a person stopped the turn
	KindStart      = "start"
	KindEnd        = "end"
	KindAgent      = "agent"
	KindRewound    = "rewound"
	KindNote       = "note"
	KindMore       = "more"  // file: more changes than are listed
	KindDirty      = "dirty" // git: what was not committed at the end
	KindStalled    = "stalled"
	KindReported   = "reported" // told by a client of the API
)

// Who did it.
const (
	User      = "user"
	Assistant = "assistant"
	Agent     = "agent"
	Person    = "person" // in a terminal or the editor, or by a button
	Daemon    = "daemon"
)

// Data is what stands in a timeline row's data: the contract's optional fields
// and ours.
type Data struct {
	Tokens *int64 `json:"tokens,omitempty"`
	Action string `json:"action,omitempty"` // created, modified, deleted
	Ins    *int   `json:"ins,omitempty"`
	Del    *int   `json:"del,omitempty"`
	Hash   string `json:"hash,omitempty"`
	Exit   *int   `json:"exit,omitempty"`

	Kind      string `json:"kind,omitempty"`
	Who       string `json:"who,omitempty"`
	Turn      string `json:"turn,omitempty"`
	Automatic bool   `json:"automatic,omitempty"` // nobody typed that
	Via       string `json:"via,omitempty"`       // of a prompt: browser, cli, api

	Model      string `json:"model,omitempty"`
	Input      int64  `json:"input_tokens,omitempty"`
	Output     int64  `json:"output_tokens,omitempty"`
	CacheRead  int64  `json:"cache_read_tokens,omitempty"`
	CacheWrite int64  `json:"cache_write_tokens,omitempty"`
	CostMicros int64  `json:"cost_micros,omitempty"`
	StopReason string `json:"stop_reason,omitempty"`
	DurationMS int64  `json:"duration_ms,omitempty"`

	Tool    string     `json:"tool,omitempty"`   // kind of a tool call
	Status  string     `json:"status,omitempty"` // of a tool call
	Touched []FileStat `json:"touched,omitempty"`
	Allowed *bool      `json:"allowed,omitempty"` // of a permission; absent: open
	Option  string     `json:"option,omitempty"`

	From   string   `json:"from,omitempty"` // renamed from, branched from
	Binary bool     `json:"binary,omitempty"`
	Git    string   `json:"git,omitempty"` // wire.Git's action
	Branch string   `json:"branch,omitempty"`
	Repo   string   `json:"repo,omitempty"`
	Remote string   `json:"remote,omitempty"`
	Author string   `json:"author,omitempty"`
	Pushed *int     `json:"pushed,omitempty"` // commits that the remote did not have
	Files  []string `json:"files,omitempty"`  // of a commit
	Commit string   `json:"commit,omitempty"`
	Dir    string   `json:"dir,omitempty"`
	Shell  string   `json:"shell,omitempty"`
	Where  string   `json:"where,omitempty"` // terminal, editor, agent

	Checkpoint string `json:"checkpoint,omitempty"` // the state before this prompt
	Images     int    `json:"images,omitempty"`
	More       int    `json:"more,omitempty"`
	Source     string `json:"source,omitempty"`
	Detail     string `json:"detail,omitempty"` // of an error: the agent's own words
	Told       *Raw   `json:"event,omitempty"`  // as it was reported
}

// Raw is an event as a client of the API told it (contract §1.5).
type Raw struct {
	Type       string          `json:"type"`
	Data       json.RawMessage `json:"data,omitempty"`
	Sequence   int64           `json:"sequence"`
	TokensIn   *int64          `json:"tokens_in,omitempty"`
	TokensOut  *int64          `json:"tokens_out,omitempty"`
	Cost       *float64        `json:"cost,omitempty"`
	DurationMS *int64          `json:"duration_ms,omitempty"`
	Model      string          `json:"model,omitempty"`
}

// Event is a row of a timeline as it is read.
type Event struct {
	N     int64 // with At the row's cursor
	Key   string
	At    time.Time
	T     int64 // whole seconds since the run began
	Type  string
	Label string
	Text  string // when it was asked for
	Data
}

// EventOf reads one row.
func EventOf(c store.Chronicle, row store.TimelineEvent) (Event, error) {
	some, err := read(c, []store.TimelineEvent{row})
	if err != nil {
		return Event{}, err
	}
	return some[0], nil
}

// read makes events of rows.
func read(c store.Chronicle, rows []store.TimelineEvent) ([]Event, error) {
	out := make([]Event, 0, len(rows))
	for _, r := range rows {
		e := Event{N: r.N, Key: r.Key, At: r.At, Type: r.Type, Label: r.Label, Text: r.Text, T: seconds(c, r.At)}
		if err := json.Unmarshal(r.Data, &e.Data); err != nil {
			return nil, err
		}
		out = append(out, e)
	}
	return out, nil
}

func seconds(c store.Chronicle, at time.Time) int64 {
	return max(0, int64(at.Sub(c.StartedAt)/time.Second))
}

// row is a timeline row of a run.
func row(run int, key string, at time.Time, typ, label, text string, d Data) store.TimelineEvent {
	raw, _ := json.Marshal(d) // of nothing that could fail
	return store.TimelineEvent{Run: run, Key: key, At: at, Type: typ, Label: label, Data: raw, Text: text}
}

func of[T any](v T) *T { return &v }
