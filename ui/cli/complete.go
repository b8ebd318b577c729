package cli

import (
	"context"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"volundr/ui/client"
)

// complete gives the shell what the daemon knows, for a command's first argument.
func complete[T any](a *app, c *cobra.Command, args []string, list func(*client.Client, context.Context) ([]T, error), say func(T) cobra.Completion) ([]cobra.Completion, cobra.ShellCompDirective) {
	if len(args) > 0 {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	ctx := c.Context()
	if ctx == nil {
		ctx = context.Background()
	}
	cl, err := a.connect(ctx)
	if err != nil {
		return nil, cobra.ShellCompDirectiveError
	}
	all, err := list(cl, ctx)
	if err != nil {
		return nil, cobra.ShellCompDirectiveError
	}
	out := make([]cobra.Completion, len(all))
	for i, one := range all {
		out[i] = say(one)
	}
	return out, cobra.ShellCompDirectiveNoFileComp
}

// offered is how many sessions a shell offers before it is typed what they are
// called.
const offered = 200

// completeNames: by name, or by id where several have one name.
func (a *app) completeNames(c *cobra.Command, args []string, typed string) ([]cobra.Completion, cobra.ShellCompDirective) {
	named := map[string]int{}
	list := func(cl *client.Client, ctx context.Context) ([]client.Session, error) {
		all, err := cl.List(ctx, client.ListOptions{IncludeArchived: true, Search: typed, Limit: offered})
		for _, s := range all {
			named[s.Name]++
		}
		return all, err
	}
	return complete(a, c, args, list, func(s client.Session) cobra.Completion {
		if named[s.Name] > 1 {
			return cobra.CompletionWithDesc(s.ID, s.Name+", "+s.Status)
		}
		return cobra.CompletionWithDesc(s.Name, s.Status)
	})
}

// completeSandboxes; what follows the first is files.
func (a *app) completeSandboxes(c *cobra.Command, args []string, _ string) ([]cobra.Completion, cobra.ShellCompDirective) {
	if len(args) > 0 {
		return nil, cobra.ShellCompDirectiveDefault
	}
	return complete(a, c, args, (*client.Client).Sandboxes, func(s client.Sandbox) cobra.Completion {
		return cobra.CompletionWithDesc(s.ID, "ends in "+age(time.Until(s.Expires())))
	})
}

// answerSoon is how long a shell waits for a remote.
const answerSoon = 5 * time.Second

// completeBranches are those of the repository that the first --repo names, or the
// template. That it does not answer is said below what was typed.
func (a *app) completeBranches(c *cobra.Command, _ []string, _ string) ([]cobra.Completion, cobra.ShellCompDirective) {
	ctx := c.Context()
	if ctx == nil {
		ctx = context.Background()
	}
	ctx, cancel := context.WithTimeout(ctx, answerSoon)
	defer cancel()
	cl, err := a.connect(ctx)
	if err != nil {
		return nil, cobra.ShellCompDirectiveError
	}
	var first string
	if repos, _ := c.Flags().GetStringArray("repo"); len(repos) > 0 {
		first = repos[0]
	}
	named, err := checkout(first)
	repo := named.Repo
	if name := c.Flag("template").Value.String(); repo == "" && name != "" && err == nil {
		var all []client.Template
		all, err = cl.Templates(ctx)
		for _, t := range all {
			if t.Name == name && len(t.Repos) > 0 {
				repo = t.Repos[0].URL
			}
		}
	}
	if repo == "" && err == nil {
		return cobra.AppendActiveHelp(nil, "Name the repository first, by --repo: its branches are offered then."), cobra.ShellCompDirectiveNoFileComp
	}
	var names []string
	if err == nil {
		names, err = cl.Branches(ctx, repo)
	}
	if err != nil {
		return cobra.AppendActiveHelp(nil, clean("Its branches are not known: "+err.Error())), cobra.ShellCompDirectiveNoFileComp
	}
	names = slices.DeleteFunc(names, risky)
	return names, cobra.ShellCompDirectiveNoFileComp | cobra.ShellCompDirectiveKeepOrder
}

// risky reports whether a name that a stranger chose is not offered: shells put
// what several have in common onto the line as it is, where it could be run.
func risky(name string) bool {
	return clean(name) != name || strings.ContainsAny(name, "$`\"'\\;&|<>(){}!#*?[]~ \t\n") || strings.HasPrefix(name, "-")
}

func described(t client.Template) cobra.Completion {
	return cobra.CompletionWithDesc(t.Name, t.Description)
}

func (a *app) completeTemplates(c *cobra.Command, args []string, _ string) ([]cobra.Completion, cobra.ShellCompDirective) {
	return complete(a, c, args, (*client.Client).Templates, described)
}

func (a *app) completeProfiles(c *cobra.Command, args []string, _ string) ([]cobra.Completion, cobra.ShellCompDirective) {
	return complete(a, c, args, (*client.Client).Profiles, described)
}

func (a *app) completePresets(c *cobra.Command, args []string, _ string) ([]cobra.Completion, cobra.ShellCompDirective) {
	return complete(a, c, args, (*client.Client).Presets, func(p client.Preset) cobra.Completion {
		return cobra.CompletionWithDesc(p.Name, p.Description)
	})
}

func (a *app) completePrompts(c *cobra.Command, args []string, _ string) ([]cobra.Completion, cobra.ShellCompDirective) {
	return complete(a, c, args, (*client.Client).Prompts, func(p client.SavedPrompt) cobra.Completion {
		return cobra.CompletionWithDesc(p.Name, brief(p.Content, 40))
	})
}

func (a *app) completeServices(c *cobra.Command, args []string, _ string) ([]cobra.Completion, cobra.ShellCompDirective) {
	return complete(a, c, args, (*client.Client).Services, func(s client.Service) cobra.Completion {
		return cobra.CompletionWithDesc(s.Slug, s.Description)
	})
}

func (a *app) completeConnected(c *cobra.Command, args []string, _ string) ([]cobra.Completion, cobra.ShellCompDirective) {
	return complete(a, c, args, (*client.Client).Integrations, func(i client.Integration) cobra.Completion {
		return cobra.CompletionWithDesc(i.Slug, "with the key "+i.CredentialName)
	})
}

// completeUsers; a role follows where one is given.
func (a *app) completeUsers(c *cobra.Command, args []string, _ string) ([]cobra.Completion, cobra.ShellCompDirective) {
	if len(args) == 1 && c.Name() == "role" {
		return client.Roles, cobra.ShellCompDirectiveNoFileComp
	}
	return complete(a, c, args, (*client.Client).Users, func(u client.User) cobra.Completion {
		return cobra.CompletionWithDesc(u.DisplayName, u.Role)
	})
}
