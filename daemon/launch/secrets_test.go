package launch

import (
	"context"
	"encoding/json"
	"errors"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"volundr/daemon/vault"
	"volundr/runtime"
	"volundr/runtime/broker/wire"
	"volundr/store"
	"volundr/store/storetest"
)

var ann = store.Principal{UserID: "ann", TenantID: "t"}

// noRing has no keyring: the key lies in a file.
type noRing struct{}

func (noRing) Get(string, string) (string, error) { return "", errors.New("none") }
func (noRing) Set(string, string, string) error   { return errors.New("none") }

// stocked is a launcher whose vault holds one credential of each type for ann.
func stocked(t *testing.T) *Launcher {
	t.Helper()
	l, _ := stockedAt(t)
	return l
}

// stockedAt lets local folders below the returned one pass too.
func stockedAt(t *testing.T) (*Launcher, string) {
	t.Helper()
	l, dir := launcher(t)
	db, err := store.Open(storetest.New(t, t.TempDir()))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { db.Close() })
	l.DB = db
	l.Vault = vault.New(vault.Options{DB: db, Dir: t.TempDir(), Keyring: noRing{}, Env: func(string) string { return "" }})
	cert, key := pair(t)
	for _, c := range []struct {
		name, kind string
		values     vault.Values
	}{
		{"linear-api-key", vault.APIKey, vault.Values{"api_key": "lin-1"}},
		{"forge", vault.OAuthToken, vault.Values{"access_token": "at", "refresh_token": "rt"}},
		{"one", vault.OAuthToken, vault.Values{"access_token": "at"}},
		{"github", vault.GitCredential, vault.Values{"url": "https://me:tok@github.com"}},
		{"gitlab", vault.GitCredential, vault.Values{"url": "https://me:tok@gitlab.com"}},
		{"deploy", vault.SSHKey, vault.Values{"private_key": "-----BEGIN OPENSSH PRIVATE KEY-----\nAAAA\n-----END OPENSSH PRIVATE KEY-----", "public_key": "ssh-ed25519 AAAA"}},
		{"deploy2", vault.SSHKey, vault.Values{"private_key": "-----BEGIN OPENSSH PRIVATE KEY-----\nAAAA\n-----END OPENSSH PRIVATE KEY-----"}},
		{"web", vault.TLSCert, vault.Values{"certificate": cert, "private_key": key}},
		{"db", vault.Generic, vault.Values{"password": "p", "host.name": "h"}},
		{"path", vault.Generic, vault.Values{"v": "x"}},
		{"7up", vault.APIKey, vault.Values{"api_key": "x"}},
		{"linear_api_key", vault.APIKey, vault.Values{"api_key": "other"}},
	} {
		if _, err := l.Vault.Put(t.Context(), ann, vault.Credential{Name: c.name, Type: c.kind}, c.values); err != nil {
			t.Fatal(err)
		}
	}
	return l, dir
}

