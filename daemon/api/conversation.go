package api

import (
	"context"
	"encoding/json"
	"net/http"
	"strings"

	"github.com/google/uuid"
	"github.com/labstack/echo/v4"

	"volundr/runtime/broker/wire"
	"volundr/store"
	"volundr/ui/client"
)

// page is how many entries are read from the store at once.
const page = 2000

// everything reads a whole conversation after a cursor.
func (s *server) everything(ctx context.Context, p store.Principal, id string, after int64) ([]store.Entry, error) {
	var all []store.Entry
	for {
		some, err := s.DB.Entries(ctx, p, id, after, 0, page)
		if err != nil {
			return nil, err
		}
		all = append(all, some...)
		if len(some) < page {
			return all, nil
		}
		after = some[len(some)-1].N
	}
}

// conversation answers whatever the session's state: it is kept by the daemon.
func (s *server) conversation(c echo.Context) error {
	row, err := s.session(c)
	if err != nil {
		return err
	}
	entries, err := s.everything(c.Request().Context(), principal(c), row.ID, 0)
	if err != nil {
		return err
	}
	last := row.LastActive
	if last.IsZero() {
		last = row.CreatedAt
	}
	return c.JSON(http.StatusOK, client.Conversation{
		Turns: turns(entries), IsActive: row.Activity == "active" || row.Activity == "tool_executing",
		LastActivity: stamp(last),
	})
}

type messageIn struct {
	Content string `json:"content"`
}

// postMessage sends a prompt from a program.
func (s *server) postMessage(c echo.Context) error {
	row, err := s.session(c)
	if err != nil {
		return err
	}
	var in messageIn
	if err := decode(c, &in); err != nil {
		return err
	}
	if strings.TrimSpace(in.Content) == "" {
		return fail(http.StatusBadRequest, "content is required")
	}
	if _, err := s.prompt(c.Request().Context(), principal(c), row, store.Prompt{Via: via(c)}, []wire.Block{{Type: "text", Text: in.Content}}); err != nil {
		return err
	}
	return c.JSON(http.StatusOK, map[string]string{"status": "sent", "session_id": row.ID})
}

// maxPrompt bounds a prompt with its images.
const maxPrompt = 8 << 20

// prompt writes a prompt of an id, or a new one, down and has it delivered. A
// session that is still starting gets it when it runs; one that has ended refuses.
func (s *server) prompt(ctx context.Context, p store.Principal, row store.Session, in store.Prompt, blocks []wire.Block) (store.Prompt, error) {
	switch row.State {
	case store.Stopping, store.Stopped, store.Failed, store.Archived:
		return store.Prompt{}, fail(http.StatusConflict, "Session %s is %s. Start it, then send the message again.", row.Name, row.State)
	}
	if in.ID == "" {
		in.ID = uuid.NewString()
	} else if _, err := uuid.Parse(in.ID); err != nil {
		return store.Prompt{}, fail(http.StatusUnprocessableEntity, "The prompt's id %q is not a uuid.", in.ID)
	}
	raw, err := json.Marshal(blocks)
	if err != nil {
		return store.Prompt{}, err
	}
	if len(raw) > maxPrompt {
		return store.Prompt{}, fail(http.StatusRequestEntityTooLarge, "The prompt is larger than %d MiB. Put large files into the workspace and name them.", maxPrompt>>20)
	}
	in.SessionID, in.Blocks = row.ID, raw
	out, err := s.DB.AddPrompt(ctx, p, in)
	if err != nil {
		return out, err
	}
	s.Links.Deliver(row.ID)
	return out, nil
}
