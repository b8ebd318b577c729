package client

import (
	"encoding/json"
	"time"
)

// Chronicle is the contract's ChronicleResponse, every key always present, and
// then what Volundr adds.
type Chronicle struct {
	ID                string          `json:"id"`
	SessionID         *string         `json:"session_id"` // also of a session that was deleted
	Status            string          `json:"status"`     // draft, complete
	Project           string          `json:"project"`
	Repo              string          `json:"repo"`
	Branch            string          `json:"branch"`
	Model             string          `json:"model"`
	ConfigSnapshot    json.RawMessage `json:"config_snapshot"` // name, model, repo, branch, and the whole launch request
	Summary           *string         `json:"summary"`
	KeyChanges        []string        `json:"key_changes"`
	UnfinishedWork    *string         `json:"unfinished_work"`
	TokenUsage        int64           `json:"token_usage"`
	Cost              *float64        `json:"cost"`             // US dollars, without models whose price is not known; null: of none it is
	DurationSeconds   *int64          `json:"duration_seconds"` // the agent at work
	Tags              []string        `json:"tags"`
	ParentChronicleID *string         `json:"parent_chronicle_id"`
	CreatedAt         time.Time       `json:"created_at"`
	UpdatedAt         time.Time       `json:"updated_at"`

	// Ours.
	Name        string       `json:"name"` // the session's
	Run         int          `json:"run"`
	Author      string       `json:"author"` // of the texts: rule, agent, person; empty: there are none
	Reason      string       `json:"reason"` // why the run ended
	StartedAt   time.Time    `json:"started_at"`
	EndedAt     *time.Time   `json:"ended_at"`
	WallSeconds int64        `json:"wall_seconds"` // from start to end, or to now
	Models      []ModelUsage `json:"models"`
	BaseCommit  string       `json:"base_commit"`
	FinalCommit string       `json:"final_commit"`
	// Repositories are those of a workspace that has several; repo, branch and the
	// commits above are those of the first.
	Repositories []ChronicleRepository `json:"repositories,omitempty"`
	Agent        string                `json:"agent"`   // whose conversation can be resumed; empty: none
	Pack         bool                  `json:"pack"`    // the workspace's final state is kept
	Missing      string                `json:"missing"` // why it is not, for people
}

// ChronicleRepository is one of several repositories in a run's workspace.
type ChronicleRepository struct {
	Folder      string `json:"folder"` // in the workspace
	Repo        string `json:"repo"`
	Branch      string `json:"branch"`
	BaseCommit  string `json:"base_commit"` // empty: not known
	FinalCommit string `json:"final_commit"`
}

// ModelUsage is what one model was used for.
type ModelUsage struct {
	Model      string  `json:"model"`
	Provider   string  `json:"provider"` // cloud, local
	Turns      int     `json:"turns"`
	Input      int64   `json:"input_tokens"`
	Output     int64   `json:"output_tokens"`
	CacheRead  int64   `json:"cache_read_tokens"`
	CacheWrite int64   `json:"cache_write_tokens"`
	CostUSD    float64 `json:"cost_usd"`
	Unpriced   bool    `json:"price_unknown"` // nobody knows what it cost
}

// Unpriced are the models whose price is not known: Cost is without them.
func (c Chronicle) Unpriced() (models []string) {
	for _, m := range c.Models {
		if m.Unpriced {
			models = append(models, m.Model)
		}
	}
	return models
}

