package api

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"strconv"

	"github.com/coder/websocket"
	"github.com/labstack/echo/v4"

	"volundr/runtime"
	"volundr/store"
	"volundr/ui/client"
)

// shell is what attach runs: the same tmux session that the terminal tab shows.
var shell = []string{"tmux", "new-session", "-A", "-s", "main"}

// attach joins the caller's own terminal to the session's, as
// ui/client's attach.go says.
func (s *server) attach(c echo.Context) error {
	row, err := s.session(c)
	if err != nil {
		return err
	}
	if row.State != store.Running {
		return fail(http.StatusConflict, "Session %s is %s, a shell needs it running. Start it with `volundr sessions start %s`.", row.Name, row.State, row.Name)
	}
	rt, ok := s.Runtimes[row.Runtime]
	if !ok {
		return fail(http.StatusConflict, "This daemon does not have the runtime %q.", row.Runtime)
	}
	done, err := s.Engine.Use(c.Request().Context(), row.ID)
	if err != nil {
		return err
	}
	defer done()
	ws, err := websocket.Accept(c.Response(), c.Request(), &websocket.AcceptOptions{
		Subprotocols: []string{client.AttachProtocol}, InsecureSkipVerify: true})
	if err != nil {
		return nil
	}
	defer ws.CloseNow()
	ctx, cancel := context.WithCancel(c.Request().Context())
	defer cancel()

	in, keys := io.Pipe()
	sizes := make(chan [2]uint, 1)
	cols, _ := strconv.ParseUint(c.QueryParam("cols"), 10, 16)
	rows, _ := strconv.ParseUint(c.QueryParam("rows"), 10, 16)
	if cols > 0 && rows > 0 {
		sizes <- [2]uint{uint(cols), uint(rows)}
	}
	go func() { // ends with ctx: Read does
		defer cancel()
		defer keys.Close()
		for {
			kind, b, err := ws.Read(ctx)
			if err != nil {
				return
			}
			if kind == websocket.MessageBinary {
				keys.Write(b) // what is typed after the shell's end is for nobody
				continue
			}
			var size client.Size
			if json.Unmarshal(b, &size) == nil && size.Cols > 0 && size.Rows > 0 {
				select {
				case sizes <- [2]uint{size.Cols, size.Rows}:
				case <-ctx.Done():
					return
				}
			}
		}
	}()
	exit, err := rt.Exec(ctx, row.ID, runtime.ExecOptions{
		Part: runtime.PartTerminal, Command: shell, Dir: runtime.PathWorkspace,
		Env:   []string{"TERM=xterm-256color"},
		Stdin: in, Stdout: frames{ctx, ws}, TTY: true, Resize: sizes,
	})
	in.Close()
	if err != nil {
		ws.Close(websocket.StatusInternalError, "the shell could not be started")
		return nil
	}
	last, _ := json.Marshal(client.Exit{Exit: exit})
	ws.Write(ctx, websocket.MessageText, last)
	ws.Close(websocket.StatusNormalClosure, "")
	return nil
}

// frames writes what the terminal prints as binary frames.
type frames struct {
	ctx context.Context
	ws  *websocket.Conn
}

func (f frames) Write(b []byte) (int, error) {
	if err := f.ws.Write(f.ctx, websocket.MessageBinary, b); err != nil {
		return 0, err
	}
	return len(b), nil
}
