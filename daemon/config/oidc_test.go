package config

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

func TestAnIdentityProvider(t *testing.T) {
	dir := t.TempDir()
	for name, text := range map[string]string{"secret": " s3cret \n", "empty": "\n", "config.yaml": `oidc:
  issuer: https://id.example.com/realm
  client_id: volundr
  client_secret_file: secret
  roles: {admin: [chiefs], developer: [staff]}
`} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	c, err := Load(Flags{DataDir: dir})
	if err != nil {
		t.Fatal(err)
	}
	o := c.OIDC
	if secret, err := o.Secret(); err != nil || secret != "s3cret" {
		t.Errorf("the secret is %q (%v)", secret, err)
	}
	if o.Name != "id.example.com" || o.GroupsClaim != "groups" || o.LoginLife != 24*time.Hour || len(o.Scopes) != 2 {
		t.Errorf("%+v", o)
	}
	if text, err := c.Show(""); err != nil || strings.Contains(text, "s3cret") {
		t.Errorf("what is shown holds the secret (%v): %s", err, text)
	}
	if name, err := c.Show("oidc.name"); err != nil || name != "id.example.com\n" {
		t.Errorf("oidc.name is %q (%v)", name, err)
	}
	if _, err := Set(Flags{DataDir: dir}, "oidc.default_role", "viewer"); err != nil {
		t.Error(err)
	}
	if _, err := Set(Flags{DataDir: dir}, "oidc.default_role", "root"); err == nil || !strings.Contains(err.Error(), "nothing was changed") {
		t.Errorf("a role that is none is set: %v", err)
	}
	for text, want := range map[string]string{
		`{}`: "oidc needs an issuer",
		`{issuer: "id.example.com", client_id: a, default_role: viewer}`:                                       "not a plain URL",
		`{issuer: "https://u:p@id.example.com", client_id: a, default_role: viewer}`:                           "not a plain URL",
		`{issuer: "http://id.example.com", client_id: a, default_role: viewer}`:                                "unencrypted",
		`{issuer: "https://id.example.com"}`:                                                                   "needs a client_id",
		`{issuer: "https://id.example.com", client_id: a}`:                                                     "would let nobody in",
		`{issuer: "https://id.example.com", client_id: a, roles: {}}`:                                          "would let nobody in",
		`{issuer: "https://id.example.com", client_id: a, roles: {owner: [x]}}`:                                `role "owner" is not known`,
		`{issuer: "https://id.example.com", client_id: a, default_role: root}`:                                 `role "root" is not known`,
		`{issuer: "https://id.example.com", client_id: a, roles: {admin: [x], viewer: [x]}}`:                   `group "x" stands here twice`,
		`{issuer: "https://id.example.com", client_id: a, default_role: viewer, tenants: {acme: [x], b: [x]}}`: `group "x" stands here twice (acme, b)`,
		`{issuer: "https://id.example.com", client_id: a, default_role: viewer, tenants: {acme: []}}`:          `tenant "acme" has no groups`,
		`{issuer: "https://id.example.com", client_id: a, default_role: viewer, login_life: 1m}`:               "login_life 1m0s is out of range",
		`{issuer: "https://id.example.com", client_id: a, default_role: viewer, login_life: soon}`:             "not a duration",
		`{issuer: "https://id.example.com", client_id: a, default_role: viewer, client_secret_file: none}`:     "secret cannot be read",
		`{issuer: "https://id.example.com", client_id: a, default_role: viewer, client_secret_file: empty}`:    "is empty",
		`{issuer: "https://id.example.com", client_id: a, default_role: viewer, client_secret: x}`:             `did you mean "client_secret_file"`,
	} {
		if err := os.WriteFile(filepath.Join(dir, "config.yaml"), []byte("oidc: "+text+"\n"), 0o600); err != nil {
			t.Fatal(err)
		}
		_, problems, err := Validate(Flags{DataDir: dir})
		if err != nil || len(problems) != 1 || !strings.Contains(problems[0], want) || !strings.Contains(problems[0], "config.yaml:1: ") {
			t.Errorf("%s: %v (%v), want %q with its line", text, problems, err, want)
		}
	}
}
