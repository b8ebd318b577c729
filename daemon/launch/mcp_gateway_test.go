package launch

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"volundr/runtime/broker/wire"
	"volundr/store"
)

// An MCP server by https is reached through the daemon, which alone knows its
// headers; the session chooses neither where to nor what else is sent.
func TestAnMCPServersHeadersStayInTheDaemon(t *testing.T) {
	far := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodDelete {
			http.Redirect(w, r, "https://elsewhere.example/", http.StatusFound)
			return
		}
		body, _ := io.ReadAll(r.Body)
		w.Header().Set("Mcp-Session-Id", "s1")
		w.Header().Set("Set-Cookie", "a=b")
		fmt.Fprintf(w, "%s %s | %s | %s | %s | %s | cookie %q forged %q | %s", r.Method, r.URL, r.Header.Get("Authorization"), r.Header.Get("X-Key"), r.Header.Get("X-Team"),
			r.Header.Get("Mcp-Session-Id"), r.Header.Get("Cookie"), r.Header.Get("X-Forwarded-For"), body)
	}))
	defer far.Close()
	l := stocked(t)
	l.Tools = far.Client().Transport
	r := Request{Agent: "claude", Source: Source{Type: "git"}, MCP: []MCPServer{
		{Name: "far", URL: far.URL + "/mcp?tenant=1", Headers: map[string]string{"X-Team": "red"}, HeadersFrom: map[string]string{"Authorization": "linear-api-key", "X-Key": "db:password"}},
		{Name: "open", URL: far.URL}, {Name: "gone", URL: far.URL, HeadersFrom: map[string]string{"X-Key": "nothing"}}}}

	if _, err := spec(t, l, r); err == nil || !strings.Contains(err.Error(), `There is no credential "nothing", which the MCP server gone needs`) {
		t.Errorf("a credential that is not there: %v", err)
	}
	stored, _ := json.Marshal(r)
	row, err := l.DB.CreateSession(t.Context(), store.Session{ID: "0b5e0b5e", Name: "demo", OwnerID: "ann", TenantID: "t", Runtime: "fake", Request: stored, Want: store.WantNone, State: store.Created})
	if err != nil {
		t.Fatal(err)
	}
	r.MCP = r.MCP[:2]
	s, err := spec(t, l, r)
	if err != nil {
		t.Fatal(err)
	}
	config := brokerConfig(t, s).Agent.MCP
	if raw, _ := json.Marshal(s); strings.Contains(string(raw), "lin-1") || config[0].URL != "http://127.0.0.1:7422/mcp/far" || config[0].Type != "http" || len(config[0].Headers) > 0 || config[1].URL != far.URL {
		t.Errorf("what the session is told: %+v", config)
	}

	l.Session = func(context.Context) string { return row.ID }
	ask := func(method, path, body string) *httptest.ResponseRecorder {
		q := httptest.NewRequestWithContext(t.Context(), method, path, strings.NewReader(body))
		for k, v := range map[string]string{"Authorization": "Bearer mine", "X-Key": "mine", "Cookie": "c=d", "Mcp-Session-Id": "s0", "X-Forwarded-For": "1.2.3.4"} {
			q.Header.Set(k, v)
		}
		w := httptest.NewRecorder()
		l.ServeMCP(w, q)
		return w
	}
	w := ask("POST", wire.OutsideMCP+"far?tenant=2", `{"jsonrpc":"2.0"}`)
	if want := `POST /mcp?tenant=1 | Bearer lin-1 | p | red | s0 | cookie "" forged "" | {"jsonrpc":"2.0"}`; w.Code != 200 || w.Body.String() != want {
		t.Errorf("%d %s", w.Code, w.Body)
	}
	if h := w.Result().Header; h.Get("Mcp-Session-Id") != "s1" || h.Get("Set-Cookie") != "" {
		t.Errorf("%v", h)
	}
	for _, c := range []struct {
		method, path string
		status       int
	}{
		{"GET", "open", 404}, {"GET", "none", 404}, {"GET", "far/x", 404}, {"GET", "far%2f..%2fx", 404}, {"GET", "", 404}, {"PUT", "far", 405},
		{"DELETE", "far", 502}, {"POST", "gone", 502},
	} {
		if w := ask(c.method, wire.OutsideMCP+c.path, ""); w.Code != c.status || strings.Contains(w.Body.String(), "lin-1") {
			t.Errorf("%s %s: %d %s", c.method, c.path, w.Code, w.Body)
		}
	}
	l.Tools = toolTransport()
	if w := ask("GET", wire.OutsideMCP+"far", ""); w.Code != 502 || !strings.Contains(w.Body.String(), "the daemon's own machine") {
		t.Errorf("this machine: %d %s", w.Code, w.Body)
	}
	l.Session = func(context.Context) string { return "another" }
	if w := ask("GET", wire.OutsideMCP+"far", ""); w.Code != 404 {
		t.Errorf("another session: %d", w.Code)
	}
}

func TestHeadersThatNoCredentialStandsIn(t *testing.T) {
	of := map[string]string{"X-Key": "k"}
	for name, s := range map[string]MCPServer{
		"a command":                   {Name: "t", Command: "x", HeadersFrom: of},
		"old events":                  {Name: "t", Type: "sse", URL: "https://x/", HeadersFrom: of},
		"in the session":              {Name: "t", URL: "http://127.0.0.1:3000/", HeadersFrom: of},
		"a header of the protocol":    {Name: "t", URL: "https://x/", HeadersFrom: map[string]string{"mcp-session-id": "k"}},
		"a header of the connection":  {Name: "t", URL: "https://x/", HeadersFrom: map[string]string{"Host": "k"}},
		"no header":                   {Name: "t", URL: "https://x/", HeadersFrom: map[string]string{"a b": "k"}},
		"one that is set by its name": {Name: "t", URL: "https://x/", Headers: map[string]string{"X-Key": "v"}, HeadersFrom: of},
	} {
		var field *FieldError
		if err := CheckMCP(Request{MCP: []MCPServer{s}}); !errors.As(err, &field) || field.Loc[len(field.Loc)-1] != "headers_from_credentials" {
			t.Errorf("%s: %v", name, err)
		}
	}
	if err := CheckMCP(Request{MCP: []MCPServer{{Name: "t", URL: "https://x/", HeadersFrom: of}}}); err != nil {
		t.Error(err)
	}
}
