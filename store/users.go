package store

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/google/uuid"
)

// Role is what a user may do in their tenant.
type Role string

// Roles.
const (
	RoleAdmin     Role = "admin"     // everything of the tenant
	RoleDeveloper Role = "developer" // everything that is their own
	RoleViewer    Role = "viewer"    // reads what is their own
)

// User is one row of users.
type User struct {
	ID        string
	TenantID  string
	Name      string // unique in its tenant
	Role      Role
	CreatedAt time.Time
	SeenAt    time.Time // last use of a login or token that still is; zero: none
}

const userColumns = `id, tenant_id, name, role, created_at`

// userSeen is userColumns, and when a user was seen last.
const userSeen = userColumns + `, max(
	coalesce((SELECT max(used_at) FROM logins AS l WHERE l.tenant_id = users.tenant_id AND l.user_id = users.id), 0),
	coalesce((SELECT max(used_at) FROM tokens AS k WHERE k.tenant_id = users.tenant_id AND k.user_id = users.id), 0))`

// managed is the condition of every change to a user: that an admin of the same
// tenant asks.
const managed = ` tenant_id = ? AND ? AND id = ?`

func scanUser(row scanner, more ...any) (u User, err error) {
	var created int64
	err = row.Scan(append([]any{&u.ID, &u.TenantID, &u.Name, &u.Role, &created}, more...)...)
	u.CreatedAt = moment(created)
	return u, notFound(err)
}

func scanSeen(row scanner) (User, error) {
	var seen int64
	u, err := scanUser(row, &seen)
	u.SeenAt = moment(seen)
	return u, err
}

// AddUser stores a user of p's tenant and returns it as stored. An empty ID is
// drawn. A *ConflictError says that the name is taken; ErrNotFound that p is no
// admin.
func (db *DB) AddUser(ctx context.Context, p Principal, u User) (out User, err error) {
	if !p.Admin {
		return User{}, ErrNotFound
	}
	if u.ID == "" {
		u.ID = uuid.NewString()
	}
	err = db.write(ctx, func(t *tx) error {
		var there, taken bool // the tenant may just have been removed
		if err := t.QueryRowContext(ctx, `SELECT EXISTS (SELECT 1 FROM tenants WHERE id = ?1), EXISTS (SELECT 1 FROM users WHERE tenant_id = ?1 AND name = ?2)`,
			p.TenantID, u.Name).Scan(&there, &taken); err != nil {
			return err
		}
		if !there {
			return ErrNoTenant
		}
		if taken {
			return &ConflictError{fmt.Sprintf("There is a user %s already: choose another name.", u.Name)}
		}
		out, err = scanUser(t.QueryRowContext(ctx, `INSERT INTO users (`+userColumns+`) VALUES (?, ?, ?, ?, ?) RETURNING `+userColumns,
			u.ID, p.TenantID, u.Name, u.Role, millis(t.now)))
		if err != nil {
			return err
		}
		return t.audit(ctx, p, ActUserAdded, out.ID, map[string]string{"name": out.Name, "role": string(out.Role)})
	})
	return out, err
}

// Users gives the users of p's tenant by name; for who is no admin, themselves.
func (db *DB) Users(ctx context.Context, p Principal) ([]User, error) {
	rows, err := db.r.QueryContext(ctx, `SELECT `+userSeen+` FROM users WHERE tenant_id = ? AND (? OR id = ?) ORDER BY name`, p.args()...)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	out := []User{}
	for rows.Next() {
		u, err := scanSeen(rows)
		if err != nil {
			return nil, err
		}
		out = append(out, u)
	}
	return out, rows.Err()
}

// User gives one user of p's tenant by id or name; to who is no admin, only
// themselves.
func (db *DB) User(ctx context.Context, p Principal, idOrName string) (User, error) {
	return scanSeen(db.r.QueryRowContext(ctx, `SELECT `+userSeen+` FROM users WHERE (id = ? OR name = ?) AND tenant_id = ? AND (? OR id = ?)
		ORDER BY id = ? DESC LIMIT 1`, append(p.args(idOrName, idOrName), idOrName)...))
}

// SetRole gives a user of p's tenant another role. A *ConflictError says that
// no admin would be left.
func (db *DB) SetRole(ctx context.Context, p Principal, id string, role Role) (u User, err error) {
	err = db.write(ctx, func(t *tx) error {
		if role != RoleAdmin {
			if err := t.keepAdmin(ctx, p, id); err != nil {
				return err
			}
		}
		u, err = scanUser(t.QueryRowContext(ctx, `UPDATE users SET role = ? WHERE`+managed+` RETURNING `+userColumns, role, p.TenantID, p.Admin, id))
		if err != nil {
			return err
		}
		return t.audit(ctx, p, ActUserRole, id, map[string]string{"name": u.Name, "role": string(role)})
	})
	return u, err
}

// RemoveUser takes a user of p's tenant away, with all ways in; what they own
// stays. A *ConflictError says that no admin would be left.
func (db *DB) RemoveUser(ctx context.Context, p Principal, id string) error {
	return db.write(ctx, func(t *tx) error {
		if err := t.keepAdmin(ctx, p, id); err != nil {
			return err
		}
		u, err := scanUser(t.QueryRowContext(ctx, `DELETE FROM users WHERE`+managed+` RETURNING `+userColumns, p.TenantID, p.Admin, id))
		if err != nil {
			return err
		}
		for _, table := range []string{"logins", "login_links", "quotas"} { // tokens go with the row
			if _, err := t.ExecContext(ctx, `DELETE FROM `+table+` WHERE tenant_id = ? AND user_id = ?`, p.TenantID, id); err != nil {
				return err
			}
		}
		return t.audit(ctx, p, ActUserRemoved, id, map[string]string{"name": u.Name})
	})
}

// keepAdmin refuses to lose the last admin of p's tenant. An operator may leave
// another tenant than the first without one, and manages it then.
func (t *tx) keepAdmin(ctx context.Context, p Principal, id string) error {
	switch {
	case !p.Admin:
		return ErrNotFound
	case p.Operator && p.TenantID != FirstTenant:
		return nil
	}
	var name string
	var others int
	err := notFound(t.QueryRowContext(ctx, `SELECT name, (SELECT count(*) FROM users WHERE tenant_id = ?1 AND role = 'admin' AND id <> ?2)
		FROM users WHERE tenant_id = ?1 AND id = ?2 AND role = 'admin'`, p.TenantID, id).Scan(&name, &others))
	switch {
	case errors.Is(err, ErrNotFound): // no admin
		return nil
	case err == nil && others == 0:
		return &ConflictError{fmt.Sprintf("%s is the last admin: make somebody else one first.", name)}
	}
	return err
}
