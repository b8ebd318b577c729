package store

import (
	"bytes"
	"context"
	"fmt"
)

// SharedCredentials gives those that are shared with all of p's tenant, by name.
func (db *DB) SharedCredentials(ctx context.Context, p Principal) ([]Credential, error) {
	return db.credentials(ctx, `tenant_id = ? AND owner_id = '' ORDER BY name`, p.TenantID)
}

// PutSharedCredential stores one for all of p's tenant by its name, in place of
// the one before. ErrNotFound when p is no admin.
func (db *DB) PutSharedCredential(ctx context.Context, p Principal, c Credential) (out Credential, err error) {
	if !p.Admin {
		return Credential{}, ErrNotFound
	}
	c.OwnerID = ""
	err = db.write(ctx, func(t *tx) error {
		if out, err = t.putCredential(ctx, p, c); err != nil {
			return err
		}
		return t.audit(ctx, p, ActCredentialShared, c.Name, c.shared())
	})
	return out, err
}

// shared is what the audit says of a credential that is shared.
func (c Credential) shared() map[string]string {
	return map[string]string{"type": c.Type, "in_sessions": map[bool]string{true: "yes", false: "no"}[c.Laid]}
}

// MoveCredential gives p's own credential to all of the tenant (shared) or back
// to p, sealed anew for whose it is then, in place of one of its name that is
// shared already. is holds what it is to be; was is its seal so far. ErrNotFound
// when p is no admin, or it is not there; a *ConflictError when it was changed
// meanwhile, or p has one of its name.
func (db *DB) MoveCredential(ctx context.Context, p Principal, is Credential, was []byte, shared bool) (out Credential, err error) {
	if !p.Admin {
		return Credential{}, ErrNotFound
	}
	from, to := p.UserID, ""
	act, detail := ActCredentialShared, is.shared()
	if !shared {
		from, to = "", p.UserID
		act, detail = ActCredentialUnshared, nil
		is.Laid = true
	}
	err = db.write(ctx, func(t *tx) error {
		old, err := scanCredential(t.QueryRowContext(ctx, `DELETE FROM credentials WHERE tenant_id = ? AND owner_id = ? AND name = ? RETURNING `+credentialColumns,
			p.TenantID, from, is.Name))
		if err != nil {
			return err
		}
		if !bytes.Equal(old.Sealed, was) {
			return &ConflictError{fmt.Sprintf("The credential %s was changed meanwhile: try again.", is.Name)}
		}
		if !shared {
			var taken bool
			if err := t.QueryRowContext(ctx, `SELECT EXISTS (SELECT 1 FROM credentials WHERE tenant_id = ? AND owner_id = ? AND name = ?)`,
				p.TenantID, to, is.Name).Scan(&taken); err != nil {
				return err
			}
			if taken {
				return &ConflictError{fmt.Sprintf("You have a credential %s of your own: remove it first (`volundr credentials remove %s`), for the shared one becomes yours.", is.Name, is.Name)}
			}
		}
		is.OwnerID = to
		if out, err = t.putCredential(ctx, p, is); err != nil {
			return err
		}
		return t.audit(ctx, p, act, is.Name, detail)
	})
	return out, err
}

// LaySharedCredential says whether a shared credential may be laid into
// sessions. ErrNotFound when p is no admin, or there is none.
func (db *DB) LaySharedCredential(ctx context.Context, p Principal, name string, laid bool) (out Credential, err error) {
	err = db.write(ctx, func(t *tx) error {
		out, err = scanCredential(t.QueryRowContext(ctx, `UPDATE credentials SET laid = ?, updated_at = ? WHERE tenant_id = ? AND owner_id = '' AND name = ? AND ?
			RETURNING `+credentialColumns, laid, millis(t.now), p.TenantID, name, p.Admin))
		if err != nil {
			return err
		}
		return t.audit(ctx, p, ActCredentialShared, name, out.shared())
	})
	return out, err
}

// DeleteSharedCredential deletes one. ErrNotFound when p is no admin, or there is
// none.
func (db *DB) DeleteSharedCredential(ctx context.Context, p Principal, name string) error {
	return db.write(ctx, func(t *tx) error {
		var id string
		if err := notFound(t.QueryRowContext(ctx, `DELETE FROM credentials WHERE tenant_id = ? AND owner_id = '' AND name = ? AND ? RETURNING id`,
			p.TenantID, name, p.Admin).Scan(&id)); err != nil {
			return err
		}
		return t.audit(ctx, p, ActCredentialDeleted, name, map[string]string{"shared": "yes"})
	})
}

// SharePreset gives a preset of p's own to all of the tenant, or back to p.
// ErrNotFound when p is no admin or has no such preset; ErrConflict when there
// is one of its name.
func (db *DB) SharePreset(ctx context.Context, p Principal, id string, shared bool) (out Preset, err error) {
	owner, act := p.UserID, ActPresetUnshared
	if shared {
		owner, act = "", ActPresetShared
	}
	err = db.write(ctx, func(t *tx) error {
		out, err = scanPreset(t.QueryRowContext(ctx, `SELECT `+presetColumns+` FROM presets WHERE id = ? AND ? AND`+kept, id, p.Admin, p.TenantID, p.UserID, p.Admin))
		if err != nil || out.Shared == shared {
			return err
		}
		out.Shared = shared
		if err := t.placePreset(ctx, p, out); err != nil {
			return err
		}
		if _, err := t.ExecContext(ctx, `UPDATE presets SET owner_id = ?, updated_at = ? WHERE id = ?`, owner, millis(t.now), id); err != nil {
			return err
		}
		return t.audit(ctx, p, act, id, map[string]string{"name": out.Name})
	})
	return out, err
}
