package cli

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"volundr/ui/client"
)

func (a *app) sessions() *cobra.Command {
	c := &cobra.Command{Use: "sessions", Aliases: []string{"session", "s"}, Short: "Create, list and use sessions"}
	c.AddCommand(a.create(), a.list(), a.show(), a.start(), a.stop(), a.delete(), a.sessionLogs(), a.chat(), a.attach())
	return c
}

// find takes a session's id, the start of an id, or its name where that is
// unambiguous; else it lists the candidates.
func find(ctx context.Context, cl *client.Client, what string) (client.Session, error) {
	all, err := cl.List(ctx, client.ListOptions{IncludeArchived: true})
	if err != nil {
		return client.Session{}, err
	}
	var hits []client.Session
	for _, s := range all {
		if s.ID == what {
			return s, nil
		}
		if s.Name == what || len(what) >= 4 && strings.HasPrefix(s.ID, what) {
			hits = append(hits, s)
		}
	}
	switch len(hits) {
	case 0:
		return client.Session{}, fmt.Errorf("no session is called %q: `volundr sessions list` shows them", what)
	case 1:
		return hits[0], nil
	}
	var lines strings.Builder
	for _, s := range hits {
		fmt.Fprintf(&lines, "\n  %s  %s, %s, %s", s.ID, s.Name, s.Status, s.Repo)
	}
	return client.Session{}, fmt.Errorf("%d sessions are called %q, give the id of one:%s", len(hits), what, lines.String())
}

// named is a command on one session.
func (a *app) named(use, short string, run func(c *cobra.Command, cl *client.Client, s client.Session, rest []string) error) *cobra.Command {
	return &cobra.Command{
		Use: use, Short: short, Args: cobra.MinimumNArgs(1),
		ValidArgsFunction: a.completeNames,
		RunE: func(c *cobra.Command, args []string) error {
			cl, err := a.connect(c.Context())
			if err != nil {
				return err
			}
			s, err := find(c.Context(), cl, args[0])
			if err != nil {
				return err
			}
			return run(c, cl, s, args[1:])
		},
	}
}

func (a *app) completeNames(c *cobra.Command, args []string, _ string) ([]string, cobra.ShellCompDirective) {
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
	all, err := cl.List(ctx, client.ListOptions{IncludeArchived: true})
	if err != nil {
		return nil, cobra.ShellCompDirectiveError
	}
	out := make([]string, 0, len(all))
	for _, s := range all {
		out = append(out, s.Name+"\t"+s.Status)
	}
	return out, cobra.ShellCompDirectiveNoFileComp
}

func (a *app) list() *cobra.Command {
	var asJSON bool
	var o client.ListOptions
	c := &cobra.Command{
		Use: "list", Aliases: []string{"ls"}, Short: "List sessions, newest first", Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			cl, err := a.connect(c.Context())
			if err != nil {
				return err
			}
			all, err := cl.List(c.Context(), o)
			if err != nil {
				return err
			}
			if asJSON {
				return printJSON(c, all)
			}
			if len(all) == 0 {
				fmt.Fprintln(c.OutOrStdout(), "No sessions. Create one: volundr sessions create NAME --repo URL")
				return nil
			}
			var rows [][]string
			for _, s := range all {
				rows = append(rows, []string{s.Name, s.Status, s.Agent, short(s.Repo), doing(s), age(time.Since(s.CreatedAt)), s.ID[:8]})
			}
			table(c, "NAME | STATE | AGENT | REPOSITORY | NOW | AGE | ID", rows)
			return nil
		},
	}
	c.Flags().StringVar(&o.Status, "status", "", "only sessions in this state")
	c.Flags().BoolVar(&o.IncludeArchived, "archived", false, "archived sessions too")
	jsonFlag(c, &asJSON)
	return c
}

// doing is what goes on in a session, in a few words.
func doing(s client.Session) string {
	switch {
	case s.Failure != nil:
		return s.Failure.Reason
	case s.Activity() == client.Waiting:
		return "waits for your answer"
	case s.ActivityText != "":
		return s.ActivityText
	case s.Doing != "":
		return s.Doing
	}
	return s.Activity()
}

func short(repo string) string {
	if repo == "" {
		return "-"
	}
	return strings.TrimSuffix(filepath.Base(repo), ".git")
}