// TimelineEvent is the contract's, every key always present, and then what
// Volundr adds; see there for the kinds and who they come from.
type TimelineEvent struct {
	T      int64   `json:"t"`    // seconds since the run began
	Type   string  `json:"type"` // session, message, file, git, terminal, error
	Label  string  `json:"label"`
	Tokens *int64  `json:"tokens"`
	Action *string `json:"action"` // created, modified, deleted
	Ins    *int    `json:"ins"`
	Del    *int    `json:"del"`
	Hash   *string `json:"hash"`
	Exit   *int    `json:"exit"`

	At         time.Time `json:"at"`
	Kind       string    `json:"kind,omitempty"` // prompt, turn, tool, permission, answer, mode, model, …
	Who        string    `json:"who,omitempty"`  // user, assistant, agent, person, daemon
	Turn       string    `json:"turn,omitempty"`
	Text       string    `json:"text,omitempty"` // with ?texts=true
	Automatic  bool      `json:"automatic,omitempty"`
	Via        string    `json:"via,omitempty"` // of a prompt: browser, cli, api
	Model      string    `json:"model,omitempty"`
	CostUSD    float64   `json:"cost_usd,omitempty"`
	DurationMS int64     `json:"duration_ms,omitempty"`
	StopReason string    `json:"stop_reason,omitempty"` // of a turn: end_turn, cancelled, error, …
	Tool       string    `json:"tool,omitempty"`
	Status     string    `json:"status,omitempty"`
	Allowed    *bool     `json:"allowed,omitempty"`
	From       string    `json:"from,omitempty"` // renamed from, branched from
	Git        string    `json:"git,omitempty"`  // commit, push, …
	Branch     string    `json:"branch,omitempty"`
	Repo       string    `json:"repo,omitempty"` // of git: its folder in the workspace; empty: the workspace itself
	Author     string    `json:"author,omitempty"`
	Files      []string  `json:"files,omitempty"` // of a commit; not committed
	Dir        string    `json:"dir,omitempty"`
	Shell      string    `json:"shell,omitempty"` // bash, zsh
	Where      string    `json:"where,omitempty"` // terminal, editor, agent
	Checkpoint string    `json:"checkpoint,omitempty"`
	More       int       `json:"more,omitempty"`
	Detail     string    `json:"detail,omitempty"` // of an error: the agent's own words
}

// Timeline is the contract's answer; Next is ours.
type Timeline struct {
	Events    []TimelineEvent `json:"events"`
	Files     []FileStat      `json:"files"`
	Commits   []Commit        `json:"commits"`    // newest first
	TokenBurn []int64         `json:"token_burn"` // per 300 s
	Next      string          `json:"next,omitempty"`
}

// FileStat is what became of a file.
type FileStat struct {
	Path   string `json:"path"`
	Status string `json:"status"` // new, mod, del
	Ins    int    `json:"ins"`
	Del    int    `json:"del"`
	From   string `json:"from,omitempty"` // what it was called when the run began, if that is another name
}

// Commit is a commit in a timeline.
type Commit struct {
	Hash string `json:"hash"` // 7 digits
	Msg  string `json:"msg"`
	Time string `json:"time"`           // HH:MM, UTC
	Repo string `json:"repo,omitempty"` // ours: its folder in the workspace; empty: the workspace itself
}

// ChronicleHit is a hit of a search through chronicles.
type ChronicleHit struct {
	Chronicle Chronicle      `json:"chronicle"`
	Event     *TimelineEvent `json:"event"`   // null: found in the chronicle's own texts
	Snippet   []Piece        `json:"snippet"` // plain text
}

// Piece is a part of a snippet; Hit: it is what was looked for.
type Piece struct {
	Text string `json:"text"`
	Hit  bool   `json:"hit,omitempty"`
}

// RawEvent is the contract's session event.
type RawEvent struct {
	ID         string          `json:"id"`
	SessionID  string          `json:"session_id"`
	EventType  string          `json:"event_type"`
	Timestamp  time.Time       `json:"timestamp"`
	Data       json.RawMessage `json:"data"`
	Sequence   int64           `json:"sequence"`
	TokensIn   *int64          `json:"tokens_in"`
	TokensOut  *int64          `json:"tokens_out"`
	Cost       *float64        `json:"cost"`
	DurationMS *int64          `json:"duration_ms"`
	Model      *string         `json:"model"`
}

// Deref gives what p points to, or the zero value when it points to nothing.
func Deref[T any](p *T) (v T) {
	if p != nil {
		v = *p
	}
	return v
}
