package cli

import (
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"volundr/ui/client"
)

// push sends what a session committed to its remote, by the daemon's git.
func (a *app) push() *cobra.Command {
	var branch, repo string
	var asJSON bool
	c := a.named("push SESSION", "Push what a session committed to its remote", 1, func(c *cobra.Command, cl *client.Client, s client.Session, _ []string) error {
		done, err := cl.Push(c.Context(), s.ID, repo, branch)
		if err != nil {
			return err
		}
		if asJSON {
			return printJSON(c, done)
		}
		fmt.Fprintln(c.OutOrStdout(), clean(done.Detail))
		fmt.Fprintf(c.OutOrStdout(), "Open a pull request: volundr sessions pr %s --create\n", clean(s.Name))
		return nil
	})
	c.Flags().StringVar(&branch, "branch", "", "branch of the remote to push to (default: the one that is checked out)")
	c.Flags().StringVar(&repo, "repo", "", "repository below the workspace, when the workspace is none itself")
	jsonFlag(c, &asJSON)
	return c
}

// pr shows the pull request of a session's branch with its checks, or opens
// one.
func (a *app) pr() *cobra.Command {
	var create, asJSON bool
	var in client.PullRequestCreate
	c := a.named("pr SESSION", "Show a session's pull request and its checks, or open one", 1, func(c *cobra.Command, cl *client.Client, s client.Session, _ []string) error {
		if create {
			in.SessionID = s.ID
			made, err := cl.OpenPR(c.Context(), in)
			if err != nil {
				return err
			}
			if asJSON {
				return printJSON(c, made)
			}
			fmt.Fprintf(c.OutOrStdout(), "#%d %s\n%s → %s\n%s\n", made.Number, clean(made.Title), clean(made.SourceBranch), clean(made.TargetBranch), clean(made.URL))
			return nil
		}
		is, err := cl.SessionPR(c.Context(), s.ID)
		switch {
		case err != nil:
			return err
		case asJSON:
			return printJSON(c, is)
		case is == nil:
			fmt.Fprintf(c.OutOrStdout(), "The branch of %s has no pull request. Open one: volundr sessions pr %s --create\n", clean(s.Name), clean(s.Name))
			return nil
		}
		fmt.Fprintf(c.OutOrStdout(), "#%d %s (%s)\n%s → %s\n%s\n", is.Number, clean(is.Title), clean(is.State), clean(is.Source), clean(is.Target), clean(is.URL))
		if is.Mergeable != nil && !*is.Mergeable && is.State == "open" {
			fmt.Fprintln(c.OutOrStdout(), "It cannot be merged as it is: it conflicts, or a rule of the repository forbids it.")
		}
		if len(is.Checks) == 0 {
			fmt.Fprintln(c.OutOrStdout(), "No checks run on it.")
			return nil
		}
		rows := [][]string{}
		for _, check := range is.Checks {
			rows = append(rows, []string{check.Status, check.Name, check.URL})
		}
		table(c, "CHECK | NAME | ADDRESS", rows)
		return nil
	})
	c.Flags().BoolVar(&create, "create", false, "open a pull request")
	c.Flags().StringVar(&in.Title, "title", "", "its title (default: from the chronicle)")
	c.Flags().StringVar(&in.Body, "body", "", "its text (default: from the chronicle)")
	c.Flags().StringVar(&in.TargetBranch, "target", "", "branch to merge into (default: the session's base branch)")
	c.Flags().StringVar(&in.SourceBranch, "source", "", "branch to merge (default: the session's)")
	jsonFlag(c, &asJSON)
	c.PreRunE = func(c *cobra.Command, _ []string) error {
		var set []string
		for _, name := range []string{"title", "body", "target", "source"} {
			if c.Flags().Changed(name) && !create {
				set = append(set, "--"+name)
			}
		}
		if len(set) > 0 {
			return fmt.Errorf("%s is for a pull request that is opened: add --create", strings.Join(set, " and "))
		}
		return nil
	}
	return c
}
