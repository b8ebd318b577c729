package launch

import (
	"errors"
	"strings"
	"testing"

	"volundr/daemon/vault"
	"volundr/runtime"
	"volundr/store"
)

// A shared credential is laid into a session only where its admin said so: else
// whoever has the session could read it, or have it sent where they like.
func TestSharedCredentialsInSessions(t *testing.T) {
	l := stocked(t)
	admin := store.Principal{UserID: "chief", TenantID: "t", Admin: true}
	if _, err := l.Vault.Put(t.Context(), admin, vault.Credential{Name: "npm", Type: vault.APIKey}, vault.Values{"api_key": "npm-1"}); err != nil {
		t.Fatal(err)
	}
	git := Source{Type: "git"}
	ways := map[string]Request{
		"named":    {Agent: "claude", Source: git, CredentialNames: []string{"npm"}},
		"referred": {Agent: "claude", Source: git, SecretRefs: []string{"npm"}},
		"variable": {Agent: "claude", Source: git, MCP: []MCPServer{{Name: "s", Command: "s", EnvFrom: map[string]string{"K": "npm"}}}},
		"header":   {Agent: "claude", Source: git, MCP: []MCPServer{{Name: "s", URL: "https://mine.example", HeadersFrom: map[string]string{"Authorization": "npm"}}}},
	}
	starts := func(when, refused string) {
		t.Helper()
		for name, r := range ways {
			_, err := spec(t, l, r)
			if refused == "" && err != nil || refused != "" && (!errors.Is(err, runtime.ErrInvalid) || !strings.Contains(err.Error(), refused)) {
				t.Errorf("%s, %s: %v", when, name, err)
			}
			if err := l.CheckSecrets(t.Context(), ann, r); (err == nil) != (refused == "") {
				t.Errorf("%s, %s is checked: %v", when, name, err)
			}
		}
	}
	share := func(laid bool) {
		t.Helper()
		if _, err := l.Vault.Share(t.Context(), admin, "npm", laid); err != nil {
			t.Fatal(err)
		}
	}
	starts("an admin's own", `There is no credential "npm"`)
	share(false)
	starts("for the daemon", "--in-sessions")
	share(true)
	starts("for sessions", "")
	share(false)
	starts("not any more", "--in-sessions")
	if _, err := l.Vault.Unshare(t.Context(), admin, "npm"); err != nil {
		t.Fatal(err)
	}
	starts("unshared", "`volundr credentials set npm`")
}
