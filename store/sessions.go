package store

import (
	"bytes"
	"cmp"
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/google/uuid"
)

const sessionColumns = `id, kind, name, owner_id, tenant_id, runtime, request, created_at, updated_at, version,
	want, wanted_at, state, since, doing, run, ready_at, submitted_at, ended, failure, attempts, retry_at,
	chronicled_run, archive, expires_at, activity, activity_text, detail, journal_epoch, journal_seq, last_active,
	message_count, tokens_used, cost_micros, mode, mode_name, hurry, cleanup,
	shape, latest_at`

type scanner interface{ Scan(...any) error }

func scanSession(row scanner) (s Session, err error) {
	var request, cleanup string
	var ended, failure sql.NullString
	var created, updated, wanted, since, ready, submitted, retry, expires, active, latest int64
	err = row.Scan(&s.ID, &s.Kind, &s.Name, &s.OwnerID, &s.TenantID, &s.Runtime, &request, &created, &updated, &s.Version,
		&s.Want, &wanted, &s.State, &since, &s.Doing, &s.Run, &ready, &submitted, &ended, &failure, &s.Attempts, &retry,
		&s.ChronicledRun, &s.Archive, &expires, &s.Activity, &s.ActivityText, &s.Detail, &s.JournalEpoch, &s.JournalSeq, &active,
		&s.MessageCount, &s.TokensUsed, &s.CostMicros, &s.Mode, &s.ModeName, &s.Hurry, &cleanup, &s.Shape, &latest)
	if errors.Is(err, sql.ErrNoRows) {
		return Session{}, ErrNotFound
	}
	if err != nil {
		return Session{}, err
	}
	s.Request = json.RawMessage(request)
	s.CreatedAt, s.UpdatedAt, s.WantedAt, s.Since = moment(created), moment(updated), moment(wanted), moment(since)
	s.ReadyAt, s.SubmittedAt, s.RetryAt, s.ExpiresAt = moment(ready), moment(submitted), moment(retry), moment(expires)
	s.LastActive, s.LatestAt = moment(active), moment(latest)
	if err := json.Unmarshal([]byte(cleanup), &s.Cleanup); err != nil {
		return Session{}, fmt.Errorf("session %s: cleanup: %w", s.ID, err)
	}
	if ended.Valid {
		if err := json.Unmarshal([]byte(ended.String), &s.Ended); err != nil {
			return Session{}, fmt.Errorf("session %s: ended: %w", s.ID, err)
		}
	}
	if failure.Valid {
		if err := json.Unmarshal([]byte(failure.String), &s.Failure); err != nil {
			return Session{}, fmt.Errorf("session %s: failure: %w", s.ID, err)
		}
	}
	return s, nil
}

// sessionRows reads all rows and closes them, so that nothing is asked of the
// database while they are open.
func sessionRows(rows *sql.Rows, err error) ([]Session, error) {
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	out := []Session{}
	for rows.Next() {
		s, err := scanSession(rows)
		if err != nil {
			return nil, err
		}
		out = append(out, s)
	}
	return out, rows.Err()
}

// mine is the condition that every query for a principal ends with.
const mine = ` tenant_id = ? AND (? OR owner_id = ?)`

// session is mine, of coding sessions only.
const session = ` kind = 'session' AND` + mine

func (p Principal) args(before ...any) []any { return append(before, p.TenantID, p.Admin, p.UserID) }

// CreateSession stores a new session and returns it as stored. It fills an
// empty ID, the times and the version. An empty Want is WantNone; an empty
// State is what the wish leads to (Created, or Starting). An ErrQuota when its
// owner or their tenant may have no more; ErrConflict when there is a session of
// this ID, where there was one it gets another.
func (db *DB) CreateSession(ctx context.Context, s Session) (out Session, err error) {
	s.Want = cmp.Or(s.Want, WantNone)
	if s.State == "" {
		s.State = Created
		if s.Want == WantRunning {
			s.State = Starting
		}
	}
	err = db.write(ctx, func(t *tx) error {
		if err := t.fresh(ctx, &s); err != nil {
			return err
		}
		if err := room(ctx, t, s, Amounts{Sessions: 1}, false, t.now); err != nil {
			return err
		}
		out, err = t.insert(ctx, s)
		return err
	})
	return out, err
}

// Adopt stores a session for a workload that was found without a row: its
// volumes are kept, it is stopped, and its old runs count as told. The caller
// fills identity, owner, Request, CreatedAt and Run from the labels.
func (db *DB) Adopt(ctx context.Context, s Session) (out Session, err error) {
	s.Want, s.State, s.ChronicledRun = WantStopped, Stopped, s.Run
	err = db.write(ctx, func(t *tx) error {
		out, err = t.insert(ctx, s)
		return err
	})
	return out, err
}

// fresh looks whether the id that a session is to have can be had.
func (t *tx) fresh(ctx context.Context, s *Session) error {
	var is, was bool
	err := t.QueryRowContext(ctx, `SELECT EXISTS (SELECT 1 FROM sessions WHERE id = ?1), EXISTS (SELECT 1 FROM events WHERE session_id = ?1)`, s.ID).Scan(&is, &was)
	switch {
	case err != nil:
		return err
	case is:
		return fmt.Errorf("%w: there is a session %s already", ErrConflict, s.ID)
	case was:
		s.ID = ""
	}
	return nil
}

