package client

import (
	"context"
	"encoding/json"
	"net/url"
)

// Template is one of GET /templates and GET /profiles: the contract's fields,
// every one always present, then ours.
type Template struct {
	Name              string           `json:"name"`
	Description       string           `json:"description"`
	Repos             []TemplateRepo   `json:"repos"`
	SetupScripts      []string         `json:"setup_scripts"`
	WorkspaceLayout   map[string]any   `json:"workspace_layout"`
	IsDefault         bool             `json:"is_default"`
	WorkloadType      string           `json:"workload_type"` // "session"
	Model             *string          `json:"model"`
	SystemPrompt      *string          `json:"system_prompt"`
	ResourceConfig    map[string]any   `json:"resource_config"`
	MCPServers        []map[string]any `json:"mcp_servers"`
	EnvVars           map[string]any   `json:"env_vars"`
	EnvSecretRefs     []string         `json:"env_secret_refs"`
	WorkloadConfig    map[string]any   `json:"workload_config"`
	SessionDefinition *string          `json:"session_definition"`

	// Ours.
	ProfileName string          `json:"profile_name"`
	Request     json.RawMessage `json:"request"`  // all that it says of a session, as a SessionCreate without a name
	Problems    []string        `json:"problems"` // why it cannot be used, with file and line
	File        string          `json:"file"`     // where it stands; empty: built in
}

// TemplateRepo is a repository of a template, the first being that of its
// source, the others the additional ones.
type TemplateRepo struct {
	URL        string `json:"url"`
	Branch     string `json:"branch"`
	BaseBranch string `json:"base_branch"`
	Folder     string `json:"folder,omitempty"` // ours
}

// TemplateSave is the body of POST /templates and of POST and PUT /profiles.
// What Request says stands above the contract's fields.
type TemplateSave struct {
	Name           string            `json:"name"`
	Description    string            `json:"description,omitempty"`
	Repos          []json.RawMessage `json:"repos,omitempty"` // a URL, or a TemplateRepo
	SetupScripts   []string          `json:"setup_scripts,omitempty"`
	IsDefault      bool              `json:"is_default,omitempty"`
	WorkloadType   string            `json:"workload_type,omitempty"`
	Model          string            `json:"model,omitempty"`
	SystemPrompt   string            `json:"system_prompt,omitempty"`
	ResourceConfig map[string]any    `json:"resource_config,omitempty"`
	MCPServers     []map[string]any  `json:"mcp_servers,omitempty"`
	EnvVars        map[string]string `json:"env_vars,omitempty"`
	EnvSecretRefs  []string          `json:"env_secret_refs,omitempty"`
	ProfileName    string            `json:"profile_name,omitempty"`
	Request        json.RawMessage   `json:"request,omitempty"`
}

// Templates gives the templates, built-in ones included, by name.
func (c *Client) Templates(ctx context.Context) ([]Template, error) {
	return one[[]Template](c, ctx, "GET", "/templates", nil)
}

// Template gives one template.
func (c *Client) Template(ctx context.Context, name string) (Template, error) {
	return one[Template](c, ctx, "GET", "/templates/"+url.PathEscape(name), nil)
}

// SaveTemplate writes a new template's file.
func (c *Client) SaveTemplate(ctx context.Context, t TemplateSave) (Template, error) {
	return one[Template](c, ctx, "POST", "/templates", t)
}

// Profiles gives the profiles by name.
func (c *Client) Profiles(ctx context.Context) ([]Template, error) {
	return one[[]Template](c, ctx, "GET", "/profiles", nil)
}
