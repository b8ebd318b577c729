package store

import (
	"context"
	"encoding/json"
	"time"

	"github.com/google/uuid"
)

// Integration is one row of integrations: an account elsewhere.
type Integration struct {
	ID         string
	Slug       string
	Type       string
	Adapter    string
	Credential string
	Config     map[string]string
	Enabled    bool
	CreatedAt  time.Time
	UpdatedAt  time.Time
}

const integrationColumns = `id, slug, integration_type, adapter, credential_name, config, enabled, created_at, updated_at`

func scanIntegration(row scanner) (i Integration, err error) {
	var created, updated int64
	var config string
	if err := row.Scan(&i.ID, &i.Slug, &i.Type, &i.Adapter, &i.Credential, &config, &i.Enabled, &created, &updated); err != nil {
		return Integration{}, notFound(err)
	}
	i.CreatedAt, i.UpdatedAt = moment(created), moment(updated)
	return i, json.Unmarshal([]byte(config), &i.Config)
}

func (i Integration) config() (string, error) {
	if i.Config == nil {
		return "{}", nil
	}
	raw, err := json.Marshal(i.Config)
	return string(raw), err
}

// told is what the audit says of it.
func (i Integration) told() map[string]string {
	return map[string]string{"name": i.Slug, "credential": i.Credential}
}

// AddIntegration stores an integration of p's. ID and times are filled.
func (db *DB) AddIntegration(ctx context.Context, p Principal, in Integration) (out Integration, err error) {
	config, err := in.config()
	if err != nil {
		return Integration{}, err
	}
	err = db.write(ctx, func(t *tx) error {
		out, err = scanIntegration(t.QueryRowContext(ctx, `INSERT INTO integrations (owner_id, tenant_id, `+integrationColumns+`)
			VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) RETURNING `+integrationColumns,
			p.UserID, p.TenantID, uuid.NewString(), in.Slug, in.Type, in.Adapter, in.Credential, config, in.Enabled, millis(t.now), millis(t.now)))
		if err != nil {
			return err
		}
		return t.audit(ctx, p, ActIntegrationAdded, out.ID, out.told())
	})
	return out, err
}

// ChangeIntegration stores credential, configuration and whether it is enabled
// of p's own. ErrNotFound when there is none.
func (db *DB) ChangeIntegration(ctx context.Context, p Principal, in Integration) (out Integration, err error) {
	config, err := in.config()
	if err != nil {
		return Integration{}, err
	}
	err = db.write(ctx, func(t *tx) error {
		out, err = scanIntegration(t.QueryRowContext(ctx, `UPDATE integrations SET credential_name = ?, config = ?, enabled = ?, updated_at = ?
			WHERE id = ? AND tenant_id = ? AND owner_id = ? RETURNING `+integrationColumns,
			in.Credential, config, in.Enabled, millis(t.now), in.ID, p.TenantID, p.UserID))
		if err != nil {
			return err
		}
		return t.audit(ctx, p, ActIntegrationChanged, out.ID, out.told())
	})
	return out, err
}

// Integration gives p's own. It is never another's, not even for an admin.
func (db *DB) Integration(ctx context.Context, p Principal, id string) (Integration, error) {
	return scanIntegration(db.r.QueryRowContext(ctx, `SELECT `+integrationColumns+` FROM integrations WHERE id = ? AND tenant_id = ? AND owner_id = ?`,
		id, p.TenantID, p.UserID))
}

// Integrations gives p's own, the oldest first.
func (db *DB) Integrations(ctx context.Context, p Principal) ([]Integration, error) {
	rows, err := db.r.QueryContext(ctx, `SELECT `+integrationColumns+` FROM integrations WHERE tenant_id = ? AND owner_id = ?
		ORDER BY created_at, rowid`, p.TenantID, p.UserID)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	out := []Integration{}
	for rows.Next() {
		one, err := scanIntegration(rows)
		if err != nil {
			return nil, err
		}
		out = append(out, one)
	}
	return out, rows.Err()
}

// DeleteIntegration deletes p's own. The credential stays.
func (db *DB) DeleteIntegration(ctx context.Context, p Principal, id string) error {
	return db.write(ctx, func(t *tx) error {
		one, err := scanIntegration(t.QueryRowContext(ctx, `DELETE FROM integrations WHERE id = ? AND tenant_id = ? AND owner_id = ? RETURNING `+integrationColumns,
			id, p.TenantID, p.UserID))
		if err != nil {
			return err
		}
		return t.audit(ctx, p, ActIntegrationDeleted, one.ID, one.told())
	})
}
