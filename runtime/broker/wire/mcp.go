package wire

// MCPServer is a server of tools (Model Context Protocol) that the agent is
// given by ACP when its session is opened.
type MCPServer struct {
	Name    string            `json:"name"`
	Type    string            `json:"type"` // "stdio", "http", "sse"
	Command string            `json:"command,omitempty"`
	Args    []string          `json:"args,omitempty"`
	Env     map[string]string `json:"env,omitempty"`
	URL     string            `json:"url,omitempty"`
	Headers map[string]string `json:"headers,omitempty"`
	// Secrets: it gets more variables, which are asked for by OutsideSecrets with
	// QueryMCP when it is started. Of type stdio only.
	Secrets bool `json:"secrets,omitempty"`
}

// QueryMCP names, in a question for OutsideSecrets, the MCP server that asks: the
// answer then holds its variables alone.
const QueryMCP = "mcp"
