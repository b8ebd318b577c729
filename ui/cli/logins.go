package cli

import (
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"volundr/ui/client"
)

func (a *app) logins() *cobra.Command {
	c := &cobra.Command{Use: "logins", Short: "Browsers that are logged in as you"}
	c.Args, c.RunE = subcommands(c)
	c.AddCommand(a.listLogins(), a.revokeLogin())
	return c
}

func (a *app) listLogins() *cobra.Command {
	var asJSON bool
	c := &cobra.Command{
		Use: "list", Aliases: []string{"ls"}, Short: "List browsers that are logged in as you", Args: takes(0, 0),
		RunE: func(c *cobra.Command, _ []string) error {
			cl, err := a.connect(c.Context())
			if err != nil {
				return err
			}
			all, err := cl.Logins(c.Context())
			if err != nil {
				return err
			}
			if asJSON {
				return printJSON(c, all)
			}
			if len(all) == 0 {
				fmt.Fprintln(c.OutOrStdout(), "No browser is logged in. Log one in: volundr open")
				return nil
			}
			var rows [][]string
			for _, l := range all {
				rows = append(rows, []string{l.Browser(), l.Via, age(time.Since(l.LastUsedAt)) + " ago", l.ExpiresAt.Local().Format("2006-01-02"), l.ID[:min(8, len(l.ID))]})
			}
			table(c, "BROWSER | BY | USED | UNTIL | ID", rows)
			return nil
		},
	}
	jsonFlag(c, &asJSON)
	return c
}

func (a *app) revokeLogin() *cobra.Command {
	return &cobra.Command{
		Use: "revoke ID", Aliases: []string{"delete", "rm"}, Short: "Log a browser out at once, by the start of its id", Args: takes(1, 1),
		RunE: func(c *cobra.Command, args []string) error {
			cl, err := a.connect(c.Context())
			if err != nil {
				return err
			}
			all, err := cl.Logins(c.Context())
			if err != nil {
				return err
			}
			var found []client.Login
			for _, l := range all {
				if strings.HasPrefix(l.ID, args[0]) && args[0] != "" {
					found = append(found, l)
				}
			}
			switch len(found) {
			case 0:
				return fmt.Errorf("no login's id begins with %q: `volundr logins list` shows what there is", args[0])
			case 1:
			default:
				return fmt.Errorf("%d logins' ids begin with %q: give more of it", len(found), args[0])
			}
			if err := cl.RevokeLogin(c.Context(), found[0].ID); err != nil {
				return err
			}
			fmt.Fprintf(c.OutOrStdout(), "Logged %s out.\n", clean(found[0].Browser()))
			return nil
		},
	}
}