func (a *app) show() *cobra.Command {
	var asJSON bool
	c := a.named("show SESSION", "Show one session", func(c *cobra.Command, _ *client.Client, s client.Session, _ []string) error {
		if asJSON {
			return printJSON(c, s)
		}
		w := c.OutOrStdout()
		line := func(k, v string) {
			if v != "" {
				fmt.Fprintf(w, "%-10s %s\n", k, clean(v))
			}
		}
		line("Name", s.Name)
		line("ID", s.ID)
		line("State", fmt.Sprintf("%s, for %s", s.Status, age(time.Since(s.StateSince))))
		line("Now", doing(s))
		line("Agent", strings.TrimSpace(s.Agent+" "+s.Model))
		line("Mode", s.ModeName)
		line("Repository", s.Repo)
		line("Branch", s.Branch)
		line("Tokens", fmt.Sprintf("%d, $%.2f", s.TokensUsed, s.CostUSD))
		line("Created", s.CreatedAt.Local().Format(time.DateTime))
		if s.Failure != nil {
			for _, l := range s.Failure.Lines {
				fmt.Fprintln(w, "  | "+clean(l))
			}
		}
		return nil
	})
	jsonFlag(c, &asJSON)
	return c
}

func (a *app) create() *cobra.Command {
	var in client.SessionCreate
	var asJSON, wait bool
	var repo, branch, base, copyOf, mount string
	var env []string
	c := &cobra.Command{
		Use: "create NAME", Short: "Create a session and start it", Args: cobra.ExactArgs(1),
		Example: "  volundr sessions create fix-login --repo https://github.com/me/app --prompt 'Fix the login test'\n" +
			"  volundr sessions create try-it --copy .          # a copy of this folder, uncommitted work included\n" +
			"  volundr sessions create pair --mount ~/src/app   # this folder itself",
		RunE: func(c *cobra.Command, args []string) error {
			cl, err := a.connect(c.Context())
			if err != nil {
				return err
			}
			in.Name = args[0]
			if in.Source, err = sourceOf(repo, branch, base, copyOf, mount); err != nil {
				return err
			}
			if in.Env, err = pairs(env); err != nil {
				return err
			}
			s, err := cl.Create(c.Context(), in)
			if err != nil {
				return err
			}
			if wait {
				if s, err = await(c, cl, s.ID, !asJSON); err != nil {
					return err
				}
			}
			if asJSON {
				return printJSON(c, s)
			}
			if !wait {
				fmt.Fprintf(c.OutOrStdout(), "Session %s is starting (%s). Talk to it with `volundr sessions chat %s`.\n", s.Name, s.ID, s.Name)
			}
			return nil
		},
	}
	f := c.Flags()
	f.StringVar(&repo, "repo", "", "git repository to clone (URL or path)")
	f.StringVar(&branch, "branch", "", "branch to work on")
	f.StringVar(&base, "base", "", "branch to create it from, when it is missing")
	f.StringVar(&copyOf, "copy", "", "folder to copy, with its uncommitted work")
	f.StringVar(&mount, "mount", "", "folder to work in, live")
	f.StringVar(&in.Agent, "agent", "", "claude, codex, or acp with --command")
	f.StringSliceVar(&in.Command, "command", nil, "command of an ACP agent in the image")
	f.StringVar(&in.Model, "model", "", "model (default: the agent's)")
	f.StringVar(&in.Mode, "mode", "", "the agent's permission mode")
	f.StringVar(&in.InitialPrompt, "prompt", "", "first message to the agent")
	f.StringVar(&in.SystemPrompt, "system-prompt", "", "added to the agent's own system prompt")
	f.StringArrayVar(&env, "env", nil, "NAME=value for the session (again for more)")
	f.StringVar(&in.Network, "network", "", "open (default) or none")
	f.BoolVar(&wait, "wait", false, "wait until it runs, showing what goes on")
	jsonFlag(c, &asJSON)
	c.MarkFlagsMutuallyExclusive("repo", "copy", "mount")
	return c
}

func sourceOf(repo, branch, base, copyOf, mount string) (*client.Source, error) {
	switch {
	case copyOf != "":
		dir, err := filepath.Abs(copyOf)
		return &client.Source{Type: client.SourceCopy, LocalPath: dir}, err
	case mount != "":
		dir, err := filepath.Abs(mount)
		return &client.Source{Type: client.SourceMount, LocalPath: dir}, err
	}
	if st, err := os.Stat(repo); repo != "" && err == nil && st.IsDir() {
		dir, err := filepath.Abs(repo)
		if err != nil {
			return nil, err
		}
		repo = dir
	}
	return &client.Source{Type: client.SourceGit, Repo: repo, Branch: branch, BaseBranch: base}, nil
}

func pairs(env []string) (map[string]string, error) {
	out := map[string]string{}
	for _, e := range env {
		k, v, ok := strings.Cut(e, "=")
		if !ok || k == "" {
			return nil, fmt.Errorf("--env %q is not NAME=value", e)
		}
		out[k] = v
	}
	return out, nil
}
