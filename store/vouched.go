package store

import (
	"context"
	"errors"
	"fmt"

	"github.com/google/uuid"
)

// Vouched is a user as an identity provider vouches for them.
type Vouched struct {
	Issuer  string
	Subject string // the provider's name for them, which never changes
	Name    string // what they would be called; another user's is never taken
	Role    Role
	// Follow gives the role to a user who is there already, too.
	Follow bool
}

// VouchedUser gives, for the system, the user whom a provider knows as subject.
// ErrNotFound: they have never been here.
func (db *DB) VouchedUser(ctx context.Context, issuer, subject string) (User, error) {
	return scanUser(db.r.QueryRowContext(ctx, `SELECT `+userColumns+` FROM users WHERE issuer = ? AND subject = ?`, issuer, subject))
}

// Welcome gives the user whom a provider vouches for, and makes one in tenant on
// their first visit. It acts for the system: the caller has checked what the
// provider says. was is the role they had before; empty: they are new.
func (db *DB) Welcome(ctx context.Context, tenant string, v Vouched) (u User, was Role, err error) {
	err = db.write(ctx, func(t *tx) error {
		u, err = scanUser(t.QueryRowContext(ctx, `SELECT `+userColumns+` FROM users WHERE issuer = ? AND subject = ?`, v.Issuer, v.Subject))
		switch {
		case errors.Is(err, ErrNotFound):
			was = ""
			if u, err = t.addVouched(ctx, tenant, v); err != nil {
				return err
			}
			return t.audit(ctx, u.by(v.Issuer), ActUserAdded, u.ID, map[string]string{"name": u.Name, "role": string(u.Role)})
		case err != nil:
			return err
		}
		if was = u.Role; !v.Follow || was == v.Role {
			return nil
		}
		if u, err = scanUser(t.QueryRowContext(ctx, `UPDATE users SET role = ? WHERE tenant_id = ? AND id = ? RETURNING `+userColumns, v.Role, u.TenantID, u.ID)); err != nil {
			return err
		}
		return t.audit(ctx, u.by(v.Issuer), ActUserRole, u.ID, map[string]string{"name": u.Name, "role": string(u.Role)})
	})
	return u, was, err
}

// by is a user to whom something is done by the word of an identity provider.
func (u User) by(issuer string) Principal {
	return Principal{UserID: u.ID, TenantID: u.TenantID, Name: u.Name, By: "identity provider " + issuer}
}

// freeUserName is a name that is nobody's in a tenant: the one that is wanted,
// with a number behind it where it is somebody's.
func (t *tx) freeUserName(ctx context.Context, tenant, wanted string) (string, error) {
	name := wanted
	for n := 2; ; n++ {
		var taken bool
		if err := t.QueryRowContext(ctx, `SELECT EXISTS (SELECT 1 FROM users WHERE tenant_id = ? AND name = ?)`, tenant, name).Scan(&taken); err != nil {
			return "", err
		}
		if !taken {
			return name, nil
		}
		name = fmt.Sprintf("%s-%d", wanted[:min(len(wanted), 50)], n)
	}
}

// addVouched stores a new user.
func (t *tx) addVouched(ctx context.Context, tenant string, v Vouched) (User, error) {
	var there bool // it may just have been removed
	if err := t.QueryRowContext(ctx, `SELECT EXISTS (SELECT 1 FROM tenants WHERE id = ?)`, tenant).Scan(&there); err != nil {
		return User{}, err
	}
	if !there {
		return User{}, ErrNoTenant
	}
	name, err := t.freeUserName(ctx, tenant, v.Name)
	if err != nil {
		return User{}, err
	}
	return scanUser(t.QueryRowContext(ctx, `INSERT INTO users (`+userColumns+`, issuer, subject) VALUES (?, ?, ?, ?, ?, ?, ?) RETURNING `+userColumns,
		uuid.NewString(), tenant, name, v.Role, millis(t.now), v.Issuer, v.Subject))
}
