// Package launch turns a stored launch request into the runtime.Spec of a run.
//
// The whole request is kept with the session, so that a restart is the same
// session. Ten contributors, run in order, each add their piece.
package launch

import (
	"encoding/json"

	"volundr/daemon/source"
)

// Request is everything that a session was asked to be, as JSON in the store.
// Credentials stand here by name only. Fields follow the REST contract's
// SessionCreate; the ones that the contract lacks are marked.
type Request struct {
	Agent           string            `json:"agent"`             // ours: "claude", "codex", "acp"
	Command         []string          `json:"command,omitempty"` // ours: argv of an ACP agent, for "acp"
	Model           string            `json:"model"`
	Mode            string            `json:"mode,omitempty"` // ours: the agent's permission mode
	Source          Source            `json:"source"`
	Env             map[string]string `json:"env,omitempty"`           // ours
	Runtime         string            `json:"runtime,omitempty"`       // ours: where it runs; empty: where new sessions do
	Network         string            `json:"network,omitempty"`       // ours: "open" (default), "none"
	Image           string            `json:"image,omitempty"`         // ours: of the session's containers, made from the session image
	Services        []Service         `json:"services,omitempty"`      // ours: containers beside the session, such as a database
	Setup           []string          `json:"setup_scripts,omitempty"` // ours: run in a fresh session before its agent
	Files           []source.File     `json:"files,omitempty"`         // ours: of this machine, for a fresh workspace
	SystemPrompt    string            `json:"system_prompt,omitempty"`
	InitialPrompt   string            `json:"initial_prompt,omitempty"`
	Resources       map[string]any    `json:"resource_config,omitempty"` // cpu, memory, gpu, …
	TemplateName    string            `json:"template_name,omitempty"`
	ProfileName     string            `json:"profile_name,omitempty"`
	PresetID        string            `json:"preset_id,omitempty"`
	WorkspaceID     string            `json:"workspace_id,omitempty"`
	TermRestricted  bool              `json:"terminal_restricted,omitempty"`
	CredentialNames []string          `json:"credential_names,omitempty"`
	SecretRefs      []string          `json:"env_secret_refs,omitempty"` // ours for a session: generic credentials whose keys are variables
	IntegrationIDs  []string          `json:"integration_ids,omitempty"`
	MCP             []MCPServer       `json:"mcp_servers,omitempty"`        // ours for a session: servers of tools for the agent
	Protected       []string          `json:"protected_branches,omitempty"` // ours: more branches that are not pushed to from the session
	TimeToLive      string            `json:"time_to_live,omitempty"`       // ours: as in 8h, from when it runs until it is stopped; "none" over a template's
	IssueID         string            `json:"issue_id,omitempty"`
	IssueURL        string            `json:"issue_url,omitempty"`
	From            *From             `json:"from,omitempty"`       // ours: what a reforged session continues
	Definition      *Definition       `json:"definition,omitempty"` // ours: what its repository brought
}

// Definition is what a session's repository brought, as its user confirmed it.
// What it says of the session stands in the request itself.
type Definition struct {
	// Hash is of its content; a client cannot set a Definition, only confirming
	// one does.
	Hash    string   `json:"hash"`
	Commit  string   `json:"commit,omitempty"` // empty: of a copied folder
	Prompts []Prompt `json:"prompts,omitempty"`
}

// Prompt is a message that the session's chat offers.
type Prompt struct {
	Name    string `json:"name"`
	Content string `json:"content"`
}

// From is where a reforged session begins: packs in the blob storage instead of
// a clone, and what the agent is told of the work before.
type From struct {
	// Chronicle is its parent's id; a client cannot set From, only reforging does.
	Chronicle  string `json:"chronicle"`
	Checkpoint string `json:"checkpoint,omitempty"` // empty: the run's end
	Workspace  string `json:"workspace,omitempty"`  // digest; empty: a live folder
	Context    string `json:"context,omitempty"`    // digest; empty: another agent, or none
	Briefing   string `json:"briefing,omitempty"`   // first context of an agent that has none of its own
}

// Source says where the workspace comes from: the contract's tagged union, and
// two kinds of ours.
type Source struct {
	// Type: "git" (empty Repo: an empty workspace), "local_mount" (live), or
	// ours: "local_copy" (LocalPath with its uncommitted work, copied once).
	Type       string `json:"type"`
	Repo       string `json:"repo,omitempty"` // URL, or a path of a local repository
	Branch     string `json:"branch,omitempty"`
	BaseBranch string `json:"base_branch,omitempty"`
	// Additional are further repositories (ours). Then each lies in a folder of
	// the workspace, and Folder is that of the first one.
	Additional []source.Additional `json:"additional_repos,omitempty"`
	Folder     string              `json:"folder,omitempty"`

	LocalPath    string            `json:"local_path,omitempty"`
	Paths        []MountMapping    `json:"paths,omitempty"`
	NodeSelector map[string]string `json:"node_selector,omitempty"`
	// WritableGit: .git/hooks and .git/config of a live folder may be written
	// from inside (ours; the host's git runs them later).
	WritableGit bool `json:"writable_git,omitempty"`
}

// MountMapping puts a host folder into the session.
type MountMapping struct {
	HostPath  string `json:"host_path"`
	MountPath string `json:"mount_path"`
	ReadOnly  bool   `json:"read_only"` // absent: true
}

// UnmarshalJSON fills the contract's default for read_only: what says nothing of
// it is not written to.
func (m *MountMapping) UnmarshalJSON(b []byte) error {
	type plain MountMapping
	p := plain{ReadOnly: true}
	if err := json.Unmarshal(b, &p); err != nil {
		return err
	}
	*m = MountMapping(p)
	return nil
}
