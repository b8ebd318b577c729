package api

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"path"
	"time"
	"unicode/utf8"

	"github.com/coder/websocket"
	"github.com/labstack/echo/v4"

	"volundr/daemon/terminal"
	"volundr/ui/client"
)

// terminalSocket is a terminal as clients of the contract have it: text frames of
// JSON, {"type":"input","data"} and {"type":"resize","cols","rows"} from the
// client, {"type":"output","data"} and at last {"type":"exit","data"} to it.
func (s *server) terminalSocket(c echo.Context) error {
	t, done, err := s.terminals(c)
	if err != nil {
		return err
	}
	defer done()
	// The guard has checked Host and Origin already, stricter than Accept would.
	ws, err := websocket.Accept(c.Response(), c.Request(), &websocket.AcceptOptions{InsecureSkipVerify: true})
	if err != nil {
		return nil // Accept has answered
	}
	defer ws.CloseNow()
	ws.SetReadLimit(1 << 20) // a long text that is pasted
	ctx, cancel := context.WithCancel(c.Request().Context())
	defer cancel()
	name, end := lastOf(c), &jsonTerminal{ctx: ctx, ws: ws}
	if name != terminal.Main {
		if there, err := t.Has(ctx, name); err == nil && !there {
			_ = end.say("error", "Terminal session "+name+" not found")
			ws.Close(websocket.StatusCode(4404), "there is no such terminal")
			return nil
		}
	}
	if _, err := s.join(ctx, cancel, ws, t, name, client.Size{Cols: 80, Rows: 24}, end); err != nil {
		if !errors.Is(err, context.Canceled) {
			s.Log.Warn("Terminal ended", "session", c.Param("id"), "error", err)
		}
		_ = end.say("error", "The terminal could not be opened, or broke off. Try again.")
		s.broken(ws, "the terminal broke off")
		return nil
	}
	_ = end.say("exit", "")
	ws.Close(websocket.StatusNormalClosure, "")
	return nil
}

// jsonTerminal is one end of such a socket.
type jsonTerminal struct {
	ctx  context.Context
	ws   *websocket.Conn
	rest []byte // the beginning of a character that has not all come yet
}

func (j *jsonTerminal) hear(kind websocket.MessageType, frame []byte) (keys []byte, size client.Size) {
	if kind == websocket.MessageBinary {
		return frame, size
	}
	var in struct {
		Type string
		Data string
		client.Size
	}
	if json.Unmarshal(frame, &in) != nil {
		return nil, size
	}
	switch in.Type {
	case "input":
		return []byte(in.Data), size
	case "resize":
		return nil, in.Size
	}
	return nil, size
}

// Write sends what is whole of what the terminal prints.
func (j *jsonTerminal) Write(b []byte) (int, error) {
	text := append(j.rest, b...)
	whole := len(text) - begun(text)
	j.rest = append([]byte(nil), text[whole:]...)
	if whole == 0 {
		return len(b), nil
	}
	return len(b), j.say("output", string(text[:whole]))
}

// begun is how many bytes at the end of a text are the beginning of a character.
func begun(text []byte) int {
	for n := 1; n < utf8.UTFMax && n <= len(text); n++ {
		if tail := text[len(text)-n:]; utf8.RuneStart(tail[0]) {
			if utf8.FullRune(tail) {
				return 0
			}
			return n
		}
	}
	return 0
}

// say sends one frame; a client that takes nothing for ten seconds is gone.
func (j *jsonTerminal) say(what, data string) error {
	frame, err := json.Marshal(map[string]string{"type": what, "data": data})
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(j.ctx, 10*time.Second)
	defer cancel()
	return j.ws.Write(ctx, websocket.MessageText, frame)
}

// terminalAPI is where programs ask for them.
const terminalAPI = "/s/:id/terminal/api/terminal"

// terminalRoutes are a session's terminals for clients of the contract, beside
// the page that the browser shows.
func (s *server) terminalRoutes(e *echo.Echo) {
	e.GET("/s/:id/terminal/ws/:terminal", s.terminalSocket)
	g := e.Group(terminalAPI)
	g.GET("/sessions", s.listTerminals)
	g.POST("/spawn", s.spawnTerminal)
	g.POST("/kill", s.killTerminal)
	g.GET("/mode", s.terminalMode)
	g.POST("/mode", s.setTerminalMode)
	g.GET("/dotfiles", s.listDotfiles)
	g.POST("/dotfiles", s.putDotfile)
	g.DELETE("/dotfiles/:dotfile", s.deleteDotfile)
	g.GET("/preferences", s.terminalPreferences)
	g.POST("/preferences", s.setTerminalPreferences)
}

// lastOf is what the last part of the path names; nothing where it is escaped
// wrongly.
func lastOf(c echo.Context) string {
	name, _ := url.PathUnescape(path.Base(c.Request().URL.EscapedPath()))
	return name
}

// terminalProblem is the body of an error: under the key that clients of a
// terminal read, beside the one that all others do.
func terminalProblem(detail any) obj {
	text := fmt.Sprint(detail)
	if list, ok := detail.([]fieldError); ok {
		text = "The body is not the JSON object that this route takes"
		for _, e := range list {
			text += "; " + e.Msg
		}
	}
	return obj{"error": text, "detail": detail}
}
