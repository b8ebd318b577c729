package store

import (
	"context"
	"encoding/json"
)

// WithVolumes gives, for the system, the coding sessions of everybody that have
// run and are not archived: what they worked on lies in volumes.
func (db *DB) WithVolumes(ctx context.Context) ([]Session, error) {
	return sessionRows(db.r.QueryContext(ctx, `SELECT `+sessionColumns+` FROM sessions
		WHERE kind = 'session' AND run > 0 AND archive = '' AND want <> 'gone' ORDER BY created_at, rowid`))
}

// LoseVolumes notes, for the system and before an engine runs, that a session's
// volumes are not there: it is FAILED with that as its reason until somebody
// starts it, and nothing is packed of a run that was open.
func (db *DB) LoseVolumes(ctx context.Context, id string, f Failure) error {
	raw, err := json.Marshal(f)
	if err != nil {
		return err
	}
	return db.write(ctx, func(t *tx) error {
		s, err := scanSession(t.QueryRowContext(ctx, `UPDATE sessions SET want = 'running', wanted_at = ?1, state = 'failed', since = ?1, doing = '',
			failure = ?2, ended = NULL, attempts = 0, retry_at = 0, updated_at = ?1, version = version + 1 WHERE id = ?3 RETURNING `+sessionColumns,
			millis(t.now), string(raw), id))
		if err != nil {
			return err
		}
		if _, err := t.ExecContext(ctx, `UPDATE chronicles SET missing = ? WHERE session_id = ? AND run = ? AND workspace = '' AND context = '' AND missing = ''`,
			"There is no snapshot of this run: its volumes were not there when a backup was restored.", id, s.Run); err != nil {
			return err
		}
		return t.event(ctx, s, SessionUpdated)
	})
}
