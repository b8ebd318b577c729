package launch

import (
	"context"
	"encoding/json"
	"errors"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"volundr/runtime/broker/wire"
	"volundr/store"
)

// connect stores an integration of ann's and gives its id.
func connect(t *testing.T, l *Launcher, slug, credential string, config map[string]string, enabled bool) string {
	t.Helper()
	row, err := l.DB.AddIntegration(t.Context(), ann, store.Integration{Slug: slug, Credential: credential, Config: config, Enabled: enabled})
	if err != nil {
		t.Fatal(err)
	}
	return row.ID
}

// What integrations bring comes after what the request names, each server gets
// the key of its own account, and no spec holds one.
func TestIntegrationsBringTheirTools(t *testing.T) {
	l := stocked(t)
	linear := connect(t, l, "linear", "linear-api-key", nil, true)
	hub := connect(t, l, "github", "one", nil, true)
	work := connect(t, l, "github", "linear_api_key", nil, true)
	lab := connect(t, l, "gitlab", "one", map[string]string{"url": "https://git.acme.io"}, true)
	site := connect(t, l, "jira", "one", map[string]string{"url": "https://acme.atlassian.net", "email": "ann@acme.io"}, true)
	own := connect(t, l, "jira", "one", map[string]string{"url": "https://jira.acme.io", "email": "ann@acme.io"}, true)
	models := connect(t, l, "anthropic", "anthropic", nil, true)
	r := Request{Agent: "claude", Source: Source{Type: "git"}, MCP: []MCPServer{{Name: "GitLab", Command: "mine"}},
		IntegrationIDs: []string{"linear", hub, work, lab, site, own, models, hub, linear}}
	s, err := spec(t, l, r)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, m := range brokerConfig(t, s).Agent.MCP {
		line := m.Name + " " + m.Command + " " + strings.Join(m.Args, " ")
		for _, name := range []string{"GITLAB_API_URL", "ATLASSIAN_SITE_NAME", "ATLASSIAN_USER_EMAIL"} {
			if m.Env[name] != "" {
				line += " " + m.Env[name]
			}
		}
		if m.Secrets {
			line += " +secrets"
		}
		got = append(got, line)
	}
	if diff := cmp.Diff([]string{
		"GitLab mine ",
		"linear npx -y linear-mcp-server@0.1.0 +secrets",
		"github npx -y @modelcontextprotocol/server-github@2025.4.8 +secrets",
		"github-2 npx -y @modelcontextprotocol/server-github@2025.4.8 +secrets",
		"jira npx -y @aashari/mcp-server-atlassian-jira@3.3.0 acme ann@acme.io +secrets",
	}, got); diff != "" {
		t.Error(diff)
	}
	raw, _ := json.Marshal(s)
	for _, value := range []string{"lin-1", `"at"`} {
		if strings.Contains(string(raw), value) {
			t.Errorf("the spec holds %s", value)
		}
	}
	stored, _ := json.Marshal(r)
	row, err := l.DB.CreateSession(t.Context(), store.Session{ID: "0b5e0b5e", Name: "demo", OwnerID: "ann", TenantID: "t", Runtime: "fake", Request: stored, Want: store.WantNone, State: store.Created})
	if err != nil {
		t.Fatal(err)
	}
	l.Session = func(context.Context) string { return row.ID }
	for name, want := range map[string]string{
		"github": `{"env":{"GITHUB_PERSONAL_ACCESS_TOKEN":"at"}}`, "github-2": `{"env":{"GITHUB_PERSONAL_ACCESS_TOKEN":"other"}}`,
		"linear": `{"env":{"LINEAR_API_KEY":"lin-1"}}`, "jira": `{"env":{"ATLASSIAN_API_TOKEN":"at"}}`, "GitLab": `{}`, "gitlab": `{}`,
	} {
		w := httptest.NewRecorder()
		l.ServeSecrets(w, httptest.NewRequestWithContext(t.Context(), "GET", wire.OutsideSecrets+"?"+wire.QueryMCP+"="+name, nil))
		if w.Code != 200 || strings.TrimSpace(w.Body.String()) != want {
			t.Errorf("%s: %d %s", name, w.Code, w.Body)
		}
	}
}

func TestAGitLabOfOnesOwnIsAskedAtItsAddress(t *testing.T) {
	l := stocked(t)
	connect(t, l, "gitlab", "one", map[string]string{"url": "https://git.acme.io"}, true)
	s, err := spec(t, l, Request{Agent: "claude", Source: Source{Type: "git"}, IntegrationIDs: []string{"gitlab"}})
	if err != nil {
		t.Fatal(err)
	}
	if got := brokerConfig(t, s).Agent.MCP; len(got) != 1 || got[0].Env["GITLAB_API_URL"] != "https://git.acme.io/api/v4" {
		t.Errorf("%+v", got)
	}
}

func TestIntegrationsThatCannotBeGiven(t *testing.T) {
	l := stocked(t)
	off := connect(t, l, "linear", "linear-api-key", nil, false)
	connect(t, l, "github", "one", nil, true)
	gone := connect(t, l, "gitlab", "gone", nil, true)
	connect(t, l, "jira", "one", nil, true)
	connect(t, l, "jira", "one", nil, true)
	odd := connect(t, l, "song", "one", nil, true)
	for name, c := range map[string]struct {
		r         Request
		loc, said string
	}{
		"none of the id":    {Request{IntegrationIDs: []string{"github", "nothing"}}, "body integration_ids 1", `There is no integration "nothing" of yours`},
		"switched off":      {Request{IntegrationIDs: []string{off}}, "body integration_ids 0", "Linear is switched off"},
		"of which":          {Request{IntegrationIDs: []string{"jira"}}, "body integration_ids 0", "You have 2 integrations of jira: name one by its id"},
		"not known":         {Request{IntegrationIDs: []string{odd}}, "body integration_ids 0", `no service "song"`},
		"without a network": {Request{IntegrationIDs: []string{"github"}, Network: "none"}, "body integration_ids 0", "The tools of GitHub need the network"},
		"without its key":   {Request{IntegrationIDs: []string{gone}}, "body integration_ids", `There is no credential "gone"`},
	} {
		t.Run(name, func(t *testing.T) {
			err := l.CheckSecrets(t.Context(), ann, c.r)
			var field *FieldError
			if !errors.As(err, &field) || strings.Join(field.Loc, " ") != c.loc || !strings.Contains(field.Msg, c.said) {
				t.Errorf("%v", err)
			}
			c.r.Agent, c.r.Source.Type = "claude", "git"
			if _, err := spec(t, l, c.r); !errors.As(err, &field) || !strings.HasSuffix(field.Msg, "(integration).") {
				t.Errorf("at the start: %v", err)
			}
		})
	}
	if err := l.CheckSecrets(t.Context(), store.Principal{UserID: "bob", TenantID: "t"}, Request{IntegrationIDs: []string{"github"}}); err == nil {
		t.Error("ann's, for bob")
	}
}
