package chronicle

import (
	"encoding/json"
	"regexp"
	"strings"

	"volundr/store"
)

// secretName are names of variables whose values are nobody's business;
// secretValue is how tokens look that the vault need not know.
var (
	secretName  = regexp.MustCompile(`(?i)(key|token|secret|passw|passphrase|pwd|credential|auth|cookie|private|dsn)`)
	secretValue = regexp.MustCompile(`^(sk-|gh[pousr]_|github_pat_|glpat-|xox[abprs]-|AKIA|AIza|eyJ[A-Za-z0-9_-]+\.)`)
	author      = regexp.MustCompile(`(?i)author`) // who wrote something is no secret
	userInfo    = regexp.MustCompile(`(://)[^/@\s:]+(:[^/@\s]*)?@`)
)

// Redacted stands in a chronicle where something must not be read.
const Redacted = "[redacted]"

// config is what a session was asked to be, whole, as it may be kept: the launch
// request with the contract's four fields on top. Credentials stand in it by
// name only; values of the environment that look like secrets are left out.
func (c *Chronicles) config(s store.Session, r request) json.RawMessage {
	all := map[string]any{}
	if json.Unmarshal(s.Request, &all) != nil || all == nil {
		all = map[string]any{}
	}
	hide(all["env"])
	if servers, ok := all["mcp_servers"].([]any); ok {
		for _, s := range servers {
			if s, ok := s.(map[string]any); ok {
				hide(s["env"])
				hide(s["headers"])
			}
		}
	}
	all["name"], all["model"], all["repo"], all["branch"] = s.Name, r.Model, r.Source.Repo, r.Source.Branch
	raw, err := json.Marshal(texts(all, c.Redact(s.Owner())))
	if err != nil {
		return json.RawMessage(`{}`)
	}
	return raw
}

// hide leaves values out that look like secrets.
func hide(list any) {
	env, _ := list.(map[string]any)
	for name, v := range env {
		if text, ok := v.(string); ok && (secretName.MatchString(author.ReplaceAllString(name, "")) || secretValue.MatchString(text)) {
			env[name] = Redacted
		}
	}
}

// texts takes secrets out of every text in a JSON value.
func texts(v any, clean func(string) string) any {
	switch v := v.(type) {
	case string:
		return clean(address(v))
	case []any:
		for i := range v {
			v[i] = texts(v[i], clean)
		}
	case map[string]any:
		for k := range v {
			v[k] = texts(v[k], clean)
		}
	}
	return v
}

// address is a URL without the login in it.
func address(u string) string {
	if !strings.Contains(u, "://") {
		return u
	}
	return userInfo.ReplaceAllString(u, "$1")
}
