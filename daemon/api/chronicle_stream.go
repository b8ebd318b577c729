package api

import (
	"encoding/json"

	"github.com/labstack/echo/v4"

	"volundr/store"
)

// tellChronicle tells an event of a chronicle as the contract names it: what is
// new in a timeline event by event, each with the sums of the whole.
func (s *server) tellChronicle(c echo.Context, out *sse, p store.Principal, e store.Event) error {
	var d store.EventData
	if err := json.Unmarshal(e.Data, &d); err != nil {
		return err
	}
	ctx := c.Request().Context()
	if e.Type == store.ChronicleDeleted {
		return out.send(e.Seq, e.Type, obj{"id": d.Chronicle, "session_id": d.ID})
	}
	if e.Type != store.ChronicleEvent {
		row, err := s.DB.Chronicle(ctx, p, d.Chronicle)
		if isNotFound(err) {
			return nil // deleted meanwhile
		} else if err != nil {
			return err
		}
		return out.send(e.Seq, e.Type, s.chronicleView(row))
	}
	if len(d.Keys) == 0 {
		return nil
	}
	t, err := s.Chronicles.Timeline(ctx, p, d.Chronicle, store.TimelineFilter{Keys: d.Keys})
	if isNotFound(err) {
		return nil
	} else if err != nil {
		return err
	}
	sums, err := json.Marshal(sumsView(t.Sums)) // once for all
	if err != nil {
		return err
	}
	var whole struct {
		Files   json.RawMessage `json:"files"`
		Commits json.RawMessage `json:"commits"`
		Burn    json.RawMessage `json:"token_burn"`
	}
	if err := json.Unmarshal(sums, &whole); err != nil {
		return err
	}
	for i, ev := range t.Events {
		id := int64(0)
		if i == len(t.Events)-1 { // a client that left in between is told all of it again
			id = e.Seq
		}
		if err := out.send(id, e.Type, obj{"session_id": d.ID, "event": eventView(ev), "files": whole.Files, "commits": whole.Commits, "token_burn": whole.Burn}); err != nil {
			return err
		}
	}
	return nil
}
