package client

import (
	"encoding/json"
	"time"
)

// States of a session, lower case on the wire.
const (
	Created      = "created"
	Starting     = "starting"
	Provisioning = "provisioning"
	Running      = "running"
	Stopping     = "stopping"
	Stopped      = "stopped"
	Failed       = "failed"
	Archived     = "archived"
)

// Activities of a running session (Session.ActivityState).
const (
	Idle          = "idle"
	Active        = "active"
	ToolExecuting = "tool_executing"
	Waiting       = "waiting" // for an answer of its owner
)

// Session is the contract's SessionResponse, every key always present, and
// then what Volundr adds.
type Session struct {
	ID               string         `json:"id"`
	Name             string         `json:"name"`
	Model            string         `json:"model"`
	Source           Source         `json:"source"`
	Status           string         `json:"status"`
	ChatEndpoint     *string        `json:"chat_endpoint"` // while RUNNING
	CodeEndpoint     *string        `json:"code_endpoint"` // while RUNNING
	CreatedAt        time.Time      `json:"created_at"`
	UpdatedAt        time.Time      `json:"updated_at"`
	LastActive       time.Time      `json:"last_active"`
	MessageCount     int            `json:"message_count"`
	TokensUsed       int64          `json:"tokens_used"`
	PodName          *string        `json:"pod_name"`
	Error            *string        `json:"error"` // Failure.Reason
	TrackerIssueID   *string        `json:"tracker_issue_id"`
	IssueTrackerURL  *string        `json:"issue_tracker_url"`
	PresetID         *string        `json:"preset_id"`
	ArchivedAt       *time.Time     `json:"archived_at"`
	OwnerID          *string        `json:"owner_id"`
	TenantID         *string        `json:"tenant_id"`
	ActivityState    *string        `json:"activity_state"`
	ActivityMetadata map[string]any `json:"activity_metadata"` // {} when empty, never null

	// Ours.
	Agent        string    `json:"agent"`         // "claude", "codex", "acp"
	Repo         string    `json:"repo"`          // URL or folder; empty for an empty workspace
	Branch       string    `json:"branch"`        // empty when it has none
	StateSince   time.Time `json:"state_since"`   //
	Doing        string    `json:"doing"`         // what goes on now ("pulling base image 3/7")
	ActivityText string    `json:"activity_text"` // "running go test"
	Detail       string    `json:"detail"`        // a surface that stopped answering
	Failure      *Failure  `json:"failure"`       // set when Status is failed
	CostUSD      float64   `json:"cost_usd"`      //
	Mode         string    `json:"mode"`          // the agent's permission mode: id
	ModeName     string    `json:"mode_name"`     // and name, for people
	Runtime      string    `json:"runtime"`       // "docker", …
	Unseen       bool      `json:"unseen"`        // its runtime does not answer: Status is what was seen last
	Run          int       `json:"run"`           // counts starts
	Network      string    `json:"network"`       // "open", "none"
	CanHurry     bool      `json:"can_hurry"`     // it is being stopped and may be stopped now
	ReadOnly     bool      `json:"read_only"`     // who asks may look at it only
	ReadOnlyWhy  string    `json:"read_only_why,omitempty"`
	TimeToLive   string    `json:"time_to_live"` // as it was asked for

	StopsAt   *time.Time `json:"stops_at"`   // while it runs: when its time to live is over
	StopsSoon bool       `json:"stops_soon"` // which is in some minutes

	Definition *SessionDefinition `json:"definition"` // of its repository; null: it has none
}

// Activity is ActivityState, or "" when there is none.
func (s Session) Activity() string {
	if s.ActivityState == nil {
		return ""
	}
	return *s.ActivityState
}

// Failure is why a session is failed.
type Failure struct {
	Reason   string    `json:"reason"` // one sentence with the next step
	Part     string    `json:"part,omitempty"`
	ExitCode *int      `json:"exit_code"`
	OOM      bool      `json:"oom,omitempty"`
	Lines    []string  `json:"lines"` // last log lines
	At       time.Time `json:"at"`
}

// CanStart, CanStop and CanPrompt say what the session's state allows to whom
// it belongs; the server refuses the rest with 409.
func (s Session) CanStart() bool {
	return !s.ReadOnly && (s.Status == Created || s.Status == Stopped || s.Status == Failed)
}

