package daemon

import (
	"context"
	"time"
)

// sweepEvery is how often packs are looked for that nothing names any more.
const sweepEvery = time.Hour

// sweep takes unused packs away, at the start and then every hour. Deleting does
// it at once.
func (d *Daemon) sweep(ctx context.Context) error {
	tick := time.NewTicker(sweepEvery)
	defer tick.Stop()
	for {
		freed, err := d.pieces.chronicles.Sweep(ctx)
		if err != nil && ctx.Err() == nil {
			d.log.Warn("Unused packs were not taken away", "error", err)
		} else if freed > 0 {
			d.log.Info("Unused packs were taken away", "bytes", freed)
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return nil
		}
	}
}
