package store

import (
	"context"
	"time"
)

// PoolCount is how many sandboxes of one shape are there ahead.
type PoolCount struct {
	Runtime  string
	Shape    string
	Ready    int // can be claimed
	Starting int
}

// PoolCounts counts the sandboxes that nobody has claimed, for the system.
func (db *DB) PoolCounts(ctx context.Context) ([]PoolCount, error) {
	rows, err := db.r.QueryContext(ctx, `SELECT runtime, shape, sum(state = 'running'), sum(state <> 'running') FROM sessions
		WHERE kind = 'sandbox' AND tenant_id = '' AND want = 'running' AND expires_at > ? GROUP BY runtime, shape ORDER BY runtime, shape`,
		millis(time.Now()))
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var out []PoolCount
	for rows.Next() {
		var c PoolCount
		if err := rows.Scan(&c.Runtime, &c.Shape, &c.Ready, &c.Starting); err != nil {
			return nil, err
		}
		out = append(out, c)
	}
	return out, rows.Err()
}

// DropUnclaimed lets all sandboxes go that nobody has claimed, but for the keep
// youngest of a shape, and returns how many go. For the system.
func (db *DB) DropUnclaimed(ctx context.Context, runtime, shape string, keep int) (n int, err error) {
	err = db.write(ctx, func(t *tx) error {
		now := millis(t.now)
		res, err := t.ExecContext(ctx, `UPDATE sessions SET want = 'gone', wanted_at = ?1, state = 'stopping', since = ?1,
			attempts = 0, retry_at = 0, updated_at = ?1, version = version + 1
			WHERE kind = 'sandbox' AND tenant_id = '' AND want = 'running' AND runtime = ?2 AND shape = ?3 AND id NOT IN (
				SELECT id FROM sessions WHERE kind = 'sandbox' AND tenant_id = '' AND want = 'running' AND runtime = ?2 AND shape = ?3
					AND expires_at > ?1 ORDER BY created_at DESC, rowid DESC LIMIT ?4)`, now, runtime, shape, keep)
		if err != nil {
			return err
		}
		gone, err := res.RowsAffected()
		n = int(gone)
		return err
	})
	return n, err
}

// Unclaimed gives the sandboxes that nobody has claimed, for the system.
func (db *DB) Unclaimed(ctx context.Context) ([]Session, error) {
	return sessionRows(db.r.QueryContext(ctx, `SELECT `+sessionColumns+` FROM sessions
		WHERE kind = 'sandbox' AND tenant_id = '' AND want = 'running' ORDER BY created_at, rowid`))
}
