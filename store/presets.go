package store

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/google/uuid"
)

// Preset is one row of presets: a session as somebody likes to begin it.
type Preset struct {
	ID          string
	Name        string // unique for its owner
	Shared      bool   // with all of the tenant, whose it is
	Description string
	Agent       string // empty: any
	Default     bool   // the only one of its agent
	Request     json.RawMessage
	CreatedAt   time.Time
	UpdatedAt   time.Time
}

const presetColumns = `id, name, owner_id = '', description, agent, is_default, request, created_at, updated_at`

// kept is the condition of every change: what is shared an admin alone changes.
const kept = ` tenant_id = ? AND (owner_id = ? OR owner_id = '' AND ?)`

func scanPreset(row scanner) (p Preset, err error) {
	var created, updated int64
	var request string
	err = row.Scan(&p.ID, &p.Name, &p.Shared, &p.Description, &p.Agent, &p.Default, &request, &created, &updated)
	p.Request, p.CreatedAt, p.UpdatedAt = json.RawMessage(request), moment(created), moment(updated)
	return p, notFound(err)
}

// AddPreset stores a preset of p's. ID and times are filled. ErrConflict when
// there is one of its name.
func (db *DB) AddPreset(ctx context.Context, p Principal, in Preset) (out Preset, err error) {
	err = db.write(ctx, func(t *tx) error {
		in.ID = uuid.NewString()
		if err := t.placePreset(ctx, p, in); err != nil {
			return err
		}
		out, err = scanPreset(t.QueryRowContext(ctx, `INSERT INTO presets (owner_id, tenant_id, id, name, description, agent, is_default, request, created_at, updated_at)
			VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?) RETURNING `+presetColumns,
			p.UserID, p.TenantID, in.ID, in.Name, in.Description, in.Agent, in.Default, string(in.Request), millis(t.now), millis(t.now)))
		return err
	})
	return out, err
}

// ChangePreset lets change have p's preset as it stands, and stores what it
// returns in place of it.
func (db *DB) ChangePreset(ctx context.Context, p Principal, id string, change func(Preset) (Preset, error)) (out Preset, err error) {
	err = db.write(ctx, func(t *tx) error {
		was, err := scanPreset(t.QueryRowContext(ctx, `SELECT `+presetColumns+` FROM presets WHERE id = ? AND`+kept, id, p.TenantID, p.UserID, p.Admin))
		if err != nil {
			return err
		}
		in, err := change(was)
		if err != nil {
			return err
		}
		in.ID, in.Shared = was.ID, was.Shared
		if err := t.placePreset(ctx, p, in); err != nil {
			return err
		}
		out, err = scanPreset(t.QueryRowContext(ctx, `UPDATE presets SET name = ?, description = ?, agent = ?, is_default = ?, request = ?, updated_at = ?
			WHERE id = ? RETURNING `+presetColumns, in.Name, in.Description, in.Agent, in.Default, string(in.Request), millis(t.now), was.ID))
		return err
	})
	return out, err
}

// placePreset makes room for a preset: its name must be free, and a default has
// no other beside it.
func (t *tx) placePreset(ctx context.Context, p Principal, in Preset) error {
	owner := p.UserID
	if in.Shared {
		owner = ""
	}
	var taken bool
	if err := t.QueryRowContext(ctx, `SELECT EXISTS (SELECT 1 FROM presets WHERE tenant_id = ? AND owner_id = ? AND name = ? AND id <> ?)`,
		p.TenantID, owner, in.Name, in.ID).Scan(&taken); err != nil {
		return err
	}
	if taken {
		return fmt.Errorf("%w: Preset with name already exists: %s", ErrConflict, in.Name)
	}
	if !in.Default {
		return nil
	}
	_, err := t.ExecContext(ctx, `UPDATE presets SET is_default = 0, updated_at = ? WHERE tenant_id = ? AND owner_id = ? AND agent = ? AND id <> ? AND is_default`,
		millis(t.now), p.TenantID, owner, in.Agent, in.ID)
	return err
}

// Preset gives a preset of p's own, or one that is shared with all of the tenant.
// It is never another's, not even for an admin.
func (db *DB) Preset(ctx context.Context, p Principal, id string) (Preset, error) {
	return scanPreset(db.r.QueryRowContext(ctx, `SELECT `+presetColumns+` FROM presets WHERE id = ? AND tenant_id = ? AND owner_id IN (?, '')`,
		id, p.TenantID, p.UserID))
}

// Presets gives p's own presets and those shared with all of the tenant, the
// defaults first, then by name.
func (db *DB) Presets(ctx context.Context, p Principal) ([]Preset, error) {
	rows, err := db.r.QueryContext(ctx, `SELECT `+presetColumns+` FROM presets WHERE tenant_id = ? AND owner_id IN (?, '')
		ORDER BY is_default DESC, name, owner_id = ''`, p.TenantID, p.UserID)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	out := []Preset{}
	for rows.Next() {
		one, err := scanPreset(rows)
		if err != nil {
			return nil, err
		}
		out = append(out, one)
	}
	return out, rows.Err()
}

// DeletePreset deletes a preset of p's own, or a shared one for an admin. Sessions that were made of it stay what
// they are.
func (db *DB) DeletePreset(ctx context.Context, p Principal, id string) error {
	return db.write(ctx, func(t *tx) error {
		var name string
		if err := notFound(t.QueryRowContext(ctx, `DELETE FROM presets WHERE id = ? AND`+kept+` RETURNING name`, id, p.TenantID, p.UserID, p.Admin).Scan(&name)); err != nil {
			return err
		}
		return t.audit(ctx, p, ActPresetDeleted, id, map[string]string{"name": name})
	})
}
