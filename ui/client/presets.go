package client

import (
	"context"
	"encoding/json"
	"net/url"
	"time"
)

// Preset is one of GET /presets: the contract's fields, every one always
// present, then ours.
type Preset struct {
	ID              string           `json:"id"`
	Name            string           `json:"name"`
	Description     string           `json:"description"`
	IsDefault       bool             `json:"is_default"` // the only one of its CLITool
	CLITool         string           `json:"cli_tool"`   // the agent
	WorkloadType    string           `json:"workload_type"`
	Model           *string          `json:"model"`
	SystemPrompt    *string          `json:"system_prompt"`
	ResourceConfig  map[string]any   `json:"resource_config"`
	MCPServers      []map[string]any `json:"mcp_servers"`
	TerminalSidecar map[string]any   `json:"terminal_sidecar"`
	Skills          []any            `json:"skills"`
	Rules           []any            `json:"rules"`
	EnvVars         map[string]any   `json:"env_vars"`
	EnvSecretRefs   []string         `json:"env_secret_refs"`
	Source          *Source          `json:"source"`
	IntegrationIDs  []string         `json:"integration_ids"`
	SetupScripts    []string         `json:"setup_scripts"`
	WorkloadConfig  map[string]any   `json:"workload_config"`
	CreatedAt       time.Time        `json:"created_at"`
	UpdatedAt       time.Time        `json:"updated_at"`

	// Request is all that it says of a session, as a SessionCreate without a
	// name (ours).
	Request json.RawMessage `json:"request"`
	// Shared: an admin shares it with all (ours).
	Shared bool `json:"shared,omitempty"`
}

// PresetSave is the body of POST /presets, and of PUT, where what is nil stays.
// What Request says takes the place of all before it; the contract's fields
// stand above that.
type PresetSave struct {
	Name            *string            `json:"name,omitempty"`
	Description     *string            `json:"description,omitempty"`
	IsDefault       *bool              `json:"is_default,omitempty"`
	CLITool         *string            `json:"cli_tool,omitempty"`
	WorkloadType    *string            `json:"workload_type,omitempty"`
	Model           *string            `json:"model,omitempty"`
	SystemPrompt    *string            `json:"system_prompt,omitempty"`
	ResourceConfig  *map[string]any    `json:"resource_config,omitempty"`
	MCPServers      []any              `json:"mcp_servers,omitempty"`
	TerminalSidecar map[string]any     `json:"terminal_sidecar,omitempty"`
	Skills          []any              `json:"skills,omitempty"`
	Rules           []any              `json:"rules,omitempty"`
	EnvVars         *map[string]string `json:"env_vars,omitempty"`
	EnvSecretRefs   []any              `json:"env_secret_refs,omitempty"`
	Source          *Source            `json:"source,omitempty"`
	IntegrationIDs  *[]string          `json:"integration_ids,omitempty"`
	SetupScripts    *[]string          `json:"setup_scripts,omitempty"`
	WorkloadConfig  map[string]any     `json:"workload_config,omitempty"`
	Request         json.RawMessage    `json:"request,omitempty"`
}

// Presets gives the caller's presets, defaults first, then by name.
func (c *Client) Presets(ctx context.Context) ([]Preset, error) {
	return one[[]Preset](c, ctx, "GET", "/presets", nil)
}

// SavePreset keeps a new preset.
func (c *Client) SavePreset(ctx context.Context, p PresetSave) (Preset, error) {
	return one[Preset](c, ctx, "POST", "/presets", p)
}

// DeletePreset forgets a preset.
func (c *Client) DeletePreset(ctx context.Context, id string) error {
	return c.Do(ctx, "DELETE", "/presets/"+url.PathEscape(id), nil, nil)
}

// SharePreset gives an admin's own preset to all.
func (c *Client) SharePreset(ctx context.Context, id string) (Preset, error) {
	return one[Preset](c, ctx, "PUT", "/presets/"+url.PathEscape(id)+"/share", nil)
}

// UnsharePreset takes a shared preset back: it is the caller's own then.
func (c *Client) UnsharePreset(ctx context.Context, id string) (Preset, error) {
	return one[Preset](c, ctx, "DELETE", "/presets/"+url.PathEscape(id)+"/share", nil)
}

// StartWith starts a session with a profile laid over it, from now on.
func (c *Client) StartWith(ctx context.Context, id, profile string) (Session, error) {
	return one[Session](c, ctx, "POST", "/sessions/"+url.PathEscape(id)+"/start", map[string]string{"profile_name": profile})
}
