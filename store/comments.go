package store

import (
	"context"
	"errors"
	"time"

	"github.com/google/uuid"
)

// Comment is one row of comments: what a person says about a line of a change.
type Comment struct {
	ID        string
	SessionID string
	Repo      string // folder in the workspace; empty: the workspace itself
	Path      string
	Side      string // "old", "new"
	Line      int    // from 1, on that side
	Text      string // of the line when it was commented
	Body      string
	CreatedAt time.Time
}

// AddComment stores a comment on one of p's sessions. ID and CreatedAt are
// filled.
func (db *DB) AddComment(ctx context.Context, p Principal, c Comment) (Comment, error) {
	c.ID = uuid.NewString()
	err := db.write(ctx, func(t *tx) error {
		c.CreatedAt = t.now
		res, err := t.ExecContext(ctx, `INSERT INTO comments (id, session_id, owner_id, tenant_id, repo, path, side, line, text, body, created_at)
			SELECT ?, id, owner_id, tenant_id, ?, ?, ?, ?, ?, ?, ? FROM sessions WHERE id = ? AND`+session,
			p.args(c.ID, c.Repo, c.Path, c.Side, c.Line, c.Text, c.Body, millis(t.now), c.SessionID)...)
		if err != nil {
			return err
		}
		if n, err := res.RowsAffected(); err != nil || n == 0 {
			return errors.Join(err, ErrNotFound)
		}
		return nil
	})
	return c, err
}

// Comments gives what p said about a session's changes, the oldest first.
func (db *DB) Comments(ctx context.Context, p Principal, sessionID string) ([]Comment, error) {
	rows, err := db.r.QueryContext(ctx, `SELECT id, session_id, repo, path, side, line, text, body, created_at FROM comments
		WHERE session_id = ? AND`+mine+` ORDER BY created_at, id`, p.args(sessionID)...)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	out := []Comment{}
	for rows.Next() {
		var c Comment
		var at int64
		if err := rows.Scan(&c.ID, &c.SessionID, &c.Repo, &c.Path, &c.Side, &c.Line, &c.Text, &c.Body, &at); err != nil {
			return nil, err
		}
		c.CreatedAt = moment(at)
		out = append(out, c)
	}
	return out, rows.Err()
}

// DeleteComments removes comments of p's by id: one that was thought better of,
// or those that were sent. ErrNotFound when none of them was there.
func (db *DB) DeleteComments(ctx context.Context, p Principal, sessionID string, ids ...string) error {
	return db.write(ctx, func(t *tx) error {
		n := int64(0)
		for _, id := range ids {
			res, err := t.ExecContext(ctx, `DELETE FROM comments WHERE id = ? AND session_id = ? AND`+mine, p.args(id, sessionID)...)
			if err != nil {
				return err
			}
			one, err := res.RowsAffected()
			if err != nil {
				return err
			}
			n += one
		}
		if n == 0 {
			return ErrNotFound
		}
		return nil
	})
}
