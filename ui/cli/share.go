package cli

import (
	"fmt"

	"github.com/spf13/cobra"
)

func (a *app) shareSession() *cobra.Command {
	var asJSON bool
	c := &cobra.Command{
		Use: "share SESSION [USER]", Short: "Let another user look at a session; without a user: who may", Args: takes(1, 2),
		Long: "Lets another user look at a session: its conversation, timeline, chronicle, diffs and log, as they come. They can\n" +
			"send nothing, and have no editor, terminal or preview. Without a user it tells who may.",
		ValidArgsFunction: a.completeShare,
		RunE: func(c *cobra.Command, args []string) error {
			cl, err := a.connect(c.Context())
			if err != nil {
				return err
			}
			s, err := find(c.Context(), cl, args[0])
			if err != nil {
				return err
			}
			if len(args) == 2 {
				sh, err := cl.Share(c.Context(), s.ID, args[1])
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
		},
	}
	jsonFlag(c, &asJSON)
	return c
}

func (a *app) unshareSession() *cobra.Command {
	return &cobra.Command{
		Use: "unshare SESSION USER", Short: "Let a user look at a session no more, at once", Args: takes(2, 2), ValidArgsFunction: a.completeShare,
		RunE: func(c *cobra.Command, args []string) error {
			cl, err := a.connect(c.Context())
			if err != nil {
				return err
			}
			s, err := find(c.Context(), cl, args[0])
			if err != nil {
				return err
			}
			if err := cl.Unshare(c.Context(), s.ID, args[1]); err != nil {
				return err
			}
			fmt.Fprintf(c.OutOrStdout(), "%s cannot see %s any more.\n", clean(args[1]), clean(s.Name))
			return nil
		},
	}
}

// completeShare completes the session; whom it is shared with only those know
// who manage users.
func (a *app) completeShare(c *cobra.Command, args []string, typed string) ([]cobra.Completion, cobra.ShellCompDirective) {
	if len(args) == 1 {
		return a.completeUsers(c, nil, typed)
	}
	return a.completeNames(c, args, typed)
}
