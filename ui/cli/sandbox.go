package cli

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"volundr/ui/client"
)

func (a *app) sandbox() *cobra.Command {
	c := &cobra.Command{Use: "sandbox", Aliases: []string{"sandboxes"}, Short: "Run commands in throw-away sandboxes, without network"}
	c.Args, c.RunE = subcommands(c)
	c.AddCommand(a.sandboxRun(), a.sandboxExec(), a.sandboxPut(), a.sandboxGet(), a.sandboxList(), a.sandboxRemove())
	return c
}

// sandboxPrefix begins the name of every sandbox; people may leave it out.
const sandboxPrefix = "code-session-"

// findSandbox takes a sandbox's id or the start of it, with or without its
// prefix.
func findSandbox(ctx context.Context, cl *client.Client, what string) (string, error) {
	hex := strings.TrimPrefix(what, sandboxPrefix)
	if len(hex) == 32 {
		return sandboxPrefix + hex, nil
	}
	all, err := cl.Sandboxes(ctx)
	if err != nil {
		return "", err
	}
	var hits []string
	for _, s := range all {
		if len(hex) >= 4 && strings.HasPrefix(strings.TrimPrefix(s.ID, sandboxPrefix), hex) {
			hits = append(hits, s.ID)
		}
	}
	switch len(hits) {
	case 0:
		return "", fmt.Errorf("no sandbox is called %q: `volundr sandbox ls` shows them", what)
	case 1:
		return hits[0], nil
	}
	return "", fmt.Errorf("%d sandboxes begin with %q, give more of one:\n  %s", len(hits), what, strings.Join(hits, "\n  "))
}

// inSandbox is a command on one sandbox, which is its first argument.
func (a *app) inSandbox(use, short string, least, most int, run func(c *cobra.Command, cl *client.Client, id string, rest []string) error) *cobra.Command {
	return &cobra.Command{
		Use: use, Short: short, Args: takes(least, most), ValidArgsFunction: a.completeSandboxes,
		RunE: func(c *cobra.Command, args []string) error {
			cl, err := a.connect(c.Context())
			if err != nil {
				return err
			}
			id, err := findSandbox(c.Context(), cl, args[0])
			if err != nil {
				return err
			}
			return run(c, cl, id, args[1:])
		},
	}
}

func (a *app) sandboxList() *cobra.Command {
	var asJSON bool
	c := &cobra.Command{
		Use: "ls [SANDBOX [FOLDER]]", Aliases: []string{"list"}, Short: "List sandboxes, or the files in one", Args: takes(0, 2),
		ValidArgsFunction: a.completeSandboxes,
		RunE: func(c *cobra.Command, args []string) error {
			cl, err := a.connect(c.Context())
			if err != nil {
				return err
			}
			if len(args) > 0 {
				return listFiles(c, cl, append(args, "")[:2], asJSON)
			}
			all, err := cl.Sandboxes(c.Context())
			switch {
			case err != nil:
				return err
			case asJSON:
				return printJSON(c, append([]client.Sandbox{}, all...))
			case len(all) == 0:
				fmt.Fprintln(c.OutOrStdout(), "No sandboxes. Run something in one: volundr sandbox run 'echo hello'")
				return nil
			}
			var rows [][]string
			for _, s := range all {
				rows = append(rows, []string{s.ID, s.Network, age(time.Since(s.Created())), age(time.Until(s.Expires()))})
			}
			table(c, "SANDBOX | NETWORK | AGE | ENDS IN", rows)
			return nil
		},
	}
	jsonFlag(c, &asJSON)
	return c
}

func listFiles(c *cobra.Command, cl *client.Client, args []string, asJSON bool) error {
	id, err := findSandbox(c.Context(), cl, args[0])
	if err != nil {
		return err
	}
	files, err := cl.SandboxFiles(c.Context(), id, args[1])
	switch {
	case err != nil:
		return err
	case asJSON:
		return printJSON(c, append([]client.SandboxFile{}, files...))
	}
	var rows [][]string
	for _, f := range files {
		name := f.Path
		if f.Kind == "directory" {
			name += "/"
		}
		rows = append(rows, []string{f.Mode, fmt.Sprint(f.Size), time.UnixMilli(int64(f.Modified * 1000)).Local().Format("2006-01-02 15:04"), name})
	}
	columns(c.OutOrStdout(), rows)
	return nil
}

func (a *app) sandboxRemove() *cobra.Command {
	return a.inSandbox("rm SANDBOX…", "End sandboxes with all that they hold", 1, -1, func(c *cobra.Command, cl *client.Client, id string, rest []string) error {
		errs := []error{cl.DeleteSandbox(c.Context(), id)}
		for _, other := range rest {
			id, err := findSandbox(c.Context(), cl, other)
			if err == nil {
				err = cl.DeleteSandbox(c.Context(), id)
			}
			errs = append(errs, err)
		}
		return errors.Join(errs...)
	})
}