func (t *tx) insert(ctx context.Context, s Session) (Session, error) {
	if s.ID == "" {
		s.ID = uuid.NewString()
	}
	if len(s.Request) == 0 {
		s.Request = json.RawMessage(`{}`)
	}
	now := millis(t.now)
	s, err := scanSession(t.QueryRowContext(ctx, `INSERT INTO sessions
		(id, kind, name, owner_id, tenant_id, runtime, request, created_at, updated_at, want, wanted_at, state, since, run,
		 chronicled_run, expires_at)
		VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (id) DO NOTHING RETURNING `+sessionColumns,
		s.ID, cmp.Or(s.Kind, "session"), s.Name, s.OwnerID, s.TenantID, s.Runtime, string(s.Request),
		cmp.Or(millis(s.CreatedAt), now), now, s.Want, now, s.State, now, s.Run, s.ChronicledRun, millis(s.ExpiresAt)))
	if errors.Is(err, ErrNotFound) {
		return Session{}, &ConflictError{"A session with this id exists already: choose another id."}
	}
	if err != nil {
		return Session{}, err
	}
	return s, t.event(ctx, s, SessionCreated)
}

// Session gives one coding session of p's.
func (db *DB) Session(ctx context.Context, p Principal, id string) (Session, error) {
	return scanSession(db.r.QueryRowContext(ctx, `SELECT `+sessionColumns+` FROM sessions WHERE id = ? AND`+shownSession, p.shown(id)...))
}

// SystemSession gives any session, for the system.
func (db *DB) SystemSession(ctx context.Context, id string) (Session, error) {
	return scanSession(db.r.QueryRowContext(ctx, `SELECT `+sessionColumns+` FROM sessions WHERE id = ?`, id))
}

// RuntimesInUse gives, for the daemon, the names of the runtimes on which
// sessions of anybody live.
func (db *DB) RuntimesInUse(ctx context.Context) (names []string, err error) {
	rows, err := db.r.QueryContext(ctx, `SELECT DISTINCT runtime FROM sessions`)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	for rows.Next() {
		var name string
		if err := rows.Scan(&name); err != nil {
			return nil, err
		}
		names = append(names, name)
	}
	return names, rows.Err()
}

// Unrest gives, for the engine, the sessions that are not at rest and those
// named. At rest is what already is as its owner wants it and does not run, and
// what failed and was not asked for again, each with its chronicle complete.
func (db *DB) Unrest(ctx context.Context, ids []string) ([]Session, error) {
	named, err := json.Marshal(append([]string{}, ids...))
	if err != nil {
		return nil, err
	}
	return sessionRows(db.r.QueryContext(ctx, `SELECT `+sessionColumns+` FROM sessions WHERE chronicled_run < run
		OR NOT ((want = 'none' AND state = 'created') OR (want = 'stopped' AND state = 'stopped')
			OR (want = 'archived' AND state = 'archived')
			OR (want <> 'gone' AND state = 'failed' AND failure IS NOT NULL))
		OR id IN (SELECT value FROM json_each(?)) ORDER BY created_at, rowid`, string(named)))
}

// SessionPatch says what to change; nil fields stay.
type SessionPatch struct {
	Name    *string
	Request json.RawMessage
	Was     json.RawMessage // what Request was made from; nil: that does not matter
	Life    *time.Duration  // of what runs, from now on; 0: until it is stopped
}

// PatchSession changes name and launch request. A running session takes the
// request's values at its next start. ErrStale when the request is not what it was
// made from any more.
func (db *DB) PatchSession(ctx context.Context, p Principal, id string, patch SessionPatch) (s Session, err error) {
	err = db.write(ctx, func(t *tx) error {
		set, args := []string{"updated_at = ?", "version = version + 1"}, []any{millis(t.now)}
		if patch.Name != nil {
			set, args = append(set, "name = ?"), append(args, *patch.Name)
		}
		if patch.Request != nil {
			set, args = append(set, "request = ?"), append(args, string(patch.Request))
		}
		if patch.Life != nil {
			var end int64
			if *patch.Life > 0 {
				end = millis(t.now.Add(*patch.Life))
			}
			set = append(set, "expires_at = CASE WHEN want = 'running' AND (ready_at > 0 OR expires_at > 0) THEN ? ELSE expires_at END")
			args = append(args, end)
		}
		if patch.Was != nil {
			now, err := scanSession(t.QueryRowContext(ctx, `SELECT `+sessionColumns+` FROM sessions WHERE id = ? AND`+session, p.args(id)...))
			if err != nil {
				return err
			}
			if !bytes.Equal(now.Request, patch.Was) {
				return ErrStale
			}
		}
		s, err = scanSession(t.QueryRowContext(ctx, `UPDATE sessions SET `+strings.Join(set, ", ")+` WHERE id = ? AND`+session+
			` RETURNING `+sessionColumns, p.args(append(args, id)...)...))
		if err != nil {
			return err
		}
		return t.event(ctx, s, SessionUpdated)
	})
	return s, err
}
