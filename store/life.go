package store

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// longestLife bounds how far ahead a session's end can be put.
const longestLife = 366 * 24 * time.Hour

// soonest is how long before its end at most people are told that a session is
// stopped soon.
const soonest = 10 * time.Minute

// Over reports whether its time is over.
func (s Session) Over(now time.Time) bool { return !s.ExpiresAt.IsZero() && !now.Before(s.ExpiresAt) }

// EndsSoon is from when on people are told that its time is nearly over: ten
// minutes before, or a quarter of its time where that is less. Zero where it has
// no end.
func (s Session) EndsSoon() time.Time {
	if s.ExpiresAt.IsZero() {
		return time.Time{}
	}
	return s.ExpiresAt.Add(-max(0, min(soonest, s.ExpiresAt.Sub(s.ReadyAt)/4))) // 0: the clock was set back
}

// SetReady notes, for the link, that this run answered once, and with a time to
// live when that is over: unless that is known, for a run that was lost with the
// machine is part of the same life. It does nothing when the session is in
// another run or ready already.
func (db *DB) SetReady(ctx context.Context, id string, run int, at time.Time) error {
	return db.write(ctx, func(t *tx) error {
		s, err := scanSession(t.QueryRowContext(ctx, `SELECT `+sessionColumns+` FROM sessions WHERE id = ? AND run = ? AND ready_at = 0`, id, run))
		if errors.Is(err, ErrNotFound) {
			return nil // facts arrive late
		}
		if err != nil {
			return err
		}
		if _, life := db.needs(s); life > 0 && s.Kind != KindSandbox && s.ExpiresAt.IsZero() {
			s.ExpiresAt = at.Add(life)
		}
		s, err = scanSession(t.QueryRowContext(ctx, `UPDATE sessions SET ready_at = ?, expires_at = ?, updated_at = ?, version = version + 1
			WHERE id = ? RETURNING `+sessionColumns, millis(at), millis(s.ExpiresAt), millis(t.now), id))
		if err != nil {
			return err
		}
		return t.event(ctx, s, SessionUpdated)
	})
}

// Lapse writes down, for the engine, that the session's time is over: from then
// on it is as if its owner had stopped it. ErrStale when somebody changed the
// row since s was read, ErrNotFound when it is gone.
func (db *DB) Lapse(ctx context.Context, s Session) (out Session, err error) {
	err = db.write(ctx, func(t *tx) error {
		state, since := heard(WantStopped, s.State), s.Since
		if state != s.State {
			since = t.now
		}
		out, err = scanSession(t.QueryRowContext(ctx, `UPDATE sessions SET want = 'stopped', wanted_at = ?, state = ?, since = ?, doing = '',
			attempts = 0, retry_at = 0, hurry = 0, updated_at = ?, version = version + 1 WHERE id = ? AND version = ? RETURNING `+sessionColumns,
			millis(t.now), state, millis(since), millis(t.now), s.ID, s.Version))
		if errors.Is(err, ErrNotFound) {
			return t.staleOrGone(ctx, s.ID)
		}
		if err != nil {
			return err
		}
		return t.event(ctx, out, SessionUpdated)
	})
	return out, err
}

// ExtendSession has p's session live that much longer than it would. It is a
// *ConflictError when it has no end, or does not run.
func (db *DB) ExtendSession(ctx context.Context, p Principal, id string, by time.Duration) (s Session, err error) {
	err = db.write(ctx, func(t *tx) error {
		s, err = scanSession(t.QueryRowContext(ctx, `SELECT `+sessionColumns+` FROM sessions WHERE id = ? AND`+session, p.args(id)...))
		refused := func(format string, args ...any) error {
			return &ConflictError{fmt.Sprintf("Cannot extend session "+id+": "+format, args...)}
		}
		switch {
		case err != nil:
			return err
		case s.Want != WantRunning || s.Failure != nil:
			return refused("it does not run (current status is %s); its time begins anew when it is started.", s.State)
		case s.ExpiresAt.IsZero() && s.ReadyAt.IsZero():
			return refused("its time begins when it runs; wait until then.")
		case s.ExpiresAt.IsZero():
			return refused("it has no time to live, and runs until it is stopped.")
		}
		if s.ExpiresAt = s.ExpiresAt.Add(by); s.ExpiresAt.After(t.now.Add(longestLife)) {
			return refused("it would run for more than a year from now; take its time to live off instead.")
		}
		s, err = t.endsAt(ctx, s)
		return err
	})
	return s, err
}

func (t *tx) endsAt(ctx context.Context, s Session) (Session, error) {
	s, err := scanSession(t.QueryRowContext(ctx, `UPDATE sessions SET expires_at = ?, updated_at = ?, version = version + 1 WHERE id = ? RETURNING `+sessionColumns,
		millis(s.ExpiresAt), millis(t.now), s.ID))
	if err != nil {
		return s, err
	}
	return s, t.event(ctx, s, SessionUpdated)
}
