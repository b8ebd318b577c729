package ui

import (
	"maps"
	"slices"
	"strings"

	"volundr/ui/client"
)

// IntegrationsPage shows what services are connected, and connects one more.
type IntegrationsPage struct {
	Shell
	Connected []client.Integration
	Services  []client.Service
	Stored    []client.Credential               // of which some hold a key
	Tested    map[string]client.IntegrationTest // by the id of what was just tested
	Done      string                            // what was just done, a sentence

	// The form for one more. What was typed as a key is not shown again.
	Slug       string
	Credential string
	Config     map[string]string
	Problems   map[string]string // field → sentence; "" is for the whole
}

func (p IntegrationsPage) service(slug string) client.Service {
	for _, s := range p.Services {
		if s.Slug == slug {
			return s
		}
	}
	return client.Service{Slug: slug, Name: slug}
}

// chosen is the service that the form is for.
func (p IntegrationsPage) chosen() client.Service {
	if p.Slug == "" && len(p.Services) > 0 {
		return p.Services[0]
	}
	return p.service(p.Slug)
}

// ForModels reports whether a service is one of models: its key is the daemon's
// own.
func ForModels(s client.Service) bool { return s.IntegrationType == "ai_provider" }

// keyLabel is what a service calls its key.
func keyLabel(s client.Service) string {
	for _, name := range s.CredentialSchema.Required {
		return s.CredentialSchema.Properties[name].Label
	}
	return "Key"
}

// settings are what a service takes beside its key: those that it needs first.
func settings(s client.Service) []string {
	out := slices.Clone(s.ConfigSchema.Required)
	for _, name := range slices.Sorted(maps.Keys(s.ConfigSchema.Properties)) {
		if !slices.Contains(out, name) {
			out = append(out, name)
		}
	}
	return out
}

func needed(s client.Service, setting string) bool {
	return slices.Contains(s.ConfigSchema.Required, setting)
}

// keys are the stored credentials that a service can be given.
func (p IntegrationsPage) keys() (out []client.Credential) {
	for _, c := range p.Stored {
		key := func(k string) bool { return k == "api_key" || k == "access_token" || k == "token" }
		plain := slices.ContainsFunc(c.Keys, key) || c.Type == "generic" && len(c.Keys) == 1
		if plain && !ModelKey(c) {
			out = append(out, c)
		}
	}
	return out
}

// account is where an integration leads, beside its service.
func account(i client.Integration) string {
	var parts []string
	for _, name := range []string{"url", "email"} {
		if v := i.Config[name]; v != "" {
			parts = append(parts, strings.TrimPrefix(strings.TrimPrefix(v, "https://"), "http://"))
		}
	}
	return strings.Join(parts, " · ")
}

// told is what a service said of a key, as one sentence.
func told(name string, t client.IntegrationTest) string {
	if !t.Success {
		return client.Deref(t.Error)
	}
	who := client.Deref(t.User)
	if place := client.Deref(t.Workspace); place != "" && who != "" {
		who += ", " + place
	} else if who == "" {
		who = place
	}
	if who == "" {
		return name + " takes the key."
	}
	return name + " takes the key: " + who + "."
}

// integrations are those that a new session can be given: those with tools, and
// what was named and is not there.
func (p NewPage) integrations() (out []choiceOf) {
	named := strings.Fields(strings.ReplaceAll(p.Form.Integrations, ",", " "))
	known := map[string]bool{}
	for _, i := range p.Connected {
		c := choiceOf{name: i.ID, label: i.Slug, title: "Its tools, with the key " + i.CredentialName, chosen: slices.Contains(named, i.ID)}
		if p.only(i) && slices.Contains(named, i.Slug) {
			c.name, c.chosen = i.Slug, true
		}
		if !p.only(i) {
			c.label += " (" + i.CredentialName + ")"
		}
		known[c.name] = true
		if c.chosen || i.HasTools && i.Enabled {
			out = append(out, c)
		}
	}
	for _, name := range named {
		if !known[name] {
			out = append(out, choiceOf{name: name, label: name, title: "It is not connected.", chosen: true})
		}
	}
	return out
}

// only reports whether an integration is the only one of its service.
func (p NewPage) only(i client.Integration) bool {
	n := 0
	for _, other := range p.Connected {
		if other.Slug == i.Slug {
			n++
		}
	}
	return n == 1
}

// hasKeys reports whether a service can be given a stored key.
func (p IntegrationsPage) hasKeys(s client.Service) bool {
	if ForModels(s) {
		return slices.ContainsFunc(p.Stored, func(c client.Credential) bool { return ModelKey(c) && c.Name == s.Slug })
	}
	return len(p.keys()) > 0
}

// preferred is the stored key that is chosen: the one that was, else that of the
// service's name.
func (p IntegrationsPage) preferred(s client.Service) string {
	if p.Credential != "" {
		return p.Credential
	}
	return s.Slug
}

// example is how a setting may look.
func example(s client.Service, setting string) string {
	switch {
	case setting == "email":
		return "you@acme.io"
	case s.Slug == "jira":
		return "https://acme.atlassian.net"
	}
	return "https://git.acme.io"
}
