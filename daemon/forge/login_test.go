package forge

import (
	"testing"

	"volundr/daemon/config"
	"volundr/daemon/vault"
)

// Git is logged in where the vault has something for the very host.
func TestLoginOfGit(t *testing.T) {
	v := newVault(t)
	f := New(Options{Vault: v, Env: func(string) string { return "from-env" }, Hosts: map[string]config.Forge{"git.example": {Type: GitLab, Credential: "lab"}}})
	keep(t, v, "lab", vault.APIKey, vault.Values{"api_key": "lab-tok"})
	keep(t, v, "plain", vault.GitCredential, vault.Values{"url": "https://ann:pw@code.example:8443"})
	keep(t, v, "token", vault.GitCredential, vault.Values{"url": "https://only-tok@bare.example"})
	for repo, want := range map[string]string{
		"https://git.example/a/b.git":       "oauth2 lab-tok",
		"https://code.example:8443/x":       "ann pw",
		"https://code.example/x":            " ",
		"https://bare.example/x":            "only-tok x-oauth-basic",
		"https://github.com/a/b":            " ", // the environment's token is for pull requests
		"git@git.example:a/b.git":           " ",
		"ssh://git@git.example/a/b.git":     " ",
		"https://git.example.evil.org/a/b":  " ",
		"https://evil.org/git.example/a/b":  " ",
		"https://git.example@evil.org/a/b":  " ",
		"/home/ann/app":                     " ",
		"file:///git.example/a/b":           " ",
		"https://GIT.example/a/b":           "oauth2 lab-tok",
		"https://code.example:8443.evil.io": " ",
	} {
		user, password, err := f.Login(t.Context(), ann, repo)
		if user+" "+password != want || err != nil {
			t.Errorf("%s: %q %q, %v", repo, user, password, err)
		}
	}
}
