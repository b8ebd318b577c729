package vault

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"math/big"
	"strings"
	"testing"
)

func sprint(verb string, v any) string { return fmt.Sprintf(verb, v) }

// pair makes a certificate and its key.
func pair(t *testing.T) (cert, key string) {
	t.Helper()
	k, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	tmpl := &x509.Certificate{SerialNumber: big.NewInt(1)}
	der, err := x509.CreateCertificate(rand.Reader, tmpl, tmpl, &k.PublicKey, k)
	if err != nil {
		t.Fatal(err)
	}
	raw, err := x509.MarshalPKCS8PrivateKey(k)
	if err != nil {
		t.Fatal(err)
	}
	return string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})),
		string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: raw}))
}

func TestWhatATypeTakes(t *testing.T) {
	cert, key := pair(t)
	_, other := pair(t)
	v := newPlace(t).vault(&ring{err: errNoRing})
	for _, c := range []struct {
		name, typ string
		values    Values
		want      string // in the error; empty: taken
	}{
		{"ok", APIKey, Values{"api_key": "sk-1"}, ""},
		{"pasted", APIKey, Values{"api_key": " sk-1\n"}, ""},
		{"ok", APIKey, Values{}, "api_key is required"},
		{"ok", APIKey, Values{"api_key": "  "}, "api_key is required"},
		{"ok", APIKey, Values{"api_key": "a\r\nX-Evil: 1"}, "one word"},
		{"ok", APIKey, Values{"api_key": "a", "more": "b"}, `"more" is not part`},
		{"ok", OAuthToken, Values{"access_token": "a"}, ""},
		{"ok", OAuthToken, Values{"access_token": "a", "refresh_token": "b"}, ""},
		{"ok", OAuthToken, Values{"refresh_token": "b"}, "access_token is required"},
		{"ok", GitCredential, Values{"url": "https://me:tok@git.example"}, ""},
		{"ok", GitCredential, Values{"url": "https://git.example"}, "must look like"},
		{"ok", GitCredential, Values{"url": "file:///etc/passwd"}, "must look like"},
		{"ok", SSHKey, Values{"private_key": key}, ""},
		{"ok", SSHKey, Values{"private_key": "ssh-ed25519 AAAA"}, "PEM"},
		{"ok", TLSCert, Values{"certificate": cert, "private_key": key}, ""},
		{"ok", TLSCert, Values{"certificate": cert, "private_key": other}, "belong together"},
		{"ok", Generic, Values{"A": "", "b_c": "x\ny"}, ""},
		{"ok", Generic, Values{}, "at least one value"},
		{"ok", Generic, Values{"a b": "x"}, "is no name"},
		{"ok", Generic, Values{"a": strings.Repeat("x", maxValue+1)}, "longer than"},
		{"ok", Generic, Values{"a": "x\x00y"}, "zero byte"},
		{"", Generic, Values{"a": "x"}, "the name has"},
		{"No", Generic, Values{"a": "x"}, "the name has"},
		{"a/b", Generic, Values{"a": "x"}, "the name has"},
		{"ok", "password", Values{"a": "x"}, "Invalid secret_type: password"},
	} {
		_, err := v.Put(t.Context(), anna, Credential{Name: c.name, Type: c.typ}, c.values)
		switch {
		case c.want == "" && err != nil:
			t.Errorf("%s %s: %v", c.typ, c.name, err)
		case c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want)):
			t.Errorf("%s %s: error %v, want %q", c.typ, c.name, err, c.want)
		case err != nil && !errors.Is(err, ErrInvalid):
			t.Errorf("%s %s: not an invalid one: %v", c.typ, c.name, err)
		}
	}
	if got := get(t, v, anna, "pasted")["api_key"]; got != "sk-1" {
		t.Errorf("a pasted key is kept as %q", got)
	}
	if n := len(Types()); n != 6 {
		t.Errorf("%d types", n)
	}
}
