package cli

import (
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"volundr/ui/client"
)

func (a *app) users() *cobra.Command {
	c := &cobra.Command{Use: "users", Short: "Who else may use this installation, and what"}
	c.Args, c.RunE = subcommands(c)
	c.AddCommand(a.addUser(), a.listUsers(), a.userRole(), a.userLink(), a.userQuota(), a.removeUser(), a.moveUser())
	a.tenantFlag(c, &a.tenant, "whose users, if they are not yours")
	return c
}

// connectIn connects for what is managed of the tenant that is named.
func (a *app) connectIn(c *cobra.Command) (*client.Client, error) {
	cl, err := a.connect(c.Context())
	if err != nil {
		return nil, err
	}
	return cl.In(a.tenant), nil
}

// roleFlag says what somebody may.
func roleFlag(c *cobra.Command, into *string) {
	c.Flags().StringVar(into, "role", "developer", "admin (everything), developer (what is their own) or viewer (looks only)")
	choices(c, "role", client.Roles...)
}

func (a *app) addUser() *cobra.Command {
	var role string
	c := &cobra.Command{
		Use: "add NAME", Short: "Let somebody in, and print a login link for them", Args: takes(1, 1),
		RunE: func(c *cobra.Command, args []string) error {
			cl, err := a.connectIn(c)
			if err != nil {
				return err
			}
			u, err := cl.AddUser(c.Context(), client.UserNew{Name: args[0], Role: role})
			if err != nil {
				return err
			}
			fmt.Fprintf(c.OutOrStdout(), "Added %s, %s.\n", clean(u.DisplayName), clean(u.Role))
			return printLink(c, cl, u.ID, u.DisplayName)
		},
	}
	roleFlag(c, &role)
	return c
}

func printLink(c *cobra.Command, cl *client.Client, user, name string) error {
	link, err := cl.UserLink(c.Context(), user)
	if err != nil {
		return err
	}
	fmt.Fprintf(c.OutOrStdout(), "This link logs one browser in as %s, once, within ten minutes:\n\n  %s\n\n", clean(name), link)
	return nil
}

func (a *app) listUsers() *cobra.Command {
	var asJSON bool
	c := &cobra.Command{
		Use: "list", Aliases: []string{"ls"}, Short: "List users", Args: takes(0, 0),
		RunE: func(c *cobra.Command, _ []string) error {
			cl, err := a.connectIn(c)
			if err != nil {
				return err
			}
			all, err := cl.Users(c.Context())
			if err != nil {
				return err
			}
			if asJSON {
				return printJSON(c, all)
			}
			var rows [][]string
			for _, u := range all {
				rows = append(rows, []string{u.DisplayName, u.Role, ago(u.SeenAt, "not logged in")})
			}
			table(c, "NAME | ROLE | SEEN", rows)
			return nil
		},
	}
	jsonFlag(c, &asJSON)
	return c
}

// ago is how long ago something was, or never for nil.
func ago(at *time.Time, never string) string {
	if at == nil {
		return never
	}
	return age(time.Since(*at)) + " ago"
}

func (a *app) userRole() *cobra.Command {
	return &cobra.Command{
		Use: "role NAME ROLE", Short: "Give a user another role: admin, developer or viewer", Args: takes(2, 2), ValidArgsFunction: a.completeUsers,
		RunE: func(c *cobra.Command, args []string) error {
			cl, err := a.connectIn(c)
			if err != nil {
				return err
			}
			u, err := cl.SetRole(c.Context(), args[0], args[1])
			if err != nil {
				return err
			}
			fmt.Fprintf(c.OutOrStdout(), "%s is %s now.\n", clean(u.DisplayName), clean(u.Role))
			return nil
		},
	}
}

func (a *app) userLink() *cobra.Command {
	return &cobra.Command{
		Use: "link NAME", Short: "Print a link that logs a browser in as a user, once", Args: takes(1, 1), ValidArgsFunction: a.completeUsers,
		RunE: func(c *cobra.Command, args []string) error {
			cl, err := a.connectIn(c)
			if err != nil {
				return err
			}
			return printLink(c, cl, args[0], args[0])
		},
	}
}

func (a *app) removeUser() *cobra.Command {
	return &cobra.Command{
		Use: "remove NAME", Aliases: []string{"delete", "rm"}, Short: "Log a user out everywhere, for good; their sessions stay", Args: takes(1, 1), ValidArgsFunction: a.completeUsers,
		RunE: func(c *cobra.Command, args []string) error {
			cl, err := a.connectIn(c)
			if err != nil {
				return err
			}
			if err := cl.RemoveUser(c.Context(), args[0]); err != nil {
				return err
			}
			fmt.Fprintf(c.OutOrStdout(), "Removed %s. Their sessions stay, and admins see them.\n", clean(args[0]))
			return nil
		},
	}
}
