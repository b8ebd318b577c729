package ui

import (
	"fmt"
	"net/url"
	"slices"
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

	Templates []client.Template // to begin from
	Profiles  []client.Template
	Places    []string            // runtimes, the usual one first
	Stored    []client.Credential // that a session can be given
	Connected []client.Integration
	Presets   []client.Preset // the caller's
	// Definition is what the repository brings and nobody confirmed yet; nil:
	// nothing.
	Definition *client.Definition
	Submission string // sent along: what makes two of it one session
	Saved      string // what was just saved, as in "template NAME"
	// Text is the session in YAML; AsText: it is shown in place of the fields.
	Text   string
	AsText bool
}

// Form is what stands in the fields. Its names are those of the inputs.
type Form struct {
	Name, Agent, Command, Model, Mode string
	Source                            string // "git", "folder", "empty"
	Repo, Branch, From                string
	In                                string    // the folder of the workspace that the first of several lies in
	More                              []Another // beside it
	Folder, Use                       string    // Use: "copy" (default), "live"
	WritableGit                       bool
	Prompt, System, Env, Network      string
	Runtime, CPU, Memory, GPU, Image  string
	Credentials, Integrations         string
	Setup, Files, Services            string // a service a line
	MCP                               string // a server a line
	Life                              string // time to live

	// Base is the request that the fields were filled from, as JSON: what has no
	// field stays as it is.
	Base string
}

// Another is a repository beside the first.
type Another struct{ Repo, Branch, From, Folder string }

// more reads the repositories beside the first. Those of which nothing is said
// are left out.
func more(v url.Values) (all []Another) {
	get := func(k string, i int) string {
		if list := v[k]; i < len(list) {
			return strings.TrimSpace(list[i])
		}
		return ""
	}
	for i := range v["more_repo"] {
		r := Another{Repo: get("more_repo", i), Branch: get("more_branch", i), From: get("more_base_branch", i), Folder: get("more_folder", i)}
		if r != (Another{}) && strconv.Itoa(i) != v.Get("leave_out") {
			all = append(all, r)
		}
	}
	return all
}

// ReadForm reads a posted form.
func ReadForm(v url.Values) Form {
	get := func(k string) string { return strings.TrimSpace(v.Get(k)) }
	f := Form{
		Name: get("name"), Agent: get("agent"), Command: get("command"), Model: get("model"), Mode: get("mode"),
		Source: get("source"), Repo: get("repo"), Branch: get("branch"), From: get("base_branch"), In: get("folder"), More: more(v),
		Folder: get("local_path"), Use: get("use"), WritableGit: v.Get("writable_git") != "",
		Prompt: get("initial_prompt"), System: get("system_prompt"), Env: get("env"), Network: get("network"),
		Runtime: get("runtime"), CPU: get("cpu"), Memory: get("memory"), GPU: get("gpu"), Image: get("image"), Credentials: strings.Join(v["credential_names"], ", "),
		Setup: strings.ReplaceAll(v.Get("setup_scripts"), "\r\n", "\n"), Files: get("files"), Services: get("services"), Base: v.Get("base"),
		Integrations: strings.Join(v["integration_ids"], ", "), MCP: get("mcp_servers"), Life: get("time_to_live"),
	}
	return f
}

