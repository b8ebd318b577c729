package launch

import (
	"context"
	"encoding/json"
	"errors"
	"net/http/httptest"
	"strings"
	"testing"

	"volundr/daemon/vault"
	"volundr/runtime"
	"volundr/runtime/broker/wire"
	"volundr/store"
)

func TestMCPServersThatCannotBe(t *testing.T) {
	good := MCPServer{Name: "t", Command: "x"}
	change := func(f func(*MCPServer)) MCPServer { s := good; f(&s); return s }
	for name, c := range map[string]struct {
		server MCPServer
		field  string // empty: it can
	}{
		"a command":                       {good, ""},
		"a url":                           {MCPServer{Name: "t", URL: "https://mcp.example/x"}, ""},
		"in the session":                  {MCPServer{Name: "t", Type: "sse", URL: "http://127.0.0.1:3000/sse"}, ""},
		"no name":                         {change(func(s *MCPServer) { s.Name = "" }), "name"},
		"an odd name":                     {change(func(s *MCPServer) { s.Name = "a b" }), "name"},
		"an odd type":                     {change(func(s *MCPServer) { s.Type = "pipe" }), "type"},
		"no command":                      {MCPServer{Name: "t"}, "command"},
		"both":                            {change(func(s *MCPServer) { s.URL = "https://x/" }), "type"},
		"http elsewhere":                  {MCPServer{Name: "t", URL: "http://mcp.example/x"}, "url"},
		"a login in the url":              {MCPServer{Name: "t", URL: "https://u:p@mcp.example/x"}, "url"},
		"variables of a url":              {MCPServer{Name: "t", URL: "https://x/", EnvFrom: map[string]string{"A": "b"}}, "env"},
		"headers of a command":            {change(func(s *MCPServer) { s.Headers = map[string]string{"A": "b"} }), "headers"},
		"an odd header":                   {MCPServer{Name: "t", URL: "https://x/", Headers: map[string]string{"A": "b\r\nC: d"}}, "headers"},
		"an odd variable":                 {change(func(s *MCPServer) { s.Env = map[string]string{"A B": "c"} }), "env"},
		"the session's own":               {change(func(s *MCPServer) { s.EnvFrom = map[string]string{"PATH": "c"} }), "env"},
		"one variable from two":           {change(func(s *MCPServer) { s.Env, s.EnvFrom = map[string]string{"A": "b"}, map[string]string{"A": "c"} }), "env"},
		"a zero byte":                     {change(func(s *MCPServer) { s.Args = []string{"a\x00"} }), "args"},
		"a long argument":                 {change(func(s *MCPServer) { s.Args = []string{strings.Repeat("x", 5000)} }), "args"},
		"a zero byte in what it is given": {change(func(s *MCPServer) { s.Env = map[string]string{"A": "\x00"} }), "env"},
	} {
		err := CheckMCP(Request{MCP: []MCPServer{c.server}})
		var field *FieldError
		if c.field == "" && err != nil || c.field != "" && (!errors.As(err, &field) || strings.Join(field.Loc, " ") != "body mcp_servers 0 "+c.field) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if err := CheckMCP(Request{MCP: []MCPServer{good, {Name: "T", Command: "y"}}}); err == nil {
		t.Error("two of one name")
	}
	if err := CheckMCP(Request{MCP: make([]MCPServer, maxServers+1)}); err == nil {
		t.Error("too many")
	}
}

// An MCP server is given the values that it names when it asks, and they stand
// in no spec; another one gets none of them.
func TestAnMCPServerAloneGetsItsSecrets(t *testing.T) {
	l := stocked(t)
	r := Request{Agent: "claude", Source: Source{Type: "git"}, MCP: []MCPServer{
		{Name: "linear", Command: "npx", Args: []string{"linear"}, EnvFrom: map[string]string{"LINEAR_API_KEY": "linear-api-key", "DB": "db:password"}},
		{Name: "plain", Command: "node"}}}
	s, err := spec(t, l, r)
	if err != nil {
		t.Fatal(err)
	}
	raw, err := json.Marshal(s)
	if err != nil {
		t.Fatal(err)
	}
	var broker wire.Config
	if err := json.Unmarshal([]byte(s.Parts[0].Env[wire.EnvConfig]), &broker); err != nil || len(broker.Agent.MCP) != 2 || !broker.Agent.MCP[0].Secrets || broker.Agent.MCP[1].Secrets || broker.Secrets {
		t.Errorf("%+v, %v", broker.Agent.MCP, err)
	}
	if strings.Contains(string(raw), "lin-1") {
		t.Error("the spec holds the key")
	}
	stored, _ := json.Marshal(r)
	row, err := l.DB.CreateSession(t.Context(), store.Session{ID: "0b5e0b5e", Name: "demo", OwnerID: "ann", TenantID: "t", Runtime: "fake", Request: stored, Want: store.WantNone, State: store.Created})
	if err != nil {
		t.Fatal(err)
	}
	l.Session = func(context.Context) string { return row.ID }
	for query, want := range map[string]string{"?mcp=linear": `{"env":{"DB":"p","LINEAR_API_KEY":"lin-1"}}`, "?mcp=plain": `{}`, "?mcp=none": `{}`, "": `{}`} {
		w := httptest.NewRecorder()
		l.ServeSecrets(w, httptest.NewRequestWithContext(t.Context(), "GET", wire.OutsideSecrets+query, nil))
		if w.Code != 200 || strings.TrimSpace(w.Body.String()) != want {
			t.Errorf("%q: %d %s", query, w.Code, w.Body)
		}
	}
	if err := l.Vault.Delete(t.Context(), ann, "linear-api-key"); err != nil {
		t.Fatal(err)
	}
	if _, err := spec(t, l, r); !errors.Is(err, runtime.ErrInvalid) || !strings.Contains(err.Error(), "(integration)") || !strings.Contains(err.Error(), "`volundr credentials set linear-api-key`") {
		t.Errorf("gone: %v", err)
	}
	for from, want := range map[string]string{"db": "has no value", "db:none": "db:KEY: host.name, password", "gone": "There is no credential"} {
		err := l.CheckSecrets(t.Context(), ann, Request{MCP: []MCPServer{{Name: "x", Command: "y", EnvFrom: map[string]string{"A": from}}}})
		var field *FieldError
		if !errors.As(err, &field) || !strings.Contains(field.Msg, want) {
			t.Errorf("%s: %v", from, err)
		}
	}
	if got := standardKey(vault.Credential{Keys: []string{"access_token", "refresh_token"}}); got != "access_token" {
		t.Error(got)
	}
}
