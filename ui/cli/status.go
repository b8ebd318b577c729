package cli

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"volundr/ui/client"
)

func (a *app) status() *cobra.Command {
	var asJSON bool
	c := &cobra.Command{
		Use: "status", Short: "Show the daemon", Args: takes(0, 0),
		RunE: func(c *cobra.Command, _ []string) error {
			st, cl, err := a.reach(c.Context())
			if err != nil {
				return err
			}
			if asJSON {
				return printJSON(c, st)
			}
			stats, err := cl.Stats(c.Context())
			if err != nil {
				return err
			}
			w := c.OutOrStdout()
			fmt.Fprintf(w, "Volundr %s runs (process %d, %s).\n", st.Version, st.PID, st.Runtime)
			if st.PublicURL != "" {
				fmt.Fprintf(w, "  public    %s\n", clean(st.PublicURL))
			}
			fmt.Fprintf(w, "  browser   %s (log in with `volundr open`)\n  programs  %s\n", st.UIURL, st.URL)
			fmt.Fprintf(w, "  sessions  %d running of %d\n", stats.ActiveSessions, stats.TotalSessions)
			image := map[string]string{"ready": "ready", "building": "being made: " + st.Image.Text, "failed": "failed: " + st.Image.Error}[st.Image.State]
			if image == "" {
				image = "not looked at yet"
			}
			fmt.Fprintf(w, "  image     %s\n", clean(image))
			if st.Image.State == "failed" {
				for _, l := range st.Image.Lines {
					fmt.Fprintln(w, "            "+clean(l))
				}
				fmt.Fprintln(w, "            Mend it and run `volundr up` to try again.")
			}
			tellSandboxes(w, st.Sandbox)
			for _, t := range st.Trouble {
				fmt.Fprintf(w, "  trouble   %s What is known of its sessions was seen last before that.\n            %s\n", clean(t.Title), clean(t.Detail))
			}
			return nil
		},
	}
	jsonFlag(c, &asJSON)
	return c
}

// tellSandboxes says where the sandbox API has an address of its own, in red
// where everybody may use it.
func tellSandboxes(w io.Writer, st *client.SandboxStatus) {
	if st == nil || st.URL == "" {
		return
	}
	line := st.URL + " (asks for the token)"
	if st.Auth == "none" {
		line = st.URL + " (ASKS FOR NO TOKEN: every program on this machine may use sandboxes)"
		if f, ok := w.(*os.File); ok && term.IsTerminal(int(f.Fd())) {
			line = "\x1b[31m" + line + "\x1b[0m"
		}
	}
	fmt.Fprintf(w, "  sandboxes %s\n", line)
}

func (a *app) down() *cobra.Command {
	return &cobra.Command{
		Use: "down", Short: "End the daemon; sessions run on", Args: takes(0, 0),
		Long: "Ends the daemon. Sessions run on and their agents work on; `volundr up` finds them again.",
		RunE: func(c *cobra.Command, _ []string) error {
			cfg, err := a.config()
			if err != nil {
				return err
			}
			st, cl, err := running(c.Context(), cfg)
			if errors.Is(err, errDown) {
				fmt.Fprintln(c.OutOrStdout(), "No daemon is running.")
				return nil
			}
			if err != nil {
				return err
			}
			stats, _ := cl.Stats(c.Context())
			if err := cl.Do(c.Context(), "POST", "/shutdown", nil, nil); err != nil {
				return err
			}
			ctx, cancel := context.WithTimeout(c.Context(), 20*time.Second)
			defer cancel()
			if err := gone(ctx, st); err != nil {
				return err
			}
			fmt.Fprintln(c.OutOrStdout(), "The daemon has ended.")
			if n := stats.ActiveSessions; n == 1 {
				fmt.Fprintln(c.OutOrStdout(), "1 session runs on.")
			} else if n > 1 {
				fmt.Fprintf(c.OutOrStdout(), "%d sessions run on.\n", n)
			}
			return nil
		},
	}
}

func (a *app) open() *cobra.Command {
	var only bool
	c := &cobra.Command{
		Use: "open", Short: "Log a browser in", Args: takes(0, 0),
		RunE: func(c *cobra.Command, _ []string) error {
			cl, err := a.connect(c.Context())
			if err != nil {
				return err
			}
			link, err := cl.LoginLink(c.Context())
			if err != nil {
				return err
			}
			fmt.Fprintln(c.OutOrStdout(), link)
			if hasDesktop() && !only {
				return browse(link)
			}
			return nil
		},
	}
	c.Flags().BoolVar(&only, "print", false, "only print the link")
	return c
}

// daemonLogs prints the daemon's own log; it needs no daemon.
func (a *app) daemonLogs() *cobra.Command {
	var lines int
	c := &cobra.Command{
		Use: "logs", Short: "Show the daemon's log", Args: takes(0, 0),
		RunE: func(c *cobra.Command, _ []string) error {
			cfg, err := a.config()
			if err != nil {
				return err
			}
			for _, path := range []string{cfg.Paths.Log, cfg.Paths.Log + ".stderr"} {
				if err := tail(c.OutOrStdout(), path, lines); err != nil && !errors.Is(err, os.ErrNotExist) {
					return err
				}
			}
			return nil
		},
	}
	c.Flags().IntVarP(&lines, "lines", "n", 200, "how many of the last lines")
	return c
}

