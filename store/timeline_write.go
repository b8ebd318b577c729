package store

import (
	"context"
	"database/sql"
	"errors"
	"strings"
)

// told writes rows to the runs they name.
func (t *tx) told(ctx context.Context, sessionID string, rows []TimelineEvent) error {
	for len(rows) > 0 {
		n := 1
		for n < len(rows) && rows[n].Run == rows[0].Run {
			n++
		}
		if err := t.timeline(ctx, sessionID, rows[0].Run, rows[:n]); err != nil {
			return err
		}
		rows = rows[n:]
	}
	return nil
}

// timeline writes rows of a session's run, where it has a chronicle, and what
// follows from them.
func (t *tx) timeline(ctx context.Context, sessionID string, run int, rows []TimelineEvent) error {
	if len(rows) == 0 {
		return nil
	}
	c := Chronicle{SessionID: sessionID, Run: run}
	err := t.QueryRowContext(ctx, `SELECT id, owner_id, tenant_id FROM chronicles WHERE session_id = ? AND run = ?`, sessionID, run).
		Scan(&c.ID, &c.OwnerID, &c.TenantID)
	if errors.Is(err, sql.ErrNoRows) {
		return nil // an entry of a run that this database never saw begin
	}
	if err != nil {
		return err
	}
	t.news = append(t.news, c.ID)
	turns, keys, values := false, make([]string, 0, len(rows)), make([][]any, len(rows))
	for i, r := range rows {
		values[i] = []any{c.ID, r.Key, millis(r.At), r.Type, r.Label, orObject(r.Data), r.Text}
		keys = append(keys, r.Key)
		turns = turns || strings.HasPrefix(r.Key, KeyTurn)
	}
	if _, err := t.insertRows(ctx, `INSERT INTO timeline (chronicle_id, key, at, type, label, data, text)`,
		`ON CONFLICT (chronicle_id, key) DO UPDATE SET at = excluded.at, type = excluded.type, label = excluded.label,
			data = excluded.data, text = excluded.text`, values); err != nil {
		return err
	}
	if turns {
		if _, err := t.ExecContext(ctx, `UPDATE chronicles SET updated_at = ?2, active_ms = (SELECT coalesce(sum(data ->> '$.duration_ms'), 0)
			FROM timeline WHERE chronicle_id = ?1 AND key >= 'turn:' AND key < 'turn;') WHERE id = ?1`, c.ID, millis(t.now)); err != nil {
			return err
		}
	}
	return t.chronicleEvent(ctx, c, ChronicleEvent, keys...)
}

// models counts anew what a run's models were used for. What was used beside the
// turns is no turn, nor what others did in one (id+1, …).
func (t *tx) models(ctx context.Context, sessionID string, run int) error {
	_, err := t.ExecContext(ctx, `UPDATE chronicles SET models = (
		SELECT coalesce(json_group_array(json_object('model', model, 'provider', provider, 'turns', turns, 'input_tokens', input,
			'output_tokens', output, 'cache_read_tokens', cache_read, 'cache_write_tokens', cache_write, 'cost_micros', cost)), '[]')
		FROM (SELECT model, provider, sum(turn NOT GLOB 'beside-*' AND turn NOT GLOB '*+*') AS turns, sum(input) AS input, sum(output) AS output, sum(cache_read) AS cache_read,
			sum(cache_write) AS cache_write, sum(cost_micros) AS cost FROM usage WHERE session_id = ?1 AND run = ?2
			GROUP BY model, provider ORDER BY min(at)))
		WHERE session_id = ?1 AND run = ?2`, sessionID, run)
	return err
}

func orObject(data []byte) string {
	if len(data) == 0 {
		return "{}"
	}
	return string(data)
}
