package ui

import (
	"net/url"
	"path"
	"slices"
	"strings"

	"volundr/ui/client"
)

// CredentialsPage shows what credentials are stored, never their values, and
// takes new ones.
type CredentialsPage struct {
	Shell
	Stored  []client.Credential
	Hidden  []client.Credential // shared ones behind an admin's own of the same name
	Sharing bool                // there are others, and the reader is their admin
	Types   []client.CredentialType
	Warning string // how they are kept could be better
	Done    string // what was just done, a sentence

	// The form for one more. What was typed as a value is not shown again.
	Type     string
	Name     string
	Problems []string
}

// chosen is the type that the form is for.
func (p CredentialsPage) chosen() client.CredentialType {
	for _, t := range p.Types {
		if t.Type == p.Type {
			return t
		}
	}
	if len(p.Types) > 0 {
		return p.Types[0]
	}
	return client.CredentialType{}
}

func (p CredentialsPage) label(typ string) string {
	for _, t := range p.Types {
		if t.Type == typ {
			return t.Label
		}
	}
	return typ
}

// ModelKey reports whether a credential is the daemon's own key to models,
// which sessions use without being given it.
func ModelKey(c client.Credential) bool {
	return (c.Name == "anthropic" || c.Name == "openai") && (c.Type == "api_key" || c.Type == "oauth_token")
}

// sharedHow says of a shared credential what it is for.
func sharedHow(c client.Credential) string {
	switch {
	case !c.Shared:
		return ""
	case c.InSessions:
		return "shared with everybody, in sessions too"
	}
	return "shared with everybody"
}

// Whereabouts say where a credential appears in a session that is given it.
func Whereabouts(c client.Credential) string {
	switch c.Type {
	case "git_credential":
		return "~/.git-credentials"
	case "ssh_key":
		return "~/.ssh/id_rsa"
	case "tls_cert":
		return "/run/secrets/tls/" + c.Name + ".crt, .key"
	}
	shell := func(s string) string { return strings.NewReplacer("-", "_", ".", "_").Replace(strings.ToUpper(s)) }
	if len(c.Keys) == 1 {
		return "$" + shell(c.Name)
	}
	var out []string
	for _, k := range c.Keys {
		out = append(out, "$"+shell(c.Name)+"_"+shell(k))
	}
	return strings.Join(out, ", ")
}

// choiceOf is a credential or an integration in the form of a new session.
type choiceOf struct {
	name, title string
	label       string // of an integration
	chosen      bool
}

// credentials are those that can be chosen: what is stored, and what was named
// and is not there.
func (p NewPage) credentials() (out []choiceOf) {
	named := strings.Fields(strings.ReplaceAll(p.Form.Credentials, ",", " "))
	for _, c := range p.Stored {
		chosen := slices.Contains(named, c.Name)
		if chosen || !ModelKey(c) && (!c.Shared || c.InSessions) {
			out = append(out, choiceOf{name: c.Name, title: Whereabouts(c), chosen: chosen})
		}
	}
	for _, name := range named {
		if !slices.ContainsFunc(out, func(c choiceOf) bool { return c.name == name }) {
			out = append(out, choiceOf{name: name, title: "It is not stored.", chosen: true})
		}
	}
	return out
}

func credentialURL(name, act string) string {
	return path.Join("/credentials", url.PathEscape(name), act)
}
