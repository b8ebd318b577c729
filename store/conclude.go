package store

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"reflect"
	"slices"
	"time"
)

// Conclude writes, for the engine, what it concluded about old: State (Since
// follows), Doing, Run, ReadyAt, SubmittedAt, Ended, Failure, Attempts, RetryAt
// and Archive of new. It returns the row as it stands then. ErrStale when
// somebody changed the row since old was read, ErrNotFound when it is gone.
func (db *DB) Conclude(ctx context.Context, old, new Session) (s Session, err error) {
	ended, err := nullJSON(new.Ended)
	if err != nil {
		return Session{}, err
	}
	failure, err := nullJSON(new.Failure)
	if err != nil {
		return Session{}, err
	}
	err = db.write(ctx, func(t *tx) error {
		since := old.Since
		if new.State != old.State {
			since = t.now
		}
		// Doing is also set by SetDoing, which does not count as a change.
		s, err = scanSession(t.QueryRowContext(ctx, `UPDATE sessions SET state = ?, since = ?,
			doing = CASE WHEN ? THEN ? ELSE doing END, run = ?, ready_at = ?, submitted_at = ?, ended = ?, failure = ?,
			attempts = ?, retry_at = ?, archive = ?, updated_at = ?, version = version + 1
			WHERE id = ? AND version = ? RETURNING `+sessionColumns,
			new.State, millis(since), new.Doing != old.Doing, new.Doing, new.Run, millis(new.ReadyAt), millis(new.SubmittedAt),
			ended, failure, new.Attempts, millis(new.RetryAt), new.Archive, millis(t.now), old.ID, old.Version))
		if errors.Is(err, ErrNotFound) {
			return t.staleOrGone(ctx, old.ID)
		}
		if err != nil || !tells(old, new) {
			return err
		}
		return t.event(ctx, s, SessionUpdated)
	})
	return s, err
}

// tells reports whether anything changed that people see.
func tells(old, new Session) bool {
	return old.State != new.State || old.Doing != new.Doing || old.Run != new.Run || old.Archive != new.Archive ||
		!reflect.DeepEqual(old.Failure, new.Failure)
}

func (t *tx) staleOrGone(ctx context.Context, id string) error {
	var one int
	err := t.QueryRowContext(ctx, `SELECT 1 FROM sessions WHERE id = ?`, id).Scan(&one)
	if errors.Is(err, sql.ErrNoRows) {
		return ErrNotFound
	}
	return errors.Join(err, ErrStale)
}

// Forget deletes the row, for the engine, when nothing is left of the session.
// Its conversation goes with it, and what s.Cleanup names; usage stays, and so
// do chronicles with their snapshots otherwise. ErrStale when
// somebody changed the row since s was read; a row that is gone is no error.
func (db *DB) Forget(ctx context.Context, s Session) error {
	return db.write(ctx, func(t *tx) error {
		res, err := t.ExecContext(ctx, `DELETE FROM sessions WHERE id = ? AND version = ?`, s.ID, s.Version)
		if err != nil {
			return err
		}
		n, err := res.RowsAffected()
		if err != nil {
			return err
		}
		if n == 0 {
			if err := t.staleOrGone(ctx, s.ID); !errors.Is(err, ErrNotFound) {
				return err
			}
			return nil
		}
		if slices.Contains(s.Cleanup, CleanupWorkspace) {
			if _, err := t.ExecContext(ctx, `UPDATE chronicles SET workspace = '', context = '',
				missing = 'The snapshot was deleted with the session.' WHERE session_id = ?`, s.ID); err != nil {
				return err
			}
		}
		if slices.Contains(s.Cleanup, CleanupChronicles) {
			if err := t.deleteChronicles(ctx, s.ID); err != nil {
				return err
			}
		}
		return t.event(ctx, s, SessionDeleted)
	})
}

