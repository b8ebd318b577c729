package store

import (
	"context"
	"errors"
	"time"

	"github.com/google/uuid"
)

// Trust is what a user said to the definition that a repository brings.
type Trust struct {
	ID         string
	Repository string
	Hash       string // of the definition's content
	Used       bool   // false: sessions are begun without it
	CreatedAt  time.Time
}

const trustColumns = `id, repository, hash, used, created_at`

func scanTrust(row scanner) (t Trust, err error) {
	var at int64
	err = row.Scan(&t.ID, &t.Repository, &t.Hash, &t.Used, &at)
	t.CreatedAt = moment(at)
	return t, notFound(err)
}

// Trust keeps what p says to a definition, in place of what they said to the
// same before. Saying it again changes nothing, and is noted once.
func (db *DB) Trust(ctx context.Context, p Principal, repository, hash string, used bool) (out Trust, err error) {
	err = db.write(ctx, func(t *tx) error {
		out, err = scanTrust(t.QueryRowContext(ctx, `SELECT `+trustColumns+` FROM trusts WHERE tenant_id = ? AND user_id = ? AND repository = ? AND hash = ?`,
			p.TenantID, p.UserID, repository, hash))
		if err == nil && out.Used == used || err != nil && !errors.Is(err, ErrNotFound) {
			return err
		}
		out, err = scanTrust(t.QueryRowContext(ctx, `INSERT INTO trusts (tenant_id, user_id, `+trustColumns+`) VALUES (?, ?, ?, ?, ?, ?, ?)
			ON CONFLICT (tenant_id, user_id, repository, hash) DO UPDATE SET used = excluded.used, created_at = excluded.created_at RETURNING `+trustColumns,
			p.TenantID, p.UserID, uuid.NewString(), repository, hash, used, millis(t.now)))
		if err != nil {
			return err
		}
		act := ActDefinitionConfirmed
		if !used {
			act = ActDefinitionDeclined
		}
		return t.audit(ctx, p, act, repository, map[string]string{"hash": hash})
	})
	return out, err
}

// Trusted is what p said to a definition; ErrNotFound: nothing yet.
func (db *DB) Trusted(ctx context.Context, p Principal, repository, hash string) (Trust, error) {
	return scanTrust(db.r.QueryRowContext(ctx, `SELECT `+trustColumns+` FROM trusts WHERE tenant_id = ? AND user_id = ? AND repository = ? AND hash = ?`,
		p.TenantID, p.UserID, repository, hash))
}

// Trusts are what p said, the last first. They are never another's, not even for
// an admin.
func (db *DB) Trusts(ctx context.Context, p Principal) ([]Trust, error) {
	rows, err := db.r.QueryContext(ctx, `SELECT `+trustColumns+` FROM trusts WHERE tenant_id = ? AND user_id = ? ORDER BY created_at DESC, id`, p.TenantID, p.UserID)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	out := []Trust{}
	for rows.Next() {
		one, err := scanTrust(rows)
		if err != nil {
			return nil, err
		}
		out = append(out, one)
	}
	return out, rows.Err()
}

// ForgetTrust forgets what p said to a definition, so that they are asked again.
// ErrNotFound when it is not theirs.
func (db *DB) ForgetTrust(ctx context.Context, p Principal, id string) error {
	return db.write(ctx, func(t *tx) error {
		gone, err := scanTrust(t.QueryRowContext(ctx, `DELETE FROM trusts WHERE id = ? AND tenant_id = ? AND user_id = ? RETURNING `+trustColumns, id, p.TenantID, p.UserID))
		if err != nil {
			return err
		}
		return t.audit(ctx, p, ActDefinitionForgotten, gone.Repository, map[string]string{"hash": gone.Hash})
	})
}
