package daemon

import (
	"context"
	"encoding/json"
	"errors"

	"volundr/store"
)

// forget closes what surfaces hold open of sessions that do not run any more,
// and takes back the host names of deleted ones, as the events tell.
func (d *Daemon) forget(ctx context.Context) error {
	changed, stop := d.db.Subscribe()
	defer stop()
	after, err := d.db.LastSystemEvent(ctx)
	if err != nil {
		return err
	}
	for {
		events, err := d.db.SystemEvents(ctx, after, 500)
		if err != nil && ctx.Err() == nil {
			d.log.Warn("Events not read", "error", err)
		}
		for _, e := range events {
			after = e.Seq
			var data store.EventData
			if json.Unmarshal(e.Data, &data) != nil {
				continue
			}
			gone := e.Type == store.SessionDeleted && d.gone(ctx, e.SessionID)
			if gone {
				d.auth.Surfaces.Forget(e.SessionID)
			}
			if gone || data.State == store.Stopped || data.State == store.Failed {
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

// gone reports whether a session is deleted: that it is, is also told to who does
// not see it any more.
func (d *Daemon) gone(ctx context.Context, id string) bool {
	_, err := d.db.SystemSession(ctx, id)
	return errors.Is(err, store.ErrNotFound)
}
