package cli

import (
	"context"
	"fmt"
	"path/filepath"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"volundr/ui/client"
)

func (a *app) sessions() *cobra.Command {
	c := &cobra.Command{Use: "sessions", Aliases: []string{"session", "s"}, Short: "Create, list and use sessions"}
	c.Args, c.RunE = subcommands(c)
	c.AddCommand(a.create(), a.list(), a.show(), a.start(), a.stop(), a.extend(), a.delete(), a.sessionLogs(), a.chat(), a.attach(), a.diff(), a.commit(), a.push(), a.pr(), a.archive(), a.restore(), a.checkpoints(), a.rewind(), a.shareSession(), a.unshareSession())
	return c
}

// find takes a session's id, the start of an id, or its name where that is
// unambiguous; else it lists the candidates.
func find(ctx context.Context, cl *client.Client, what string) (client.Session, error) {
	all, err := cl.List(ctx, client.ListOptions{IncludeArchived: true, Search: what})
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
	rows := [][]string{}
	for _, s := range hits {
		rows = append(rows, []string{"  " + s.ID, s.Status, short(s.Repo), age(time.Since(s.CreatedAt))})
	}
	var lines strings.Builder
	columns(&lines, rows)
	return client.Session{}, fmt.Errorf("%d sessions are called %q, give the id of one:\n%s", len(hits), what, strings.TrimRight(lines.String(), "\n"))
}

// named is a command on one session, with at most most arguments (< 0: any
// number), of which the session is the first.
func (a *app) named(use, short string, most int, run func(c *cobra.Command, cl *client.Client, s client.Session, rest []string) error) *cobra.Command {
	return &cobra.Command{
		Use: use, Short: short, Args: takes(1, most),
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

func (a *app) list() *cobra.Command {
	var asJSON bool
	var o client.ListOptions
	c := &cobra.Command{
		Use: "list", Aliases: []string{"ls"}, Short: "List sessions, newest first", Args: takes(0, 0),
		RunE: func(c *cobra.Command, _ []string) error {
			st, cl, err := a.reach(c.Context())
			if err != nil {
				return err
			}
			all, err := cl.List(c.Context(), o)
			if err != nil {
				return err
			}
			for _, t := range st.Trouble {
				fmt.Fprintf(c.ErrOrStderr(), "%s What is listed of its sessions is what was seen last; `volundr doctor` says more.\n", clean(t.Title))
			}
			if asJSON {
				return printJSON(c, all)
			}
			if len(all) == 0 && o.Status+o.Search != "" {
				fmt.Fprintln(c.OutOrStdout(), "No session fits. Those that there are: volundr sessions list --archived")
				return nil
			}
			if len(all) == 0 {
				fmt.Fprintln(c.OutOrStdout(), "No sessions. Create one: volundr sessions create NAME --repo URL")
				return nil
			}
			var rows [][]string
			for _, s := range all {
				rows = append(rows, []string{s.Name, status(s), s.Agent, short(s.Repo) + beside(s.Source), begin(doing(s), 60), age(time.Since(s.CreatedAt)), s.ID[:8]})
			}
			table(c, "NAME | STATE | AGENT | REPOSITORY | NOW | AGE | ID", rows)
			return nil
		},
	}
	c.Flags().StringVar(&o.Status, "status", "", "only sessions in this state")
	choices(c, "status", client.Created, client.Starting, client.Provisioning, client.Running, client.Stopping, client.Stopped, client.Failed, client.Archived)
	c.Flags().BoolVar(&o.IncludeArchived, "archived", false, "archived sessions too")
	c.Flags().StringVar(&o.Search, "search", "", "only sessions with this in name, repository, branch, agent, model, state or id")
	c.Flags().IntVar(&o.Limit, "limit", 0, "only so many, the newest (at most 1000)")
	jsonFlag(c, &asJSON)
	return c
}

// status is a session's state, with a question mark when it cannot be seen now.
func status(s client.Session) string {
	if s.Unseen {
		return s.Status + "?"
	}
	return s.Status
}

// doing is what goes on in a session, in a few words.
func doing(s client.Session) string {
	if s.StopsSoon {
		s.StopsSoon = false
		return "stops in " + age(time.Until(*s.StopsAt)) + "; " + doing(s)
	}
	switch {
	case s.Unseen:
		return s.Doing
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

// begin is the beginning of a text, of at most n characters.
func begin(text string, n int) string {
	if r := []rune(text); len(r) > n {
		return string(r[:n-1]) + "…"
	}
	return text
}

func short(repo string) string {
	if repo == "" {
		return "-"
	}
	return strings.TrimSuffix(filepath.Base(repo), ".git")
}

func (a *app) show() *cobra.Command {
	var asJSON bool
	c := a.named("show SESSION", "Show one session", 1, func(c *cobra.Command, _ *client.Client, s client.Session, _ []string) error {
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
		line("State", fmt.Sprintf("%s, for %s", status(s), age(time.Since(s.StateSince))))
		line("Now", doing(s))
		line("Agent", strings.TrimSpace(s.Agent+" "+s.Model))
		line("Mode", s.ModeName)
		line("Repository", s.Repo)
		line("Branch", s.Branch)
		if len(s.Source.AdditionalRepos) > 0 {
			line("Folder", s.Source.Folder)
		}
		for _, r := range s.Source.AdditionalRepos {
			line("Also", r.Repo)
			line("Branch", r.Branch)
			line("Folder", r.Folder)
		}
		if s.Definition != nil {
			line("Definition", ".volundr of the repository, content "+s.Definition.Hash[:min(12, len(s.Definition.Hash))])
		}
		spent := fmt.Sprint(s.TokensUsed)
		if s.CostUSD > 0 { // else nothing, or nobody knows
			spent += fmt.Sprintf(", $%.2f", s.CostUSD)
		}
		line("Tokens", spent)
		if s.StopsAt != nil {
			line("Stops", s.StopsAt.Local().Format(time.DateTime)+", in "+age(time.Until(*s.StopsAt)))
		} else {
			line("Lives", s.TimeToLive)
		}
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

// beside counts the repositories beside the first.
func beside(s client.Source) string {
	if n := len(s.AdditionalRepos); n > 0 {
		return fmt.Sprintf(" +%d", n)
	}
	return ""
}
