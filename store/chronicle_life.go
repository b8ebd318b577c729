package store

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/google/uuid"
)

// OpenChronicle stores, for the system, the draft of a run's chronicle and the
// first rows of its timeline, once for each (session, run). It fills an empty
// ID and StartedAt, takes an empty ParentID from the run before, and counts
// what the run has used already.
func (db *DB) OpenChronicle(ctx context.Context, c Chronicle, rows ...TimelineEvent) error {
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
		var err error
		if c.TenantID, err = homeOf(ctx, t, c.OwnerID, c.TenantID); err != nil {
			return err
		}
		// What was reported before the first run began belongs to it.
		res, err := t.ExecContext(ctx, `UPDATE chronicles SET run = 1, started_at = ? WHERE session_id = ? AND run = 0 AND ? = 1
			AND NOT EXISTS (SELECT 1 FROM chronicles c WHERE c.session_id = chronicles.session_id AND c.run = 1)`,
			millis(c.StartedAt), c.SessionID, c.Run)
		if err != nil {
			return err
		}
		if n, err := res.RowsAffected(); err != nil || n > 0 {
			return errors.Join(err, t.timeline(ctx, c.SessionID, c.Run, rows))
		}
		res, err = t.ExecContext(ctx, `INSERT INTO chronicles (id, session_id, run, owner_id, tenant_id, parent_id, status, project,
			repo, branch, model, config, started_at, tokens, cost_micros, created_at, updated_at, name, tags, n, repositories)
			SELECT ?1, ?2, ?3, ?4, ?5, coalesce(nullif(?6, ''),
				(SELECT id FROM chronicles WHERE session_id = ?2 AND run < ?3 ORDER BY run DESC LIMIT 1)),
				'draft', ?7, ?8, ?9, ?10, ?11, ?12, coalesce(sum(input + output + cache_write), 0), coalesce(sum(cost_micros), 0), ?13, ?13,
				?14, ?15, (SELECT coalesce(max(n), 0) + 1 FROM chronicles), ?16
			FROM usage WHERE session_id = ?2 AND run = ?3
			ON CONFLICT (session_id, run) DO NOTHING`,
			c.ID, c.SessionID, c.Run, c.OwnerID, c.TenantID, c.ParentID, c.Project, c.Repo, c.Branch, c.Model, string(c.Config),
			millis(c.StartedAt), millis(t.now), c.Name, list(c.Tags), list(c.Repositories))
		if err != nil {
			return err
		}
		if n, err := res.RowsAffected(); err != nil || n == 0 {
			return err
		}
		if err := t.models(ctx, c.SessionID, c.Run); err != nil {
			return err
		}
		if err := t.chronicleEvent(ctx, c, ChronicleCreated); err != nil {
			return err
		}
		return t.timeline(ctx, c.SessionID, c.Run, rows)
	})
}

// CompleteChronicle ends, for the system, a run's chronicle, adds the last rows
// of its timeline, and notes on the session that this run is told. A chronicle
// that is complete keeps its first reason and time. ErrNotFound when it was
// never opened.
func (db *DB) CompleteChronicle(ctx context.Context, sessionID string, run int, reason string, endedAt time.Time, rows ...TimelineEvent) error {
	return db.write(ctx, func(t *tx) error {
		c, err := scanChronicle(t.QueryRowContext(ctx, `SELECT `+chronicleColumns+` FROM chronicles WHERE session_id = ? AND run = ?`,
			sessionID, run))
		if err != nil {
			return fmt.Errorf("complete chronicle of run %d: %w", run, err)
		}
		if c.Status == "draft" {
			if err := t.timeline(ctx, sessionID, run, rows); err != nil {
				return err
			}
			if _, err := t.ExecContext(ctx, `UPDATE chronicles SET status = 'complete', reason = ?, ended_at = ?, updated_at = ?
				WHERE id = ?`, reason, millis(endedAt), millis(t.now), c.ID); err != nil {
				return err
			}
			if err := t.chronicleEvent(ctx, c, ChronicleUpdated); err != nil {
				return err
			}
		}
		_, err = t.ExecContext(ctx, `UPDATE sessions SET chronicled_run = ?, updated_at = ?, version = version + 1
			WHERE id = ? AND chronicled_run < ?`, run, millis(t.now), sessionID, run)
		return err
	})
}

