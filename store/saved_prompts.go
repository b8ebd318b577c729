package store

import (
	"context"
	"encoding/json"
	"time"

	"github.com/google/uuid"
)

// SavedPrompt is one row of saved_prompts: a message that somebody keeps.
type SavedPrompt struct {
	ID          string
	Name        string
	Content     string
	ProjectRepo string // empty: for every project
	Tags        []string
	CreatedAt   time.Time
	UpdatedAt   time.Time
}

const savedPromptColumns = `id, name, content, project_repo, tags, created_at, updated_at`

func scanSavedPrompt(row scanner) (s SavedPrompt, err error) {
	var created, updated int64
	var tags string
	if err := row.Scan(&s.ID, &s.Name, &s.Content, &s.ProjectRepo, &tags, &created, &updated); err != nil {
		return s, notFound(err)
	}
	s.CreatedAt, s.UpdatedAt = moment(created), moment(updated)
	return s, json.Unmarshal([]byte(tags), &s.Tags)
}

// PutSavedPrompt stores a prompt of p's: a new one when its ID is empty, else
// in place of the one with that ID.
func (db *DB) PutSavedPrompt(ctx context.Context, p Principal, in SavedPrompt) (out SavedPrompt, err error) {
	tags, err := json.Marshal(append([]string{}, in.Tags...))
	if err != nil {
		return out, err
	}
	err = db.write(ctx, func(t *tx) error {
		if in.ID == "" {
			out, err = scanSavedPrompt(t.QueryRowContext(ctx, `INSERT INTO saved_prompts (owner_id, tenant_id, `+savedPromptColumns+`)
				VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?) RETURNING `+savedPromptColumns,
				p.UserID, p.TenantID, uuid.NewString(), in.Name, in.Content, in.ProjectRepo, string(tags), millis(t.now), millis(t.now)))
			return err
		}
		out, err = scanSavedPrompt(t.QueryRowContext(ctx, `UPDATE saved_prompts SET name = ?, content = ?, project_repo = ?, tags = ?, updated_at = ?
			WHERE id = ? AND tenant_id = ? AND owner_id = ? RETURNING `+savedPromptColumns,
			in.Name, in.Content, in.ProjectRepo, string(tags), millis(t.now), in.ID, p.TenantID, p.UserID))
		return err
	})
	return out, err
}

// SavedPrompt gives p's own prompt. They are never another's, not even for an
// admin.
func (db *DB) SavedPrompt(ctx context.Context, p Principal, id string) (SavedPrompt, error) {
	return scanSavedPrompt(db.r.QueryRowContext(ctx, `SELECT `+savedPromptColumns+` FROM saved_prompts
		WHERE id = ? AND tenant_id = ? AND owner_id = ?`, id, p.TenantID, p.UserID))
}

// SavedPrompts gives p's own prompts by name.
func (db *DB) SavedPrompts(ctx context.Context, p Principal) ([]SavedPrompt, error) {
	rows, err := db.r.QueryContext(ctx, `SELECT `+savedPromptColumns+` FROM saved_prompts WHERE tenant_id = ? AND owner_id = ?
		ORDER BY name, created_at, id`, p.TenantID, p.UserID)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	out := []SavedPrompt{}
	for rows.Next() {
		one, err := scanSavedPrompt(rows)
		if err != nil {
			return nil, err
		}
		out = append(out, one)
	}
	return out, rows.Err()
}

// DeleteSavedPrompt deletes p's own prompt. ErrNotFound when there is none.
func (db *DB) DeleteSavedPrompt(ctx context.Context, p Principal, id string) error {
	return db.write(ctx, func(t *tx) error {
		var name string
		if err := notFound(t.QueryRowContext(ctx, `DELETE FROM saved_prompts WHERE id = ? AND tenant_id = ? AND owner_id = ? RETURNING name`,
			id, p.TenantID, p.UserID).Scan(&name)); err != nil {
			return err
		}
		return t.audit(ctx, p, ActPromptDeleted, id, map[string]string{"name": name})
	})
}
