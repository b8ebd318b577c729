package store

import (
	"context"
	"encoding/json"

	"github.com/google/uuid"
)

// EntryPrompt is the type of the daemon's entry for a prompt; its Data is
// PromptData and its Turn the prompt's id.
const EntryPrompt = "prompt"

// PromptData is a prompt in the conversation.
type PromptData struct {
	ID     string          `json:"id"`
	Blocks json.RawMessage `json:"blocks"`
	Via    string          `json:"via,omitempty"`
}

// Ways in which a prompt is given.
const (
	ViaBrowser = "browser"
	ViaCLI     = "cli"
	ViaAPI     = "api" // by another program
)

const promptColumns = `id, session_id, blocks, created_at, sent_at, via`

// AddPrompt stores a prompt for one of p's sessions, shows it in the
// conversation and counts the message, in one transaction. An empty ID is
// filled. A prompt whose ID is there already is given back as it was stored.
func (db *DB) AddPrompt(ctx context.Context, p Principal, prompt Prompt) (out Prompt, err error) {
	if prompt.ID == "" {
		prompt.ID = uuid.NewString()
	}
	err = db.write(ctx, func(t *tx) error {
		s, err := scanSession(t.QueryRowContext(ctx, `SELECT `+sessionColumns+` FROM sessions WHERE id = ? AND`+session,
			p.args(prompt.SessionID)...))
		if err != nil {
			return err
		}
		res, err := t.ExecContext(ctx, `INSERT INTO prompts (id, session_id, owner_id, tenant_id, blocks, created_at, via)
			VALUES (?, ?, ?, ?, ?, ?, ?) ON CONFLICT (id) DO NOTHING`,
			prompt.ID, s.ID, s.OwnerID, s.TenantID, string(prompt.Blocks), millis(t.now), prompt.Via)
		if err != nil {
			return err
		}
		n, err := res.RowsAffected()
		if err != nil {
			return err
		}
		if n == 0 {
			out, err = scanPrompt(t.QueryRowContext(ctx, `SELECT `+promptColumns+` FROM prompts
				WHERE id = ? AND session_id = ?`, prompt.ID, s.ID))
			return notFound(err)
		}
		out = Prompt{ID: prompt.ID, SessionID: s.ID, Blocks: prompt.Blocks, Via: prompt.Via, CreatedAt: t.now}
		data, err := json.Marshal(PromptData{prompt.ID, prompt.Blocks, prompt.Via})
		if err != nil {
			return err
		}
		if _, err := db.appendDaemon(ctx, t, s.ID, EntryPrompt, prompt.ID, data); err != nil {
			return err
		}
		if _, err := t.ExecContext(ctx, `UPDATE sessions SET message_count = message_count + 1, last_active = ?, updated_at = ?
			WHERE id = ?`, millis(t.now), millis(t.now), s.ID); err != nil {
			return err
		}
		return t.event(ctx, s, SessionUpdated)
	})
	return out, err
}

// UnsentPrompts gives, for the link, the prompts that the broker has not taken
// yet, in the order in which they were given.
func (db *DB) UnsentPrompts(ctx context.Context, sessionID string) ([]Prompt, error) {
	rows, err := db.r.QueryContext(ctx, `SELECT `+promptColumns+` FROM prompts
		WHERE session_id = ? AND sent_at = 0 ORDER BY created_at, rowid`, sessionID)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	out := []Prompt{}
	for rows.Next() {
		p, err := scanPrompt(rows)
		if err != nil {
			return nil, err
		}
		out = append(out, p)
	}
	return out, rows.Err()
}

// Prompt gives, for the system, a prompt of a session.
func (db *DB) Prompt(ctx context.Context, sessionID, id string) (Prompt, error) {
	p, err := scanPrompt(db.r.QueryRowContext(ctx, `SELECT `+promptColumns+` FROM prompts
		WHERE id = ? AND session_id = ?`, id, sessionID))
	return p, notFound(err)
}

// FirstPrompt gives, for the link, the id of the first prompt that a session was
// given; empty when there is none.
func (db *DB) FirstPrompt(ctx context.Context, sessionID string) (id string, err error) {
	err = db.r.QueryRowContext(ctx, `SELECT coalesce((SELECT id FROM prompts WHERE session_id = ? ORDER BY created_at, rowid LIMIT 1), '')`,
		sessionID).Scan(&id)
	return id, err
}

// MarkSent notes, for the link, that the broker took a prompt.
func (db *DB) MarkSent(ctx context.Context, promptID string) error {
	return db.write(ctx, func(t *tx) error {
		_, err := t.ExecContext(ctx, `UPDATE prompts SET sent_at = ? WHERE id = ? AND sent_at = 0`, millis(t.now), promptID)
		return err
	})
}

func scanPrompt(row scanner) (p Prompt, err error) {
	var blocks string
	var created, sent int64
	err = row.Scan(&p.ID, &p.SessionID, &blocks, &created, &sent, &p.Via)
	p.Blocks, p.CreatedAt, p.SentAt = json.RawMessage(blocks), moment(created), moment(sent)
	return p, err
}
