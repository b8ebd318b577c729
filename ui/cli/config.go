package cli

import (
	"fmt"

	"github.com/spf13/cobra"

	"volundr/daemon/config"
)

func (a *app) settings() *cobra.Command {
	c := &cobra.Command{Use: "config", Short: "Show and change the settings of this machine's daemon",
		Long: "Show and change the settings of this machine's daemon: the file config.yaml in the configuration directory.\n" +
			"A setting is named by its way in the file, as in sandbox.pool.size. The daemon reads the file when it starts."}
	c.Args, c.RunE = subcommands(c)
	c.AddCommand(a.showConfig(), a.setConfig(), a.validateConfig())
	return c
}

func (a *app) showConfig() *cobra.Command {
	return &cobra.Command{
		Use: "show [SETTING]", Short: "Show what counts: defaults, file and environment together", Args: takes(0, 1),
		RunE: func(c *cobra.Command, args []string) error {
			cfg, err := a.config()
			if err != nil {
				return err
			}
			key := ""
			if len(args) > 0 {
				key = args[0]
			} else {
				fmt.Fprintln(c.OutOrStdout(), "# "+clean(cfg.Paths.Config))
			}
			text, err := cfg.Show(key)
			if err != nil {
				return err
			}
			fmt.Fprint(c.OutOrStdout(), clean(text))
			return nil
		},
	}
}

func (a *app) setConfig() *cobra.Command {
	return &cobra.Command{
		Use: "set SETTING VALUE", Short: "Write a setting into the file, and keep all else in it", Args: takes(2, 2),
		Example: "  volundr config set provisioning.timeout 10m\n  volundr config set local_mounts.allowed_prefixes ~/src,/srv/code",
		RunE: func(c *cobra.Command, args []string) error {
			file, err := config.Set(a.flags, args[0], args[1])
			if err != nil {
				return err
			}
			fmt.Fprintf(c.OutOrStdout(), "Set %s in %s. It counts when the daemon starts: `volundr down` and `volundr up` start it again, sessions run on.\n", args[0], clean(file))
			return nil
		},
	}
}

func (a *app) validateConfig() *cobra.Command {
	return &cobra.Command{
		Use: "validate", Aliases: []string{"lint"}, Short: "Say what is wrong with the file", Args: takes(0, 0),
		RunE: func(c *cobra.Command, _ []string) error {
			file, problems, err := config.Validate(a.flags)
			if err != nil {
				return err
			}
			for _, p := range problems {
				fmt.Fprintln(c.OutOrStdout(), clean(p))
			}
			if len(problems) > 0 {
				return exit(1)
			}
			fmt.Fprintf(c.OutOrStdout(), "Nothing is wrong with %s.\n", clean(file))
			return nil
		},
	}
}
