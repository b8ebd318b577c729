package cli

import (
	"fmt"

	"github.com/spf13/cobra"

	"volundr/ui/client"
)

func (a *app) shareSession() *cobra.Command {
	var asJSON bool
	c := a.named("share SESSION [USER]", "Let another user look at a session; without a user: who may", 2,
		func(c *cobra.Command, cl *client.Client, s client.Session, rest []string) error {
			if len(rest) == 1 {
				sh, err := cl.Share(c.Context(), s.ID, rest[0])
				if err != nil {
					return err
				}
				fmt.Fprintf(c.OutOrStdout(), "%s can look at %s now.\n", clean(sh.DisplayName), clean(s.Name))
				return nil
			}
			all, err := cl.Shares(c.Context(), s.ID)
			if err != nil {
				return err
			}
			if asJSON {
				return printJSON(c, all)
			}
			if len(all) == 0 {
				fmt.Fprintf(c.OutOrStdout(), "%s is shared with nobody: `volundr sessions share %s USER`\n", clean(s.Name), clean(s.Name))
				return nil
			}
			var rows [][]string
			for _, sh := range all {
				rows = append(rows, []string{sh.DisplayName, ago(&sh.CreatedAt, "")})
			}
			table(c, "NAME | SHARED", rows)
			return nil
		})
	c.Long = "Lets another user look at a session: its conversation, timeline, chronicle, diffs and log, as they come. They can\n" +
		"send nothing, and have no editor, terminal or preview. Without a user it tells who may."
	c.ValidArgsFunction = a.completeShare
	jsonFlag(c, &asJSON)
	return c
}

func (a *app) unshareSession() *cobra.Command {
	c := a.named("unshare SESSION USER", "Let a user look at a session no more, at once", 2,
		func(c *cobra.Command, cl *client.Client, s client.Session, rest []string) error {
			if err := cl.Unshare(c.Context(), s.ID, rest[0]); err != nil {
				return err
			}
			fmt.Fprintf(c.OutOrStdout(), "%s cannot see %s any more.\n", clean(rest[0]), clean(s.Name))
			return nil
		})
	c.Args, c.ValidArgsFunction = takes(2, 2), a.completeShare
	return c
}

// completeShare completes the session; whom it is shared with only those know
// who manage users.
func (a *app) completeShare(c *cobra.Command, args []string, typed string) ([]cobra.Completion, cobra.ShellCompDirective) {
	if len(args) == 1 {
		return a.completeUsers(c, nil, typed)
	}
	return a.completeNames(c, args, typed)
}
