package vault

import (
	"encoding/base64"
	"encoding/json"
	"net/url"
	"strings"
	"testing"

	"volundr/store"
)

func TestTextsAreRedactedOfWhatTheVaultKnows(t *testing.T) {
	const secret = `p&ss "word"/ünd+so`
	v := newPlace(t).vault(&ring{secrets: map[string]string{}})
	put(t, v, anna, "mine", Generic, Values{"password": secret, "short": "abc", "user": "annabella"})
	put(t, v, anna, "git", GitCredential, Values{"url": "https://anna:tok-0123456789@git.example/x"})
	quoted, _ := json.Marshal(secret)
	for name, text := range map[string]string{
		"plain": secret, "url": url.QueryEscape(secret), "path": url.PathEscape(secret), "json": string(quoted),
		"base64":            base64.StdEncoding.EncodeToString([]byte(secret)),
		"basic login":       base64.StdEncoding.EncodeToString([]byte("anna:" + secret)),
		"basic login, user": base64.URLEncoding.EncodeToString([]byte("bert5:" + secret + ":more")),
		"password of a URL": "tok-0123456789",
	} {
		got := v.Redact(anna)("before " + text + " after")
		if strings.Contains(got, text) || !strings.Contains(got, Redacted) || !strings.HasPrefix(got, "before ") || !strings.HasSuffix(got, " after") {
			t.Errorf("%s: %q", name, got)
		}
	}
	if got := v.Redact(anna)("abc stays, it is too short"); got != "abc stays, it is too short" {
		t.Error(got)
	}

	// A value that was replaced is not good any more, but was said somewhere.
	put(t, v, anna, "mine", Generic, Values{"password": "another-one"})
	if got := v.Redact(anna)("another-one and " + secret); got != Redacted+" and "+Redacted {
		t.Error(got)
	}
	// A daemon that begins knows what is stored.
	again := New(v.Options)
	if got := again.Redact(anna)("another-one"); got != Redacted {
		t.Error(got)
	}
}

// Whoever stores a word as a credential has it taken out of nobody else's records,
// and finds nobody else's out by guessing. What is shared is taken out of those of
// all who may have it, also of who had it before they were moved.
func TestNobodysRecordsAreRedactedOfWhatIsAnothers(t *testing.T) {
	p := newPlace(t)
	v := p.vault(&ring{err: errNoRing}, func(o *Options) {
		o.Env = func(name string) string {
			return map[string]string{"ANTHROPIC_API_KEY": "of-the-machine", "GITHUB_TOKEN": "of-its-forge"}[name]
		}
	})
	elsewhere := store.Principal{UserID: "eve", TenantID: "t2"}
	put(t, v, elsewhere, "words", Generic, Values{"a": "container", "b": "function"})
	put(t, v, anna, "mine", Generic, Values{"password": "correct horse"})
	put(t, v, chief, "npm", APIKey, Values{"api_key": "of-the-tenant"})
	if _, err := v.Share(t.Context(), chief, "npm", true); err != nil {
		t.Fatal(err)
	}
	if got := v.Redact(bert)("git: of-its-forge"); got != "git: [redacted]" {
		t.Errorf("a token of the machine's: %s", got)
	}
	if got := v.Redact(bert)("of-the-tenant, later"); got != "[redacted], later" {
		t.Errorf("when it was read: %s", got)
	}
	put(t, v, chief, "forge", APIKey, Values{"api_key": "shared-later"})
	if _, err := v.Share(t.Context(), chief, "forge", true); err != nil {
		t.Fatal(err)
	}
	if got := v.Redact(bert)("shared-later"); got != "[redacted]" {
		t.Errorf("shared when all had been read: %s", got)
	}
	moved := store.Principal{UserID: "anna", TenantID: "t2"}
	const text = "container, function, correct horse, of-the-tenant, of-the-machine"
	for name, v := range map[string]*Vault{"as they are stored": v, "after a restart": p.vault(&ring{err: errNoRing}, func(o *Options) { o.Env = v.Env })} {
		for i, c := range []struct {
			of   store.Principal
			want string
		}{
			{elsewhere, "[redacted], [redacted], correct horse, of-the-tenant, [redacted]"},
			{anna, "container, function, [redacted], [redacted], [redacted]"},
			{bert, "container, function, correct horse, [redacted], [redacted]"},
			{moved, "container, function, [redacted], [redacted], [redacted]"},
		} {
			if got := v.Redact(c.of)(text); got != c.want {
				t.Errorf("%s, %d: %s", name, i, got)
			}
		}
	}
}
