package cli

import (
	"fmt"

	"github.com/spf13/cobra"

	"volundr/ui/client"
)

// tenants is hidden, as all flags that name one are: who is alone never meets
// them, and the README has them for whoever is not.
func (a *app) tenants() *cobra.Command {
	c := &cobra.Command{Use: "tenants", Short: "Who shares nothing with each other", Hidden: true,
		Long: "Users of one tenant see nothing of another: neither sessions nor names, counts or records. Its admins manage its\n" +
			"users; whoever runs the installation makes tenants, and manages all of them: `volundr users … --tenant NAME`."}
	c.Args, c.RunE = subcommands(c)
	c.AddCommand(a.addTenant(), a.listTenants(), a.renameTenant(), a.removeTenant())
	return c
}

// tenantFlag names another tenant than one's own.
func (a *app) tenantFlag(c *cobra.Command, into *string, about string) {
	flags := c.Flags()
	if c.HasSubCommands() {
		flags = c.PersistentFlags()
	}
	flags.StringVar(into, "tenant", "", about)
	_ = flags.MarkHidden("tenant")
	_ = c.RegisterFlagCompletionFunc("tenant", func(c *cobra.Command, _ []string, text string) ([]cobra.Completion, cobra.ShellCompDirective) {
		return a.completeTenants(c, nil, text)
	})
}

func (a *app) completeTenants(c *cobra.Command, args []string, _ string) ([]cobra.Completion, cobra.ShellCompDirective) {
	return complete(a, c, args, (*client.Client).Tenants, func(t client.Tenant) cobra.Completion { return t.Name })
}

func (a *app) addTenant() *cobra.Command {
	return &cobra.Command{
		Use: "add NAME", Short: "Make a tenant", Args: takes(1, 1),
		RunE: func(c *cobra.Command, args []string) error {
			cl, err := a.connect(c.Context())
			if err != nil {
				return err
			}
			t, err := cl.AddTenant(c.Context(), args[0])
			if err != nil {
				return err
			}
			fmt.Fprintf(c.OutOrStdout(), "Added %s. Its first admin: `volundr users add NAME --role admin --tenant %s`.\n", clean(t.Name), clean(t.Name))
			return nil
		},
	}
}

func (a *app) listTenants() *cobra.Command {
	var asJSON bool
	c := &cobra.Command{
		Use: "list", Aliases: []string{"ls"}, Short: "List tenants", Args: takes(0, 0),
		RunE: func(c *cobra.Command, _ []string) error {
			cl, err := a.connect(c.Context())
			if err != nil {
				return err
			}
			all, err := cl.Tenants(c.Context())
			if err != nil {
				return err
			}
			if asJSON {
				return printJSON(c, all)
			}
			var rows [][]string
			for _, t := range all {
				rows = append(rows, []string{t.Name, fmt.Sprint(t.Users), fmt.Sprint(t.Sessions), fmt.Sprint(t.Chronicles)})
			}
			table(c, "NAME | USERS | SESSIONS | CHRONICLES", rows)
			return nil
		},
	}
	jsonFlag(c, &asJSON)
	return c
}

func (a *app) renameTenant() *cobra.Command {
	return &cobra.Command{
		Use: "rename NAME NEW-NAME", Short: "Give a tenant another name", Args: takes(2, 2), ValidArgsFunction: a.completeTenants,
		RunE: func(c *cobra.Command, args []string) error {
			cl, err := a.connect(c.Context())
			if err != nil {
				return err
			}
			t, err := cl.RenameTenant(c.Context(), args[0], args[1])
			if err != nil {
				return err
			}
			fmt.Fprintf(c.OutOrStdout(), "%s is %s now.\n", clean(args[0]), clean(t.Name))
			return nil
		},
	}
}

func (a *app) removeTenant() *cobra.Command {
	return &cobra.Command{
		Use: "remove NAME", Aliases: []string{"delete", "rm"}, Short: "Take away a tenant in which nothing is", Args: takes(1, 1), ValidArgsFunction: a.completeTenants,
		RunE: func(c *cobra.Command, args []string) error {
			cl, err := a.connect(c.Context())
			if err != nil {
				return err
			}
			if err := cl.RemoveTenant(c.Context(), args[0]); err != nil {
				return err
			}
			fmt.Fprintf(c.OutOrStdout(), "Removed %s.\n", clean(args[0]))
			return nil
		},
	}
}

func (a *app) moveUser() *cobra.Command {
	var m client.UserMove
	var from string
	c := &cobra.Command{
		Use: "move NAME --tenant TENANT", Short: "Move a user to another tenant, with all that is theirs", Args: takes(1, 1), ValidArgsFunction: a.completeUsers, Hidden: true,
		Long: "Sessions, chronicles, credentials, presets, prompts, logins and tokens go with them. What runs goes on; what others have\n" +
			"open of it ends, and what was shared is not any more. Who was an admin is a developer there, unless --role says else;\n" +
			"who is one there logs in anew.",
		RunE: func(c *cobra.Command, args []string) error {
			if m.Tenant == "" {
				return fmt.Errorf("say where to: --tenant NAME")
			}
			cl, err := a.connect(c.Context())
			if err != nil {
				return err
			}
			u, err := cl.In(from).MoveUser(c.Context(), args[0], m)
			if err != nil {
				return err
			}
			fmt.Fprintf(c.OutOrStdout(), "%s is in %s now, %s, with all that is theirs.\n", clean(u.DisplayName), clean(m.Tenant), clean(u.Role))
			return nil
		},
	}
	a.tenantFlag(c, &m.Tenant, "where to")
	c.Flags().StringVar(&from, "from", "", "the tenant that they are in, if it is not yours")
	c.Flags().StringVar(&m.Role, "role", "", "what they may there: admin, developer or viewer")
	choices(c, "role", client.Roles...)
	return c
}
