package store

import (
	"context"
	"database/sql"
	"errors"
)

// How much of what lies beside entries is kept: of one, of a session's, of all,
// in bytes. The oldest go first.
const (
	MaxBody       = 8 << 20
	sessionBodies = 64 << 20
	allBodies     = 512 << 20
)

// ErrGone: what was asked for is not kept any more.
var ErrGone = errors.New("gone")

// nameBodiesOf notes what an entry names, unless that entry is there already.
func (t *tx) nameBodiesOf(ctx context.Context, sessionID, epoch string, e Entry) error {
	if len(e.Bodies) == 0 {
		return nil
	}
	var there bool
	if err := t.QueryRowContext(ctx, `SELECT EXISTS (SELECT 1 FROM entries WHERE session_id = ? AND epoch = ? AND seq = ?)`,
		sessionID, epoch, e.Seq).Scan(&there); err != nil || there {
		return err
	}
	return t.nameBodies(ctx, sessionID, e.Bodies)
}

func (t *tx) nameBodies(ctx context.Context, sessionID string, hashes []string) error {
	for _, h := range hashes {
		if _, err := t.ExecContext(ctx, `INSERT INTO bodies (session_id, hash) VALUES (?, ?) ON CONFLICT DO NOTHING`, sessionID, h); err != nil {
			return err
		}
	}
	return nil
}

// NamedBodies gives, for the link, the hashes that entries of a session named
// and that were not taken over yet, at most limit, the oldest first.
func (db *DB) NamedBodies(ctx context.Context, sessionID string, limit int) (hashes []string, err error) {
	rows, err := db.r.QueryContext(ctx, `SELECT hash FROM bodies WHERE session_id = ? AND state = 'named' ORDER BY id LIMIT ?`, sessionID, limit)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	for rows.Next() {
		var h string
		if err := rows.Scan(&h); err != nil {
			return nil, err
		}
		hashes = append(hashes, h)
	}
	return hashes, rows.Err()
}

// KeepBody keeps, for the link, what a named hash stands for. nil, or more than
// MaxBody, is not kept. Older ones go where there are too many.
func (db *DB) KeepBody(ctx context.Context, sessionID, hash string, data []byte) error {
	return db.write(ctx, func(t *tx) error {
		if data == nil || len(data) > MaxBody {
			_, err := t.ExecContext(ctx, `UPDATE bodies SET state = 'gone' WHERE session_id = ? AND hash = ? AND state = 'named'`, sessionID, hash)
			return err
		}
		_, err := t.ExecContext(ctx, `UPDATE bodies SET state = 'kept', data = ?, size = ? WHERE session_id = ? AND hash = ? AND state = 'named'`,
			data, len(data), sessionID, hash)
		if err != nil {
			return err
		}
		return errors.Join(t.dropBodies(ctx, sessionID, sessionBodies), t.dropBodies(ctx, "", allBodies))
	})
}

// dropBodies drops the oldest bodies beyond room bytes, of a session or of all.
func (t *tx) dropBodies(ctx context.Context, sessionID string, room int64) error {
	_, err := t.ExecContext(ctx, `UPDATE bodies SET state = 'gone', data = NULL, size = 0 WHERE id IN (SELECT id FROM
		(SELECT id, sum(size) OVER (ORDER BY id DESC) AS upto FROM bodies WHERE state = 'kept' AND (session_id = ? OR ? = ''))
		WHERE upto > ?)`, sessionID, sessionID, room)
	return err
}

// SystemBody gives, for the system, what a hash stands for in a session.
// ErrNotFound when it was not taken over (yet), ErrGone when it is not kept.
func (db *DB) SystemBody(ctx context.Context, sessionID, hash string) (data []byte, err error) {
	var state string
	err = db.r.QueryRowContext(ctx, `SELECT state, data FROM bodies WHERE session_id = ? AND hash = ?`, sessionID, hash).Scan(&state, &data)
	switch {
	case errors.Is(err, sql.ErrNoRows) || err == nil && state == "named":
		return nil, ErrNotFound
	case err == nil && state == "gone":
		return nil, ErrGone
	}
	return data, err
}
