package cli

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"

	"volundr/ui/desktop"
)

func (a *app) desktop() *cobra.Command {
	c := &cobra.Command{Use: "desktop", Short: "Make Volundr an application of your desktop"}
	c.Args, c.RunE = subcommands(c)
	var noLogin bool
	install := &cobra.Command{
		Use: "install", Short: "Write the application entry, icons, start at login and the volundr:// handler", Args: takes(0, 0),
		Long: "Writes, for you alone: an application entry with icons, the start at login (of the tray; where systemd\n" +
			"runs, of the daemon as a user unit), and a handler of volundr:// addresses, which only opens a page.",
		RunE: func(c *cobra.Command, _ []string) error {
			entry, err := a.entry()
			if err != nil {
				return err
			}
			wrote, err := entry.Install()
			told(c, "Wrote", wrote)
			if err == nil && !noLogin {
				if err = entry.SetAtLogin(true); err == nil {
					fmt.Fprintln(c.OutOrStdout(), "Volundr starts at your next login; `volundr tray` shows it now.")
				}
			}
			return err
		},
	}
	install.Flags().BoolVar(&noLogin, "no-login", false, "do not start at login")
	uninstall := &cobra.Command{
		Use: "uninstall", Short: "Remove what install wrote", Args: takes(0, 0),
		RunE: func(c *cobra.Command, _ []string) error {
			entry, err := a.entry()
			if err != nil {
				return err
			}
			gone, err := entry.Uninstall()
			told(c, "Removed", gone)
			if err == nil && len(gone) == 0 {
				fmt.Fprintln(c.OutOrStdout(), "Nothing was installed.")
			}
			return err
		},
	}
	open := &cobra.Command{
		Use: "open [ADDRESS]", Short: "Open the page of a volundr:// address in the browser", Args: takes(0, 1),
		RunE: func(c *cobra.Command, args []string) error {
			path := "/"
			if len(args) == 1 {
				var err error
				if path, err = desktop.Page(args[0]); err != nil {
					return errors.New(clean(err.Error()))
				}
			}
			cfg, err := a.config()
			if err != nil {
				return err
			}
			st, _, err := running(c.Context(), cfg)
			if err != nil {
				return err
			}
			return browse(st.UIURL + path)
		},
	}
	c.AddCommand(install, uninstall, open)
	return c
}

// entry is how the desktop starts this executable.
func (a *app) entry() (desktop.Entry, error) {
	exe, err := os.Executable()
	if err != nil {
		return desktop.Entry{}, err
	}
	e := desktop.Entry{Exe: exe}
	if a.flags.DataDir != "" {
		dir, err := filepath.Abs(a.flags.DataDir)
		if err != nil {
			return e, err
		}
		e.Args = []string{"--data-dir", dir}
	}
	return e, nil
}

func told(c *cobra.Command, what string, paths []string) {
	for _, p := range paths {
		fmt.Fprintln(c.OutOrStdout(), what, p)
	}
}
