package api

import (
	"context"
	"encoding/json"
	"net/http"

	"github.com/labstack/echo/v4"

	"volundr/runtime/broker/wire"
	"volundr/store"
	"volundr/ui/client"
)

// checkpoints are what a session can go back to, oldest first: as it says
// itself, or, when it does not run, as it last told.
func (s *server) checkpoints(c echo.Context) error {
	row, err := s.session(c)
	if err != nil {
		return err
	}
	out, err := s.checkpointsOf(c.Request().Context(), principal(c), row)
	if err != nil {
		return err
	}
	return c.JSON(http.StatusOK, out)
}

func (s *server) checkpointsOf(ctx context.Context, p store.Principal, row store.Session) ([]client.Point, error) {
	told, err := s.told(ctx, p, row.ID)
	if err != nil || row.State != store.Running {
		return told, err
	}
	there, err := s.Links.Checkpoints(ctx, row.ID)
	if err != nil {
		return nil, err
	}
	known := map[string]client.Point{}
	for _, t := range told {
		known[t.ID] = t
	}
	out := make([]client.Point, len(there))
	for i, w := range there {
		out[i] = client.Point{ID: w.ID, Prompt: w.Prompt, Files: w.Files, At: known[w.ID].At, Text: known[w.ID].Text}
	}
	return out, nil
}

// told are the checkpoints of which the conversation tells, with the prompts
// that they were taken before.
func (s *server) told(ctx context.Context, p store.Principal, id string) ([]client.Point, error) {
	entries, err := s.DB.EntriesOf(ctx, p, id, store.EntryPrompt, wire.EntryCheckpoint)
	if err != nil {
		return nil, err
	}
	out := []client.Point{}
	texts := map[string]string{}
	for _, e := range entries {
		switch e.Type {
		case store.EntryPrompt:
			var prompt wire.Prompt
			if json.Unmarshal(e.Data, &prompt) == nil {
				texts[prompt.ID] = plain(prompt.Blocks)
			}
		case wire.EntryCheckpoint:
			var cp wire.Checkpoint
			if json.Unmarshal(e.Data, &cp) == nil && cp.ID != "" {
				out = append(out, client.Point{ID: cp.ID, Prompt: cp.Prompt, Files: cp.Files, At: e.At, Text: texts[cp.Prompt]})
			}
		}
	}
	return out, nil
}

// running is the session that the path names, which must run.
func (s *server) running(c echo.Context, to string) (store.Session, error) {
	row, err := s.session(c)
	if err == nil && row.State != store.Running {
		err = fail(http.StatusConflict, "Cannot %s: session %s is %s. Start it first, or reforge it from the checkpoint.", to, row.Name, row.State)
	}
	return row, err
}

// checkpointLoss is what going back would change.
func (s *server) checkpointLoss(c echo.Context) error {
	row, err := s.running(c, "look at a checkpoint")
	if err != nil {
		return err
	}
	loss, err := s.Links.Loss(c.Request().Context(), row.ID, c.Param("checkpoint"))
	if err != nil {
		return err
	}
	if loss.Changes == nil {
		loss.Changes = []wire.FileChange{}
	}
	return c.JSON(http.StatusOK, loss)
}

// rewind takes files and conversation back to a checkpoint.
func (s *server) rewind(c echo.Context) error {
	row, err := s.running(c, "go back")
	if err != nil {
		return err
	}
	if err := s.Links.Rewind(c.Request().Context(), row.ID, c.Param("checkpoint")); err != nil {
		return err
	}
	return c.NoContent(http.StatusNoContent)
}
