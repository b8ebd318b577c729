package api

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"strconv"

	"github.com/coder/websocket"
	"github.com/labstack/echo/v4"

	"volundr/daemon/terminal"
	"volundr/store"
	"volundr/ui/client"
)

// widest is how many columns and rows a terminal may have.
const widest = 2000

// terminals gives those of the session that the path names, to be used until done
// is called.
func (s *server) terminals(c echo.Context) (t terminal.Terminals, done func(), err error) {
	row, err := s.session(c)
	if err != nil {
		return t, nil, err
	}
	if row.State != store.Running {
		return t, nil, fail(http.StatusConflict, "Session %s is %s, a shell needs it running. Start it with `volundr sessions start %s`.", row.Name, row.State, row.Name)
	}
	rt, ok := s.Runtimes[row.Runtime]
	if !ok {
		return t, nil, fail(http.StatusConflict, "This daemon does not have the runtime %q.", row.Runtime)
	}
	done, err = s.Engine.Use(c.Request().Context(), row.ID)
	return terminal.Of(row.ID, rt.Exec), done, err
}

// tty is how one end of a terminal's socket speaks: Write takes what the terminal
// prints.
type tty interface {
	io.Writer
	// hear gives what a frame of the client says: keys, or a size, or neither.
	hear(kind websocket.MessageType, frame []byte) (keys []byte, size client.Size)
}

// join lets ws type in the terminal of this name until one of them goes, and gives
// its exit code. It reads until ctx ends, which closes ws: cancel is to be called
// when the last was said, and is when the client goes. It leaves when the daemon
// ends, too; what runs in the terminal goes on.
func (s *server) join(ctx context.Context, cancel func(), ws *websocket.Conn, t terminal.Terminals, name string, first client.Size, end tty) (int, error) {
	in, keys := io.Pipe()
	defer in.Close()
	sizes := make(chan [2]uint, 1)
	if first.Cols > 0 && first.Rows > 0 {
		sizes <- [2]uint{min(first.Cols, widest), min(first.Rows, widest)}
	}
	go func() { // ends with ctx: Read does
		defer cancel()
		defer keys.Close()
		for {
			kind, b, err := ws.Read(ctx)
			if err != nil {
				return
			}
			typed, size := end.hear(kind, b)
			if len(typed) > 0 {
				keys.Write(typed) // what is typed after the shell's end is for nobody
			}
			if size.Cols > 0 && size.Rows > 0 {
				select {
				case sizes <- [2]uint{min(size.Cols, widest), min(size.Rows, widest)}:
				case <-ctx.Done():
					return
				}
			}
		}
	}()
	s.Ending.Add(1)
	defer s.Ending.Done()
	here, leave := context.WithCancel(ctx)
	defer leave()
	defer context.AfterFunc(s.Stopping, leave)()
	return t.Join(here, name, in, end, sizes)
}

// broken closes the socket of a terminal that ended before its time.
func (s *server) broken(ws *websocket.Conn, why string) {
	if s.Stopping.Err() != nil {
		ws.Close(websocket.StatusGoingAway, "the daemon ends or restarts; what runs in the terminal goes on: join it again")
		return
	}
	ws.Close(websocket.StatusInternalError, why)
}

// attach joins the caller's own terminal to the session's, as
// ui/client's attach.go says.
func (s *server) attach(c echo.Context) error {
	t, done, err := s.terminals(c)
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
	cols, _ := strconv.ParseUint(c.QueryParam("cols"), 10, 16)
	rows, _ := strconv.ParseUint(c.QueryParam("rows"), 10, 16)
	exit, err := s.join(ctx, cancel, ws, t, terminal.Main, client.Size{Cols: uint(cols), Rows: uint(rows)}, frames{ctx, ws})
	if err != nil {
		s.broken(ws, "the shell could not be started")
		return nil
	}
	last, _ := json.Marshal(client.Exit{Exit: exit})
	ws.Write(ctx, websocket.MessageText, last)
	ws.Close(websocket.StatusNormalClosure, "")
	return nil
}

// frames are attach's: bytes of the terminal are binary, all else is text.
type frames struct {
	ctx context.Context
	ws  *websocket.Conn
}

func (f frames) hear(kind websocket.MessageType, frame []byte) (keys []byte, size client.Size) {
	if kind == websocket.MessageBinary {
		return frame, size
	}
	_ = json.Unmarshal(frame, &size) // what is no size changes none
	return nil, size
}

func (f frames) Write(b []byte) (int, error) {
	if err := f.ws.Write(f.ctx, websocket.MessageBinary, b); err != nil {
		return 0, err
	}
	return len(b), nil
}
