package client

import (
	"context"
	"net/http"
)

// MCPServer is a server of tools (Model Context Protocol) that a session's agent
// is given.
type MCPServer struct {
	Name        string            `json:"name"`
	Type        string            `json:"type,omitempty"`    // "stdio" (default with a command), "http" (with a url), "sse"
	Command     string            `json:"command,omitempty"` // stdio: a program in the session
	Args        []string          `json:"args,omitempty"`
	URL         string            `json:"url,omitempty"`
	Description string            `json:"description,omitempty"`
	Env         map[string]string `json:"env,omitempty"`
	Headers     map[string]string `json:"headers,omitempty"`
	// EnvFrom are variables by the credential that they come from: NAME, or
	// NAME:KEY of one with several values.
	EnvFrom map[string]string `json:"env_from_credentials,omitempty"`
}

// MCPServerInfo is the contract's: one that is on offer.
type MCPServerInfo struct {
	Name        string   `json:"name"`
	Type        string   `json:"type"`
	Command     *string  `json:"command"`
	URL         *string  `json:"url"`
	Args        []string `json:"args"`
	Description string   `json:"description"`
}

// MCPServers gives the MCP servers that templates bring.
func (c *Client) MCPServers(ctx context.Context) ([]MCPServerInfo, error) {
	return one[[]MCPServerInfo](c, ctx, http.MethodGet, "/mcp-servers", nil)
}
