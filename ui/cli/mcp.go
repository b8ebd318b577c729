package cli

import (
	"fmt"

	"volundr/ui/client"
)

// mcpServers are MCP servers as they are written in flags.
func mcpServers(written []string) (all []client.MCPServer, err error) {
	for _, text := range written {
		s, err := client.ParseMCPServer(text)
		if err != nil {
			return nil, fmt.Errorf("--mcp: %w", err)
		}
		all = append(all, s)
	}
	return all, nil
}
