package api

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"volundr/daemon/launch"
	"volundr/store"
	"volundr/ui/client"
)

var local = store.Principal{UserID: "local", TenantID: "default"}

// gitLabOf answers as the API of a GitLab for one token.
func gitLabOf(t *testing.T, token string) string {
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Authorization") != "Bearer "+token || r.URL.Path != "/api/v4/user" {
			w.WriteHeader(http.StatusUnauthorized)
			return
		}
		io.WriteString(w, `{"username":"<b>ann</b>"}`)
	}))
	t.Cleanup(srv.Close)
	return srv.URL
}

// A service is connected by its page with a key that is typed there, tested,
// given to a session by its form, switched off and disconnected.
func TestAServiceIsConnectedByItsPage(t *testing.T) {
	w := newWorld(t)
	lab := gitLabOf(t, "glpat-s3cret")
	form := url.Values{"slug": {"gitlab"}, "config.url": {lab}, "key": {" glpat-s3cret\n"}, "credential_name": {""}}
	status, _, body := w.post("/integrations", form)
	if status != 200 || !strings.Contains(tagless(body), "GitLab takes the key: &lt;b&gt;ann&lt;/b&gt;.") || strings.Contains(body, "s3cret") {
		t.Fatalf("%d %s", status, tagless(body))
	}
	all, err := w.db.Integrations(t.Context(), local)
	if err != nil || len(all) != 1 || all[0].Credential != "gitlab" || all[0].Config["url"] != lab || !all[0].Enabled {
		t.Fatalf("%+v %v", all, err)
	}
	id := all[0].ID

	// A second account of it, with a key that is not taken.
	form.Set("key", "glpat-wrong")
	if status, _, body = w.post("/integrations", form); status != 200 || !strings.Contains(body, "GitLab refused the key (401). Store another with `volundr credentials set gitlab-2`.") {
		t.Errorf("%d %s", status, tagless(body))
	}
	if all, err = w.db.Integrations(t.Context(), local); err != nil || len(all) != 2 || all[1].Credential != "gitlab-2" {
		t.Fatalf("%+v %v", all, err)
	}
	if status, head, _ := w.post("/integrations/"+all[1].ID+"/delete", nil); status != 303 || head.Get("Location") != "/integrations?done=disconnected" {
		t.Errorf("%d %v", status, head)
	}
	if status, _, body := w.post("/integrations/"+id+"/test", nil); status != 200 || !strings.Contains(tagless(body), "GitLab takes the key") {
		t.Errorf("%d %s", status, tagless(body))
	}

	_, _, page := w.ask("GET", "/sessions/new", "")
	if !strings.Contains(page, `name="integration_ids" value="`+id+`"`) {
		t.Fatal("the form does not offer it")
	}
	posted := standing(page)
	posted.Set("source", "empty")
	posted.Set("integration_ids", id)
	posted.Set("mcp_servers", "docs=npx -y docs\r\n{\"name\":\"old\",\"type\":\"sse\",\"url\":\"https://mcp.acme.io\"}")
	row, req := w.made(w.post("/sessions/new", posted))
	want := launch.Request{MCP: []launch.MCPServer{{Name: "docs", Command: "npx", Args: []string{"-y", "docs"}}, {Name: "old", Type: "sse", URL: "https://mcp.acme.io"}}, IntegrationIDs: []string{id}}
	if diff := cmp.Diff(want, launch.Request{MCP: req.MCP, IntegrationIDs: req.IntegrationIDs}); diff != "" {
		t.Error(diff)
	}
	// The same by YAML and back.
	_, _, page = w.ask("GET", "/sessions/new?again="+row.ID, "")
	for _, view := range []string{"yaml", "form", "yaml"} {
		v := standing(page)
		v.Set("view", view)
		if status, _, page = w.post("/sessions/new", v); status != 200 {
			t.Fatalf("%s: %d %s", view, status, tagless(page))
		}
	}
	_, again := w.made(w.post("/sessions/new", standing(page)))
	again.TemplateName = req.TemplateName
	if diff := cmp.Diff(req, again); diff != "" {
		t.Error(diff)
	}

	if status, _, _ := w.post("/integrations/"+id+"/switch", url.Values{"enabled": {"no"}}); status != 303 {
		t.Errorf("%d", status)
	}
	if _, _, page := w.ask("GET", "/sessions/new", ""); strings.Contains(page, id) {
		t.Error("offered though it is switched off")
	}
	if _, _, page := w.ask("GET", "/sessions/new?again="+row.ID, ""); !strings.Contains(page, `value="`+id+`" checked`) {
		t.Error("not shown though the session names it")
	}
	if status, _, _ := w.post("/integrations/nothing/test", nil); status != 404 {
		t.Errorf("%d", status)
	}
}

func TestWhatIsWrongWithAnIntegrationStandsBesideItsField(t *testing.T) {
	w := newWorld(t)
	for name, c := range map[string]struct {
		form  url.Values
		field string
		said  string
	}{
		"no key":      {url.Values{"slug": {"github"}, "credential_name": {""}}, "credential_name", "There is no credential"},
		"no site":     {url.Values{"slug": {"jira"}, "key": {"k"}, "config.email": {"a@b"}}, "config", "Jira needs the setting url."},
		"no service":  {url.Values{"slug": {"song"}, "key": {"k"}}, "slug", "There is no such integration"},
		"in clear":    {url.Values{"slug": {"gitlab"}, "key": {"k"}, "config.url": {"http://git.acme.io"}}, "config", "begins with https://"},
		"no model's":  {url.Values{"slug": {"anthropic"}, "credential_name": {"anthropic"}}, "credential_name", "No Anthropic key is configured."},
		"another one": {url.Values{"slug": {"openai"}, "credential_name": {"anthropic"}}, "credential_name", "is the credential openai"},
	} {
		status, _, body := w.post("/integrations", c.form)
		if status != 422 || !strings.Contains(body, `id="problem-`+c.field+`">`) || !strings.Contains(tagless(body), c.said) {
			t.Errorf("%s: %d %s", name, status, tagless(body))
		}
	}
	all, err := w.vault.List(t.Context(), local, "")
	if err != nil || len(all) != 0 {
		t.Errorf("stored all the same: %+v %v", all, err)
	}
}

// A key that is replaced later is tested as it is then, and one that is gone is
// said to be.
func TestAnIntegrationWhoseKeyIsGone(t *testing.T) {
	w := newWorld(t)
	lab := gitLabOf(t, "glpat-2")
	_, _, body := w.ask("POST", Prefix+"/credentials", `{"name":"work","secret_type":"api_key","data":{"api_key":"glpat-1"}}`)
	config := map[string]string{"url": lab}
	made, err := w.client.AddIntegration(t.Context(), client.IntegrationSave{Slug: "gitlab", CredentialName: orNil("work"), Config: &config})
	if err != nil {
		t.Fatalf("%v %s", err, body)
	}
	said := func() string {
		is, err := w.client.TestIntegration(t.Context(), made.ID)
		raw, _ := json.Marshal(is)
		if err != nil {
			t.Error(err)
		}
		return string(raw)
	}
	if got := said(); !strings.Contains(got, "refused the key (401)") {
		t.Error(got)
	}
	w.ask("POST", Prefix+"/credentials", `{"name":"work","secret_type":"api_key","data":{"api_key":"glpat-2"}}`)
	if got := said(); !strings.Contains(got, `"success":true`) {
		t.Error(got)
	}
	w.ask("DELETE", Prefix+"/credentials/work", "")
	if got := said(); !strings.Contains(got, "The credential work is gone.") {
		t.Error(got)
	}
}
