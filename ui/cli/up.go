package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"github.com/pkg/browser"
	"github.com/spf13/cobra"
	"golang.org/x/term"

	"volundr/daemon/config"
	"volundr/ui/client"
)

func (a *app) up() *cobra.Command {
	var foreground, noOpen, noWait bool
	c := &cobra.Command{
		Use: "up", Short: "Start the daemon and print a login link", Args: takes(0, 0),
		Long: "Finds a Docker engine (on Debian and Ubuntu as root it installs one if none answers), starts the daemon\n" +
			"in the background and prints a one-time login link. Running it again only prints a new link.",
		RunE: func(c *cobra.Command, _ []string) error {
			ctx := c.Context()
			cfg, err := a.config()
			if err != nil {
				return err
			}
			if foreground {
				return a.Serve(ctx, cfg)
			}
			st, cl, err := running(ctx, cfg)
			switch {
			case errors.Is(err, errDown):
				if cl, err = a.launch(ctx, cfg, c.OutOrStdout()); err != nil {
					return err
				}
			case err != nil:
				return err
			case st.Version != a.Version:
				fmt.Fprintf(c.OutOrStdout(), "The daemon that runs is of version %s, and this is %s. To put this one in its place, run `volundr down` and `volundr up`: sessions run on meanwhile.\n\n", clean(st.Version), a.Version)
			}
			link, err := cl.LoginLink(ctx)
			if err != nil {
				return err
			}
			fmt.Fprintf(c.OutOrStdout(), "Open Volundr (the link logs one browser in, once):\n\n  %s\n\n", link)
			if hasDesktop() && !noOpen {
				browser.Stdout = io.Discard
				_ = browser.OpenURL(link) // the link stands above
			}
			if noWait {
				return nil
			}
			return followImage(ctx, cl, c.OutOrStdout())
		},
	}
	f := c.Flags()
	f.BoolVar(&foreground, "foreground", false, "stay in the foreground (for service managers)")
	f.BoolVar(&noOpen, "no-open", false, "do not open a browser")
	f.BoolVar(&noWait, "no-wait", false, "do not show how the session image is made")
	f.StringVar(&a.flags.Listen, "listen", "", "address to serve on (default 127.0.0.1:7420)")
	f.StringVar(&a.flags.Engine, "engine", "", "Docker engine, as in unix:///var/run/docker.sock")
	f.StringVar(&a.flags.CABundle, "ca-bundle", "", "PEM file of certificate authorities for building the session image")
	a.clusterFlags(c)
	return c
}

// clusterFlags say which runtime, and which cluster.
func (a *app) clusterFlags(c *cobra.Command) {
	f := c.Flags()
	f.StringVar(&a.flags.Runtime, "runtime", "", "where new sessions run: docker (default) or kubernetes")
	f.StringVar(&a.flags.Context, "context", "", "context of the kubeconfig whose cluster is used")
	f.StringVar(&a.flags.Namespace, "namespace", "", "namespace of the cluster for sessions")
	choices(c, "runtime", "docker", "kubernetes")
}

// launch starts the daemon in the background and waits until it answers.
func (a *app) launch(ctx context.Context, cfg config.Config, out io.Writer) (*client.Client, error) {
	if err := a.Engine(ctx, cfg, out); err != nil {
		return nil, err
	}
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	if err := os.MkdirAll(filepath.Dir(cfg.Paths.Log), 0o700); err != nil {
		return nil, err
	}
	// What the daemon prints before its own log is open, and panics after it.
	crash, err := os.OpenFile(cfg.Paths.Log+".stderr", os.O_CREATE|os.O_TRUNC|os.O_WRONLY, 0o600)
	if err != nil {
		return nil, err
	}
	defer crash.Close()
	cmd := exec.Command(self, a.args()...)
	cmd.Stdout, cmd.Stderr = crash, crash
	cmd.SysProcAttr = detached() // it outlives this terminal
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()
	deadline := time.After(20 * time.Second)
	for {
		select {
		case <-ended:
			said, _ := os.ReadFile(crash.Name())
			text := strings.TrimPrefix(strings.TrimSpace(string(said)), "volundr: ")
			if text == "" {
				text = "see `volundr logs`"
			}
			return nil, fmt.Errorf("the daemon did not start: %s", text)
		case <-deadline:
			return nil, errors.New("the daemon did not answer within 20 s: see `volundr logs`")
		case <-ctx.Done():
			return nil, ctx.Err()
		case <-time.After(20 * time.Millisecond):
		}
		if _, cl, err := running(ctx, cfg); err == nil {
			return cl, nil
		}
	}
}

// args are the flags of `up` as the background process gets them.
func (a *app) args() []string {
	args := []string{"up", "--foreground"}
	for flag, value := range map[string]string{"--data-dir": a.flags.DataDir, "--listen": a.flags.Listen,
		"--engine": a.flags.Engine, "--ca-bundle": a.flags.CABundle,
		"--runtime": a.flags.Runtime, "--context": a.flags.Context, "--namespace": a.flags.Namespace} {
		if value != "" {
			args = append(args, flag, value)
		}
	}
	return args
}

// hasDesktop reports whether a browser could be opened for the user.
func hasDesktop() bool {
	if os.Getenv("SSH_CONNECTION") != "" || !term.IsTerminal(int(os.Stdout.Fd())) {
		return false
	}
	return isMac || isWindows || os.Getenv("DISPLAY") != "" || os.Getenv("WAYLAND_DISPLAY") != ""
}

// followImage shows how the daemon makes the session image. Leaving it (Ctrl-C)
// changes nothing: the daemon goes on.
func followImage(ctx context.Context, cl *client.Client, out io.Writer) error {
	said := ""
	for {
		st, err := cl.Status(ctx)
		if err != nil {
			return err
		}
		switch st.Image.State {
		case "ready":
			if said != "" {
				fmt.Fprintln(out, "The session image is ready.")
			}
			return nil
		case "failed":
			if said == "" { // from an earlier run: try again
				said = "trying again"
				if err := cl.Do(ctx, "POST", "/image", nil, nil); err != nil {
					return err
				}
				continue
			}
			for _, l := range st.Image.Lines {
				fmt.Fprintln(out, "  "+clean(l))
			}
			return fmt.Errorf("%s (mend it and run `volundr up` to try again)", strings.TrimRight(st.Image.Error, "."))
		case "building":
			if said == "" {
				fmt.Fprintln(out, "The session image is made now, once; sessions wait for it (Ctrl-C leaves, the daemon goes on).")
			}
			if st.Image.Text != said {
				said = st.Image.Text
				fmt.Fprintln(out, "  "+clean(said))
			}
		}
		select {
		case <-time.After(300 * time.Millisecond):
		case <-ctx.Done():
			return nil
		}
	}
}
