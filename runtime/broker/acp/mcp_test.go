package acp

import (
	"encoding/json"
	"slices"
	"testing"

	"volundr/runtime/broker/wire"
)

// Agents are given what they can use, in the protocol's own form; secrets go
// neither way.
func TestServersAsTheProtocolHasThem(t *testing.T) {
	all := []wire.MCPServer{
		{Name: "local", Type: "stdio", Command: "node", Args: []string{"x"}, Env: map[string]string{"B": "2", "A": "1"}},
		{Name: "keyed", Type: "stdio", Command: "npx", Args: []string{"-y", "it"}, Secrets: true},
		{Name: "far", Type: "http", URL: "https://mcp.example/x", Headers: map[string]string{"X-A": "b"}},
		{Name: "old", Type: "sse", URL: "https://mcp.example/sse"},
	}
	stdio := `{"args":["x"],"command":"node","env":[{"name":"A","value":"1"},{"name":"B","value":"2"}],"name":"local"},{"args":["mcp","keyed","--","npx","-y","it"],"command":"/usr/local/bin/volundr-session","env":[],"name":"keyed"}`
	for _, c := range []struct {
		info Info
		want string
		left []string
	}{
		{Info{}, "[" + stdio + "]", []string{"far", "old"}},
		{Info{MCPHTTP: true, MCPSSE: true}, "[" + stdio + `,{"headers":[{"name":"X-A","value":"b"}],"name":"far","type":"http","url":"https://mcp.example/x"},{"headers":[],"name":"old","type":"sse","url":"https://mcp.example/sse"}]`, nil},
	} {
		list, left := c.info.Servers(all)
		raw, err := json.Marshal(list)
		var plain any
		if err != nil || json.Unmarshal(raw, &plain) != nil {
			t.Fatal(err)
		}
		if raw, _ = json.Marshal(plain); string(raw) != c.want || !slices.Equal(left, c.left) {
			t.Errorf("%s, left %v", raw, left)
		}
	}
	if list, _ := (Info{}).Servers(nil); list == nil {
		t.Error("the protocol wants a list")
	}
}