// The contract's rules, one by one.
func TestEveryTypeOfCredentialHasItsPlace(t *testing.T) {
	l := stocked(t)
	cert, key := pairText(t, l)
	helper := map[string]string{"GIT_CONFIG_COUNT": "1", "GIT_CONFIG_KEY_0": "credential.helper", "GIT_CONFIG_VALUE_0": "store"}
	file := func(path, link, text string) wire.SecretFile {
		return wire.SecretFile{Path: path, Link: link, Data: []byte(text)}
	}
	const sshKey = "-----BEGIN OPENSSH PRIVATE KEY-----\nAAAA\n-----END OPENSSH PRIVATE KEY-----\n"
	for name, c := range map[string]struct {
		names, refs []string
		want        wire.Secrets
	}{
		"one value is called as the credential": {[]string{"linear-api-key"}, nil, wire.Secrets{Env: map[string]string{"LINEAR_API_KEY": "lin-1"}}},
		"several values":                        {[]string{"forge"}, nil, wire.Secrets{Env: map[string]string{"FORGE_ACCESS_TOKEN": "at", "FORGE_REFRESH_TOKEN": "rt"}}},
		"one token":                             {[]string{"one"}, nil, wire.Secrets{Env: map[string]string{"ONE": "at"}}},
		"generic":                               {[]string{"db"}, nil, wire.Secrets{Env: map[string]string{"DB_PASSWORD": "p", "DB_HOST_NAME": "h"}}},
		"named twice":                           {[]string{"one", "one"}, nil, wire.Secrets{Env: map[string]string{"ONE": "at"}}},
		"git":                                   {[]string{"github", "gitlab"}, nil, wire.Secrets{Env: helper, Files: []wire.SecretFile{file("git-credentials", ".git-credentials", "https://me:tok@github.com\nhttps://me:tok@gitlab.com\n")}}},
		"ssh":                                   {[]string{"deploy"}, nil, wire.Secrets{Env: map[string]string{}, Files: []wire.SecretFile{file("ssh/id_rsa", ".ssh/id_rsa", sshKey), file("ssh/id_rsa.pub", ".ssh/id_rsa.pub", "ssh-ed25519 AAAA\n")}}},
		"tls":                                   {[]string{"web"}, nil, wire.Secrets{Env: map[string]string{}, Files: []wire.SecretFile{file("tls/web.crt", "", cert), file("tls/web.key", "", key)}}},
		"a reference is called as its keys":     {nil, []string{"db"}, wire.Secrets{Env: map[string]string{"password": "p", "host_name": "h"}}},
		"a reference to a key":                  {nil, []string{"one"}, wire.Secrets{Env: map[string]string{"ONE": "at"}}},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := l.laid(t.Context(), ann, Request{CredentialNames: c.names, SecretRefs: c.refs})
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(c.want, got.Secrets); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestCredentialsThatCannotBeGiven(t *testing.T) {
	l := stocked(t)
	for name, c := range map[string]struct {
		r         Request
		loc, said string
	}{
		"none of the name":   {Request{CredentialNames: []string{"one", "gone"}}, "body credential_names 1", "`volundr credentials set gone`"},
		"no reference":       {Request{SecretRefs: []string{"gone"}}, "body env_secret_refs 0", "`volundr credentials set gone`"},
		"two SSH keys":       {Request{CredentialNames: []string{"deploy", "deploy2"}}, "body credential_names 1", `"deploy" and "deploy2" cannot be in one session`},
		"two of one name":    {Request{CredentialNames: []string{"linear-api-key", "linear_api_key"}}, "body credential_names 1", "$LINEAR_API_KEY"},
		"by either way":      {Request{CredentialNames: []string{"one"}, SecretRefs: []string{"one"}}, "body env_secret_refs 0", "$ONE"},
		"what programs need": {Request{CredentialNames: []string{"path"}}, "body credential_names 0", "PATH, which the session itself needs"},
		"no variable's name": {Request{CredentialNames: []string{"7up"}}, "body credential_names 0", "begins with a letter"},
		"set already":        {Request{CredentialNames: []string{"one"}, Env: map[string]string{"ONE": "x"}}, "body env ONE", "leave one of them out"},
	} {
		t.Run(name, func(t *testing.T) {
			err := l.CheckSecrets(t.Context(), ann, c.r)
			var field *FieldError
			if !errors.As(err, &field) || strings.Join(field.Loc, " ") != c.loc || !strings.Contains(field.Msg, c.said) {
				t.Errorf("%v", err)
			}
		})
	}
	if err := l.CheckSecrets(t.Context(), store.Principal{UserID: "bob", TenantID: "t"}, Request{CredentialNames: []string{"one"}}); !errors.Is(err, runtime.ErrInvalid) {
		t.Errorf("ann's, for bob: %v", err)
	}
}

// What a runtime is told names no value, and the parts learn only that there
// is something to ask for.
func TestASpecHoldsNoSecret(t *testing.T) {
	l := stocked(t)
	s, err := spec(t, l, Request{Agent: "claude", Source: Source{Type: "git"}, CredentialNames: []string{"linear-api-key", "github", "deploy", "web"}, SecretRefs: []string{"db"}})
	if err != nil {
		t.Fatal(err)
	}
	raw, err := json.Marshal(s)
	if err != nil {
		t.Fatal(err)
	}
	for _, value := range []string{"lin-1", "me:tok", "AAAA", "PRIVATE KEY"} {
		if strings.Contains(string(raw), value) {
			t.Errorf("the spec holds %q", value)
		}
	}
	for _, p := range s.Parts {
		if got := strings.Contains(p.Env[wire.EnvConfig], `"secrets":true`); got != true {
			t.Errorf("%s: %v", p.Name, got)
		}
	}
	plain, err := spec(t, l, Request{Agent: "claude", Source: Source{Type: "git"}})
	if err != nil {
		t.Fatal(err)
	}
	if slices.ContainsFunc(plain.Parts, func(p runtime.Part) bool { return strings.Contains(p.Env[wire.EnvConfig], "secrets") }) {
		t.Error("a session without credentials asks for some")
	}
}

// A credential that is gone when the session starts names who missed it and
// what to do, for ever.
func TestAStartWithoutItsCredential(t *testing.T) {
	l := stocked(t)
	for contributor, r := range map[string]Request{
		"secret injection": {Agent: "claude", Source: Source{Type: "git"}, CredentialNames: []string{"gone"}},
		"secrets":          {Agent: "claude", Source: Source{Type: "git"}, SecretRefs: []string{"gone"}},
	} {
		_, err := spec(t, l, r)
		if !errors.Is(err, runtime.ErrInvalid) || !strings.Contains(err.Error(), "("+contributor+")") || !strings.Contains(err.Error(), "`volundr credentials set gone`") {
			t.Errorf("%s: %v", contributor, err)
		}
	}
}

func TestServeSecretsGivesASessionItsOwn(t *testing.T) {
	l := stocked(t)
	raw, _ := json.Marshal(Request{Agent: "claude", CredentialNames: []string{"one"}})
	row, err := l.DB.CreateSession(t.Context(), store.Session{ID: "0b5e0b5e", Name: "demo", OwnerID: "ann", TenantID: "t", Runtime: "fake", Request: raw, Want: store.WantNone, State: store.Created})
	if err != nil {
		t.Fatal(err)
	}
	asked := row.ID
	l.Session = func(context.Context) string { return asked }
	ask := func() *httptest.ResponseRecorder {
		w := httptest.NewRecorder()
		l.ServeSecrets(w, httptest.NewRequestWithContext(t.Context(), "GET", wire.OutsideSecrets, nil))
		return w
	}
	if w := ask(); w.Code != 200 || strings.TrimSpace(w.Body.String()) != `{"env":{"ONE":"at"}}` || w.Header().Get("Cache-Control") != "no-store" {
		t.Errorf("%d %s", w.Code, w.Body)
	}
	if err := l.Vault.Delete(t.Context(), ann, "one"); err != nil {
		t.Fatal(err)
	}
	if w := ask(); w.Code != 422 || !strings.Contains(w.Body.String(), "volundr credentials set one") {
		t.Errorf("%d %s", w.Code, w.Body)
	}
	asked = "another"
	if w := ask(); w.Code != 404 {
		t.Errorf("%d %s", w.Code, w.Body)
	}
}
