package client

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/url"
	"strings"
	"syscall"

	"github.com/coder/websocket"
	"github.com/coder/websocket/wsjson"
)

// ChatProtocol is the WebSocket subprotocol of the chat at /s/{id}/session:
// JSON text frames.
//
// The client's first frame is hello with the number of the last entry that it
// has (0: none; the server then begins with the last 500, and before them with
// the older ones that still hold: mode, model, commands, …). The server sends the
// entries that follow, then caught_up, then entries as they come. A new
// connection goes on from the last number; nothing is lost or repeated. Older
// entries: GET /s/{id}/entries?before=<n>&limit=500, a JSON list of Entry.
//
//	client → hello{after}  prompt{id, blocks}  cancel{}  answer{id, option}  mode{id}  model{id}
//	server → entry{n, source, run, at, turn, entry, data}  caught_up{n, first}  state{session}  error{error, content}
const ChatProtocol = "volundr.v1"

// PageProtocol is the subprotocol of the page's own chat: the same frames from
// the client; from the server rendered HTML:
//
//	server → item{id, html, n}  caught_up{n}  reload{}  error{error, content}
//
// item replaces the element with that id, or is appended. reload: the page is
// too old to be brought up to date.
const PageProtocol = "volundr.html.v1"

// Types of frames.
const (
	FrameHello    = "hello"
	FramePrompt   = "prompt"
	FrameCancel   = "cancel"
	FrameAnswer   = "answer"
	FrameMode     = "mode"
	FrameModel    = "model"
	FrameEntry    = "entry"
	FrameItem     = "item"
	FrameCaughtUp = "caught_up"
	FrameState    = "state"
	FrameReload   = "reload"
	FrameError    = "error"
)

// ChatSend is a frame of the client. Fields that the type does not use are left
// out.
type ChatSend struct {
	Type   string  `json:"type"`
	After  int64   `json:"after,omitempty"`  // hello
	ID     string  `json:"id,omitempty"`     // prompt, answer, mode, model
	Blocks []Block `json:"blocks,omitempty"` // prompt
	Option string  `json:"option,omitempty"` // answer; empty cancels
}

// ChatFrame is a frame of the server.
type ChatFrame struct {
	Type    string `json:"type"`
	Entry          // entry; N stands in item and caught_up too
	First   int64  `json:"first,omitempty"`   // caught_up: older entries exist before this number; 0: none
	ID      string `json:"id,omitempty"`      // item
	HTML    string `json:"html,omitempty"`    // item
	Error   string `json:"error,omitempty"`   // error: a sentence
	Content string `json:"content,omitempty"` // error: the same, for older clients

	Session *Session `json:"session,omitempty"` // state
}

// MarshalJSON leaves the entry's fields out of frames that carry none.
func (f ChatFrame) MarshalJSON() ([]byte, error) {
	if f.Type == FrameEntry {
		return json.Marshal(struct {
			Type string `json:"type"`
			Entry
		}{f.Type, f.Entry})
	}
	return json.Marshal(struct {
		Type    string   `json:"type"`
		N       int64    `json:"n,omitempty"`
		First   int64    `json:"first,omitempty"`
		ID      string   `json:"id,omitempty"`
		HTML    string   `json:"html,omitempty"`
		Error   string   `json:"error,omitempty"`
		Content string   `json:"content,omitempty"`
		Session *Session `json:"session,omitempty"`
	}{f.Type, f.N, f.First, f.ID, f.HTML, f.Error, f.Content, f.Session})
}

// MaxFrame bounds one frame in bytes, both ways (images in prompts).
const MaxFrame = 24 << 20

// Chat is an open conversation. Send and Receive may run side by side.
type Chat struct{ conn *websocket.Conn }

// Chat opens the conversation of a session and says hello.
func (c *Client) Chat(ctx context.Context, id string, after int64) (*Chat, error) {
	conn, err := c.dial(ctx, "/s/"+url.PathEscape(id)+"/session", ChatProtocol)
	if err != nil {
		return nil, err
	}
	conn.SetReadLimit(MaxFrame)
	chat := &Chat{conn}
	if err := chat.Send(ctx, ChatSend{Type: FrameHello, After: after}); err != nil {
		conn.CloseNow()
		return nil, err
	}
	return chat, nil
}

// Send sends one frame.
func (c *Chat) Send(ctx context.Context, f ChatSend) error { return wsjson.Write(ctx, c.conn, f) }

// Receive waits for the next frame. An error frame is a frame, not an error.
func (c *Chat) Receive(ctx context.Context) (ChatFrame, error) {
	var f ChatFrame
	err := wsjson.Read(ctx, c.conn, &f)
	return f, told(err)
}

// told is an error of a socket in the server's words, where it had some.
func told(err error) error {
	var end websocket.CloseError
	switch {
	case errors.As(err, &end) && end.Reason != "":
		return errors.New(end.Reason)
	case errors.Is(err, io.EOF), errors.Is(err, syscall.ECONNRESET):
		return errors.New("the daemon does not answer any more")
	}
	return err
}

// Close ends the connection; the agent works on.
func (c *Chat) Close() error { return c.conn.Close(websocket.StatusNormalClosure, "") }

func (c *Client) dial(ctx context.Context, path, protocol string) (*websocket.Conn, error) {
	header := http.Header{}
	if c.Token != "" {
		header.Set("Authorization", "Bearer "+c.Token)
	}
	if c.Agent != "" {
		header.Set("User-Agent", c.Agent)
	}
	conn, res, err := websocket.Dial(ctx, "ws"+strings.TrimPrefix(c.URL, "http")+path, &websocket.DialOptions{
		HTTPClient: c.HTTP, HTTPHeader: header, Subprotocols: []string{protocol},
	})
	if err != nil {
		if res != nil && res.StatusCode >= 400 {
			return nil, errorOf(res)
		}
		return nil, err
	}
	return conn, nil
}
