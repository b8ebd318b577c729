package launch

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"net/netip"
	"net/url"
	"regexp"
	"slices"
	"strings"

	"volundr/daemon/vault"
	"volundr/runtime/broker/wire"
	"volundr/store"
)

// MCPServer is a server of tools (Model Context Protocol) that the agent is
// given: a program in the session, or an address.
type MCPServer struct {
	Name        string            `json:"name"`
	Type        string            `json:"type,omitempty"`    // "stdio" (default with a command), "http" (with a url), "sse"
	Command     string            `json:"command,omitempty"` // stdio: a program in the session
	Args        []string          `json:"args,omitempty"`
	URL         string            `json:"url,omitempty"` // http, sse
	Description string            `json:"description,omitempty"`
	Env         map[string]string `json:"env,omitempty"`     // stdio; nothing secret: the agent is told
	Headers     map[string]string `json:"headers,omitempty"` // http, sse; nothing secret
	// EnvFrom are variables of a stdio server by the credential that they come
	// from: NAME, or NAME:KEY of one with several values. The server alone is
	// given them, when it starts.
	EnvFrom map[string]string `json:"env_from_credentials,omitempty"`
	// HeadersFrom are headers of an http server by the credential that they come
	// from, in the same way. The agent reaches such a server by way of the daemon,
	// which puts them in.
	HeadersFrom map[string]string `json:"headers_from_credentials,omitempty"`
}

// Kind is the type, also where it is left out.
func (s MCPServer) Kind() string {
	switch {
	case s.Type != "":
		return s.Type
	case s.URL != "":
		return "http"
	}
	return "stdio"
}

func (s MCPServer) wire() wire.MCPServer {
	if len(s.HeadersFrom) > 0 {
		return wire.MCPServer{Name: s.Name, Type: s.Kind(), URL: fmt.Sprintf("http://127.0.0.1:%d%s%s", wire.OutsidePort, wire.OutsideMCP, s.Name)}
	}
	return wire.MCPServer{Name: s.Name, Type: s.Kind(), Command: s.Command, Args: s.Args, Env: s.Env, URL: s.URL, Headers: s.Headers, Secrets: len(s.EnvFrom) > 0}
}

// maxServers bounds how many MCP servers a session has.
const maxServers = 20

