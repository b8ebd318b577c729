package store

import (
	"context"
	"errors"
	"math/rand/v2"
	"time"
)

// Stream says how far the numbers of a tenant's events are. They count what
// happens in the tenant alone, and begin at a place by chance.
type Stream struct {
	First     int64 // all numbers are higher
	Last      int64 // the cursor behind everything that has happened
	Forgotten int64 // the last that ForgetEvents removed, or First
}

// Missed reports whether somebody who left off at a cursor cannot be told all
// that they missed: it is too old, of another tenant, or of a database that this
// one was restored over. 0 is the beginning.
func (s Stream) Missed(cursor int64) bool {
	if cursor == 0 {
		cursor = s.First
	}
	return cursor > s.Last || cursor < s.Forgotten
}

// Stream gives that of p's tenant.
func (db *DB) Stream(ctx context.Context, p Principal) (s Stream, err error) {
	err = notFound(db.r.QueryRowContext(ctx, `SELECT first, last, forgotten FROM streams WHERE tenant_id = ?`, p.TenantID).
		Scan(&s.First, &s.Last, &s.Forgotten))
	if errors.Is(err, ErrNotFound) { // nothing has ever happened there
		return Stream{}, nil
	}
	return s, err
}

// begin is where the numbers of a new tenant begin: far from all others, and
// small enough that every client can count on from it.
func begin() int64 { return 1<<40 + rand.Int64N(1<<52-1<<40) }

// nextEvent draws the number of a tenant's next event.
func (t *tx) nextEvent(ctx context.Context, tenant string) (n int64, err error) {
	err = t.QueryRowContext(ctx, `INSERT INTO streams (tenant_id, first, last, forgotten) VALUES (?1, ?2, ?2 + 1, ?2)
		ON CONFLICT (tenant_id) DO UPDATE SET last = last + 1 RETURNING last`, tenant, begin()).Scan(&n)
	return n, err
}

// ForgetEvents removes the events that are older than a moment, and returns how
// many those were.
func (db *DB) ForgetEvents(ctx context.Context, before time.Time) (n int64, err error) {
	err = db.write(ctx, func(t *tx) error {
		if _, err := t.ExecContext(ctx, `UPDATE streams SET forgotten = max(forgotten, coalesce((SELECT max(n) FROM events
			WHERE tenant_id = streams.tenant_id AND at < ?), 0))`, millis(before)); err != nil {
			return err
		}
		res, err := t.ExecContext(ctx, `DELETE FROM events WHERE at < ?`, millis(before))
		if err != nil {
			return err
		}
		n, err = res.RowsAffected()
		return err
	})
	return n, err
}
