package client

import (
	"context"
	"net/http"
	"net/url"
	"time"
)

// Service is one entry of the catalogue of integrations.
type Service struct {
	Slug             string        `json:"slug"`
	Name             string        `json:"name"`
	Description      string        `json:"description"`
	IntegrationType  string        `json:"integration_type"`
	Adapter          string        `json:"adapter"`
	Icon             string        `json:"icon"`
	CredentialSchema ServiceSchema `json:"credential_schema"`
	ConfigSchema     ServiceSchema `json:"config_schema"`
	MCPServer        *ServiceTools `json:"mcp_server"`
	AuthType         string        `json:"auth_type"`
	OAuthScopes      []string      `json:"oauth_scopes"`
}

// ServiceSchema says which values a service takes.
type ServiceSchema struct {
	Required   []string                `json:"required"`
	Properties map[string]ServiceField `json:"properties"`
}

// ServiceField is one of them.
type ServiceField struct {
	Label string `json:"label"`
	Type  string `json:"type"` // password, text
}

// ServiceTools is the MCP server of a service. EnvFrom are its variables by the
// value of the credential that they come from.
type ServiceTools struct {
	Name    string            `json:"name"`
	Command string            `json:"command"`
	Args    []string          `json:"args"`
	EnvFrom map[string]string `json:"env_from_credentials"`
}

// Integration is an account elsewhere that a person connected.
type Integration struct {
	ID              string            `json:"id"`
	IntegrationType string            `json:"integration_type"`
	Adapter         string            `json:"adapter"`
	CredentialName  string            `json:"credential_name"`
	Config          map[string]string `json:"config"`
	Enabled         bool              `json:"enabled"`
	CreatedAt       time.Time         `json:"created_at"`
	UpdatedAt       time.Time         `json:"updated_at"`
	Slug            string            `json:"slug"`
	// HasTools: a session that names it gets its MCP server. Ours.
	HasTools bool `json:"has_tools"`
}

// IntegrationSave is the body of POST and PUT; what is left out of a PUT stays.
// Slug, or else Adapter, names the service, of a POST only.
type IntegrationSave struct {
	IntegrationType string             `json:"integration_type,omitempty"`
	Adapter         string             `json:"adapter,omitempty"`
	CredentialName  *string            `json:"credential_name,omitempty"`
	Config          *map[string]string `json:"config,omitempty"`
	Enabled         *bool              `json:"enabled,omitempty"`
	Slug            string             `json:"slug,omitempty"`
}

// IntegrationTest is what a service says of the key.
type IntegrationTest struct {
	Success   bool    `json:"success"`
	Provider  string  `json:"provider"`
	Workspace *string `json:"workspace"`
	User      *string `json:"user"`
	Error     *string `json:"error"` // a sentence
}

// Services gives the catalogue.
func (c *Client) Services(ctx context.Context) ([]Service, error) {
	return one[[]Service](c, ctx, http.MethodGet, "/integrations/catalog", nil)
}

// Integrations gives the caller's.
func (c *Client) Integrations(ctx context.Context) ([]Integration, error) {
	return one[[]Integration](c, ctx, http.MethodGet, "/integrations", nil)
}

// AddIntegration connects a service.
func (c *Client) AddIntegration(ctx context.Context, in IntegrationSave) (Integration, error) {
	return one[Integration](c, ctx, http.MethodPost, "/integrations", in)
}

// TestIntegration asks the service whose key it is.
func (c *Client) TestIntegration(ctx context.Context, id string) (IntegrationTest, error) {
	return one[IntegrationTest](c, ctx, http.MethodPost, "/integrations/"+url.PathEscape(id)+"/test", nil)
}

// ChangeIntegration changes what in says of one.
func (c *Client) ChangeIntegration(ctx context.Context, id string, in IntegrationSave) (Integration, error) {
	return one[Integration](c, ctx, http.MethodPut, "/integrations/"+url.PathEscape(id), in)
}

// DeleteIntegration forgets it; the credential stays.
func (c *Client) DeleteIntegration(ctx context.Context, id string) error {
	return c.Do(ctx, http.MethodDelete, "/integrations/"+url.PathEscape(id), nil, nil)
}
