package acp

import (
	"maps"
	"slices"

	sdk "github.com/coder/acp-go-sdk"

	"volundr/runtime/broker/wire"
)

// Servers are MCP servers as the protocol has them.
type Servers = []sdk.McpServer

// Servers are the MCP servers that an agent of this kind can be given, and the
// names of those that it cannot: every agent starts programs, not every one
// speaks HTTP to servers. A program that needs secrets is started by ours, which
// asks for them: they pass neither the agent nor its protocol.
func (i Info) Servers(all []wire.MCPServer) (list Servers, left []string) {
	list = Servers{}
	for _, s := range all {
		switch {
		case s.Type == "http" && i.MCPHTTP:
			list = append(list, sdk.McpServer{Http: &sdk.McpServerHttpInline{Name: s.Name, Type: s.Type, Url: s.URL, Headers: headers(s.Headers)}})
		case s.Type == "sse" && i.MCPSSE:
			list = append(list, sdk.McpServer{Sse: &sdk.McpServerSseInline{Name: s.Name, Type: s.Type, Url: s.URL, Headers: headers(s.Headers)}})
		case s.Type == "http" || s.Type == "sse":
			left = append(left, s.Name)
		default:
			command, args := s.Command, append([]string{}, s.Args...)
			if s.Secrets {
				command, args = wire.Program, append([]string{"mcp", s.Name, "--", s.Command}, s.Args...)
			}
			env := []sdk.EnvVariable{}
			for _, k := range slices.Sorted(maps.Keys(s.Env)) {
				env = append(env, sdk.EnvVariable{Name: k, Value: s.Env[k]})
			}
			list = append(list, sdk.McpServer{Stdio: &sdk.McpServerStdio{Name: s.Name, Command: command, Args: args, Env: env}})
		}
	}
	return list, left
}

func headers(all map[string]string) []sdk.HttpHeader {
	out := []sdk.HttpHeader{}
	for _, k := range slices.Sorted(maps.Keys(all)) {
		out = append(out, sdk.HttpHeader{Name: k, Value: all[k]})
	}
	return out
}