func tail(w io.Writer, path string, n int) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	var last []string
	sc := bufio.NewScanner(f)
	sc.Buffer(make([]byte, 64<<10), 4<<20)
	for sc.Scan() {
		if last = append(last, sc.Text()); len(last) > n {
			last = last[1:]
		}
	}
	for _, l := range last {
		fmt.Fprintln(w, clean(l))
	}
	return sc.Err()
}

func (a *app) doctor() *cobra.Command {
	var asJSON bool
	c := &cobra.Command{
		Use: "doctor", Short: "Say what Volundr stands on, and what is missing", Args: takes(0, 0),
		RunE: func(c *cobra.Command, _ []string) error {
			cfg, err := a.config()
			if err != nil {
				return err
			}
			if a.flags.Runtime != "" || a.flags.Context != "" || a.flags.Namespace != "" { // the daemon may use another
				return tellFindings(c, a.Doctor(c.Context(), cfg), asJSON)
			}
			found := []client.Finding{{Name: "Daemon", Status: "warning", Detail: "not running", Advice: "Start it with `volundr up`."}}
			st, cl, err := a.reach(c.Context())
			if err != nil && !errors.Is(err, errDown) {
				return err
			}
			if err == nil {
				found[0] = client.Finding{Name: "Daemon", Status: "ok", Detail: fmt.Sprintf("version %s, process %d, %s", st.Version, st.PID, st.UIURL)}
				more, err := cl.Doctor(c.Context())
				if err != nil {
					return err
				}
				found = append(found, more...)
			} else {
				found = append(found, a.Doctor(c.Context(), cfg)...)
			}
			return tellFindings(c, found, asJSON)
		},
	}
	f := c.Flags()
	f.StringVar(&a.flags.Engine, "engine", "", "Docker engine to look at")
	a.clusterFlags(c)
	jsonFlag(c, &asJSON)
	return c
}

// tellFindings prints them; with an error among them the exit code is 1.
func tellFindings(c *cobra.Command, found []client.Finding, asJSON bool) error {
	if asJSON {
		return printJSON(c, found)
	}
	bad := false
	for _, f := range found {
		fmt.Fprintf(c.OutOrStdout(), "%-8s %s: %s\n", f.Status, f.Name, clean(f.Detail))
		if f.Advice != "" {
			fmt.Fprintln(c.OutOrStdout(), strings.Repeat(" ", 9)+clean(f.Advice))
		}
		bad = bad || f.Status == "error"
	}
	if bad {
		return exit(1)
	}
	return nil
}

func (a *app) image() *cobra.Command {
	c := &cobra.Command{Use: "image", Short: "The images of sessions and sandboxes, and of a daemon in a cluster"}
	c.Args, c.RunE = subcommands(c)
	var sandbox, daemon bool
	kind := func() string {
		switch {
		case sandbox:
			return "sandbox"
		case daemon:
			return "daemon"
		}
		return "session"
	}
	build := &cobra.Command{
		Use: "build", Short: "Make the session image now (the daemon does it by itself)", Args: takes(0, 0),
		RunE: func(c *cobra.Command, _ []string) error {
			cfg, err := a.config()
			if err != nil {
				return err
			}
			if err := a.Engine(c.Context(), cfg, c.OutOrStdout()); err != nil {
				return err
			}
			return a.Image(c.Context(), cfg, kind(), "", c.OutOrStdout())
		},
	}
	build.Flags().StringVar(&a.flags.Engine, "engine", "", "Docker engine to build with")
	build.Flags().StringVar(&a.flags.CABundle, "ca-bundle", "", "PEM file of certificate authorities for the build")
	build.Flags().BoolVar(&sandbox, "sandbox", false, "make the image of sandboxes instead (the daemon does it when the first is asked for)")
	build.Flags().BoolVar(&daemon, "daemon", false, "make the image of the daemon itself instead, to run it in a cluster")
	push := &cobra.Command{
		Use: "push NAME", Short: "Give the session image to a registry that a cluster can pull from", Args: takes(1, 1),
		Long: "Makes the session image where it is missing, and pushes it as NAME with the login that `docker login` has left.\n" +
			"Without a tag it gets one of its own, which changes with what is in it.",
		Example: "  volundr image push registry.example.com/team/volundr-session\n  volundr image push --daemon registry.example.com/team/volundr",
		RunE: func(c *cobra.Command, args []string) error {
			cfg, err := a.config()
			if err != nil {
				return err
			}
			return a.Image(c.Context(), cfg, kind(), args[0], c.OutOrStdout())
		},
	}
	push.Flags().StringVar(&a.flags.Engine, "engine", "", "Docker engine that has it")
	push.Flags().BoolVar(&sandbox, "sandbox", false, "push the image of sandboxes instead")
	push.Flags().BoolVar(&daemon, "daemon", false, "push the image of the daemon itself instead, to run it in a cluster")
	for _, one := range []*cobra.Command{build, push} {
		one.MarkFlagsMutuallyExclusive("sandbox", "daemon")
	}
	c.AddCommand(build, push)
	return c
}
