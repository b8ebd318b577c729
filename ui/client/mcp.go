package client

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"reflect"
	"strings"
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
	// HeadersFrom are headers of an http server, in the same way; the daemon puts
	// them in.
	HeadersFrom map[string]string `json:"headers_from_credentials,omitempty"`
}

// ParseMCPServer reads a server as people write it in a line: NAME=COMMAND with
// its arguments, NAME=URL, or its JSON.
func ParseMCPServer(text string) (s MCPServer, err error) {
	if strings.HasPrefix(text, "{") {
		return written[MCPServer](text, "an MCP server")
	}
	name, rest, ok := strings.Cut(text, "=")
	words := strings.Fields(rest)
	if !ok || name == "" || len(words) == 0 {
		return s, fmt.Errorf("an MCP server is written as NAME=COMMAND or NAME=URL, not %q", text)
	}
	s.Name = strings.TrimSpace(name)
	if isURL(words[0]) && len(words) == 1 {
		s.URL = words[0]
		return s, nil
	}
	s.Command = words[0]
	if len(words) > 1 {
		s.Args = words[1:]
	}
	return s, nil
}

func isURL(word string) bool {
	return strings.HasPrefix(word, "https://") || strings.HasPrefix(word, "http://")
}

// Line is the server in one line, which ParseMCPServer reads.
func (s MCPServer) Line() string {
	line := strings.Join(append([]string{s.Name + "=" + s.URL + s.Command}, s.Args...), " ")
	if back, err := ParseMCPServer(line); err == nil && reflect.DeepEqual(back, s) {
		return line
	}
	var out strings.Builder
	to := json.NewEncoder(&out)
	to.SetEscapeHTML(false)
	_ = to.Encode(s) // of texts
	return strings.TrimSuffix(out.String(), "\n")
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
