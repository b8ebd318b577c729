package cli

import (
	"fmt"
	"net/url"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"volundr/ui/client"
)

func (a *app) credentials() *cobra.Command {
	c := &cobra.Command{Use: "credentials", Short: "Keys of models, which sessions never see, and what a session may be given"}
	c.Args, c.RunE = subcommands(c)
	c.AddCommand(a.setCredential(), a.listCredentials(), a.shareCredential(), a.unshareCredential(), a.removeCredential())
	return c
}

func (a *app) listCredentials() *cobra.Command {
	var asJSON bool
	c := &cobra.Command{
		Use: "list", Aliases: []string{"ls"}, Short: "List names, never values", Args: takes(0, 0),
		RunE: func(c *cobra.Command, _ []string) error {
			cl, err := a.connect(c.Context())
			if err != nil {
				return err
			}
			var out struct {
				Credentials []client.Credential `json:"credentials"`
			}
			if err := cl.Do(c.Context(), "GET", "/credentials", nil, &out); err != nil {
				return err
			}
			if asJSON {
				return printJSON(c, out.Credentials)
			}
			if len(out.Credentials) == 0 {
				fmt.Fprintln(c.OutOrStdout(), "No credentials. Store one: volundr credentials set anthropic")
				return nil
			}
			var rows [][]string
			for _, k := range out.Credentials {
				how := ""
				switch {
				case k.InSessions:
					how = "with everybody, in sessions too"
				case k.Shared:
					how = "with everybody"
				}
				rows = append(rows, []string{k.Name, k.Type, strings.Join(k.Keys, ", "), how})
			}
			heads := "NAME | TYPE | KEYS | SHARED"
			if !slices.ContainsFunc(rows, func(r []string) bool { return r[3] != "" }) {
				heads = "NAME | TYPE | KEYS"
				for i := range rows {
					rows[i] = rows[i][:3]
				}
			}
			table(c, heads, rows)
			return nil
		},
	}
	jsonFlag(c, &asJSON)
	return c
}

func (a *app) removeCredential() *cobra.Command {
	return &cobra.Command{
		Use: "remove NAME", Aliases: []string{"delete", "rm"}, Short: "Forget a credential", Args: takes(1, 1),
		RunE: func(c *cobra.Command, args []string) error {
			cl, err := a.connect(c.Context())
			if err != nil {
				return err
			}
			if err := cl.Do(c.Context(), "DELETE", "/credentials/"+url.PathEscape(args[0]), nil, nil); err != nil {
				return err
			}
			fmt.Fprintf(c.OutOrStdout(), "Forgot %s.\n", args[0])
			return nil
		},
	}
}
