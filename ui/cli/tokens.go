package cli

import (
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"volundr/ui/client"
)

func (a *app) tokens() *cobra.Command {
	c := &cobra.Command{Use: "tokens", Short: "Access tokens: ways in for your own programs"}
	c.Args, c.RunE = subcommands(c)
	c.AddCommand(a.createToken(), a.listTokens(), a.revokeToken())
	return c
}

func (a *app) createToken() *cobra.Command {
	var in client.TokenNew
	var asJSON bool
	c := &cobra.Command{
		Use: "create NAME", Short: "Make a token and print it, once", Args: takes(1, 1),
		Example: "  volundr tokens create ci --scope work --days 30\n  VOLUNDR_TOKEN=volundr_… volundr --server https://host:port sessions list",
		RunE: func(c *cobra.Command, args []string) error {
			cl, err := a.connect(c.Context())
			if err != nil {
				return err
			}
			in.Name = args[0]
			t, err := cl.AddToken(c.Context(), in)
			if err != nil {
				return err
			}
			if asJSON {
				return printJSON(c, t)
			}
			fmt.Fprintf(c.ErrOrStderr(), "The token %s (%s, until %s), which is not shown again:\n",
				clean(t.Name), clean(strings.Join(t.Scopes, ", ")), t.ExpiresAt.Local().Format("2006-01-02"))
			fmt.Fprintln(c.OutOrStdout(), clean(t.Secret))
			return nil
		},
	}
	c.Flags().StringSliceVar(&in.Scopes, "scope", nil, "what it may: read, sandboxes, work or admin (default: all that you may)")
	c.Flags().IntVar(&in.Days, "days", 365, "how many days it lives, at most 365")
	choices(c, "scope", "read", "sandboxes", "work", "admin")
	jsonFlag(c, &asJSON)
	return c
}

func (a *app) listTokens() *cobra.Command {
	var asJSON bool
	c := &cobra.Command{
		Use: "list", Aliases: []string{"ls"}, Short: "List tokens, never themselves", Args: takes(0, 0),
		RunE: func(c *cobra.Command, _ []string) error {
			cl, err := a.connect(c.Context())
			if err != nil {
				return err
			}
			all, err := cl.Tokens(c.Context())
			if err != nil {
				return err
			}
			if asJSON {
				return printJSON(c, all)
			}
			if len(all) == 0 {
				fmt.Fprintln(c.OutOrStdout(), "No tokens. Make one: volundr tokens create NAME")
				return nil
			}
			head := "NAME | MAY | USED | UNTIL | ID"
			several := slices.ContainsFunc(all, func(t client.Token) bool { return t.User != all[0].User })
			if several {
				head += " | USER"
			}
			var rows [][]string
			for _, t := range all {
				row := []string{t.Name, strings.Join(t.Scopes, ", "), ago(t.LastUsedAt, "never"), t.ExpiresAt.Local().Format("2006-01-02"), t.ID[:min(8, len(t.ID))]}
				if several {
					row = append(row, t.User)
				}
				rows = append(rows, row)
			}
			table(c, head, rows)
			return nil
		},
	}
	jsonFlag(c, &asJSON)
	return c
}

func (a *app) revokeToken() *cobra.Command {
	return &cobra.Command{
		Use: "revoke TOKEN", Aliases: []string{"delete", "rm"}, Short: "End a token at once, by its name or the start of its id", Args: takes(1, 1),
		RunE: func(c *cobra.Command, args []string) error {
			cl, err := a.connect(c.Context())
			if err != nil {
				return err
			}
			all, err := cl.Tokens(c.Context())
			if err != nil {
				return err
			}
			var found []client.Token
			for _, t := range all {
				if t.Name == args[0] || strings.HasPrefix(t.ID, args[0]) {
					found = append(found, t)
				}
			}
			switch len(found) {
			case 0:
				return fmt.Errorf("no token is called %q: `volundr tokens list` shows what there is", args[0])
			case 1:
			default:
				return fmt.Errorf("%d tokens are called %q: name one by its id, which `volundr tokens list` shows", len(found), args[0])
			}
			if err := cl.RevokeToken(c.Context(), found[0].ID); err != nil {
				return err
			}
			fmt.Fprintf(c.OutOrStdout(), "Revoked %s.\n", clean(found[0].Name))
			return nil
		},
	}
}
