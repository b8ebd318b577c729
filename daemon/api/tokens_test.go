package api

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"
	"time"

	"volundr/daemon/auth"
	"volundr/store"
	"volundr/ui/client"
)

// Tokens as the contract has them, and what is beyond it.
func TestTokensAsTheContractSays(t *testing.T) {
	w := newWorld(t)
	x := w.person("ann", "default", store.RoleDeveloper)
	ask := func(method, path, body string, status int) string {
		t.Helper()
		got, _, said := w.ask(method, TokenPrefix+path, body, x.present, func(r *http.Request) { r.Header.Set("Content-Type", "application/json") })
		if got != status {
			t.Errorf("%s %s %s: %d %s, want %d", method, path, body, got, said, status)
		}
		return said
	}
	for _, bad := range []string{`{}`, `{"name":""}`, `{"name":"-a"}`, `{"name":"a/b"}`, `{"name":"` + strings.Repeat("a", 101) + `"}`,
		`{"name":"a","scopes":["admin"]}`, `{"name":"a","scopes":["all"]}`, `{"name":"a","expires_days":366}`, `{"name":"a","expires_days":-1}`} {
		ask("POST", "", bad, 422)
	}
	var made client.TokenMade
	if err := json.Unmarshal([]byte(ask("POST", "", `{"name":"My laptop_2"}`, 201)), &made); err != nil {
		t.Fatal(err)
	}
	if !strings.HasPrefix(made.Secret, "volundr_") || made.Scopes[0] != auth.ScopeWork || time.Until(made.ExpiresAt) < 364*24*time.Hour {
		t.Errorf("%+v", made)
	}
	if all := ask("GET", "", "", 200); strings.Contains(all, made.Secret) || !strings.Contains(all, `"last_used_at":null`) {
		t.Error(all)
	}
	ann := client.New(w.auth.ProgramOrigin(), made.Secret)
	if me, err := ann.Me(t.Context()); err != nil || me.DisplayName != "ann" || me.Roles[0] != "volundr:developer" {
		t.Errorf("%+v, %v", me, err)
	}
	ask("DELETE", "/"+made.ID, "", 204)
	ask("DELETE", "/"+made.ID, "", 404)
	if _, err := ann.Me(t.Context()); !client.Unauthorized(err) {
		t.Errorf("revoked: %v", err)
	}
}

// The machine's folders, and what its git knows, are not for a developer.
func TestADeveloperLaunchesNothingOfTheMachine(t *testing.T) {
	w := newWorld(t)
	x := w.person("ann", "default", store.RoleDeveloper)
	for _, source := range []string{`"source":{"type":"local_mount","local_path":"` + w.dir + `"}`, `"source":{"type":"local_copy","local_path":"` + w.dir + `"}`,
		`"source":{"type":"git"},"files":["` + w.dir + `/token"]`} {
		status, _, body := w.ask("POST", Prefix+"/sessions", `{"name":"a",`+source+`}`, x.present, func(r *http.Request) { r.Header.Set("Content-Type", "application/json") })
		if status != 403 || !strings.Contains(body, "for its admins") {
			t.Errorf("%s: %d %s", source, status, body)
		}
	}
}
