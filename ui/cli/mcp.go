package cli

import (
	"encoding/json"
	"fmt"
	"strings"

	"volundr/ui/client"
)

// mcpServers are MCP servers as they are written in flags.
func mcpServers(written []string) (all []client.MCPServer, err error) {
	for _, text := range written {
		var s client.MCPServer
		if strings.HasPrefix(text, "{") {
			if err := json.Unmarshal([]byte(text), &s); err != nil {
				return nil, fmt.Errorf("--mcp %s is not the JSON of an MCP server: %w", text, err)
			}
			all = append(all, s)
			continue
		}
		name, rest, ok := strings.Cut(text, "=")
		words := strings.Fields(rest)
		switch {
		case !ok || name == "" || len(words) == 0:
			return nil, fmt.Errorf("--mcp is written as NAME=COMMAND or NAME=URL, not %q", text)
		case strings.HasPrefix(rest, "https://"), strings.HasPrefix(rest, "http://"):
			s = client.MCPServer{Name: name, URL: rest}
		default:
			s = client.MCPServer{Name: name, Command: words[0], Args: words[1:]}
		}
		all = append(all, s)
	}
	return all, nil
}
