package cli

import (
	"fmt"
	"os"
	"regexp"
	"slices"

	"github.com/spf13/cobra"
)

func (a *app) contexts() *cobra.Command {
	c := &cobra.Command{Use: "context", Aliases: []string{"contexts"}, Short: "Choose which daemon commands speak to",
		Long: "Choose which daemon commands speak to: that of this machine, called local, or another one.\n" +
			"--server and --token say so for a single command."}
	c.Args, c.RunE = subcommands(c)
	c.AddCommand(a.addContext(), a.useContext(), a.listContexts(), a.removeContext())
	return c
}

var contextName = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._-]{0,62}$`)

func (a *app) addContext() *cobra.Command {
	var unchecked bool
	c := &cobra.Command{
		Use: "add NAME", Short: "Keep a server and its token under a name", Args: takes(1, 1),
		Long: "Keep a server and its token under a name. The token is taken from --token, from VOLUNDR_TOKEN, or asked for\n" +
			"(made there in the settings, or by `volundr tokens create`). A daemon without a public address listens on its own\n" +
			"machine only: reach it over ssh, with the same port on both sides; then the file `token` of its data directory does too.",
		Example: "  volundr context add work --server https://volundr.example.com --token volundr_…\n  ssh -N -L 7500:127.0.0.1:7500 build-host &      # there: listen: 127.0.0.1:7500\n  volundr context add build --server http://127.0.0.1:7500",
		RunE: func(c *cobra.Command, args []string) error {
			cfg, err := a.config()
			if err != nil {
				return err
			}
			s := server{Name: args[0], Token: a.token}
			if s.Name == here || !contextName.MatchString(s.Name) {
				return fmt.Errorf("a context is not called %q: take letters, digits, dots, - and _, and not %s, which is this machine", s.Name, here)
			}
			if a.server == "" {
				return fmt.Errorf("name the server: `volundr context add %s --server https://host:port`", s.Name)
			}
			if s.URL, err = checkServer(a.server); err != nil {
				return err
			}
			if s.Token == "" {
				s.Token = os.Getenv("VOLUNDR_TOKEN")
			}
			if s.Token == "" {
				if s.Token, err = secret(c, "the token of "+s.URL); err != nil {
					return err
				}
			}
			if !unchecked {
				if _, _, err := s.status(c.Context()); err != nil {
					return err
				}
			}
			all, err := readServers(cfg)
			if err != nil {
				return err
			}
			all.Contexts = append(slices.DeleteFunc(all.Contexts, func(o server) bool { return o.Name == s.Name }), s)
			if err := all.write(cfg); err != nil {
				return err
			}
			fmt.Fprintf(c.OutOrStdout(), "Kept %s, %s. `volundr context use %s` makes commands speak to it.\n", s.Name, s.URL, s.Name)
			return nil
		},
	}
	c.Flags().BoolVar(&unchecked, "unchecked", false, "keep it without asking the server")
	return c
}

func (a *app) useContext() *cobra.Command {
	return &cobra.Command{
		Use: "use NAME", Short: "Make commands speak to a server (local: this machine's)", Args: takes(1, 1),
		ValidArgsFunction: a.completeContexts,
		RunE: func(c *cobra.Command, args []string) error {
			cfg, err := a.config()
			if err != nil {
				return err
			}
			all, err := readServers(cfg)
			if err != nil {
				return err
			}
			all.Current = args[0]
			where := "this machine's daemon"
			if args[0] == here {
				all.Current = ""
			} else if s, ok := all.find(args[0]); ok {
				where = s.URL
			} else {
				return noContext(args[0])
			}
			if err := all.write(cfg); err != nil {
				return err
			}
			fmt.Fprintf(c.OutOrStdout(), "Commands speak to %s now, %s.\n", args[0], where)
			return nil
		},
	}
}

func noContext(name string) error {
	return fmt.Errorf("there is no context %q: `volundr context list` shows them, `volundr context add` keeps one", name)
}

func (a *app) listContexts() *cobra.Command {
	var asJSON bool
	c := &cobra.Command{
		Use: "list", Aliases: []string{"ls"}, Short: "List servers, never tokens", Args: takes(0, 0),
		RunE: func(c *cobra.Command, _ []string) error {
			cfg, err := a.config()
			if err != nil {
				return err
			}
			all, err := readServers(cfg)
			if err != nil {
				return err
			}
			type line struct {
				Name    string `json:"name"`
				Server  string `json:"server"` // empty: this machine's
				Current bool   `json:"current"`
			}
			list := []line{{here, "", all.Current == ""}}
			for _, s := range all.Contexts {
				list = append(list, line{s.Name, s.URL, s.Name == all.Current})
			}
			if asJSON {
				return printJSON(c, list)
			}
			var rows [][]string
			for _, l := range list {
				mark, where := "", l.Server
				if l.Current {
					mark = "in use"
				}
				if where == "" {
					where = "this machine"
				}
				rows = append(rows, []string{l.Name, where, mark})
			}
			table(c, "NAME | SERVER | ", rows)
			return nil
		},
	}
	jsonFlag(c, &asJSON)
	return c
}

func (a *app) removeContext() *cobra.Command {
	return &cobra.Command{
		Use: "remove NAME", Aliases: []string{"rm"}, Short: "Forget a server and its token", Args: takes(1, 1),
		ValidArgsFunction: a.completeContexts,
		RunE: func(c *cobra.Command, args []string) error {
			cfg, err := a.config()
			if err != nil {
				return err
			}
			all, err := readServers(cfg)
			if err != nil {
				return err
			}
			if _, ok := all.find(args[0]); !ok {
				return noContext(args[0])
			}
			all.Contexts = slices.DeleteFunc(all.Contexts, func(o server) bool { return o.Name == args[0] })
			after := ""
			if all.Current == args[0] {
				all.Current, after = "", " Commands speak to this machine's daemon again."
			}
			if err := all.write(cfg); err != nil {
				return err
			}
			fmt.Fprintf(c.OutOrStdout(), "Forgot %s.%s\n", args[0], after)
			return nil
		},
	}
}

func (a *app) completeContexts(_ *cobra.Command, args []string, _ string) ([]cobra.Completion, cobra.ShellCompDirective) {
	cfg, err := a.config()
	if err != nil || len(args) > 0 {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	all, err := readServers(cfg)
	if err != nil {
		return nil, cobra.ShellCompDirectiveError
	}
	out := []cobra.Completion{cobra.CompletionWithDesc(here, "this machine")}
	for _, s := range all.Contexts {
		out = append(out, cobra.CompletionWithDesc(s.Name, s.URL))
	}
	return out, cobra.ShellCompDirectiveNoFileComp
}
