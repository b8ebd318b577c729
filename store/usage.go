package store

import (
	"context"
	"fmt"
	"time"
)

// RecordUsage notes, for the system, what a turn used, once for each (session,
// turn), and adds it to the session and to its run's chronicle. Cache reads
// stand in their column but do not count as tokens used. ErrNotFound when the
// session is gone.
func (db *DB) RecordUsage(ctx context.Context, u Usage) error {
	return db.write(ctx, func(t *tx) error {
		s, err := scanSession(t.QueryRowContext(ctx, `SELECT `+sessionColumns+` FROM sessions WHERE id = ?`, u.SessionID))
		if err != nil {
			return err
		}
		return t.used(ctx, s, u)
	})
}

// ReportUsage notes what a program of p's used by its own account in a session of
// theirs that runs, beside all that is measured: it counts for the session, its
// run's chronicle, statistics and quotas, and never as a turn. It gives the row as it
// stands; u.Turn is what it is known by. A *ConflictError when the session does
// not run, ErrNotFound when p has none of that id.
func (db *DB) ReportUsage(ctx context.Context, p Principal, u Usage) (Usage, error) {
	err := db.write(ctx, func(t *tx) error {
		s, err := scanSession(t.QueryRowContext(ctx, `SELECT `+sessionColumns+` FROM sessions WHERE id = ? AND`+session, p.args(u.SessionID)...))
		if err != nil {
			return err
		}
		if s.State != Running {
			return &ConflictError{fmt.Sprintf("Cannot report usage of session %s: current status is %s. Start it first.", s.ID, s.State)}
		}
		u.Run, u.At = s.Run, t.now
		if _, err := t.ExecContext(ctx, `UPDATE sessions SET message_count = message_count + ? WHERE id = ?`, u.Messages, s.ID); err != nil {
			return err
		}
		return t.used(ctx, s, Usage{SessionID: u.SessionID, Run: u.Run, Turn: beside + u.Turn, At: u.At, Provider: u.Provider, Model: u.Model,
			Input: u.Input, Messages: u.Messages, CostMicros: u.CostMicros})
	})
	return u, err
}

// beside begins the turn of what was used in none.
const beside = "beside-"

// used notes what was used once, and adds it up where it counts.
func (t *tx) used(ctx context.Context, s Session, u Usage) error {
	at := u.At
	if at.IsZero() {
		at = t.now
	}
	res, err := t.ExecContext(ctx, `INSERT INTO usage (session_id, run, turn, owner_id, tenant_id, at, provider, model, input,
		output, cache_read, cache_write, messages, cost_micros) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
		ON CONFLICT (session_id, turn) DO NOTHING`,
		u.SessionID, u.Run, u.Turn, s.OwnerID, s.TenantID, millis(at), u.Provider, u.Model, u.Input, u.Output, u.CacheRead,
		u.CacheWrite, u.Messages, u.CostMicros)
	if err != nil {
		return err
	}
	if n, err := res.RowsAffected(); err != nil || n == 0 {
		return err
	}
	tokens := u.Input + u.Output + u.CacheWrite
	if _, err := t.ExecContext(ctx, `UPDATE sessions SET tokens_used = tokens_used + ?, cost_micros = cost_micros + ?,
		last_active = ?, updated_at = ? WHERE id = ?`, tokens, u.CostMicros, millis(t.now), millis(t.now), u.SessionID); err != nil {
		return err
	}
	if _, err := t.ExecContext(ctx, `UPDATE chronicles SET tokens = tokens + ?, cost_micros = cost_micros + ?, updated_at = ?
		WHERE session_id = ? AND run = ?`, tokens, u.CostMicros, millis(t.now), u.SessionID, u.Run); err != nil {
		return err
	}
	if err := t.models(ctx, u.SessionID, u.Run); err != nil {
		return err
	}
	return t.event(ctx, s, SessionUpdated)
}

// Stats gives totals of what p may see. Today is now's day in UTC. Tokens of
// sessions that were deleted stay in them.
func (db *DB) Stats(ctx context.Context, p Principal, now time.Time) (s Stats, err error) {
	err = db.r.QueryRowContext(ctx, `SELECT coalesce(sum(n), 0), coalesce(sum(iif(state = 'running', n, 0)), 0) FROM session_counts
		WHERE`+mine, p.args()...).Scan(&s.Total, &s.Active)
	if err != nil {
		return Stats{}, err
	}
	user := p.UserID
	if p.Admin {
		user = ""
	}
	from, until := today(now)
	err = db.r.QueryRowContext(ctx, `SELECT coalesce(sum(tokens), 0), coalesce(sum(iif(provider = 'local', tokens, 0)), 0),
		coalesce(sum(iif(provider = 'cloud', tokens, 0)), 0), coalesce(sum(cost_micros), 0)
		FROM (SELECT provider, input + output + cache_write AS tokens, cost_micros FROM usage WHERE at >= ?3 AND at < ?4 AND`+spent(p.Admin)+`)`,
		p.TenantID, user, from, until).
		Scan(&s.TokensToday, &s.LocalToday, &s.CloudToday, &s.CostTodayMicros)
	return s, err
}
