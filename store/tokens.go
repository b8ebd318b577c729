package store

import (
	"context"
	"encoding/json"
	"errors"
	"strings"
	"time"

	"github.com/google/uuid"
)

// Token is one row of tokens: a user's own way in for programs.
type Token struct {
	ID        string
	TenantID  string
	UserID    string
	UserName  string // only read
	Name      string
	Hash      string // of the token, which is never stored
	Scopes    []string
	CreatedAt time.Time
	UsedAt    time.Time // zero: never
	ExpiresAt time.Time
}

const tokenColumns = `tokens.id, tokens.tenant_id, user_id, users.name, tokens.name, hash, scopes, tokens.created_at, used_at, expires_at`

const tokensOfUsers = ` FROM tokens JOIN users ON users.tenant_id = tokens.tenant_id AND users.id = user_id `

func scanToken(row scanner, more ...any) (k Token, err error) {
	var scopes string
	var created, used, expires int64
	err = row.Scan(append([]any{&k.ID, &k.TenantID, &k.UserID, &k.UserName, &k.Name, &k.Hash, &scopes, &created, &used, &expires}, more...)...)
	if err != nil {
		return Token{}, notFound(err)
	}
	k.CreatedAt, k.UsedAt, k.ExpiresAt = moment(created), moment(used), moment(expires)
	return k, json.Unmarshal([]byte(scopes), &k.Scopes)
}

// AddToken stores a token of p's and returns it as stored. ErrNotFound when p
// is no user any more.
func (db *DB) AddToken(ctx context.Context, p Principal, k Token) (out Token, err error) {
	scopes, err := json.Marshal(append([]string{}, k.Scopes...))
	if err != nil {
		return Token{}, err
	}
	k.ID = uuid.NewString()
	err = db.write(ctx, func(t *tx) error {
		res, err := t.ExecContext(ctx, `INSERT INTO tokens (id, tenant_id, user_id, name, hash, scopes, created_at, expires_at)
			SELECT ?, tenant_id, id, ?, ?, ?, ?, ? FROM users WHERE tenant_id = ? AND id = ?`,
			k.ID, k.Name, k.Hash, string(scopes), millis(t.now), millis(k.ExpiresAt), p.TenantID, p.UserID)
		if err != nil {
			return err
		}
		if n, err := res.RowsAffected(); err != nil || n == 0 {
			return errors.Join(ErrNotFound, err)
		}
		if out, err = scanToken(t.QueryRowContext(ctx, `SELECT `+tokenColumns+tokensOfUsers+`WHERE tokens.id = ?`, k.ID)); err != nil {
			return err
		}
		return t.audit(ctx, p, ActTokenMade, out.ID, map[string]string{"name": out.Name, "scopes": strings.Join(out.Scopes, " ")})
	})
	return out, err
}

// Tokens gives p's own tokens, the newest first; to an admin, those of the
// tenant. Expired ones are among them.
func (db *DB) Tokens(ctx context.Context, p Principal) ([]Token, error) {
	rows, err := db.r.QueryContext(ctx, `SELECT `+tokenColumns+tokensOfUsers+`
		WHERE tokens.tenant_id = ? AND (? OR user_id = ?) ORDER BY tokens.created_at DESC, tokens.rowid DESC`, p.args()...)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	out := []Token{}
	for rows.Next() {
		k, err := scanToken(rows)
		if err != nil {
			return nil, err
		}
		out = append(out, k)
	}
	return out, rows.Err()
}

// DeleteToken ends a token of p's, or, for an admin, of the tenant. ErrNotFound
// when there is none.
func (db *DB) DeleteToken(ctx context.Context, p Principal, id string) error {
	return db.write(ctx, func(t *tx) error {
		var user, name string
		if err := notFound(t.QueryRowContext(ctx, `DELETE FROM tokens WHERE id = ? AND tenant_id = ? AND (? OR user_id = ?) RETURNING user_id, name`,
			p.args(id)...).Scan(&user, &name)); err != nil {
			return err
		}
		return t.audit(ctx, p, ActTokenRevoked, id, map[string]string{"name": name, "user": user})
	})
}

// LoginByToken gives what a token stands for, unless it has expired.
func (db *DB) LoginByToken(ctx context.Context, hash string, now time.Time) (Login, error) {
	var role Role
	k, err := scanToken(db.r.QueryRowContext(ctx, `SELECT `+tokenColumns+`, users.role`+tokensOfUsers+`WHERE hash = ? AND expires_at > ?`,
		hash, millis(now)), &role)
	if err != nil {
		return Login{}, err
	}
	return Login{ID: k.ID, Hash: k.Hash, UserID: k.UserID, TenantID: k.TenantID, UserName: k.UserName, Role: role, Token: true, Scopes: k.Scopes,
		CreatedAt: k.CreatedAt, UsedAt: k.UsedAt, ExpiresAt: k.ExpiresAt}, nil
}

// TouchToken notes that a token was used.
func (db *DB) TouchToken(ctx context.Context, id string, used time.Time) error {
	return db.write(ctx, func(t *tx) error {
		_, err := t.ExecContext(ctx, `UPDATE tokens SET used_at = ? WHERE id = ?`, millis(used), id)
		return err
	})
}
