package launch

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"volundr/daemon/integration"
	"volundr/runtime"
	"volundr/store"
)

// integration: the agent's MCP servers, those of the request and of its
// integrations, and the issue that the session is about.
func (l *Launcher) integration(ctx context.Context, b *build) error {
	for name, value := range map[string]string{"VOLUNDR_ISSUE_ID": b.request.IssueID, "VOLUNDR_ISSUE_URL": b.request.IssueURL} {
		if value != "" {
			b.env[name] = value
		}
	}
	tools, err := l.checkTools(ctx, b.session.Owner(), b.request)
	if err != nil {
		return err
	}
	for _, s := range tools {
		b.config.Agent.MCP = append(b.config.Agent.MCP, s.wire())
	}
	return nil
}

// maxIntegrations bounds how many a session is given.
const maxIntegrations = 20

func checkIntegrations(r Request) error {
	if len(r.IntegrationIDs) > maxIntegrations {
		return wrong(len(r.IntegrationIDs), "value_error", fmt.Sprintf("A session gets at most %d integrations.", maxIntegrations), "integration_ids")
	}
	for i, id := range r.IntegrationIDs {
		if id == "" || len(id) > 100 {
			return wrong(id, "value_error", "An integration is named by its id, or by its service, as in github.", "integration_ids", fmt.Sprint(i))
		}
	}
	return nil
}

// tools are the MCP servers of a request: those that it names, and after them
// those of its integrations. One that the request names stands in place of an
// integration's of the same name; a second account of a service gets a number.
func (l *Launcher) tools(ctx context.Context, p store.Principal, r Request) ([]MCPServer, error) {
	all, seen := slices.Clone(r.MCP), map[string]bool{}
	for i, id := range r.IntegrationIDs {
		bad := func(format string, args ...any) error {
			return wrong(id, "value_error", fmt.Sprintf(format, args...), "integration_ids", fmt.Sprint(i))
		}
		row, err := l.connected(ctx, p, id)
		var no *FieldError
		if errors.As(err, &no) {
			return nil, bad("%s", no.Msg)
		}
		if err != nil {
			return nil, err
		}
		if seen[row.ID] {
			continue
		}
		seen[row.ID] = true
		e, known := integration.Of(row.Slug)
		switch {
		case !known:
			return nil, bad("This version knows no service %q. Take the integration out of the session.", row.Slug)
		case !row.Enabled:
			return nil, bad("The integration %s is switched off. Switch it on, or take it out of the session.", e.Name)
		}
		own := e.Tools(row.Config)
		switch {
		case own == nil: // nothing for the agent
			continue
		case r.Network == string(runtime.NetworkNone):
			return nil, bad("The tools of %s need the network, and the session has none: open it, or take the integration out of the session.", e.Name)
		case named(r.MCP, own.Name):
			continue
		}
		s := MCPServer{Name: own.Name, Type: "stdio", Command: own.Command, Args: own.Args, Description: e.Description, Env: own.Env, EnvFrom: map[string]string{}}
		for n := 2; named(all, s.Name); n++ {
			s.Name = fmt.Sprintf("%s-%d", own.Name, n)
		}
		for variable := range own.Secret {
			s.EnvFrom[variable] = row.Credential
		}
		all = append(all, s)
	}
	return all, nil
}

func named(list []MCPServer, name string) bool {
	return slices.ContainsFunc(list, func(s MCPServer) bool { return strings.EqualFold(s.Name, name) })
}

// connected is p's integration of an id, or the only one of a service. The error
// is a *FieldError where there is none.
func (l *Launcher) connected(ctx context.Context, p store.Principal, what string) (store.Integration, error) {
	all, err := l.DB.Integrations(ctx, p)
	if err != nil {
		return store.Integration{}, err
	}
	var of []store.Integration
	for _, row := range all {
		if row.ID == what {
			return row, nil
		}
		if row.Slug == what {
			of = append(of, row)
		}
	}
	switch len(of) {
	case 0:
		return store.Integration{}, &FieldError{Msg: fmt.Sprintf("There is no integration %q of yours. Connect it (`volundr integrations add`), or take it out of the session.", what)}
	case 1:
		return of[0], nil
	}
	return store.Integration{}, &FieldError{Msg: fmt.Sprintf("You have %d integrations of %s: name one by its id, as `volundr integrations list` shows it.", len(of), what)}
}

// IsIntegration reports whether an integration's MCP server goes by a name.
func IsIntegration(name string) bool {
	_, is := integration.Of(strings.ToLower(name))
	return is
}
