// Package integration knows the services that a person connects: which key each
// takes, whose it is, and the MCP server that brings the service to an agent.
package integration

import (
	"maps"
	"net/url"
	"slices"
	"strings"
)

// Field is one value that a service takes.
type Field struct {
	Label string
	Type  string // "password", "text"
}

// Schema says which values a service takes.
type Schema struct {
	Required   []string
	Properties map[string]Field
}

// Server is the MCP server of a service. It runs in the session, where npx
// fetches it.
type Server struct {
	Name    string
	Command string
	Args    []string
	Secret  map[string]string // variable → name of the value in the catalogue's credential
	Env     map[string]string // nothing secret
}

// Types of integrations, as the contract has them.
const (
	SourceControl = "source_control"
	IssueTracker  = "issue_tracker"
	Models        = "ai_provider" // of the daemon itself, which gives sessions no key
)

// Entry is one service.
type Entry struct {
	Slug        string
	Name        string
	Description string
	Type        string
	Credential  Schema
	Config      Schema
	MCP         *Server // as the catalogue shows it; Tools is that of an account

	api  string // base URL of its API; empty: the configuration's url is needed
	path string // of the API below a url that names only the host
	ask  func(question) (Account, error)
	env  func(e Entry, config map[string]string) (env map[string]string, ok bool) // what its MCP server is told; nil: nothing
}

var (
	token = Schema{Required: []string{"token"}, Properties: map[string]Field{"token": {"Access token", "password"}}}
	key   = Schema{Required: []string{"api_key"}, Properties: map[string]Field{"api_key": {"API key", "password"}}}
	none  = Schema{Required: []string{}, Properties: map[string]Field{}}
	place = Schema{Required: []string{}, Properties: map[string]Field{"url": {"Address, where it is not gitlab.com", "text"}}}
	site  = Schema{Required: []string{"url", "email"}, Properties: map[string]Field{"url": {"Address of the site", "text"}, "email": {"E-mail address of the account", "text"}}}
)

// npx runs one version of a module: a key is not given to whatever comes next.
func npx(name, module, variable, value string) *Server {
	return &Server{Name: name, Command: "npx", Args: []string{"-y", module}, Secret: map[string]string{variable: value}}
}

var catalogue = []Entry{
	{Slug: "github", Name: "GitHub", Description: "Repositories, issues and pull requests.", Type: SourceControl, Credential: token, Config: none,
		MCP: npx("github", "@modelcontextprotocol/server-github@2025.4.8", "GITHUB_PERSONAL_ACCESS_TOKEN", "token"), api: "https://api.github.com", ask: gitHub},
	{Slug: "gitlab", Name: "GitLab", Description: "Projects, issues and merge requests.", Type: SourceControl, Credential: token, Config: place,
		MCP: npx("gitlab", "@modelcontextprotocol/server-gitlab@2025.4.25", "GITLAB_PERSONAL_ACCESS_TOKEN", "token"), api: "https://gitlab.com/api/v4", path: "/api/v4", ask: gitLab, env: ownGitLab},
	{Slug: "linear", Name: "Linear", Description: "Issues and projects.", Type: IssueTracker, Credential: key, Config: none,
		MCP: npx("linear", "linear-mcp-server@0.1.0", "LINEAR_API_KEY", "api_key"), api: "https://api.linear.app", ask: linear},
	{Slug: "jira", Name: "Jira", Description: "Issues of a Jira site.", Type: IssueTracker, Credential: key, Config: site,
		MCP: npx("jira", "@aashari/mcp-server-atlassian-jira@3.3.0", "ATLASSIAN_API_TOKEN", "api_key"), ask: jira, env: atlassian},
	{Slug: "anthropic", Name: "Anthropic", Description: "Claude models.", Type: Models, Credential: key, Config: none},
	{Slug: "openai", Name: "OpenAI", Description: "GPT models.", Type: Models, Credential: key, Config: none},
}

// Catalogue gives all services in the order they are shown.
func Catalogue() []Entry { return slices.Clone(catalogue) }

// Slugs are those of all services.
func Slugs() (all []string) {
	for _, e := range catalogue {
		all = append(all, e.Slug)
	}
	return all
}

// Of gives a service by its slug.
func Of(slug string) (Entry, bool) {
	i := slices.IndexFunc(catalogue, func(e Entry) bool { return e.Slug == slug })
	if i < 0 {
		return Entry{}, false
	}
	return catalogue[i], true
}

// Adapter is what the contract calls a service's program by.
func (e Entry) Adapter() string { return "volundr." + e.Slug }

// Tools is the MCP server of a service that is configured like this; nil: there
// is none for it.
func (e Entry) Tools(config map[string]string) *Server {
	if e.MCP == nil {
		return nil
	}
	s := *e.MCP
	s.Env = map[string]string{}
	if e.env != nil {
		env, ok := e.env(e, config)
		if !ok {
			return nil
		}
		maps.Copy(s.Env, env)
	}
	return &s
}

// base is the address of a service's API.
func (e Entry) base(config map[string]string) string {
	address := strings.TrimRight(strings.TrimSpace(config["url"]), "/")
	if address == "" {
		return e.api
	}
	if u, err := url.Parse(address); err == nil && u.Path == "" {
		address += e.path
	}
	return address
}

func ownGitLab(e Entry, config map[string]string) (map[string]string, bool) {
	if base := e.base(config); base != e.api {
		return map[string]string{"GITLAB_API_URL": base}, true
	}
	return nil, true
}

// atlassian: its MCP server knows sites of Jira Cloud only.
func atlassian(_ Entry, config map[string]string) (map[string]string, bool) {
	u, err := url.Parse(strings.TrimSpace(config["url"]))
	if err != nil {
		return nil, false
	}
	name, ok := strings.CutSuffix(strings.ToLower(u.Hostname()), ".atlassian.net")
	return map[string]string{"ATLASSIAN_SITE_NAME": name, "ATLASSIAN_USER_EMAIL": strings.TrimSpace(config["email"])}, ok && !strings.Contains(name, ".")
}
