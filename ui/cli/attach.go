package cli

import (
	"bytes"
	"errors"
	"fmt"
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
		if _, err := io.Copy(&unasked{to: os.Stdout}, t); err != nil {
			fmt.Fprint(os.Stdout, leaving)
			return err
		}
		if code := t.ExitCode(); code != 0 {
			return exit(code)
		}
		return nil
	})
}

// leaving undoes what the session's tmux set in this terminal (another screen with
// a region that scrolls, keys, mouse, focus, paste, colours), where it did not come
// to do so.
const leaving = "\x1b[r\x1b[?1l\x1b>\x1b[?1000l\x1b[?1002l\x1b[?1003l\x1b[?1004l\x1b[?1006l\x1b[?2004l\x1b[?2031l\x1b[?25h\x1b[m\x1b[?1049l"

// sizeQuery asks a terminal for its size, which the session's tmux does though it
// has been told. tmux 3.2 and 3.3, where attach may run, answer with columns and
// rows exchanged, and it believes that.
var sizeQuery = []byte("\x1b[18t")

// unasked writes all but size queries. It keeps the beginning of what may be one
// until more comes.
type unasked struct {
	to   io.Writer
	kept []byte
}

func (u *unasked) Write(p []byte) (int, error) {
	text := bytes.ReplaceAll(append(u.kept, p...), sizeQuery, nil)
	end := len(text)
	for n := min(len(sizeQuery)-1, end); n > 0; n-- {
		if bytes.HasSuffix(text, sizeQuery[:n]) {
			end -= n
			break
		}
	}
	u.kept = bytes.Clone(text[end:])
	if _, err := u.to.Write(text[:end]); err != nil {
		return 0, err
	}
	return len(p), nil
}
