package cli

import (
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

// exitTimedOut is the exit code of a command that ran out of time, as of
// timeout(1).
const exitTimedOut = 124

func (a *app) sandboxRun() *cobra.Command {
	var in client.SandboxCreate
	var files []string
	var ttl, timeout time.Duration
	var keep, asJSON bool
	c := &cobra.Command{
		Use: "run [COMMAND…]", Short: "Run a command in a new sandbox, or leave one open for exec", Args: takes(0, -1),
		Example: "  volundr sandbox run 'python3 -c \"print(6*7)\"'\n" +
			"  volundr sandbox run --file data.csv -- python3 -c 'import pandas; print(pandas.read_csv(\"data.csv\").describe())'\n" +
			"  id=$(volundr sandbox run --ttl 1h)           # without a command: it stays until its time is over",
		RunE: func(c *cobra.Command, args []string) error {
			cl, err := a.connect(c.Context())
			if err != nil {
				return err
			}
			if in.TTL = int(ttl.Seconds()); in.TTL == 0 && ttl != 0 {
				return errors.New("a sandbox lives for a second at least: say --ttl 1s or more")
			}
			if in.Files, err = stage(c, cl, files); err != nil {
				return err
			}
			defer func() {
				for _, f := range in.Files { // they lie in the workspace now
					_ = cl.DeleteUpload(context.WithoutCancel(c.Context()), f.FileID)
				}
			}()
			s, err := cl.CreateSandbox(c.Context(), in)
			switch {
			case err != nil:
				return err
			case len(args) == 0 && asJSON:
				return printJSON(c, s)
			case len(args) == 0:
				fmt.Fprintln(c.OutOrStdout(), s.ID)
				return nil
			case keep:
				fmt.Fprintln(c.ErrOrStderr(), "Sandbox "+s.ID)
			default:
				defer func() {
					ctx, cancel := context.WithTimeout(context.WithoutCancel(c.Context()), 10*time.Second)
					defer cancel()
					if err := cl.DeleteSandbox(ctx, s.ID); err != nil && !client.NotFound(err) {
						fmt.Fprintf(c.ErrOrStderr(), "Sandbox %s is left, until its time is over: %s\n", s.ID, clean(err.Error()))
					}
				}()
			}
			return command(c, cl, s.ID, args, timeout)
		},
	}
	f := c.Flags()
	f.SetInterspersed(false) // what follows the command is the command's
	f.DurationVar(&ttl, "ttl", 0, "how long it lives at most (default 15m, at most 24h)")
	f.DurationVar(&timeout, "timeout", 0, "how long the command may take (default 30s)")
	f.StringArrayVar(&files, "file", nil, "FILE or FILE:PATH to lay into its workspace (again for more)")
	f.StringVar(&in.Network, "network", "", "none (default), or open where the configuration allows it")
	f.IntVar(&in.MemoryMB, "memory", 0, "memory in MB (default 256)")
	f.IntVar(&in.WorkspaceMB, "workspace", 0, "size of its workspace in MB")
	f.Float64Var(&in.CPUs, "cpus", 0, "how many processors")
	f.BoolVar(&keep, "keep", false, "leave it open after the command")
	jsonFlag(c, &asJSON)
	choices(c, "network", client.SandboxNetworkNone, client.SandboxNetworkOpen)
	return c
}

func (a *app) sandboxExec() *cobra.Command {
	var timeout time.Duration
	c := a.inSandbox("exec SANDBOX COMMAND…", "Run a command in a sandbox", 2, -1, func(c *cobra.Command, cl *client.Client, id string, rest []string) error {
		return command(c, cl, id, rest, timeout)
	})
	c.Flags().SetInterspersed(false)
	c.Flags().DurationVar(&timeout, "timeout", 0, "how long it may take (default 30s)")
	return c
}

// command runs one command as if it ran here: with what is piped into standard
// input, its output, and its exit code. One argument is a line for bash, more
// are a program and its arguments.
func command(c *cobra.Command, cl *client.Client, id string, args []string, timeout time.Duration) error {
	in := client.Bash{Cmd: args[0], TimeoutMS: int(timeout.Milliseconds())}
	if len(args) > 1 {
		in.Cmd = quoted(args)
	}
	in.StdinOpen = piped()
	out := map[string]io.Writer{"stdout": printer(c.OutOrStdout()), "stderr": printer(c.ErrOrStderr())}
	started := func(run string) {
		if in.StdinOpen {
			go feed(c.Context(), cl, id, run, os.Stdin) // blocks in Read until the process ends
		}
	}
	res, err := cl.StreamBash(c.Context(), id, in, started, func(o client.Output) error {
		w, ok := out[o.Stream]
		if !ok {
			return fmt.Errorf("the daemon speaks of a stream %q: is it of another version?", o.Stream)
		}
		_, err := io.WriteString(w, o.Data)
		return err
	})
	switch {
	case err != nil:
		return err
	case res.TimedOut:
		fmt.Fprintf(c.ErrOrStderr(), "volundr: the command ran out of time after %d ms: --timeout gives it more\n", res.DurationMS)
		return exit(exitTimedOut)
	case res.OOMKilled:
		fmt.Fprintln(c.ErrOrStderr(), "volundr: the command ran out of memory: `volundr sandbox run --memory` gives more")
	}
	switch {
	case res.ExitCode == nil:
		return errors.New("the daemon does not know how the command ended")
	case *res.ExitCode != 0:
		return exit(*res.ExitCode)
	}
	return nil
}

// feed sends what comes on standard input, piece by piece, and then its end.
func feed(ctx context.Context, cl *client.Client, id, run string, in io.Reader) {
	piece := make([]byte, 64<<10)
	for {
		n, err := in.Read(piece)
		if n > 0 && cl.WriteRun(ctx, id, run, strings.NewReader(string(piece[:n]))) != nil {
			return // the command takes no more, or has ended
		}
		if err != nil {
			_ = cl.CloseRun(ctx, id, run) // nothing to close after its end
			return
		}
	}
}

// piped reports whether standard input is a pipe or a file.
func piped() bool {
	st, err := os.Stdin.Stat()
	return err == nil && st.Mode()&os.ModeCharDevice == 0
}

// printer leaves control sequences out of what goes to a person's terminal;
// a program that reads gets every byte.
func printer(w io.Writer) io.Writer {
	if f, ok := w.(*os.File); ok && term.IsTerminal(int(f.Fd())) {
		return cleaned{w}
	}
	return w
}

type cleaned struct{ io.Writer }

func (w cleaned) Write(p []byte) (int, error) {
	_, err := io.WriteString(w.Writer, clean(string(p)))
	return len(p), err
}

// quoted is an argv as a line for a shell.
func quoted(args []string) string {
	out := make([]string, len(args))
	for i, a := range args {
		out[i] = "'" + strings.ReplaceAll(a, "'", `'\''`) + "'"
	}
	return strings.Join(out, " ")
}
