package api

import (
	"encoding/json"
	"slices"

	"github.com/labstack/echo/v4"

	"volundr/store"
	"volundr/ui/client"
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
	t, err := s.Chronicles.Timeline(ctx, p, d.Chronicle, store.TimelineFilter{})
	if isNotFound(err) {
		return nil
	} else if err != nil {
		return err
	}
	sums := sumsView(t.Sums)
	var news []client.TimelineEvent
	for _, ev := range t.Events {
		if slices.Contains(d.Keys, ev.Key) {
			news = append(news, eventView(ev))
		}
	}
	for i, ev := range news {
		id := int64(0)
		if i == len(news)-1 { // a client that left in between is told all of it again
			id = e.Seq
		}
		if err := out.send(id, e.Type, obj{"session_id": d.ID, "event": ev, "files": sums.Files, "commits": sums.Commits, "token_burn": sums.TokenBurn}); err != nil {
			return err
		}
	}
	return nil
}
