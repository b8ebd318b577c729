package api

import (
	"regexp"
	"strings"
	"testing"
)

// marked are the routes that the contract calls core, verb for verb and in its
// order, and those that its own web client asks for as it begins. They are written
// down from the contract, and not from our routes. Sockets are GET.
var marked = []struct{ of, routes string }{
	{"what the web client asks for first", Prefix + `
		GET /sessions
		GET /sessions/stream
		GET /models
		GET /stats
		GET /feature-flags
		GET /features
		GET /features/preferences
		GET /me
		GET /templates
		GET /presets
		GET /secrets
		GET /mcp-servers`},
	{"and beside them", `/api/v1/niuu
		GET /repos`},
	{"sessions", Prefix + `
		GET /sessions
		GET /sessions/stream
		POST /sessions
		POST /sessions/archive-stopped
		GET /sessions/{id}
		PUT /sessions/{id}
		DELETE /sessions/{id}
		POST /sessions/{id}/start
		POST /sessions/{id}/stop
		PATCH /sessions/{id}/archive
		PATCH /sessions/{id}/restore
		POST /sessions/{id}/archive
		POST /sessions/{id}/restore
		POST /sessions/{id}/activity
		POST /sessions/{id}/usage
		GET /sessions/{id}/logs
		POST /sessions/{id}/messages
		GET /sessions/{id}/conversation`},
	{"chronicles, timeline, diff, reforge", Prefix + `
		GET /chronicles
		POST /chronicles
		GET /chronicles/{id}
		PATCH /chronicles/{id}
		DELETE /chronicles/{id}
		GET /sessions/{id}/chronicle
		POST /sessions/{id}/chronicle
		POST /chronicles/{id}/reforge
		GET /chronicles/{id}/chain
		GET /chronicles/{id}/timeline
		POST /chronicles/{id}/timeline
		GET /chronicles/{id}/diff`},
	{"raw events, core to whoever keeps an event log", Prefix + `
		POST /events
		POST /events/batch
		GET /sessions/{id}/events
		GET /sessions/{id}/events/counts
		GET /sessions/{id}/events/tokens
		GET /events/health`},
	{"templates and presets", Prefix + `
		GET /templates
		GET /templates/{name}
		POST /templates
		GET /presets
		POST /presets
		PUT /presets/{id}
		DELETE /presets/{id}`},
	{"credentials, secrets, MCP servers", Prefix + `
		GET /credentials
		GET /credentials/types
		GET /credentials/{name}
		POST /credentials
		DELETE /credentials/{name}
		GET /secrets
		GET /secrets/{name}
		POST /secrets
		GET /mcp-servers
		GET /mcp-servers/{name}`},
	{"git", Prefix + `
		GET /repos/branches
		GET /sessions/{id}/pr
		GET /sessions/{id}/diff/files
		GET /sessions/{id}/diff
		GET /sessions/{id}/commits`},
	{"a session's own address", `/s/{id}
		GET /session
		GET /api/conversation/history
		GET /api/capabilities
		GET /api/logs
		GET /api/files
		GET /api/files/download
		POST /api/files/upload
		POST /api/files/mkdir
		DELETE /api/files
		GET /api/diff/files
		GET /api/diff
		GET /terminal/ws/{terminal}
		GET /terminal/api/terminal/sessions
		POST /terminal/api/terminal/spawn
		POST /terminal/api/terminal/kill
		GET /terminal/api/terminal/mode
		POST /terminal/api/terminal/mode
		GET /terminal/api/terminal/dotfiles
		POST /terminal/api/terminal/dotfiles
		DELETE /terminal/api/terminal/dotfiles/{file}
		GET /terminal/api/terminal/preferences
		POST /terminal/api/terminal/preferences`},
}

// TestAllThatTheContractCallsCoreIsServed holds the contract's list against the
// router: each has a route of its own, is no other's rest, and somebody may use it.
func TestAllThatTheContractCallsCoreIsServed(t *testing.T) {
	router := serving(newWorld(t).options).router()
	param := regexp.MustCompile(`:[^/]+|\{[^}]+\}`)
	served := map[string]string{} // by method and path without the names of its parameters
	for _, r := range router.Routes() {
		served[r.Method+" "+param.ReplaceAllString(r.Path, "{}")] = r.Method + " " + r.Path
	}
	count := 0
	for _, part := range marked {
		prefix, list, _ := strings.Cut(part.routes, "\n")
		for row := range strings.Lines(list) {
			method, path, ok := strings.Cut(strings.TrimSpace(row), " ")
			if !ok {
				t.Fatalf("%s: %q is no route", part.of, row)
			}
			count++
			route := served[method+" "+param.ReplaceAllString(prefix+path, "{}")]
			if route == "" {
				t.Errorf("%s: %s %s is not served", part.of, method, prefix+path)
			} else if _, somebody := rights[route]; !somebody {
				t.Errorf("%s: nobody may use %s", part.of, route)
			} else if got := pattern(router, method, param.ReplaceAllString(prefix+path, "x")); got != method+" "+strings.TrimPrefix(strings.TrimPrefix(route, method+" "), Prefix) {
				t.Errorf("%s: %s is answered by %s", part.of, route, got)
			}
		}
	}
	if first := strings.Count(marked[0].routes, "\n") + strings.Count(marked[1].routes, "\n"); first != 13 || count < 90 {
		t.Errorf("%d routes of which %d are asked for first: some are not in the list any more", count, first)
	}
}
