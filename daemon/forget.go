package daemon

import (
	"context"
	"encoding/json"

	"volundr/daemon/auth"
	"volundr/store"
)

// forget closes what surfaces hold open of sessions that do not run any more,
// and takes back the host names of deleted ones, as the events tell.
func (d *Daemon) forget(ctx context.Context) error {
	changed, stop := d.db.Subscribe()
	defer stop()
	after, err := d.db.LastEvent(ctx)
	if err != nil {
		return err
	}
	for {
		events, err := d.db.Events(ctx, auth.Local, after, 500)
		if err != nil && ctx.Err() == nil {
			d.log.Warn("Events not read", "error", err)
		}
		for _, e := range events {
			after = e.Seq
			var data store.EventData
			if json.Unmarshal(e.Data, &data) != nil {
				continue
			}
			if e.Type == store.SessionDeleted {
				d.auth.Surfaces.Forget(e.SessionID)
			}
			if e.Type == store.SessionDeleted || data.State == store.Stopped || data.State == store.Failed {
				d.surfaces.Forget(e.SessionID)
			}
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return nil
		}
	}
}
