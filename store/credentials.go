package store

import (
	"context"
	"encoding/json"
	"time"

	"github.com/google/uuid"
)

// Credential is one row of credentials. Sealed is opaque to the store.
type Credential struct {
	ID        string
	OwnerID   string // empty: shared with all of the tenant
	TenantID  string
	Name      string // unique for its owner
	Laid      bool   // may be laid into sessions; of one's own always
	Type      string
	Keys      []string          // names of the values in Sealed
	Metadata  map[string]string // in clear
	Sealed    []byte
	CreatedAt time.Time
	UpdatedAt time.Time
}

const credentialColumns = `id, owner_id, tenant_id, name, laid, type, keys, metadata, sealed, created_at, updated_at`

func scanCredential(row scanner) (c Credential, err error) {
	var keys, metadata string
	var created, updated int64
	if err := row.Scan(&c.ID, &c.OwnerID, &c.TenantID, &c.Name, &c.Laid, &c.Type, &keys, &metadata, &c.Sealed, &created, &updated); err != nil {
		return Credential{}, notFound(err)
	}
	c.CreatedAt, c.UpdatedAt = moment(created), moment(updated)
	if err := json.Unmarshal([]byte(keys), &c.Keys); err != nil {
		return Credential{}, err
	}
	return c, json.Unmarshal([]byte(metadata), &c.Metadata)
}

// PutCredential stores p's credential by its name, in place of the one before,
// and returns it as stored.
func (db *DB) PutCredential(ctx context.Context, p Principal, c Credential) (out Credential, err error) {
	c.OwnerID, c.Laid = p.UserID, true
	err = db.write(ctx, func(t *tx) error {
		if out, err = t.putCredential(ctx, p, c); err != nil {
			return err
		}
		return t.audit(ctx, p, ActCredentialStored, c.Name, map[string]string{"type": c.Type})
	})
	return out, err
}

func (t *tx) putCredential(ctx context.Context, p Principal, c Credential) (Credential, error) {
	keys, err := json.Marshal(append([]string{}, c.Keys...))
	if err != nil {
		return Credential{}, err
	}
	if c.Metadata == nil {
		c.Metadata = map[string]string{}
	}
	metadata, err := json.Marshal(c.Metadata)
	if err != nil {
		return Credential{}, err
	}
	return scanCredential(t.QueryRowContext(ctx, `INSERT INTO credentials (`+credentialColumns+`)
		VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (tenant_id, owner_id, name) DO UPDATE SET laid = excluded.laid,
		type = excluded.type, keys = excluded.keys, metadata = excluded.metadata, sealed = excluded.sealed,
		updated_at = excluded.updated_at RETURNING `+credentialColumns,
		uuid.NewString(), c.OwnerID, p.TenantID, c.Name, c.Laid, c.Type, string(keys), string(metadata), c.Sealed, millis(t.now), millis(t.now)))
}

// Credential gives p's own credential by its name, else the one of that name
// that is shared with all of the tenant. It is never another's, not even for an
// admin.
func (db *DB) Credential(ctx context.Context, p Principal, name string) (Credential, error) {
	return credentialOf(ctx, db.r, p, name)
}

func credentialOf(ctx context.Context, q querier, p Principal, name string) (Credential, error) {
	return scanCredential(q.QueryRowContext(ctx, `SELECT `+credentialColumns+` FROM credentials
		WHERE tenant_id = ? AND owner_id IN (?, '') AND name = ? ORDER BY owner_id = '' LIMIT 1`, p.TenantID, p.UserID, name))
}

// Credentials gives by name what p can use: p's own, and those shared with all
// of the tenant behind which none of p's own stands.
func (db *DB) Credentials(ctx context.Context, p Principal) ([]Credential, error) {
	return db.credentials(ctx, `tenant_id = ? AND (owner_id = ? OR owner_id = '' AND name NOT IN
		(SELECT name FROM credentials WHERE tenant_id = ? AND owner_id = ?)) ORDER BY name`, p.TenantID, p.UserID, p.TenantID, p.UserID)
}

// AllCredentials gives, for the vault, everybody's.
func (db *DB) AllCredentials(ctx context.Context) ([]Credential, error) {
	return db.credentials(ctx, `TRUE ORDER BY id`)
}

func (db *DB) credentials(ctx context.Context, where string, args ...any) ([]Credential, error) {
	rows, err := db.r.QueryContext(ctx, `SELECT `+credentialColumns+` FROM credentials WHERE `+where, args...)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	out := []Credential{}
	for rows.Next() {
		c, err := scanCredential(rows)
		if err != nil {
			return nil, err
		}
		out = append(out, c)
	}
	return out, rows.Err()
}

// DeleteCredential deletes p's own credential. ErrNotFound when there is none.
func (db *DB) DeleteCredential(ctx context.Context, p Principal, name string) error {
	return db.write(ctx, func(t *tx) error {
		var id string
		if err := notFound(t.QueryRowContext(ctx, `DELETE FROM credentials WHERE tenant_id = ? AND owner_id = ? AND name = ? RETURNING id`,
			p.TenantID, p.UserID, name).Scan(&id)); err != nil {
			return err
		}
		return t.audit(ctx, p, ActCredentialDeleted, name, nil)
	})
}