// SetActivity notes, for the link, what the agent does: "", idle, active,
// tool_executing or waiting, and a text for people.
func (db *DB) SetActivity(ctx context.Context, id, activity, text string) error {
	now := millis(time.Now())
	return db.set(ctx, SessionActivity, `activity = ?, activity_text = ?, last_active = ?`, `(activity, activity_text) <> (?, ?)`, id,
		[]any{activity, text, now}, []any{activity, text})
}

// TellActivity tells of what a program of p's says that it does in a session of
// theirs: an event with its metadata, an object; where show is true it stands on
// the row too, until SetActivity says otherwise. ErrNotFound when p has no such
// session.
func (db *DB) TellActivity(ctx context.Context, p Principal, id, activity, text string, metadata json.RawMessage, show bool) error {
	return db.write(ctx, func(t *tx) error {
		s, err := scanSession(t.QueryRowContext(ctx, `SELECT `+sessionColumns+` FROM sessions WHERE id = ? AND`+session, p.args(id)...))
		if err != nil {
			return err
		}
		if show && s.State == Running {
			if s, err = scanSession(t.QueryRowContext(ctx, `UPDATE sessions SET activity = ?, activity_text = ?, last_active = ?, updated_at = ?
				WHERE id = ? RETURNING `+sessionColumns, activity, text, millis(t.now), millis(t.now), id)); err != nil {
				return err
			}
		}
		return t.eventOf(ctx, s, SessionActivity, EventData{Activity: activity, Text: text, Metadata: metadata})
	})
}

// SetDetail notes, for the link, a surface that stopped answering; empty: all
// answer.
func (db *DB) SetDetail(ctx context.Context, id, detail string) error {
	return db.set(ctx, SessionUpdated, `detail = ?`, `detail <> ?`, id, []any{detail}, []any{detail})
}

// SetDoing notes, for the system, what goes on now, for people. It is no change
// to the row as Conclude sees it.
func (db *DB) SetDoing(ctx context.Context, id, doing string) error {
	return db.set(ctx, SessionUpdated, `doing = ?`, `doing <> ?`, id, []any{doing}, []any{doing})
}

// TellSeen tells, for the engine, that the sessions of a runtime that are not at
// rest are seen again, or not any more. Their rows stay as they are.
func (db *DB) TellSeen(ctx context.Context, runtime string) error {
	return db.write(ctx, func(t *tx) error {
		rows, err := sessionRows(t.QueryContext(ctx, `SELECT `+sessionColumns+` FROM sessions
			WHERE kind = 'session' AND runtime = ? AND state IN ('starting', 'provisioning', 'running', 'stopping')`, runtime))
		if err != nil {
			return err
		}
		for _, s := range rows {
			if err := t.event(ctx, s, SessionUpdated); err != nil {
				return err
			}
		}
		return nil
	})
}

// SetMode notes, for the link, the agent's permission mode.
func (db *DB) SetMode(ctx context.Context, id, mode, name string) error {
	return db.set(ctx, SessionUpdated, `mode = ?, mode_name = ?`, `(mode, mode_name) <> (?, ?)`, id, []any{mode, name}, []any{mode, name})
}

// set writes a fact when the condition says that it is news. A session that is
// not there is no error: facts arrive late.
func (db *DB) set(ctx context.Context, event, assign, cond, id string, values, condValues []any) error {
	return db.write(ctx, func(t *tx) error {
		args := append(append(append([]any{}, values...), millis(t.now), id), condValues...)
		s, err := scanSession(t.QueryRowContext(ctx, `UPDATE sessions SET `+assign+`, updated_at = ? WHERE id = ? AND `+cond+
			` RETURNING `+sessionColumns, args...))
		if errors.Is(err, ErrNotFound) {
			return nil
		}
		if err != nil {
			return err
		}
		return t.event(ctx, s, event)
	})
}

func nullJSON[T any](v *T) (any, error) {
	if v == nil {
		return nil, nil
	}
	b, err := json.Marshal(v)
	return string(b), err
}
