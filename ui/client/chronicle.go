package client

import (
	"context"
	"encoding/json"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"
)

// Chronicle is the record of one run of a session: the contract's keys, then
// ours.
type Chronicle struct {
	ID                string          `json:"id"`
	SessionID         *string         `json:"session_id"`
	Status            string          `json:"status"` // draft, complete
	Project           string          `json:"project"`
	Repo              string          `json:"repo"`
	Branch            string          `json:"branch"`
	Model             string          `json:"model"`
	ConfigSnapshot    json.RawMessage `json:"config_snapshot"` // the launch request without secrets, and the contract's four keys
	Summary           *string         `json:"summary"`
	KeyChanges        []string        `json:"key_changes"`
	UnfinishedWork    *string         `json:"unfinished_work"`
	TokenUsage        int64           `json:"token_usage"`
	Cost              *float64        `json:"cost"` // US dollars; null: not known
	DurationSeconds   *int64          `json:"duration_seconds"`
	Tags              []string        `json:"tags"`
	ParentChronicleID *string         `json:"parent_chronicle_id"`
	CreatedAt         time.Time       `json:"created_at"`
	UpdatedAt         time.Time       `json:"updated_at"`

	Name          string       `json:"name"` // the session's when the run began
	Run           int          `json:"run"`
	Agent         string       `json:"agent"`
	Author        string       `json:"author"` // of the texts: rule, agent, person; empty: there are none
	Reason        string       `json:"reason"` // why the run ended
	StartedAt     time.Time    `json:"started_at"`
	EndedAt       *time.Time   `json:"ended_at"`
	ActiveSeconds int64        `json:"active_seconds"` // turns under way
	BaseCommit    string       `json:"base_commit"`
	FinalCommit   string       `json:"final_commit"`
	Models        []ModelUsage `json:"models"`
	// Snapshot: a new session can begin with the workspace as it was at the end.
	Snapshot bool `json:"snapshot"`
	// Missing says for people why there is no snapshot.
	Missing string `json:"missing,omitempty"`
	// SessionGone: the session was deleted; its chronicle stays.
	SessionGone bool `json:"session_gone,omitempty"`
}

// ModelUsage is what one model was used for in a run.
type ModelUsage struct {
	Model      string  `json:"model"`
	Provider   string  `json:"provider"` // cloud, local
	Turns      int     `json:"turns"`
	Input      int64   `json:"input_tokens"`
	Output     int64   `json:"output_tokens"`
	CacheRead  int64   `json:"cache_read_tokens"`
	CacheWrite int64   `json:"cache_write_tokens"`
	Cost       float64 `json:"cost"`
}

// Timeline is GET /chronicles/{session_id}/timeline, and the same by a
// chronicle's id.
type Timeline struct {
	Events    []TimelineEvent `json:"events"`
	Files     []FileStat      `json:"files"`
	Commits   []Commit        `json:"commits"`         // newest first
	TokenBurn []int64         `json:"token_burn"`      // per 300 s
	After     string          `json:"after,omitempty"` // cursor of the next page; empty: this was the last
}

// TimelineEvent is one thing that happened: the contract's keys, then ours.
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
	Kind       string    `json:"kind,omitempty"` // prompt, turn, tool, permission, …
	Who        string    `json:"who,omitempty"`  // user, assistant, agent, person, daemon
	Text       string    `json:"text,omitempty"` // the whole, in an export
	From       string    `json:"from,omitempty"`
	Branch     string    `json:"branch,omitempty"`
	Git        string    `json:"git,omitempty"` // commit, branch, checkout, merge, rebase, reset, push
	Dir        string    `json:"dir,omitempty"`
	DurationMS int64     `json:"duration_ms,omitempty"`
	Cost       float64   `json:"cost,omitempty"`
	Model      string    `json:"model,omitempty"`
	Status     string    `json:"status,omitempty"` // of a tool call
	Allowed    *bool     `json:"allowed,omitempty"`
	Files      []string  `json:"commit_files,omitempty"`
	Author     string    `json:"author,omitempty"`
	Automatic  bool      `json:"automatic,omitempty"`
	Checkpoint string    `json:"checkpoint,omitempty"` // the state before this prompt, to go back to or to fork from
	More       int       `json:"more,omitempty"`
}

// FileStat is what became of a file in a run.
type FileStat struct {
	Path   string `json:"path"`
	Status string `json:"status"` // new, mod, del
	Ins    int    `json:"ins"`
	Del    int    `json:"del"`
}

// Commit is a commit made in a run.
type Commit struct {
	Hash string `json:"hash"` // 7 digits
	Msg  string `json:"msg"`
	Time string `json:"time"` // HH:MM, UTC
}

// Hit is one hit of GET /chronicles/search.
type Hit struct {
	Chronicle Chronicle      `json:"chronicle"`
	Event     *TimelineEvent `json:"event"` // null: found in the summary
	// Snippet is plain text; what was found stands between MarkStart and MarkEnd.
	Snippet string `json:"snippet"`
}

// Marks in a Hit's snippet.
const (
	MarkStart = "\ue000"
	MarkEnd   = "\ue001"
)

// ChronicleOptions narrow Chronicles.
type ChronicleOptions struct {
	Project, Repo, Model, Text string
	Tags                       []string
	Limit, Offset              int
}

// Chronicles gives the chronicles, newest first.
func (c *Client) Chronicles(ctx context.Context, o ChronicleOptions) ([]Chronicle, error) {
	q := url.Values{}
	for k, v := range map[string]string{"project": o.Project, "repo": o.Repo, "model_name": o.Model, "text": o.Text, "tags": strings.Join(o.Tags, ",")} {
		if v != "" {
			q.Set(k, v)
		}
	}
	for k, v := range map[string]int{"limit": o.Limit, "offset": o.Offset} {
		if v > 0 {
			q.Set(k, strconv.Itoa(v))
		}
	}
	return one[[]Chronicle](c, ctx, http.MethodGet, "/chronicles?"+q.Encode(), nil)
}

// Chronicle gives one chronicle.
func (c *Client) Chronicle(ctx context.Context, id string) (Chronicle, error) {
	return one[Chronicle](c, ctx, http.MethodGet, "/chronicles/"+url.PathEscape(id), nil)
}

// SessionChronicle gives the latest chronicle of a session.
func (c *Client) SessionChronicle(ctx context.Context, session string) (Chronicle, error) {
	return one[Chronicle](c, ctx, http.MethodGet, "/sessions/"+url.PathEscape(session)+"/chronicle", nil)
}

// Timeline gives a page of a chronicle's timeline. texts: with the whole texts.
func (c *Client) Timeline(ctx context.Context, chronicle, after string, texts bool) (Timeline, error) {
	q := url.Values{}
	if after != "" {
		q.Set("after", after)
	}
	if texts {
		q.Set("texts", "true")
	}
	return one[Timeline](c, ctx, http.MethodGet, "/chronicles/"+url.PathEscape(chronicle)+"/events?"+q.Encode(), nil)
}

// Chain gives the chronicles that lead to this one and on from it, oldest first.
func (c *Client) Chain(ctx context.Context, id string) ([]Chronicle, error) {
	return one[[]Chronicle](c, ctx, http.MethodGet, "/chronicles/"+url.PathEscape(id)+"/chain", nil)
}

// Search finds chronicles by words.
func (c *Client) Search(ctx context.Context, words string, limit int) ([]Hit, error) {
	q := url.Values{"q": {words}}
	if limit > 0 {
		q.Set("limit", strconv.Itoa(limit))
	}
	return one[[]Hit](c, ctx, http.MethodGet, "/chronicles/search?"+q.Encode(), nil)
}
