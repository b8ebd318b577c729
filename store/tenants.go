package store

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/google/uuid"
)

// FirstTenant is the tenant that every installation begins with. Its admins are
// the installation's operators.
const FirstTenant = "default"

// ErrNoTenant: there is no such tenant, or it is not the asker's to know of.
var ErrNoTenant = fmt.Errorf("no such tenant: %w", ErrNotFound)

// Tenant is one row of tenants, and what is in it.
type Tenant struct {
	ID        string
	Name      string
	CreatedAt time.Time

	Users, Sessions, Chronicles int
}

// In is p, who is an operator, in another tenant.
func (p Principal) In(tenant string) Principal {
	p.TenantID, p.Admin, p.Guest = tenant, p.Operator, false
	return p
}

const tenantColumns = `id, name, created_at, (SELECT count(*) FROM users WHERE tenant_id = tenants.id),
	(SELECT count(*) FROM sessions WHERE tenant_id = tenants.id), (SELECT count(*) FROM chronicles WHERE tenant_id = tenants.id)`

func scanTenant(row scanner) (u Tenant, err error) {
	var created int64
	err = row.Scan(&u.ID, &u.Name, &created, &u.Users, &u.Sessions, &u.Chronicles)
	u.CreatedAt = moment(created)
	return u, notFound(err)
}

// Tenants gives, to an operator, all tenants by name; to others none.
func (db *DB) Tenants(ctx context.Context, p Principal) ([]Tenant, error) {
	rows, err := db.r.QueryContext(ctx, `SELECT `+tenantColumns+` FROM tenants WHERE ? ORDER BY name`, p.Operator)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	out := []Tenant{}
	for rows.Next() {
		one, err := scanTenant(rows)
		if err != nil {
			return nil, err
		}
		out = append(out, one)
	}
	return out, rows.Err()
}

// Company reports, for the system, whether there is more than one user or tenant.
func (db *DB) Company(ctx context.Context) (several bool, err error) {
	err = db.r.QueryRowContext(ctx, `SELECT (SELECT count(*) FROM users) > 1 OR (SELECT count(*) FROM tenants) > 1`).Scan(&several)
	return several, err
}

// Tenant gives, to an operator, a tenant by id or name. ErrNoTenant when there
// is none.
func (db *DB) Tenant(ctx context.Context, p Principal, idOrName string) (Tenant, error) {
	return tenant(ctx, db.r, p, idOrName)
}

func tenant(ctx context.Context, q querier, p Principal, idOrName string) (Tenant, error) {
	one, err := scanTenant(q.QueryRowContext(ctx, `SELECT `+tenantColumns+` FROM tenants WHERE ? AND (id = ? OR name = ?) ORDER BY id = ? DESC LIMIT 1`,
		p.Operator, idOrName, idOrName, idOrName))
	if err == ErrNotFound {
		err = ErrNoTenant
	}
	return one, err
}

// AddTenant makes, for an operator, a tenant. A *ConflictError says that the name
// is taken.
func (db *DB) AddTenant(ctx context.Context, p Principal, name string) (out Tenant, err error) {
	err = db.write(ctx, func(t *tx) error {
		if err := t.freeName(ctx, p, name); err != nil {
			return err
		}
		id := uuid.NewString()
		if _, err := t.ExecContext(ctx, `INSERT INTO tenants (id, name, created_at) VALUES (?, ?, ?)`, id, name, millis(t.now)); err != nil {
			return err
		}
		if _, err := t.ExecContext(ctx, `INSERT INTO streams (tenant_id, first, last, forgotten) VALUES (?1, ?2, ?2, ?2)`, id, begin()); err != nil {
			return err
		}
		if out, err = tenant(ctx, t, p, id); err != nil {
			return err
		}
		return t.audit(ctx, p, ActTenantAdded, id, map[string]string{"name": name})
	})
	return out, err
}

// RenameTenant gives a tenant another name. ErrNoTenant when there is none; a
// *ConflictError says that the name is taken.
func (db *DB) RenameTenant(ctx context.Context, p Principal, id, name string) (out Tenant, err error) {
	err = db.write(ctx, func(t *tx) error {
		was, err := tenant(ctx, t, p, id)
		if err != nil || was.Name == name {
			out = was
			return err
		}
		if err := t.freeName(ctx, p, name); err != nil {
			return err
		}
		if _, err := t.ExecContext(ctx, `UPDATE tenants SET name = ? WHERE id = ?`, name, was.ID); err != nil {
			return err
		}
		if out, err = tenant(ctx, t, p, was.ID); err != nil {
			return err
		}
		return t.audit(ctx, p, ActTenantRenamed, was.ID, map[string]string{"name": name, "was": was.Name})
	})
	return out, err
}

// freeName refuses a name, or an id in its place, that is a tenant's.
func (t *tx) freeName(ctx context.Context, p Principal, name string) error {
	if !p.Operator {
		return ErrNoTenant
	}
	if _, err := tenant(ctx, t, p, name); err == nil {
		return &ConflictError{fmt.Sprintf("There is a tenant %s already: choose another name.", name)}
	} else if err != ErrNoTenant {
		return err
	}
	return nil
}

// RemoveTenant takes away a tenant in which nobody and nothing is any more. A
// *ConflictError says what still is. What else was stored of it goes with it.
func (db *DB) RemoveTenant(ctx context.Context, p Principal, id string) (was Tenant, err error) {
	err = db.write(ctx, func(t *tx) error {
		if was, err = tenant(ctx, t, p, id); err != nil {
			return err
		}
		if was.ID == FirstTenant {
			return &ConflictError{fmt.Sprintf("%s is the tenant of whoever runs this installation, and stays.", was.Name)}
		}
		var in []string
		for _, n := range []struct {
			count     int
			one, many string
		}{{was.Users, "user", "users"}, {was.Sessions, "session", "sessions"}, {was.Chronicles, "chronicle", "chronicles"}} {
			switch n.count {
			case 0:
			case 1:
				in = append(in, "1 "+n.one)
			default:
				in = append(in, fmt.Sprintf("%d %s", n.count, n.many))
			}
		}
		if len(in) > 0 {
			return &ConflictError{fmt.Sprintf("In %s there are %s: move users to another tenant or remove them, and delete what they left (an admin of %s sees it), then remove it.",
				was.Name, strings.Join(in, ", "), was.Name)}
		}
		for _, table := range ofTenants {
			if _, err := t.ExecContext(ctx, `DELETE FROM `+table+` WHERE tenant_id = ?`, was.ID); err != nil {
				return err
			}
		}
		if _, err := t.ExecContext(ctx, `DELETE FROM tenants WHERE id = ?`, was.ID); err != nil {
			return err
		}
		return t.audit(ctx, p, ActTenantRemoved, was.ID, map[string]string{"name": was.Name})
	})
	return was, err
}

// ofTenants are the tables of which nothing is left of a tenant that is removed.
// Of packs and files the rows stay until their bytes are gone; what was done and
// what was spent is kept for good.
var ofTenants = []string{"logins", "login_links", "tokens", "trusts", "quotas", "shares", "events", "streams", "credentials", "presets", "saved_prompts", "integrations", "prompts", "comments"}
