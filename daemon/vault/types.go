package vault

import (
	"crypto/tls"
	"encoding/pem"
	"fmt"
	"maps"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"unicode"
)

// Types of credentials.
const (
	APIKey        = "api_key"
	OAuthToken    = "oauth_token"
	GitCredential = "git_credential"
	SSHKey        = "ssh_key"
	TLSCert       = "tls_cert"
	Generic       = "generic"
)

// Field is one value of a credential's type.
type Field struct {
	Key      string `json:"key"`
	Label    string `json:"label"`
	Type     string `json:"type"` // "password", "text", "textarea"
	Required bool   `json:"required"`
}

// Type describes a type of credentials, for forms.
type Type struct {
	Type        string  `json:"type"`
	Label       string  `json:"label"`
	Description string  `json:"description"`
	Fields      []Field `json:"fields"`
	Mount       string  `json:"default_mount_type"` // "env", "file", "template"

	check func(Values) []string
}

var types = []Type{
	{APIKey, "API key", "A key for a service, as a model provider's.",
		[]Field{{"api_key", "API key", "password", true}}, "env", oneLine("api_key")},
	{OAuthToken, "OAuth token", "An access token, as a Claude subscription's.",
		[]Field{{"access_token", "Access token", "password", true}, {"refresh_token", "Refresh token", "password", false}}, "env",
		oneLine("access_token", "refresh_token")},
	{GitCredential, "Git credential", "A URL with user name and token, as in .git-credentials.",
		[]Field{{"url", "URL with user name and token", "password", true}}, "file", gitURL},
	{SSHKey, "SSH key", "A private key.",
		[]Field{{"private_key", "Private key", "textarea", true}, {"public_key", "Public key", "textarea", false}}, "file", sshKey},
	{TLSCert, "TLS certificate", "A certificate with its private key.",
		[]Field{{"certificate", "Certificate", "textarea", true}, {"private_key", "Private key", "textarea", true}}, "file", tlsPair},
	{Generic, "Generic", "Any values by name.", []Field{}, "env", func(Values) []string { return nil }},
}

// Types gives the types of credentials in the order they are shown.
func Types() []Type { return slices.Clone(types) }

func typeOf(name string) (Type, bool) {
	i := slices.IndexFunc(types, func(t Type) bool { return t.Type == name })
	if i < 0 {
		return Type{}, false
	}
	return types[i], true
}

// Bounds of one credential.
const (
	maxKeys  = 50
	maxValue = 64 << 10
)

var valueKey = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_.-]{0,99}$`)

// problems says what is wrong with the values for the type. No value stands in
// what it says.
func (t Type) problems(v Values) (out []string) {
	if len(v) > maxKeys {
		return []string{fmt.Sprintf("a credential has at most %d values", maxKeys)}
	}
	known := map[string]bool{}
	for _, f := range t.Fields {
		known[f.Key] = true
		if f.Required && strings.TrimSpace(v[f.Key]) == "" {
			out = append(out, f.Key+" is required")
		}
	}
	for _, k := range slices.Sorted(maps.Keys(v)) {
		switch {
		case len(t.Fields) > 0 && !known[k]:
			out = append(out, fmt.Sprintf("%q is not part of type %s", k, t.Type))
		case !valueKey.MatchString(k):
			out = append(out, fmt.Sprintf("%q is no name: letters, digits, _ . -, not a digit first, at most 100", k))
		case len(v[k]) > maxValue:
			out = append(out, fmt.Sprintf("%s is longer than %d KiB", k, maxValue>>10))
		case strings.ContainsRune(v[k], 0):
			out = append(out, k+" holds a zero byte")
		}
	}
	if len(v) == 0 && len(t.Fields) == 0 {
		out = append(out, "at least one value is required")
	}
	if len(out) == 0 {
		out = t.check(v)
	}
	return out
}

func oneLine(keys ...string) func(Values) []string {
	return func(v Values) (out []string) {
		for _, k := range keys {
			if strings.IndexFunc(v[k], func(r rune) bool { return r > unicode.MaxASCII || !unicode.IsPrint(r) || r == ' ' }) >= 0 {
				out = append(out, k+" must be one word without spaces")
			}
		}
		return out
	}
}

func gitURL(v Values) []string {
	u, err := url.Parse(v["url"])
	if err != nil || (u.Scheme != "https" && u.Scheme != "http") || u.Host == "" || u.User == nil {
		return []string{"url must look like https://user:token@host"}
	}
	if token, _ := u.User.Password(); token == "" && u.User.Username() == "" {
		return []string{"url holds neither user name nor token"}
	}
	if strings.ContainsAny(v["url"], "\r\n") {
		return []string{"url must be one line"}
	}
	return nil
}

func sshKey(v Values) []string {
	block, _ := pem.Decode([]byte(v["private_key"]))
	if block == nil || !strings.HasSuffix(block.Type, "PRIVATE KEY") {
		return []string{"private_key must be in PEM form, beginning with -----BEGIN … PRIVATE KEY-----"}
	}
	return nil
}

func tlsPair(v Values) []string {
	if _, err := tls.X509KeyPair([]byte(v["certificate"]), []byte(v["private_key"])); err != nil {
		return []string{"certificate and private_key must be PEM and belong together"}
	}
	return nil
}
