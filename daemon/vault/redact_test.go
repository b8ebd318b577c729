package vault

import (
	"encoding/base64"
	"encoding/json"
	"net/url"
	"strings"
	"testing"
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
		got := v.Redact("before " + text + " after")
		if strings.Contains(got, text) || !strings.Contains(got, Redacted) || !strings.HasPrefix(got, "before ") || !strings.HasSuffix(got, " after") {
			t.Errorf("%s: %q", name, got)
		}
	}
	if got := v.Redact("abc stays, it is too short"); got != "abc stays, it is too short" {
		t.Error(got)
	}

	// A value that was replaced is not good any more, but was said somewhere.
	put(t, v, anna, "mine", Generic, Values{"password": "another-one"})
	if got := v.Redact("another-one and " + secret); got != Redacted+" and "+Redacted {
		t.Error(got)
	}
	// A daemon that begins knows what is stored.
	again := New(v.Options)
	if got := again.Redact("another-one"); got != Redacted {
		t.Error(got)
	}
}
