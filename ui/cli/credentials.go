package cli

import (
	"bufio"
	"errors"
	"fmt"
	"net/url"
	"os"
	"strings"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"volundr/ui/client"
)

func (a *app) credentials() *cobra.Command {
	c := &cobra.Command{Use: "credentials", Short: "Keys that the daemon uses for sessions; sessions never see them"}
	c.Args, c.RunE = subcommands(c)
	c.AddCommand(a.setCredential(), a.listCredentials(), a.deleteCredential())
	return c
}

// setCredential takes the value from the terminal without echo or from standard
// input, never from an argument: arguments stand in process lists.
func (a *app) setCredential() *cobra.Command {
	var kind string
	c := &cobra.Command{
		Use: "set NAME", Short: "Store a key; anthropic and openai are those of the models", Args: takes(1, 1),
		Example: "  volundr credentials set anthropic\n  volundr credentials set anthropic --type oauth_token   # a Claude subscription token",
		RunE: func(c *cobra.Command, args []string) error {
			field := map[string]string{"api_key": "api_key", "oauth_token": "access_token"}[kind]
			if field == "" {
				return fmt.Errorf("--type is api_key or oauth_token, not %q", kind)
			}
			cl, err := a.connect(c.Context())
			if err != nil {
				return err
			}
			value, err := secret(c, args[0])
			if err != nil {
				return err
			}
			in := map[string]any{"name": args[0], "secret_type": kind, "data": map[string]string{field: value}}
			if err := cl.Do(c.Context(), "POST", "/credentials", in, nil); err != nil {
				return err
			}
			fmt.Fprintf(c.OutOrStdout(), "Stored %s. Sessions use it from their next request on.\n", args[0])
			return nil
		},
	}
	c.Flags().StringVar(&kind, "type", "api_key", "api_key or oauth_token")
	choices(c, "type", "api_key", "oauth_token")
	return c
}

func secret(c *cobra.Command, name string) (string, error) {
	var value string
	if fd := int(os.Stdin.Fd()); term.IsTerminal(fd) {
		fmt.Fprintf(c.ErrOrStderr(), "Value of %s (not shown): ", name)
		b, err := term.ReadPassword(fd)
		fmt.Fprintln(c.ErrOrStderr())
		if err != nil {
			return "", err
		}
		value = string(b)
	} else {
		value, _ = bufio.NewReader(c.InOrStdin()).ReadString('\n')
	}
	if value = strings.TrimSpace(value); value == "" {
		return "", errors.New("the value is empty, nothing was stored")
	}
	return value, nil
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
				rows = append(rows, []string{k.Name, k.Type, strings.Join(k.Keys, ", ")})
			}
			table(c, "NAME | TYPE | KEYS", rows)
			return nil
		},
	}
	jsonFlag(c, &asJSON)
	return c
}

func (a *app) deleteCredential() *cobra.Command {
	return &cobra.Command{
		Use: "delete NAME", Short: "Forget a credential", Args: takes(1, 1),
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
