package store

import (
	"context"
	"fmt"
	"time"
)

// twice is the time within which a second click is the same click.
const twice = time.Second

// Hurry has a run of p's session end without its last turn ("Stop now"). It is a
// *ConflictError when the session is not being stopped, or was asked to a moment
// ago: unless now says that this is what is meant. Asked again it does nothing.
func (db *DB) Hurry(ctx context.Context, p Principal, id string, now bool) (s Session, err error) {
	err = db.write(ctx, func(t *tx) error {
		s, err = scanSession(t.QueryRowContext(ctx, `SELECT `+sessionColumns+` FROM sessions WHERE id = ? AND`+session, p.args(id)...))
		switch {
		case err != nil:
			return err
		case s.State != Stopping || s.Want != WantStopped && s.Want != WantArchived,
			!now && (s.Hurry || t.now.Sub(s.WantedAt) < twice):
			return &ConflictError{fmt.Sprintf("Cannot stop session %s: current status is %s%s", id, s.State, advice(WantStopped, s.State))}
		case s.Hurry:
			return nil
		}
		// As a new wish it ends what the engine does now.
		s, err = scanSession(t.QueryRowContext(ctx, `UPDATE sessions SET hurry = 1, wanted_at = max(?, wanted_at + 1), doing = 'ending the containers',
			updated_at = ?, version = version + 1 WHERE id = ? RETURNING `+sessionColumns, millis(t.now), millis(t.now), id))
		if err != nil {
			return err
		}
		return t.event(ctx, s, SessionUpdated)
	})
	return s, err
}
