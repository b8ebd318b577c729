package store

import (
	"context"
	"strings"
)

// ChronicleFilter narrows Chronicles. Empty fields do not.
type ChronicleFilter struct {
	SessionID string
	Project   string
	Repo      string
	Model     string
	Tags      []string // all of them
	Text      string   // words, as in Search
	Limit     int      // 0: 50
	Offset    int
}

// Chronicles gives p's chronicles, the newest first.
func (db *DB) Chronicles(ctx context.Context, p Principal, f ChronicleFilter) ([]Chronicle, error) {
	if f.Limit <= 0 {
		f.Limit = 50
	}
	words := match(f.Text)
	if words == "" && strings.TrimSpace(f.Text) != "" {
		return []Chronicle{}, nil // nothing in it that could be found
	}
	if words != "" {
		if err := db.index(ctx); err != nil {
			return nil, err
		}
	}
	return chronicleRows(db.r.QueryContext(ctx, `SELECT `+chronicleColumns+` FROM chronicles WHERE`+narrowed+`
		AND (? = '' OR n IN (SELECT rowid FROM chronicle_words(?))
			OR id IN (SELECT chronicle_id FROM timeline WHERE n IN (SELECT rowid FROM timeline_words(?)))) AND`+shownOfSession+`
		ORDER BY started_at DESC, n DESC LIMIT ? OFFSET ?`,
		append(p.shown(append(f.args(), words, or(words), or(words))...), f.Limit, f.Offset)...))
}

// narrowed are the rows of chronicles that a filter's args let through; its Text
// is not among them.
const narrowed = ` (? = '' OR session_id = ?) AND (? = '' OR project = ?) AND (? = '' OR repo = ?) AND (? = '' OR model = ?)
		AND NOT EXISTS (SELECT 1 FROM json_each(?) w WHERE NOT EXISTS (SELECT 1 FROM json_each(tags) t WHERE t.value = w.value))`

func (f ChronicleFilter) args() []any {
	return []any{f.SessionID, f.SessionID, f.Project, f.Project, f.Repo, f.Repo, f.Model, f.Model, list(f.Tags)}
}

// or gives words, or what is a query all the same.
func or(words string) string {
	if words == "" {
		return `""`
	}
	return words
}

// Chronicle gives one chronicle of p's.
func (db *DB) Chronicle(ctx context.Context, p Principal, id string) (Chronicle, error) {
	return scanChronicle(db.r.QueryRowContext(ctx, `SELECT `+chronicleColumns+` FROM chronicles WHERE id = ? AND`+shownOfSession, p.shown(id)...))
}

// ChronicleOfRun gives, for the system, the chronicle of a session's run.
func (db *DB) ChronicleOfRun(ctx context.Context, sessionID string, run int) (Chronicle, error) {
	return scanChronicle(db.r.QueryRowContext(ctx, `SELECT `+chronicleColumns+` FROM chronicles WHERE session_id = ? AND run = ?`,
		sessionID, run))
}

// maxChain bounds a chain, in both directions.
const maxChain = 1000

// Chain gives p's chronicles that the one with this id continues, it, and those
// that continue it, the oldest first. Empty when p has no such chronicle.
func (db *DB) Chain(ctx context.Context, p Principal, id string) ([]Chronicle, error) {
	return chronicleRows(db.r.QueryContext(ctx, `WITH RECURSIVE
		up (id, parent_id, depth) AS (
			SELECT id, parent_id, 0 FROM chronicles WHERE id = ?1
			UNION ALL SELECT c.id, c.parent_id, depth + 1 FROM chronicles c JOIN up ON c.id = up.parent_id WHERE depth < ?2),
		down (id, depth) AS (
			SELECT id, 0 FROM chronicles WHERE id = ?1
			UNION ALL SELECT c.id, depth + 1 FROM chronicles c JOIN down ON c.parent_id = down.id WHERE depth < ?2)
		SELECT `+chronicleColumns+` FROM chronicles WHERE id IN (SELECT id FROM up UNION SELECT id FROM down)
			AND`+shownOfSession+`
		ORDER BY started_at, n`, p.shown(id, maxChain)...))
}

// ChroniclePatch says what to change; nil fields stay.
type ChroniclePatch struct {
	Summary    *string
	KeyChanges *[]string
	Unfinished *string
	Tags       *[]string
	Status     *string // "draft", "complete"
}

// PatchChronicle changes one of p's chronicles. Texts are a person's from then
// on.
func (db *DB) PatchChronicle(ctx context.Context, p Principal, id string, v ChroniclePatch) (Chronicle, error) {
	set, args := []string{}, []any{}
	add := func(column string, value any) { set, args = append(set, column+` = ?`), append(args, value) }
	if v.Summary != nil {
		add(`summary`, *v.Summary)
	}
	if v.KeyChanges != nil {
		add(`key_changes`, list(*v.KeyChanges))
	}
	if v.Unfinished != nil {
		add(`unfinished`, *v.Unfinished)
	}
	if len(set) > 0 {
		add(`author`, AuthorPerson)
	}
	if v.Tags != nil {
		add(`tags`, list(*v.Tags))
	}
	if v.Status != nil {
		add(`status`, *v.Status)
	}
	if _, err := db.Chronicle(ctx, p.alone(), id); err != nil {
		return Chronicle{}, err
	}
	if len(set) > 0 {
		if err := db.changeChronicle(ctx, id, strings.Join(set, `, `), `TRUE`, args); err != nil {
			return Chronicle{}, err
		}
	}
	return db.Chronicle(ctx, p, id)
}

// DeleteChronicle removes one of p's chronicles with its timeline. Those that
// continue it lose their parent.
func (db *DB) DeleteChronicle(ctx context.Context, p Principal, id string) error {
	return db.write(ctx, func(t *tx) error {
		c, err := scanChronicle(t.QueryRowContext(ctx, `DELETE FROM chronicles WHERE id = ? AND`+mine+` RETURNING `+chronicleColumns,
			p.args(id)...))
		if err != nil {
			return err
		}
		if err := t.audit(ctx, p, ActChronicleDeleted, id, map[string]string{"name": c.Name, "owner": c.OwnerID}); err != nil {
			return err
		}
		return t.chronicleEvent(ctx, c, ChronicleDeleted)
	})
}

// deleteChronicles removes those of all runs of a session.
func (t *tx) deleteChronicles(ctx context.Context, sessionID string) error {
	all, err := chronicleRows(t.QueryContext(ctx, `DELETE FROM chronicles WHERE session_id = ? RETURNING `+chronicleColumns, sessionID))
	if err != nil {
		return err
	}
	for _, c := range all {
		if err := t.chronicleEvent(ctx, c, ChronicleDeleted); err != nil {
			return err
		}
	}
	return nil
}
