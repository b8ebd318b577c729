package api

import (
	"strings"
	"testing"

	"volundr/ui/client"
)

// What a session is launched with may be gone when it starts: it is FAILED, by
// the name of the contributor that missed it, and starts again once that is
// mended.
func TestAFailedLaunchNamesItsContributor(t *testing.T) {
	w := newWorld(t)
	w.drive()
	lab := gitLabOf(t, "k")
	config := map[string]string{"url": lab}
	keep := func() {
		w.ask("POST", Prefix+"/credentials", `{"name":"key","secret_type":"api_key","data":{"api_key":"k"}}`)
	}
	keep()
	i, err := w.client.AddIntegration(t.Context(), client.IntegrationSave{Slug: "gitlab", CredentialName: orNil("key"), Config: &config})
	if err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		in          client.SessionCreate
		contributor string
		said        string
	}{
		"named":        {client.SessionCreate{CredentialNames: []string{"key"}}, "secret injection", "`volundr credentials set key`"},
		"referred":     {client.SessionCreate{EnvSecretRefs: []string{"key"}}, "secrets", "`volundr credentials set key`"},
		"of a server":  {client.SessionCreate{MCPServers: []client.MCPServer{{Name: "x", Command: "y", EnvFrom: map[string]string{"A": "key"}}}}, "integration", "which the MCP server x needs"},
		"of a service": {client.SessionCreate{IntegrationIDs: []string{i.ID}}, "integration", "which the MCP server gitlab needs"},
	} {
		t.Run(name, func(t *testing.T) {
			keep()
			c.in.Name = "launch"
			s, err := w.client.Create(t.Context(), c.in)
			if err != nil {
				t.Fatal(err)
			}
			w.is(s.ID, client.Running)
			if _, err := w.client.Stop(t.Context(), s.ID); err != nil {
				t.Fatal(err)
			}
			w.ask("DELETE", Prefix+"/credentials/key", "")
			if _, err := w.client.Start(t.Context(), s.ID); err != nil {
				t.Fatal(err)
			}
			s = w.is(s.ID, client.Failed)
			if s.Failure == nil || !strings.Contains(s.Failure.Reason, "("+c.contributor+").") || !strings.Contains(s.Failure.Reason, c.said) {
				t.Errorf("%+v", s.Failure)
			}
			keep()
			if _, err := w.client.Start(t.Context(), s.ID); err != nil {
				t.Fatal(err)
			}
			w.is(s.ID, client.Running)
			if err := w.client.Delete(t.Context(), s.ID); err != nil {
				t.Error(err)
			}
		})
	}
}
