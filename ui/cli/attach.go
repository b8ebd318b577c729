package cli

import (
	"errors"
	"io"
	"os"
	"os/signal"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"volundr/ui/client"
)

// attach joins this terminal to the session's shell, unfiltered: it is the one
// place where a session may drive the terminal.
func (a *app) attach() *cobra.Command {
	return a.named("attach SESSION", "Open a shell in the session, in this terminal", 1, func(c *cobra.Command, cl *client.Client, s client.Session, _ []string) error {
		fd := int(os.Stdin.Fd())
		if !term.IsTerminal(fd) {
			return errors.New("attach needs a terminal to join: `volundr sessions chat` is for scripts")
		}
		size := client.Size{Cols: 80, Rows: 24}
		if w, h, err := term.GetSize(fd); err == nil {
			size = client.Size{Cols: uint(w), Rows: uint(h)}
		}
		t, err := cl.Attach(c.Context(), s.ID, size)
		if err != nil {
			return err
		}
		defer t.Close()
		old, err := term.MakeRaw(fd)
		if err != nil {
			return err
		}
		defer term.Restore(fd, old)
		resized := make(chan os.Signal, 1)
		notifyResize(resized)
		defer signal.Stop(resized)
		go func() { // ends with the process: attach is its last act
			for range resized {
				if w, h, err := term.GetSize(fd); err == nil {
					t.Resize(client.Size{Cols: uint(w), Rows: uint(h)})
				}
			}
		}()
		go io.Copy(t, os.Stdin) // blocks in Read until the process ends
		if _, err := io.Copy(os.Stdout, t); err != nil {
			return err
		}
		if code := t.ExitCode(); code != 0 {
			return exit(code)
		}
		return nil
	})
}
