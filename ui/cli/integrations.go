package cli

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"volundr/ui/client"
)

// integrations are the accounts elsewhere that a person connects.
func (a *app) integrations() *cobra.Command {
	c := &cobra.Command{Use: "integrations", Aliases: []string{"integration"}, Short: "Services whose tools agents are given",
		Long: "Services whose tools agents are given: GitHub, GitLab, Linear, Jira; and Anthropic and OpenAI, to test their keys.\n" +
			"A session gets those that it names: `volundr sessions create NAME --integration github`."}
	c.Args, c.RunE = subcommands(c)
	c.AddCommand(a.listServices(), a.listIntegrations(), a.connectService(), a.testService(), a.switchService("on", true), a.switchService("off", false), a.disconnectService())
	return c
}

// connected finds an integration by its id, or as the only one of its service.
func connected(ctx context.Context, cl *client.Client, what string) (client.Integration, error) {
	all, err := cl.Integrations(ctx)
	if err != nil {
		return client.Integration{}, err
	}
	var hits []client.Integration
	for _, i := range all {
		if i.ID == what {
			return i, nil
		}
		if i.Slug == what || len(what) >= 4 && strings.HasPrefix(i.ID, what) {
			hits = append(hits, i)
		}
	}
	switch len(hits) {
	case 0:
		return client.Integration{}, fmt.Errorf("no integration is called %q: `volundr integrations list` shows them", what)
	case 1:
		return hits[0], nil
	}
	return client.Integration{}, fmt.Errorf("%d integrations are called %q: give the id of one (`volundr integrations list`)", len(hits), what)
}

func (a *app) listServices() *cobra.Command {
	var asJSON bool
	c := &cobra.Command{Use: "catalog", Short: "List the services that can be connected", Args: takes(0, 0),
		RunE: func(c *cobra.Command, _ []string) error {
			cl, err := a.connect(c.Context())
			if err != nil {
				return err
			}
			all, err := cl.Services(c.Context())
			if err != nil {
				return err
			}
			if asJSON {
				return printJSON(c, all)
			}
			var rows [][]string
			for _, s := range all {
				tools := "-"
				if m := s.MCPServer; m != nil && len(m.Args) > 0 {
					tools = m.Args[len(m.Args)-1]
				}
				rows = append(rows, []string{s.Slug, s.Description, tools})
			}
			table(c, "SERVICE | ABOUT | MCP SERVER", rows)
			return nil
		}}
	jsonFlag(c, &asJSON)
	return c
}

func (a *app) listIntegrations() *cobra.Command {
	var asJSON bool
	c := &cobra.Command{Use: "list", Aliases: []string{"ls"}, Short: "List what is connected", Args: takes(0, 0),
		RunE: func(c *cobra.Command, _ []string) error {
			cl, err := a.connect(c.Context())
			if err != nil {
				return err
			}
			all, err := cl.Integrations(c.Context())
			if err != nil {
				return err
			}
			if asJSON {
				return printJSON(c, all)
			}
			if len(all) == 0 {
				fmt.Fprintln(c.OutOrStdout(), "No integrations. Connect one: volundr integrations add github")
				return nil
			}
			var rows [][]string
			for _, i := range all {
				on := "on"
				if !i.Enabled {
					on = "off"
				}
				address := i.Config["url"]
				if address == "" {
					address = "-"
				}
				rows = append(rows, []string{i.Slug, i.CredentialName, address, on, i.ID[:min(8, len(i.ID))]})
			}
			table(c, "SERVICE | CREDENTIAL | ADDRESS | STATE | ID", rows)
			return nil
		}}
	jsonFlag(c, &asJSON)
	return c
}

func (a *app) connectService() *cobra.Command {
	var credential string
	var config []string
	c := &cobra.Command{Use: "add SERVICE", Short: "Connect a service with a stored credential, and test it", Args: takes(1, 1),
		Example: "  volundr credentials set github && volundr integrations add github\n" +
			"  volundr integrations add jira --config url=https://acme.atlassian.net --config email=you@acme.io",
		ValidArgsFunction: a.completeServices,
		RunE: func(c *cobra.Command, args []string) error {
			settings, err := pairs("config", config)
			if err != nil {
				return err
			}
			if credential == "" {
				credential = args[0]
			}
			cl, err := a.connect(c.Context())
			if err != nil {
				return err
			}
			made, err := cl.AddIntegration(c.Context(), client.IntegrationSave{Slug: args[0], CredentialName: &credential, Config: &settings})
			if err != nil {
				return err
			}
			fmt.Fprintf(c.OutOrStdout(), "Connected %s.\n", clean(made.Slug))
			if made.HasTools {
				fmt.Fprintf(c.OutOrStdout(), "Give its tools to a session with `--integration %s`.\n", clean(made.Slug))
			}
			return testIntegration(c, cl, made.ID)
		}}
	c.Flags().StringVar(&credential, "credential", "", "stored credential with the key (default: the one called as the service)")
	c.Flags().StringArrayVar(&config, "config", nil, "a setting, as in url=https://git.acme.io (again for more)")
	return c
}

// ofOne is a command about one integration.
func (a *app) ofOne(use, short string, do func(*cobra.Command, *client.Client, client.Integration) error) *cobra.Command {
	return &cobra.Command{Use: use + " SERVICE", Short: short, Args: takes(1, 1), ValidArgsFunction: a.completeConnected,
		RunE: func(c *cobra.Command, args []string) error {
			cl, err := a.connect(c.Context())
			if err != nil {
				return err
			}
			i, err := connected(c.Context(), cl, args[0])
			if err != nil {
				return err
			}
			return do(c, cl, i)
		}}
}

func (a *app) testService() *cobra.Command {
	return a.ofOne("test", "Ask the service whose key it is", func(c *cobra.Command, cl *client.Client, i client.Integration) error {
		return testIntegration(c, cl, i.ID)
	})
}

// testIntegration says what a service says of its key.
func testIntegration(c *cobra.Command, cl *client.Client, id string) error {
	is, err := cl.TestIntegration(c.Context(), id)
	switch {
	case err != nil:
		return err
	case !is.Success:
		return errors.New(clean(client.Deref(is.Error)))
	}
	who := strings.TrimSpace(client.Deref(is.User) + " " + client.Deref(is.Workspace))
	if who != "" {
		who = ": " + who
	}
	fmt.Fprintf(c.OutOrStdout(), "%s takes the key%s.\n", clean(is.Provider), clean(who))
	return nil
}

func (a *app) switchService(use string, on bool) *cobra.Command {
	return a.ofOne(use, "Switch it "+use+" for new starts of sessions", func(c *cobra.Command, cl *client.Client, i client.Integration) error {
		_, err := cl.ChangeIntegration(c.Context(), i.ID, client.IntegrationSave{Enabled: &on})
		if err == nil {
			fmt.Fprintf(c.OutOrStdout(), "%s is %s.\n", clean(i.Slug), use)
		}
		return err
	})
}

func (a *app) disconnectService() *cobra.Command {
	c := a.ofOne("delete", "Disconnect a service; the credential stays", func(c *cobra.Command, cl *client.Client, i client.Integration) error {
		err := cl.DeleteIntegration(c.Context(), i.ID)
		if err == nil {
			fmt.Fprintf(c.OutOrStdout(), "Disconnected %s. The credential %s is still stored.\n", clean(i.Slug), clean(i.CredentialName))
		}
		return err
	})
	c.Aliases = []string{"remove", "rm"}
	return c
}
