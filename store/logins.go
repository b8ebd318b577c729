package store

import (
	"context"
	"time"

	"github.com/google/uuid"
)

// Login is a way in: one row of logins, which is a browser that is logged in,
// or one of tokens.
type Login struct {
	ID        string
	Hash      string // of the cookie or token, which is never stored
	UserID    string
	TenantID  string
	UserName  string   // the user's, as it is now; only read
	Role      Role     // the same
	Token     bool     // a personal access token
	Scopes    []string // of a token
	Agent     string   // User-Agent
	Via       string   // of a browser: ViaLink, ViaOIDC, ViaProxy
	CreatedAt time.Time
	UsedAt    time.Time
	ExpiresAt time.Time
}

// How a browser came in.
const (
	ViaLink  = "link"  // a one-time link
	ViaOIDC  = "oidc"  // an identity provider
	ViaProxy = "proxy" // a trusted proxy's word
)

const loginColumns = `logins.id, hash, user_id, logins.tenant_id, users.name, role, agent, via, logins.created_at, used_at, expires_at`

// loginsOfUsers leaves out the logins of who is no user any more.
const loginsOfUsers = ` FROM logins JOIN users ON users.tenant_id = logins.tenant_id AND users.id = user_id `

func scanLogin(row scanner) (l Login, err error) {
	var created, used, expires int64
	err = row.Scan(&l.ID, &l.Hash, &l.UserID, &l.TenantID, &l.UserName, &l.Role, &l.Agent, &l.Via, &created, &used, &expires)
	l.CreatedAt, l.UsedAt, l.ExpiresAt = moment(created), moment(used), moment(expires)
	return l, notFound(err)
}

// AddLoginLink stores the hash of a one-time code that logs p in. Links that
// have expired are dropped on the way.
func (db *DB) AddLoginLink(ctx context.Context, hash string, p Principal, expires time.Time) error {
	return db.write(ctx, func(t *tx) error {
		if _, err := t.ExecContext(ctx, `DELETE FROM login_links WHERE expires_at <= ?`, millis(t.now)); err != nil {
			return err
		}
		_, err := t.ExecContext(ctx, `INSERT INTO login_links (hash, user_id, tenant_id, created_at, expires_at) VALUES (?, ?, ?, ?, ?)`,
			hash, p.UserID, p.TenantID, millis(t.now), millis(expires))
		return err
	})
}

// UseLoginLink spends a link and says whom it logs in (Admin is not known
// here). ErrNotFound when there is none, it was used, it has expired, or its
// user is gone.
func (db *DB) UseLoginLink(ctx context.Context, hash string, now time.Time) (p Principal, err error) {
	var there bool // a guess does not get as far as the one connection that writes
	if err := db.r.QueryRowContext(ctx, `SELECT EXISTS (SELECT 1 FROM login_links WHERE hash = ?)`, hash).Scan(&there); err != nil {
		return p, err
	}
	if !there {
		return p, ErrNotFound
	}
	err = db.write(ctx, func(t *tx) error {
		return notFound(t.QueryRowContext(ctx, `DELETE FROM login_links WHERE hash = ? AND expires_at > ? RETURNING user_id, tenant_id`,
			hash, millis(now)).Scan(&p.UserID, &p.TenantID))
	})
	return p, err
}

// AddLogin stores a login and returns it with its ID and times. Logins that
// have expired are dropped on the way. ErrNotFound when there is no such user.
func (db *DB) AddLogin(ctx context.Context, l Login) (out Login, err error) {
	if l.ID == "" {
		l.ID = uuid.NewString()
	}
	if l.Via == "" {
		l.Via = ViaLink
	}
	err = db.write(ctx, func(t *tx) error {
		if _, err := t.ExecContext(ctx, `DELETE FROM logins WHERE expires_at <= ?`, millis(t.now)); err != nil {
			return err
		}
		if _, err := t.ExecContext(ctx, `INSERT INTO logins (id, hash, user_id, tenant_id, agent, via, created_at, used_at, expires_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)`,
			l.ID, l.Hash, l.UserID, l.TenantID, l.Agent, l.Via, millis(t.now), millis(t.now), millis(l.ExpiresAt)); err != nil {
			return err
		}
		if out, err = scanLogin(t.QueryRowContext(ctx, `SELECT `+loginColumns+loginsOfUsers+`WHERE logins.id = ?`, l.ID)); err != nil {
			return err
		}
		p := Principal{UserID: out.UserID, TenantID: out.TenantID, Name: out.UserName, By: "browser " + out.ID}
		return t.audit(ctx, p, ActLogin, out.ID, map[string]string{"agent": out.Agent, "via": out.Via})
	})
	return out, err
}

// LoginByHash gives the login of a cookie, unless it has expired.
func (db *DB) LoginByHash(ctx context.Context, hash string, now time.Time) (Login, error) {
	return scanLogin(db.r.QueryRowContext(ctx, `SELECT `+loginColumns+loginsOfUsers+`WHERE hash = ? AND expires_at > ?`, hash, millis(now)))
}

// TouchLogin notes that a login was used, and until when it lasts now.
func (db *DB) TouchLogin(ctx context.Context, id string, used, expires time.Time) error {
	return db.write(ctx, func(t *tx) error {
		_, err := t.ExecContext(ctx, `UPDATE logins SET used_at = ?, expires_at = ? WHERE id = ?`, millis(used), millis(expires), id)
		return err
	})
}

// Logins gives p's own logins, the last used first.
func (db *DB) Logins(ctx context.Context, p Principal) ([]Login, error) {
	rows, err := db.r.QueryContext(ctx, `SELECT `+loginColumns+loginsOfUsers+`WHERE logins.tenant_id = ? AND user_id = ? ORDER BY used_at DESC`,
		p.TenantID, p.UserID)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	out := []Login{}
	for rows.Next() {
		l, err := scanLogin(rows)
		if err != nil {
			return nil, err
		}
		out = append(out, l)
	}
	return out, rows.Err()
}

// DeleteLogin ends one of p's own logins. ErrNotFound when there is none.
func (db *DB) DeleteLogin(ctx context.Context, p Principal, id string) error {
	return db.write(ctx, func(t *tx) error {
		var one string
		if err := notFound(t.QueryRowContext(ctx, `DELETE FROM logins WHERE id = ? AND tenant_id = ? AND user_id = ? RETURNING id`,
			id, p.TenantID, p.UserID).Scan(&one)); err != nil {
			return err
		}
		return t.audit(ctx, p, ActLoginEnded, id, nil)
	})
}
