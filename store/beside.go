package store

import (
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"time"
)

// Note is Audit for a program beside the daemon: it notes a deed in the database
// file at path, whose schema stays as it is. One that is too old to have an audit
// is left alone.
func Note(ctx context.Context, path string, p Principal, act, subject string, detail map[string]string) error {
	if err := note(ctx, path, p, act, subject, detail); err != nil {
		return fmt.Errorf("note in database %s: %w", path, explain(err))
	}
	return nil
}

func note(ctx context.Context, path string, p Principal, act, subject string, detail map[string]string) error {
	looks, err := opened(path) // it must be there, and known to this program
	if err != nil {
		return err
	}
	var there bool
	if _, err = schema(ctx, looks); err == nil {
		err = looks.QueryRowContext(ctx, `SELECT EXISTS (SELECT 1 FROM sqlite_master WHERE name = 'audit')`).Scan(&there)
	}
	if looks.Close(); err != nil || !there {
		return err
	}
	w, err := sql.Open("sqlite", dsn(path, "immediate", "synchronous(FULL)", "foreign_keys(1)"))
	if err != nil {
		return err
	}
	defer w.Close()
	sqlTx, err := w.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	defer sqlTx.Rollback()
	t := &tx{Tx: sqlTx, now: time.Now().UTC().Truncate(time.Millisecond)}
	if err := t.audit(ctx, p, act, subject, detail); err != nil {
		return err
	}
	return t.Commit()
}

// Reinstated notes, on a restored database, that it is one, and ends the ways in
// that it has: which of them were ended since the backup was made, nobody knows.
// Tokens are told by name and user; keep leaves them.
func (db *DB) Reinstated(ctx context.Context, p Principal, file string, madeAt time.Time, keep bool) (logins int64, tokens []string, err error) {
	err = db.write(ctx, func(t *tx) error {
		for _, table := range []string{"login_links", "logins"} { // logins last: they are counted
			done, err := t.ExecContext(ctx, `DELETE FROM `+table)
			if err != nil {
				return err
			}
			if logins, err = done.RowsAffected(); err != nil {
				return err
			}
		}
		var names string
		if err := t.QueryRowContext(ctx, `SELECT json_group_array(tokens.name || ' of ' || users.name ORDER BY users.name, tokens.name)`+tokensOfUsers).Scan(&names); err != nil {
			return err
		}
		if err := json.Unmarshal([]byte(names), &tokens); err != nil {
			return err
		}
		detail := map[string]string{"made_at": madeAt.UTC().Format(time.RFC3339), "logins_ended": fmt.Sprint(logins), "tokens": "kept"}
		if !keep {
			detail["tokens"] = "revoked"
			if _, err := t.ExecContext(ctx, `DELETE FROM tokens`); err != nil {
				return err
			}
		}
		return t.audit(ctx, p, ActBackupRestored, file, detail)
	})
	return logins, tokens, err
}
