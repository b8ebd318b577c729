package daemon

import (
	"context"
	"time"
)

// What nobody needs any more goes, looked for once an hour.
const (
	eventsKept  = 7 * 24 * time.Hour  // a page that slept longer is loaded anew
	mirrorsKept = 30 * 24 * time.Hour // of repositories that no session used
)

func (d *Daemon) prune(ctx context.Context) error {
	tick := time.NewTicker(time.Hour)
	defer tick.Stop()
	for {
		now := time.Now()
		events, err := d.db.ForgetEvents(ctx, now.Add(-eventsKept))
		if err != nil && ctx.Err() == nil {
			d.log.Warn("Old events not forgotten", "error", err)
		}
		mirrors, err := d.pieces.sources.Prune(ctx, now.Add(-mirrorsKept))
		if err != nil && ctx.Err() == nil {
			d.log.Warn("Unused git mirrors not removed", "error", err)
		}
		if events > 0 || mirrors > 0 {
			d.log.Info("Old things removed", "events", events, "mirrors", mirrors)
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return nil
		}
	}
}
