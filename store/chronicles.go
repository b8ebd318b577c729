package store

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/google/uuid"
)

// Chronicle is one row of chronicles: the record of one run of a session. It
// outlives the session.
type Chronicle struct {
	ID         string
	SessionID  string
	Run        int
	OwnerID    string
	TenantID   string
	ParentID   string // empty: none
	Status     string // "draft", "complete"
	Project    string
	Repo       string
	Branch     string
	Model      string
	Config     json.RawMessage
	Reason     string
	StartedAt  time.Time
	EndedAt    time.Time
	Tokens     int64
	CostMicros int64
	CreatedAt  time.Time
	UpdatedAt  time.Time
}

const chronicleColumns = `id, session_id, run, owner_id, tenant_id, coalesce(parent_id, ''), status, project, repo, branch, model,
	config, reason, started_at, ended_at, tokens, cost_micros, created_at, updated_at`

func scanChronicle(row scanner) (c Chronicle, err error) {
	var config string
	var started, ended, created, updated int64
	err = row.Scan(&c.ID, &c.SessionID, &c.Run, &c.OwnerID, &c.TenantID, &c.ParentID, &c.Status, &c.Project, &c.Repo, &c.Branch,
		&c.Model, &config, &c.Reason, &started, &ended, &c.Tokens, &c.CostMicros, &created, &updated)
	c.Config = json.RawMessage(config)
	c.StartedAt, c.EndedAt, c.CreatedAt, c.UpdatedAt = moment(started), moment(ended), moment(created), moment(updated)
	return c, err
}

// OpenChronicle stores, for the system, the draft of a run's chronicle, once
// for each (session, run). It fills an empty ID and StartedAt, takes an empty
// ParentID from the run before, and counts what the run has used already.
func (db *DB) OpenChronicle(ctx context.Context, c Chronicle) error {
	if c.ID == "" {
		c.ID = uuid.NewString()
	}
	if len(c.Config) == 0 {
		c.Config = json.RawMessage(`{}`)
	}
	return db.write(ctx, func(t *tx) error {
		if c.StartedAt.IsZero() {
			c.StartedAt = t.now
		}
		_, err := t.ExecContext(ctx, `INSERT INTO chronicles (id, session_id, run, owner_id, tenant_id, parent_id, status, project,
			repo, branch, model, config, started_at, tokens, cost_micros, created_at, updated_at)
			SELECT ?1, ?2, ?3, ?4, ?5, coalesce(nullif(?6, ''),
				(SELECT id FROM chronicles WHERE session_id = ?2 AND run < ?3 ORDER BY run DESC LIMIT 1)),
				'draft', ?7, ?8, ?9, ?10, ?11, ?12, coalesce(sum(input + output + cache_write), 0), coalesce(sum(cost_micros), 0), ?13, ?13
			FROM usage WHERE session_id = ?2 AND run = ?3
			ON CONFLICT (session_id, run) DO NOTHING`,
			c.ID, c.SessionID, c.Run, c.OwnerID, c.TenantID, c.ParentID, c.Project, c.Repo, c.Branch, c.Model, string(c.Config),
			millis(c.StartedAt), millis(t.now))
		return err
	})
}

// CompleteChronicle ends, for the system, a run's chronicle and notes on the
// session that this run is told. A chronicle that is complete keeps its first
// reason and time. ErrNotFound when it was never opened.
func (db *DB) CompleteChronicle(ctx context.Context, sessionID string, run int, reason string, endedAt time.Time) error {
	return db.write(ctx, func(t *tx) error {
		var status string
		err := t.QueryRowContext(ctx, `SELECT status FROM chronicles WHERE session_id = ? AND run = ?`, sessionID, run).Scan(&status)
		if err != nil {
			return fmt.Errorf("complete chronicle of run %d: %w", run, notFound(err))
		}
		if _, err := t.ExecContext(ctx, `UPDATE chronicles SET status = 'complete', reason = ?, ended_at = ?, updated_at = ?
			WHERE session_id = ? AND run = ? AND status = 'draft'`, reason, millis(endedAt), millis(t.now), sessionID, run); err != nil {
			return err
		}
		_, err = t.ExecContext(ctx, `UPDATE sessions SET chronicled_run = ?, updated_at = ?, version = version + 1
			WHERE id = ? AND chronicled_run < ?`, run, millis(t.now), sessionID, run)
		return err
	})
}

// ChronicleFilter narrows Chronicles.
type ChronicleFilter struct {
	SessionID string // empty: any
	Limit     int    // 0: 50
	Offset    int
}

// Chronicles gives p's chronicles, the newest first.
func (db *DB) Chronicles(ctx context.Context, p Principal, f ChronicleFilter) ([]Chronicle, error) {
	if f.Limit <= 0 {
		f.Limit = 50
	}
	rows, err := db.r.QueryContext(ctx, `SELECT `+chronicleColumns+` FROM chronicles WHERE (? = '' OR session_id = ?) AND`+mine+`
		ORDER BY started_at DESC, rowid DESC LIMIT ? OFFSET ?`, append(p.args(f.SessionID, f.SessionID), f.Limit, f.Offset)...)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	out := []Chronicle{}
	for rows.Next() {
		c, err := scanChronicle(rows)
		if err != nil {
			return nil, err
		}
		out = append(out, c)
	}
	return out, rows.Err()
}

// Chronicle gives one chronicle of p's.
func (db *DB) Chronicle(ctx context.Context, p Principal, id string) (Chronicle, error) {
	c, err := scanChronicle(db.r.QueryRowContext(ctx, `SELECT `+chronicleColumns+` FROM chronicles WHERE id = ? AND`+mine, p.args(id)...))
	return c, notFound(err)
}

func notFound(err error) error {
	if errors.Is(err, sql.ErrNoRows) {
		return ErrNotFound
	}
	return err
}
