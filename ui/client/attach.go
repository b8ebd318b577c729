package client

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/url"
	"strconv"

	"github.com/coder/websocket"
	"github.com/coder/websocket/wsjson"
)

// AttachProtocol is the subprotocol of a session's shell at
// /api/v1/volundr/sessions/{id}/attach?cols=&rows=: binary frames are the bytes
// of the terminal, text frames are a Size from the client and an Exit from the
// server, which then closes.
const AttachProtocol = "volundr.tty.v1"

// Size of a terminal.
type Size struct {
	Cols uint `json:"cols"`
	Rows uint `json:"rows"`
}

// Exit ends an attached shell.
type Exit struct {
	Exit int `json:"exit"`
}

// Terminal is an attached shell: Read gives its output and io.EOF at its end,
// Write is what is typed.
type Terminal struct {
	ctx  context.Context
	conn *websocket.Conn
	rest []byte
	exit int
}

// Attach opens a shell in the session. ctx bounds its whole life.
func (c *Client) Attach(ctx context.Context, id string, size Size) (*Terminal, error) {
	q := url.Values{"cols": {strconv.Itoa(int(size.Cols))}, "rows": {strconv.Itoa(int(size.Rows))}}
	conn, err := c.dial(ctx, Base+"/sessions/"+url.PathEscape(id)+"/attach?"+q.Encode(), AttachProtocol)
	if err != nil {
		return nil, err
	}
	conn.SetReadLimit(1 << 20)
	return &Terminal{ctx: ctx, conn: conn}, nil
}

// Read reads the terminal's output.
func (t *Terminal) Read(p []byte) (int, error) {
	for len(t.rest) == 0 {
		kind, b, err := t.conn.Read(t.ctx)
		var closed websocket.CloseError
		switch {
		case errors.As(err, &closed) && closed.Code == websocket.StatusNormalClosure:
			return 0, io.EOF
		case err != nil:
			return 0, told(err)
		case kind == websocket.MessageBinary:
			t.rest = b
		default:
			var e Exit
			if json.Unmarshal(b, &e) == nil {
				t.exit = e.Exit
			}
		}
	}
	n := copy(p, t.rest)
	t.rest = t.rest[n:]
	return n, nil
}

// Write types.
func (t *Terminal) Write(p []byte) (int, error) {
	return len(p), t.conn.Write(t.ctx, websocket.MessageBinary, p)
}

// Resize tells the shell the terminal's new size.
func (t *Terminal) Resize(s Size) error { return wsjson.Write(t.ctx, t.conn, s) }

// ExitCode is the shell's, valid after Read gave io.EOF.
func (t *Terminal) ExitCode() int { return t.exit }

// Close detaches; what runs in the shell's tmux goes on.
func (t *Terminal) Close() error { return t.conn.Close(websocket.StatusNormalClosure, "") }
