package api

import (
	"encoding/json"

	"github.com/labstack/echo/v4"

	"volundr/store"
)

// tellChronicle tells an event of a chronicle as the contract names it.
func (s *server) tellChronicle(_ echo.Context, out *sse, _ store.Principal, e store.Event) error {
	var d store.EventData
	if err := json.Unmarshal(e.Data, &d); err != nil {
		return err
	}
	if e.Type == store.ChronicleEvent {
		return nil
	}
	return out.send(e.Seq, e.Type, obj{"id": d.Chronicle, "session_id": d.ID})
}