var serverName = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9_-]{0,63}$`)

// CheckMCP says what is wrong with the MCP servers of a request: a *FieldError.
func CheckMCP(r Request) error {
	if len(r.MCP) > maxServers {
		return wrong(len(r.MCP), "value_error", fmt.Sprintf("A session gets at most %d MCP servers.", maxServers), "mcp_servers")
	}
	seen := map[string]bool{}
	for i, s := range r.MCP {
		if field, msg := s.problem(); msg != "" {
			return wrong(s.Name, "value_error", msg, "mcp_servers", fmt.Sprint(i), field)
		}
		if seen[strings.ToLower(s.Name)] {
			return wrong(s.Name, "value_error", fmt.Sprintf("Two MCP servers cannot both be called %q.", s.Name), "mcp_servers", fmt.Sprint(i), "name")
		}
		seen[strings.ToLower(s.Name)] = true
	}
	return nil
}

// problem says what is wrong with a server, and with which field of it.
func (s MCPServer) problem() (field, msg string) {
	kind := s.Kind()
	switch {
	case !serverName.MatchString(s.Name):
		return "name", "An MCP server has a name of at most 64 letters, digits, - and _."
	case !slices.Contains([]string{"stdio", "http", "sse"}, kind):
		return "type", fmt.Sprintf("The type %q of an MCP server is not known: choose stdio, http or sse.", kind)
	case kind == "stdio" && s.Command == "":
		return "command", "An MCP server of type stdio needs the command that starts it in the session."
	case kind == "stdio" && s.URL != "", kind != "stdio" && (s.Command != "" || len(s.Args) > 0):
		return "type", "An MCP server is started by its command or reached by its url, not both."
	case len(s.Command) > 1000 || len(s.Args) > 100 || strings.ContainsRune(s.Command, 0):
		return "command", "The command is longer than 1000 characters, or has more than 100 arguments."
	case kind != "stdio" && !isServerURL(s.URL):
		return "url", "An MCP server's url looks like https://host/path; http is for addresses in the session itself."
	case kind != "stdio" && len(s.Env)+len(s.EnvFrom) > 0:
		return "env", "Only an MCP server of type stdio has an environment."
	case kind == "stdio" && len(s.Headers) > 0:
		return "headers", "Only an MCP server with a url has headers."
	case len(s.HeadersFrom) > 0 && (kind != "http" || !strings.HasPrefix(s.URL, "https://")):
		return "headers_from_credentials", "Only an MCP server of type http with an https url gets headers from credentials: the daemon puts them in on the way to it."
	case len(s.Env)+len(s.EnvFrom)+len(s.Headers)+len(s.HeadersFrom) > 50:
		return "env", "An MCP server has at most 50 variables or headers."
	}
	for _, a := range s.Args {
		if len(a) > 4<<10 || strings.ContainsRune(a, 0) {
			return "args", "An argument holds a zero byte or is longer than 4 KiB."
		}
	}
	for _, name := range append(slices.Sorted(maps.Keys(s.Env)), slices.Sorted(maps.Keys(s.EnvFrom))...) {
		_, twice := s.EnvFrom[name]
		switch _, plain := s.Env[name]; {
		case !envName.MatchString(name), strings.HasPrefix(name, "VOLUNDR_"), name == "HOME", name == "PATH":
			return "env", fmt.Sprintf("%s is no variable that an MCP server can be given.", name)
		case twice && plain:
			return "env", fmt.Sprintf("%s comes from a credential already.", name)
		case len(s.Env[name]) > 32<<10 || strings.ContainsRune(s.Env[name], 0):
			return "env", "The value of " + name + " holds a zero byte or is longer than 32 KiB."
		}
	}
	for name := range s.HeadersFrom {
		if !headerName.MatchString(name) || slices.Contains(ownHeaders, http.CanonicalHeaderKey(name)) || s.Headers[name] != "" {
			return "headers_from_credentials", fmt.Sprintf("%q is no header that can be sent, or is set twice.", name)
		}
	}
	for name, value := range s.Headers {
		if !headerName.MatchString(name) || strings.ContainsAny(value, "\r\n\x00") || len(value) > 8<<10 {
			return "headers", fmt.Sprintf("%q is no header that can be sent.", name)
		}
	}
	return "", ""
}

var headerName = regexp.MustCompile(`^[A-Za-z0-9-]{1,100}$`)

func isServerURL(address string) bool {
	u, err := url.Parse(address)
	if err != nil || u.Host == "" || u.User != nil || u.Fragment != "" || len(address) > 2000 {
		return false
	}
	ip, err := netip.ParseAddr(u.Hostname())
	return u.Scheme == "https" || u.Scheme == "http" && (u.Hostname() == "localhost" || err == nil && ip.IsLoopback())
}

// checkTools are the MCP servers of a request. It opens what they refer to, only
// to find out that it is there.
func (l *Launcher) checkTools(ctx context.Context, p store.Principal, r Request) ([]MCPServer, error) {
	all, err := l.tools(ctx, p, r)
	if err != nil {
		return nil, err
	}
	for i, s := range all {
		for field, from := range map[string]map[string]string{"env_from_credentials": s.EnvFrom, "headers_from_credentials": s.HeadersFrom} {
			loc := []string{"mcp_servers", fmt.Sprint(i), field}
			if i >= len(r.MCP) {
				loc = []string{"integration_ids"}
			}
			if _, err := l.values(ctx, p, s.Name, from, loc...); err != nil {
				return nil, err
			}
		}
	}
	return all, nil
}

// ofTool are the variables of the one MCP server of this name; none where the
// session has no such server.
func (l *Launcher) ofTool(ctx context.Context, p store.Principal, r Request, name string) (*laid, error) {
	out := newLaid()
	all, err := l.tools(ctx, p, r)
	if err != nil {
		return nil, err
	}
	for _, s := range all {
		if s.Name == name {
			env, err := l.values(ctx, p, s.Name, s.EnvFrom, "mcp_servers")
			out.Env = env
			for _, from := range s.EnvFrom {
				credential, _, _ := strings.Cut(from, ":")
				out.names = append(out.names, credential)
			}
			return out, err
		}
	}
	return out, nil
}

// values are those that a server gets of p's credentials, as variables or as
// headers. loc is where an error points to.
func (l *Launcher) values(ctx context.Context, p store.Principal, server string, of map[string]string, loc ...string) (map[string]string, error) {
	out := map[string]string{}
	for _, variable := range slices.Sorted(maps.Keys(of)) {
		from := of[variable]
		name, key, _ := strings.Cut(from, ":")
		bad := func(format string, args ...any) error {
			return wrong(from, "value_error", fmt.Sprintf(format, args...), loc...)
		}
		c, values, err := l.Vault.Get(ctx, p, name)
		switch {
		case errors.Is(err, store.ErrNotFound):
			return nil, bad("There is no credential %q, which the MCP server %s needs. %s, or take the server out of the session.", name, server, l.getOne(ctx, p, name))
		case errors.Is(err, store.ErrConflict):
			return nil, bad("%s", err)
		case err != nil:
			return nil, err
		}
		if why := c.Withheld(); why != "" {
			return nil, bad("%s", why)
		}
		if key == "" && len(c.Keys) > 0 {
			key = standardKey(c)
		}
		value, ok := values[key]
		if !ok {
			return nil, bad("The credential %q has no value %q. Name one of them as %s:KEY: %s.", name, key, name, strings.Join(c.Keys, ", "))
		}
		out[variable] = value
	}
	return out, nil
}

// standardKey is the value that a credential stands for where none is named.
func standardKey(c vault.Credential) string {
	for _, key := range []string{"api_key", "access_token", "token"} {
		if slices.Contains(c.Keys, key) {
			return key
		}
	}
	if len(c.Keys) == 1 {
		return c.Keys[0]
	}
	return ""
}
