package ui

import (
	"net/url"
	"strconv"
	"strings"

	"volundr/ui/client"
)

// NewPage is the form of a new session.
type NewPage struct {
	Shell
	Form     Form
	Models   []client.Model
	Repos    []string          // used before, offered as one types
	Problems map[string]string // field → sentence; "" is for the whole
}

// Form is what stands in the fields. Its names are those of the inputs.
type Form struct {
	Name, Agent, Command, Model, Mode string
	Source                            string // "git", "folder", "empty"
	Repo, Branch, Base                string
	Folder, Use                       string // Use: "copy" (default), "live"
	WritableGit                       bool
	Prompt, System, Env, Network      string
	CPU, Memory                       string
	Credentials                       string
}

// ReadForm reads a posted form.
func ReadForm(v url.Values) Form {
	get := func(k string) string { return strings.TrimSpace(v.Get(k)) }
	f := Form{
		Name: get("name"), Agent: get("agent"), Command: get("command"), Model: get("model"), Mode: get("mode"),
		Source: get("source"), Repo: get("repo"), Branch: get("branch"), Base: get("base_branch"),
		Folder: get("local_path"), Use: get("use"), WritableGit: v.Get("writable_git") != "",
		Prompt: get("initial_prompt"), System: get("system_prompt"), Env: get("env"), Network: get("network"),
		CPU: get("cpu"), Memory: get("memory"), Credentials: get("credential_names"),
	}
	return f
}

// Create is the request that the form stands for, and what is wrong with it
// that the server could not say better. Name, repository and folder are checked
// there.
func (f Form) Create() (client.SessionCreate, map[string]string) {
	problems := map[string]string{}
	c := client.SessionCreate{
		Name: f.Name, Agent: f.Agent, Model: f.Model, Mode: f.Mode, Network: f.Network,
		SystemPrompt: f.System, InitialPrompt: f.Prompt,
		CredentialNames: strings.Fields(strings.ReplaceAll(f.Credentials, ",", " ")),
	}
	switch f.Source {
	case "folder":
		if f.Folder == "" {
			problems["local_path"] = "Name the folder, from the root: /home/you/project."
		}
		c.Source = &client.Source{Type: client.SourceCopy, LocalPath: f.Folder}
		if f.Use == "live" {
			c.Source.Type, c.Source.WritableGit = client.SourceMount, f.WritableGit
		}
	case "empty":
		c.Source = &client.Source{Type: client.SourceGit}
	default:
		if f.Repo == "" {
			problems["repo"] = "Give the repository's address, or choose an empty workspace."
		}
		c.Source = &client.Source{Type: client.SourceGit, Repo: f.Repo, Branch: f.Branch, BaseBranch: f.Base}
	}
	if f.Agent == "acp" {
		if c.Command = strings.Fields(f.Command); len(c.Command) == 0 {
			problems["command"] = "Give the command that starts the agent inside the session."
		}
	}
	for line := range strings.Lines(f.Env) {
		if line = strings.TrimSpace(line); line == "" {
			continue
		}
		k, v, ok := strings.Cut(line, "=")
		if !ok || k == "" {
			problems["env"] = "One variable a line: NAME=value. This is not: " + line
			continue
		}
		if c.Env == nil {
			c.Env = map[string]string{}
		}
		c.Env[strings.TrimSpace(k)] = v
	}
	for k, v := range map[string]string{"cpu": f.CPU, "memory": f.Memory} {
		if v == "" {
			continue
		}
		if c.ResourceConfig == nil {
			c.ResourceConfig = map[string]any{}
		}
		c.ResourceConfig[k] = v
		if n, err := strconv.ParseFloat(v, 64); err == nil && k == "cpu" {
			c.ResourceConfig[k] = n
		}
	}
	return c, problems
}

// fields are the form's names of the API's fields, where they differ.
var fields = map[string]string{"resource_config": "memory", "source": "repo"}

// Take shows a refusal beside the fields that it names.
func (p *NewPage) Take(err *client.Error) {
	if p.Problems == nil {
		p.Problems = map[string]string{}
	}
	if len(err.Problems) == 0 {
		p.Problems[""] = err.Detail
	}
	known := []string{"name", "model", "repo", "branch", "base_branch", "local_path", "command", "mode", "network",
		"env", "cpu", "memory", "initial_prompt", "system_prompt", "credential_names"}
	for _, problem := range err.Problems {
		field := problem.Field()
		if to, ok := fields[field]; ok {
			field = to
		}
		if field == "repo" && p.Form.Source == "folder" {
			field = "local_path"
		}
		found := false
		for _, k := range known {
			found = found || k == field
		}
		if !found {
			field = ""
		}
		p.Problems[field] = strings.TrimPrefix(problem.Msg, "Value error, ")
	}
}
