package client

import (
	"encoding/json"
	"time"
)

// Model is one line of GET /models.
type Model struct {
	ID                   string   `json:"id"`
	Name                 string   `json:"name"`
	Description          string   `json:"description"`
	Provider             string   `json:"provider"` // cloud, local
	Tier                 string   `json:"tier"`     // frontier, balanced, execution, reasoning
	Color                string   `json:"color"`
	CostPerMillionTokens *float64 `json:"cost_per_million_tokens"`
	VRAMRequired         *string  `json:"vram_required"`
	Agent                string   `json:"agent,omitempty"` // ours: the agent that can use it
}

// Stats is GET /stats: totals of what the caller may see.
type Stats struct {
	ActiveSessions int     `json:"active_sessions"`
	TotalSessions  int     `json:"total_sessions"`
	TokensToday    int64   `json:"tokens_today"`
	LocalTokens    int64   `json:"local_tokens"`
	CloudTokens    int64   `json:"cloud_tokens"`
	CostToday      float64 `json:"cost_today"`
}

// Me is GET /me.
type Me struct {
	UserID      string   `json:"user_id"`
	Email       string   `json:"email"`
	TenantID    string   `json:"tenant_id"`
	Roles       []string `json:"roles"`
	DisplayName string   `json:"display_name"`
	Status      string   `json:"status"`
}

// Logs is GET /sessions/{id}/logs.
type Logs struct {
	SessionID string    `json:"session_id"`
	Total     int       `json:"total"`
	Returned  int       `json:"returned"`
	Lines     []LogLine `json:"lines"`
}

// LogLine is one line of a session's log.
type LogLine struct {
	Time      string  `json:"time"`      // RFC 3339
	Timestamp float64 `json:"timestamp"` // unix seconds
	Level     string  `json:"level"`     // DEBUG, INFO, WARNING, ERROR
	Logger    string  `json:"logger"`    // the part: agent, broker, editor, terminal
	Message   string  `json:"message"`
}

// Conversation is GET /sessions/{id}/conversation.
type Conversation struct {
	Turns        []Turn `json:"turns"`
	IsActive     bool   `json:"is_active"`
	LastActivity string `json:"last_activity"`
}

// Turn is one side's contribution to a conversation.
type Turn struct {
	ID        string         `json:"id"`
	Role      string         `json:"role"` // user, assistant
	Content   string         `json:"content"`
	Parts     []TurnPart     `json:"parts"`
	CreatedAt time.Time      `json:"created_at"`
	Metadata  map[string]any `json:"metadata"` // usage, cost, model
}

// TurnPart is one piece of a Turn.
type TurnPart struct {
	Type string `json:"type"` // text, reasoning
	Text string `json:"text"`
}

// Event is one event of GET /sessions/stream.
type Event struct {
	ID   int64           // the cursor: give it to Stream to go on from here
	Type string          // session_created, session_updated, session_deleted, session_activity, stats_updated, heartbeat
	Data json.RawMessage // session_created and session_updated: a Session
}

// Status is `volundr status --json`, and GET /api/v1/volundr/status.
type Status struct {
	URL   string `json:"url"`    // for programs, on 127.0.0.1
	UIURL string `json:"ui_url"` // for browsers of this machine
	// PublicURL is for browsers and programs elsewhere; empty: there is none.
	PublicURL string `json:"public_url,omitempty"`
	PID       int    `json:"pid"`
	Version   string `json:"version"`
	TokenFile string `json:"token_file"` // empty: the caller does not run the machine
	Runtime   string `json:"runtime"`
	// Image is how far the session image is.
	Image ImageStatus `json:"image"`
	// Sandbox tells of the sandbox API.
	Sandbox *SandboxStatus `json:"sandbox,omitempty"`
	// Trouble are the runtimes that cannot be looked at now.
	Trouble []Trouble `json:"trouble,omitempty"`
}

// SandboxStatus tells of the sandbox API. It is on the daemon's own address too.
type SandboxStatus struct {
	URL   string      `json:"url,omitempty"`  // its own address, if it has one
	Auth  string      `json:"auth,omitempty"` // of that: token, none
	Image ImageStatus `json:"image"`          // "" until a sandbox is asked for
}

// FileMatches answers GET /s/{id}/files?q=: names of files in the workspace, the best
// first. They are the session's word, without what nobody could read.
type FileMatches struct {
	Files []string `json:"files"`
	Cut   bool     `json:"cut,omitempty"` // the workspace has more than were looked at
}

// Trouble is a runtime that cannot be looked at: what is told of its sessions
// is what was seen last.
type Trouble struct {
	Runtime string `json:"runtime"`
	Title   string `json:"title"`            // a sentence
	Detail  string `json:"detail,omitempty"` // the error's words
}

// ImageStatus is how far the session image is.
type ImageStatus struct {
	State string   `json:"state"`           // "", "building", "ready", "failed"
	Text  string   `json:"text,omitempty"`  // one line for people
	Step  int      `json:"step,omitempty"`  // of Steps
	Steps int      `json:"steps,omitempty"` //
	Error string   `json:"error,omitempty"` // a sentence
	Lines []string `json:"lines,omitempty"` // the last lines of the build
}

// Finding is one line of `volundr doctor`.
type Finding struct {
	Name   string `json:"name"`
	Status string `json:"status"` // ok, warning, error
	Detail string `json:"detail"`
	Advice string `json:"advice,omitempty"`
}

// Found is a workload of ours that no record knows.
type Found struct {
	ID      string    `json:"id"`
	Name    string    `json:"name"`
	Created time.Time `json:"created"`
	Running bool      `json:"running"`
	Volumes []string  `json:"volumes"`
}

// Loss is what deleting or stopping a session would lose, as the session
// itself says; GET /sessions/{id}/loss.
type Loss struct {
	Known      bool     `json:"known"`      // false: it could not be asked, and Reason says why
	Reason     string   `json:"reason"`     //
	Files      int      `json:"files"`      // uncommitted
	Names      []string `json:"names"`      // the first of them
	Branches   []string `json:"branches"`   // with commits that no remote has
	Commits    int      `json:"commits"`    // such commits
	Stashes    int      `json:"stashes"`    //
	Repository bool     `json:"repository"` // false: the workspace is not a git repository; Files counts all files
	Busy       bool     `json:"busy"`       // a turn is under way
	Live       string   `json:"live"`       // a live folder of the host, which is kept
}

// Credential is one line of GET /credentials; the value is never given out.
type Credential struct {
	Name     string            `json:"name"`
	Type     string            `json:"secret_type"`
	Keys     []string          `json:"keys"`
	Metadata map[string]string `json:"metadata"`

	UpdatedAt time.Time `json:"updated_at"`

	// Ours: an admin shares it with all; InSessions: sessions that name it are
	// given it, else models, git and pull requests alone use it.
	Shared     bool `json:"shared,omitempty"`
	InSessions bool `json:"in_sessions,omitempty"`
}

// CredentialType describes a type of credentials (GET /credentials/types).
type CredentialType struct {
	Type        string            `json:"type"`
	Label       string            `json:"label"`
	Description string            `json:"description"`
	Fields      []CredentialField `json:"fields"` // none: any values by name
	Mount       string            `json:"default_mount_type"`
}

// CredentialField is one value of a type.
type CredentialField struct {
	Key      string `json:"key"`
	Label    string `json:"label"`
	Type     string `json:"type"` // "password", "text", "textarea"
	Required bool   `json:"required"`
}
