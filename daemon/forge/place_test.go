package forge

import (
	"errors"
	"strings"
	"testing"

	"volundr/daemon/config"
	"volundr/daemon/vault"
	"volundr/store"
)

func TestRepositoriesAndTheirForges(t *testing.T) {
	f := New(Options{Vault: newVault(t), Hosts: map[string]config.Forge{
		"git.example": {Type: GitLab}, "hub.example": {Type: GitHub}, "127.0.0.1:8080": {Type: GitHub, API: "http://127.0.0.1:8080/api/"}}})
	for repo, want := range map[string]string{ // kind, API and path; empty: none
		"https://github.com/acme/app.git":          "github https://api.github.com acme/app",
		"https://github.com/acme/app/":             "github https://api.github.com acme/app",
		"https://ann@GitHub.com/acme/app":          "github https://api.github.com acme/app",
		"git@github.com:acme/app.git":              "github https://api.github.com acme/app",
		"ssh://git@github.com:22/acme/app":         "github https://api.github.com acme/app",
		"https://gitlab.com/group/below/app.git":   "gitlab https://gitlab.com/api/v4 group/below/app",
		"git@git.example:group/app":                "gitlab https://git.example/api/v4 group/app",
		"https://hub.example/acme/app":             "github https://hub.example/api/v3 acme/app",
		"http://127.0.0.1:8080/acme/app":           "github http://127.0.0.1:8080/api acme/app",
		"https://github.com/acme":                  "",
		"https://github.com/acme/app/deep":         "",
		"https://github.com/acme/../app":           "",
		"https://github.com/acme/app?x=y#z/../..":  "github https://api.github.com acme/app",
		"https://github.com.evil.example/acme/app": "",
		"https://example.org/acme/app":             "",
		"/home/ann/app":                            "",
		"file:///github.com/acme/app":              "",
		"":                                         "",
	} {
		at, err := f.Of(repo)
		got := strings.TrimSpace(at.Kind + " " + at.API + " " + at.Path)
		if got != want || (want == "") != errors.Is(err, ErrNoForge) {
			t.Errorf("%s: %q, %v", repo, got, err)
		}
	}
}

// A token goes to the host that it was given for, and to no other.
func TestWhichTokenIsUsed(t *testing.T) {
	v := newVault(t)
	env := map[string]string{}
	f := New(Options{Vault: v, Env: func(k string) string { return env[k] }, Hosts: map[string]config.Forge{
		"git.example": {Type: GitHub}, "named.example": {Type: GitLab, Credential: "named"}}})
	is := func(step, host, want string) {
		t.Helper()
		at, err := f.Of("https://" + host + "/acme/app")
		if err != nil {
			t.Fatal(err)
		}
		got, err := f.token(t.Context(), ann, at)
		if string(got) != want || want == "" && (!errors.Is(err, ErrNoToken) || !strings.HasSuffix(err.Error(), ".")) || want != "" && err != nil {
			t.Errorf("%s: for %s %q, %v", step, host, string(got), err)
		}
	}
	is("nothing", "github.com", "")
	is("nothing", "named.example", "")
	env["GITHUB_TOKEN"] = "from-env"
	is("environment", "github.com", "from-env")
	is("environment", "gitlab.com", "")
	is("environment", "git.example", "")
	keep(t, v, "someone", vault.GitCredential, vault.Values{"url": "https://me:git-tok@github.com"})
	keep(t, v, "else", vault.GitCredential, vault.Values{"url": "https://other-tok@git.example"})
	is("git's", "github.com", "git-tok")
	is("git's", "git.example", "other-tok")
	keep(t, v, "github", vault.OAuthToken, vault.Values{"access_token": "own"})
	is("by name", "github.com", "own")
	is("by name", "git.example", "other-tok")
	keep(t, v, "gitlab", vault.Generic, vault.Values{"token": "lab"})
	is("generic", "gitlab.com", "lab")
	is("generic", "named.example", "")
	keep(t, v, "named", vault.APIKey, vault.Values{"api_key": "n"})
	is("named", "named.example", "n")
	keep(t, v, "named", vault.SSHKey, vault.Values{"private_key": "-----BEGIN OPENSSH PRIVATE KEY-----\nAAAA\n-----END OPENSSH PRIVATE KEY-----"})
	is("of no use", "named.example", "")
	if got := f.Known(t.Context(), ann); len(got) != 3 || got[0].Host != "github.com" || got[2].Host != "git.example" {
		t.Errorf("%+v", got)
	}
	if got := f.Known(t.Context(), store.Principal{UserID: "bob", TenantID: "t"}); len(got) != 1 {
		t.Errorf("ann's, for bob: %+v", got)
	}
}

func FuzzAddresses(f *testing.F) {
	for _, seed := range []string{"https://github.com/a/b", "git@github.com:a/b", "ssh://x@github.com:1/a/b", "https://github.com/a/..", "::", "github.com:a/b/../c"} {
		f.Add(seed)
	}
	forges := New(Options{})
	f.Fuzz(func(t *testing.T, repo string) {
		at, err := forges.Of(repo)
		if err == nil && (at.API != "https://api.github.com" && at.API != "https://gitlab.com/api/v4" || strings.Contains(at.Path, "..") || strings.ContainsAny(at.Path, "?#%\\ ")) {
			t.Errorf("%q is %+v", repo, at)
		}
	})
}
