package api

import (
	"encoding/json"
	"net/http"
	"slices"
	"strings"

	"github.com/labstack/echo/v4"

	"volundr/daemon/launch"
	"volundr/daemon/template"
	"volundr/ui/client"
)

// mcpServers are those that templates bring, by name; of two of one name the
// first template's.
func (s *server) mcpServers() ([]client.MCPServerInfo, error) {
	all, err := s.Templates.List(template.Template)
	if err != nil {
		return nil, err
	}
	out := []client.MCPServerInfo{}
	for _, e := range all {
		if len(e.Problems) > 0 {
			continue
		}
		for _, m := range e.MCP {
			if slices.ContainsFunc(out, func(o client.MCPServerInfo) bool { return o.Name == m.Name }) {
				continue
			}
			out = append(out, client.MCPServerInfo{Name: m.Name, Type: m.Kind(), Command: orNil(m.Command), URL: orNil(m.URL),
				Args: append([]string{}, m.Args...), Description: m.Description})
		}
	}
	slices.SortFunc(out, func(a, b client.MCPServerInfo) int { return strings.Compare(a.Name, b.Name) })
	return out, nil
}

func (s *server) listMCPServers(c echo.Context) error {
	all, err := s.mcpServers()
	if err != nil {
		return err
	}
	return c.JSON(http.StatusOK, all)
}

func (s *server) getMCPServer(c echo.Context) error {
	all, err := s.mcpServers()
	if err != nil {
		return err
	}
	for _, m := range all {
		if m.Name == c.Param("name") {
			return c.JSON(http.StatusOK, m)
		}
	}
	return fail(http.StatusNotFound, "MCP server not found: %s", c.Param("name"))
}

// serversOf are the MCP servers of a client of the contract, whose objects have
// no fixed shape.
func serversOf(list any) ([]launch.MCPServer, error) {
	bad := invalid(fieldError{Type: "value_error", Loc: []any{"body", "mcp_servers"}, Msg: "An MCP server is an object with name, and command or url."})
	raw, err := json.Marshal(list)
	if err != nil {
		return nil, bad
	}
	var out []launch.MCPServer
	if json.Unmarshal(raw, &out) != nil {
		return nil, bad
	}
	if err := launch.CheckMCP(launch.Request{MCP: out}); err != nil {
		return nil, unfit(err, launch.Source{})
	}
	return out, nil
}

func serverViews(list []launch.MCPServer) []map[string]any {
	out := []map[string]any{}
	for _, m := range list {
		v := map[string]any{}
		if raw, err := json.Marshal(m); err == nil && json.Unmarshal(raw, &v) == nil {
			v["type"] = m.Kind()
			out = append(out, v)
		}
	}
	return out
}