// Create is the request that the form stands for, and what is wrong with it
// that the server could not say better. Name, repository and folder are checked
// there.
func (f Form) Create() (client.SessionCreate, map[string]string) {
	problems := map[string]string{}
	c := f.base()
	c.Name, c.Agent, c.Model, c.Mode, c.Network, c.Image, c.TimeToLive = f.Name, f.Agent, f.Model, f.Mode, f.Network, f.Image, f.Life
	if f.Runtime != "" { // else there is no choice
		c.Runtime = f.Runtime
	}
	c.SystemPrompt, c.InitialPrompt, c.Command = lines(f.System), lines(f.Prompt), nil
	c.CredentialNames = strings.Fields(strings.ReplaceAll(f.Credentials, ",", " "))
	c.IntegrationIDs = nil
	if ids := strings.Fields(strings.ReplaceAll(f.Integrations, ",", " ")); len(ids) > 0 {
		c.IntegrationIDs = ids
	}
	c.SetupScripts, c.Files = scripts(f.Setup), files(f.Files)
	var problem string
	if c.MCPServers, problem = servers(f.MCP); problem != "" {
		problems["mcp_servers"] = problem
	}
	if c.Services, problem = services(f.Services); problem != "" {
		problems["services"] = problem
	}
	paths := folders(c)
	switch f.Source {
	case "folder":
		if f.Folder == "" && len(paths) == 0 {
			problems["local_path"] = "Name the folder, from the root: /home/you/project."
		}
		c.Source = &client.Source{Type: client.SourceCopy, LocalPath: f.Folder}
		if f.Use == "live" {
			c.Source.Type, c.Source.WritableGit, c.Source.Paths = client.SourceMount, f.WritableGit, paths
		}
	case "empty":
		c.Source = &client.Source{Type: client.SourceGit}
	default:
		if f.Repo == "" {
			problems["repo"] = "Give the repository's address, or choose an empty workspace."
		}
		c.Source = &client.Source{Type: client.SourceGit, Repo: f.Repo, Branch: f.Branch, BaseBranch: f.From}
		for _, r := range f.More {
			c.Source.Folder = f.In
			c.Source.AdditionalRepos = append(c.Source.AdditionalRepos, client.AdditionalRepo{Repo: r.Repo, Branch: r.Branch, BaseBranch: r.From, Folder: r.Folder})
		}
	}
	if f.Agent == "acp" {
		if c.Command = strings.Fields(f.Command); len(c.Command) == 0 {
			problems["command"] = "Give the command that starts the agent inside the session."
		}
	}
	c.Env = nil
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
	for k, v := range map[string]string{"cpu": f.CPU, "memory": f.Memory, "gpu": f.GPU} {
		c.ResourceConfig = set(c.ResourceConfig, k, v)
	}
	return c, problems
}

// besideFirst gives which repository beside the first a problem is about.
func besideFirst(loc []any) (i int, ok bool) {
	at := slices.Index(loc, any("additional_repos"))
	if at < 0 || at+2 >= len(loc) {
		return 0, false
	}
	i, err := strconv.Atoi(fmt.Sprint(loc[at+1])) // an int, or as JSON has it
	return i, err == nil
}

// formFields are the form's names of the API's fields, where they differ.
var formFields = map[string]string{"resource_config": "memory", "source": "repo"}

// Take shows a refusal beside the fields that it names.
func (p *NewPage) Take(err *client.Error) {
	if p.Problems == nil {
		p.Problems = map[string]string{}
	}
	if len(err.Problems) == 0 {
		p.Problems[""] = err.Detail
	}
	known := []string{"name", "model", "repo", "branch", "base_branch", "folder", "local_path", "command", "mode", "network", "runtime",
		"env", "cpu", "memory", "gpu", "image", "initial_prompt", "system_prompt", "credential_names", "setup_scripts", "files", "services", "integration_ids", "mcp_servers", "time_to_live"}
	for _, problem := range err.Problems {
		field := problem.Field()
		if len(problem.Loc) > 1 && (problem.Loc[1] == "mcp_servers" || problem.Loc[1] == "services") { // the field in it has no place of its own
			field = problem.Loc[1].(string)
		}
		if i, ok := besideFirst(problem.Loc); ok {
			field = "more_" + field + "_" + strconv.Itoa(i)
		}
		if to, ok := formFields[field]; ok {
			field = to
		}
		if field == "repo" && p.Form.Source == "folder" {
			field = "local_path"
		}
		if !slices.Contains(known, field) && !strings.HasPrefix(field, "more_") {
			field = ""
		}
		p.Problems[field] = strings.TrimPrefix(problem.Msg, "Value error, ")
	}
}