// SetTexts gives, for the system, a chronicle its texts, unless it has those of
// a better author: person before agent before rule. The same author's replace
// his own.
func (db *DB) SetTexts(ctx context.Context, chronicleID string, v Texts) error {
	return db.changeChronicle(ctx, chronicleID, `summary = ?, key_changes = ?, unfinished = ?, author = ?`,
		`instr(',,rule,agent,person', ',' || author) <= instr(',,rule,agent,person', ',' || ?)`,
		[]any{v.Summary, list(v.KeyChanges), v.Unfinished, v.Author}, v.Author)
}

// SetCommits notes, for the system, where the repository of a run's workspace
// stood when it began and when it was last asked. The first base stays; an
// empty value says nothing.
func (db *DB) SetCommits(ctx context.Context, chronicleID, base, final string) error {
	return db.changeChronicle(ctx, chronicleID, `base_commit = iif(base_commit = '', ?, base_commit),
		final_commit = iif(? = '', final_commit, ?)`, `(? <> '' OR ? <> '')`, []any{base, final, final}, base, final)
}

// SetRepositories does so, by their folders, for those of a workspace that has
// several; what the first of them says is also that of the chronicle.
func (db *DB) SetRepositories(ctx context.Context, chronicleID string, at ...Repository) error {
	return db.write(ctx, func(t *tx) error {
		c, err := scanChronicle(t.QueryRowContext(ctx, `SELECT `+chronicleColumns+` FROM chronicles WHERE id = ?`, chronicleID))
		if err != nil || len(c.Repositories) == 0 {
			return err
		}
		before := slices.Clone(c.Repositories)
		for i := range c.Repositories {
			r := &c.Repositories[i]
			for _, v := range at {
				if v.Folder == r.Folder {
					r.BaseCommit, r.FinalCommit = cmp.Or(r.BaseCommit, v.BaseCommit), cmp.Or(v.FinalCommit, r.FinalCommit)
				}
			}
		}
		if slices.Equal(before, c.Repositories) {
			return nil
		}
		if _, err := t.ExecContext(ctx, `UPDATE chronicles SET repositories = ?, base_commit = ?, final_commit = ?, updated_at = ? WHERE id = ?`,
			list(c.Repositories), c.Repositories[0].BaseCommit, c.Repositories[0].FinalCommit, millis(t.now), c.ID); err != nil {
			return err
		}
		return t.chronicleEvent(ctx, c, ChronicleUpdated)
	})
}

// SetPacks notes, for the system, what a run can be continued from, and whose
// conversation it is.
func (db *DB) SetPacks(ctx context.Context, sessionID string, run int, v Packs) error {
	c, err := db.ChronicleOfRun(ctx, sessionID, run)
	if err != nil {
		return err
	}
	return db.changeChronicle(ctx, c.ID, `workspace = ?, context = ?, agent = ?, missing = ?`, `TRUE`,
		[]any{v.Workspace, v.Context, v.Agent, v.Missing})
}

// changeChronicle writes values when the condition holds. ErrNotFound when
// there is no such chronicle.
func (db *DB) changeChronicle(ctx context.Context, id, assign, cond string, values []any, condValues ...any) error {
	return db.write(ctx, func(t *tx) error {
		c, err := scanChronicle(t.QueryRowContext(ctx, `SELECT `+chronicleColumns+` FROM chronicles WHERE id = ?`, id))
		if err != nil {
			return err
		}
		args := append(append(append([]any{}, values...), millis(t.now), id), condValues...)
		res, err := t.ExecContext(ctx, `UPDATE chronicles SET `+assign+`, updated_at = ? WHERE id = ? AND `+cond, args...)
		if err != nil {
			return err
		}
		if n, err := res.RowsAffected(); err != nil || n == 0 {
			return err
		}
		return t.chronicleEvent(ctx, c, ChronicleUpdated)
	})
}
