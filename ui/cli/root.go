// Package cli is the command tree. Everything but the daemon's own life goes
// through ui/client, as any other program would.
package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/signal"
	"strings"
	"syscall"

	"github.com/spf13/cobra"

	"volundr/daemon/config"
	"volundr/ui/client"
)

// Daemon is what main.go knows of the daemon.
type Daemon struct {
	Version string
	// Serve runs the daemon until ctx ends.
	Serve func(ctx context.Context, cfg config.Config) error
	// Engine finds a container engine, or installs and starts one where it may,
	// and says on out what it does.
	Engine func(ctx context.Context, cfg config.Config, out io.Writer) error
	// Image makes an image ("session", "sandbox" or "daemon") without a daemon,
	// and gives it to a registry as push unless that is empty.
	Image func(ctx context.Context, cfg config.Config, kind, push string, out io.Writer) error
	// Lint says what is wrong with the files of the configuration directory that
	// sessions are begun from, and how many there are.
	Lint func(cfg config.Config) (files int, problems []string, err error)
	// Session reads a session from its YAML: the body of POST /sessions, or what
	// is wrong with it, each as ":line: …".
	Session func(text []byte) (raw []byte, problems []string, err error)
	// Doctor looks at what the daemon would stand on.
	Doctor func(ctx context.Context, cfg config.Config) []client.Finding
	// Backups keep the data directory in a file.
	Backups Backups
	// Tray shows the tray until ctx ends or the person quits.
	Tray func(ctx context.Context, d Desk, l Launch) error
}

// exit is an exit code without a message of its own.
type exit int

func (e exit) Error() string { return fmt.Sprintf("exit code %d", int(e)) }

// Main runs one command and returns its exit code. Errors are one sentence on
// standard error.
func Main(args []string, d Daemon) int {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	a, root := tree(d)
	root.SetArgs(args)
	err := a.explain(root.ExecuteContext(ctx))
	var code exit
	switch {
	case err == nil:
		return 0
	case errors.As(err, &code):
		return int(code)
	case errors.Is(err, context.Canceled) && ctx.Err() != nil:
		return 130
	}
	fmt.Fprintln(root.ErrOrStderr(), "volundr: "+clean(err.Error()))
	return 1
}

// app is what commands share: the flags that all take, and the way to the
// daemon.
type app struct {
	Daemon
	flags config.Flags
	// server and token are those of another daemon; empty: see target.
	server, token string
	tenant        string // whose users and records are meant; empty: one's own
	met           string // version of the daemon that was spoken to; empty: none was
}

// explain says what is wrong where a daemon of another version does not know
// what was asked of it.
func (a *app) explain(err error) error {
	var no *client.Error
	if !errors.As(err, &no) || no.Status != http.StatusNotFound || no.Detail != http.StatusText(http.StatusNotFound) || a.met == "" || a.met == a.Version {
		return err
	}
	return fmt.Errorf("the daemon is of version %s and does not know what this volundr (%s) asks of it: use the volundr of its version, or put this one in its place by `volundr down` and `volundr up` on its machine (sessions run on meanwhile)", a.met, a.Version)
}

// New builds the command tree.
func New(d Daemon) *cobra.Command {
	_, root := tree(d)
	return root
}

func tree(d Daemon) (*app, *cobra.Command) {
	a := &app{Daemon: d}
	root := &cobra.Command{
		Use:           "volundr",
		Short:         "Coding agents in isolated sessions, on your own machine",
		Long:          "Volundr runs coding agents in isolated sessions, each with a workspace, VS Code and a terminal.\n\nStart with `volundr up`.",
		SilenceUsage:  true,
		SilenceErrors: true,
		Version:       d.Version,
	}
	root.SetVersionTemplate("volundr {{.Version}}\n")
	root.Args, root.RunE = subcommands(root)
	// A command of commands can be run, but only to show what follows anyway.
	root.SetUsageTemplate(strings.Replace(root.UsageTemplate(), "{{if .Runnable}}", "{{if and .Runnable (not .HasAvailableSubCommands)}}", 1))
	root.SetFlagErrorFunc(func(c *cobra.Command, err error) error {
		return fmt.Errorf("%w: `%s --help` shows what there is", err, c.CommandPath())
	})
	root.PersistentFlags().StringVar(&a.flags.DataDir, "data-dir", "", "folder for all state (a second daemon can run beside the first)")
	root.PersistentFlags().StringVar(&a.server, "server", "", "daemon to speak to, as in https://host:port (see volundr context)")
	root.PersistentFlags().StringVar(&a.token, "token", "", "its token (better: VOLUNDR_TOKEN, which stands in no process list)")
	root.PersistentPreRunE = a.onlyHere
	root.AddGroup(&cobra.Group{ID: "daemon", Title: "The daemon:"}, &cobra.Group{ID: "work", Title: "Your work:"}, &cobra.Group{ID: "more", Title: "More:"})
	up, down, logs, image, settings, backup, tray, desktop := a.up(), a.down(), a.daemonLogs(), a.image(), a.settings(), a.backup(), a.tray(), a.desktop()
	ours(up, down, logs, image, settings, backup, tray, desktop)
	for _, c := range []*cobra.Command{up, down, a.status(), a.open(), logs, a.doctor(), image, settings, a.contexts(), a.users(), a.tenants(), a.audit(), backup, tray, desktop} {
		c.GroupID = "daemon"
		root.AddCommand(c)
	}
	for _, c := range []*cobra.Command{a.sessions(), a.templates(), a.presets(), a.prompts(), a.inbox(), a.chronicles(), a.sandbox(), a.credentials(), a.integrations(), a.tokens(), a.logins(), a.trusts()} {
		c.GroupID = "work"
		root.AddCommand(c)
	}
	version := a.version()
	version.GroupID = "more"
	root.AddCommand(version)
	root.SetHelpCommandGroupID("more")
	root.SetCompletionCommandGroupID("more")
	return a, root
}

func (a *app) version() *cobra.Command {
	var asJSON bool
	c := &cobra.Command{
		Use: "version", Short: "Print the version", Args: takes(0, 0),
		RunE: func(c *cobra.Command, _ []string) error {
			if asJSON {
				return printJSON(c, map[string]string{"version": a.Version})
			}
			fmt.Fprintln(c.OutOrStdout(), "volundr "+a.Version)
			return nil
		},
	}
	jsonFlag(c, &asJSON)
	return c
}

func jsonFlag(c *cobra.Command, into *bool) { c.Flags().BoolVar(into, "json", false, "print JSON") }