// CanStop: see CanStart.
func (s Session) CanStop() bool {
	return !s.ReadOnly && (s.Status == Starting || s.Status == Provisioning || s.Status == Running)
}

// CanArchive: see CanStart. One that runs is stopped first.
func (s Session) CanArchive() bool { return s.CanStart() || s.CanStop() }

// CanRestore: see CanStart.
func (s Session) CanRestore() bool { return !s.ReadOnly && s.Status == Archived }

// CanPrompt: see CanStart. A prompt sent before the session runs is queued.
func (s Session) CanPrompt() bool { return s.CanStop() }

// SessionCreate is the body of POST /sessions: the contract's fields, then ours.
type SessionCreate struct {
	Name               string         `json:"name"`
	Model              string         `json:"model,omitempty"`
	Source             *Source        `json:"source,omitempty"`
	TemplateName       string         `json:"template_name,omitempty"`
	ProfileName        string         `json:"profile_name,omitempty"`
	PresetID           string         `json:"preset_id,omitempty"`
	WorkspaceID        string         `json:"workspace_id,omitempty"`
	TerminalRestricted bool           `json:"terminal_restricted,omitempty"`
	CredentialNames    []string       `json:"credential_names,omitempty"`
	IntegrationIDs     []string       `json:"integration_ids,omitempty"`
	ResourceConfig     map[string]any `json:"resource_config,omitempty"`
	SystemPrompt       string         `json:"system_prompt,omitempty"`
	InitialPrompt      string         `json:"initial_prompt,omitempty"`
	IssueID            string         `json:"issue_id,omitempty"`
	IssueURL           string         `json:"issue_url,omitempty"`

	Agent   string            `json:"agent,omitempty"`   // "claude" (default), "codex", "acp"
	Command []string          `json:"command,omitempty"` // argv of an ACP agent, for "acp"
	Mode    string            `json:"mode,omitempty"`
	Env     map[string]string `json:"env,omitempty"`
	Runtime string            `json:"runtime,omitempty"` // "docker", "kubernetes"; empty: where new sessions run
	Network string            `json:"network,omitempty"` // "open" (default), "none"
	// Image of the agent, the editor and the terminal, made from the session image.
	Image string `json:"image,omitempty"`
	// Services are containers beside the session, such as a database.
	Services []Sidecar `json:"services,omitempty"`
	// SetupScripts run in the session before its agent, once; Files are files of
	// this machine that a fresh workspace gets.
	SetupScripts []string `json:"setup_scripts,omitempty"`
	Files        []File   `json:"files,omitempty"`
	// EnvSecretRefs are generic credentials whose keys are variables.
	EnvSecretRefs []string `json:"env_secret_refs,omitempty"`
	// MCPServers are servers of tools for the agent.
	MCPServers []MCPServer `json:"mcp_servers,omitempty"`
	// ProtectedBranches are patterns of more branches that are not pushed to.
	ProtectedBranches []string `json:"protected_branches,omitempty"`
	// TimeToLive, as in 8h or 2d, is how long it runs until it is stopped; empty or
	// "none": until somebody stops it.
	TimeToLive string `json:"time_to_live,omitempty"`
	// TrustRepository is the hash of the Definition of the repository that was
	// shown and is to be used; WithoutDefinition leaves it out this once.
	TrustRepository   string `json:"trust_repository,omitempty"`
	WithoutDefinition bool   `json:"without_definition,omitempty"`
}

// File is a file that a session is given: From below its local folder, or an
// absolute path; To its path in the workspace (empty: From).
type File struct {
	From string `json:"from"`
	To   string `json:"to,omitempty"`
}

// UnmarshalJSON takes a name alone for a file that keeps it.
func (f *File) UnmarshalJSON(b []byte) error {
	if len(b) > 0 && b[0] == '"' {
		return json.Unmarshal(b, &f.From)
	}
	type plain File
	return json.Unmarshal(b, (*plain)(f))
}

// WaitsForModel begins the ActivityText of a turn whose model does not answer.
const WaitsForModel = "waits for the model: "

// NoProgress is the ActivityText of a turn that is stalled.
const NoProgress = "makes no progress"
