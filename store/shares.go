package store

import (
	"context"
	"fmt"
	"time"
)

// Share lets a user look at a session that is not theirs.
type Share struct {
	UserID    string
	UserName  string
	CreatedAt time.Time
}

// shown is mine, or what was shared with a principal who asks as a guest too;
// column is the session's id. Only what reads may end with it.
func shown(column string) string {
	return ` tenant_id = ? AND (? OR owner_id = ? OR ` + column + ` IN (SELECT session_id FROM shares WHERE tenant_id = ? AND user_id = ?))`
}

var (
	shownSession   = ` kind = 'session' AND` + shown("id")
	shownOfSession = shown("session_id")
)

// shown are the args of that condition.
func (p Principal) shown(before ...any) []any {
	guest := ""
	if p.Guest {
		guest = p.UserID
	}
	return append(p.args(before...), p.TenantID, guest)
}

// alone is p without what was shared with them.
func (p Principal) alone() Principal {
	p.Guest = false
	return p
}

// ShareSession lets a user of the same tenant, by id or name, look at one of p's
// sessions. Sharing it again changes nothing. ErrNotFound when p has no such
// session; a *ConflictError says why it cannot be shared with that one.
func (db *DB) ShareSession(ctx context.Context, p Principal, id, user string) (sh Share, err error) {
	err = db.write(ctx, func(t *tx) error {
		s, u, err := t.sharing(ctx, p, id, user)
		if err != nil {
			return err
		}
		if u.ID == s.OwnerID {
			return &ConflictError{fmt.Sprintf("The session is %s's own: name somebody else.", u.Name)}
		}
		if _, err := t.ExecContext(ctx, `INSERT INTO shares (session_id, tenant_id, user_id, created_at) VALUES (?, ?, ?, ?) ON CONFLICT DO NOTHING`,
			s.ID, s.TenantID, u.ID, millis(t.now)); err != nil {
			return err
		}
		sh = Share{UserID: u.ID, UserName: u.Name}
		var at int64
		if err := t.QueryRowContext(ctx, `SELECT created_at FROM shares WHERE session_id = ? AND user_id = ?`, s.ID, u.ID).Scan(&at); err != nil {
			return err
		}
		sh.CreatedAt = moment(at)
		if err := t.audit(ctx, p, ActSessionShared, s.ID, map[string]string{"name": s.Name, "with": u.Name}); err != nil {
			return err
		}
		return t.event(ctx, s, SessionUpdated)
	})
	return sh, err
}

// UnshareSession ends a share of one of p's sessions; the user is told that it
// is gone. ErrNotFound when there is no such session, user or share.
func (db *DB) UnshareSession(ctx context.Context, p Principal, id, user string) (sh Share, err error) {
	err = db.write(ctx, func(t *tx) error {
		s, u, err := t.sharing(ctx, p, id, user)
		if err != nil {
			return err
		}
		var at int64
		if err := notFound(t.QueryRowContext(ctx, `DELETE FROM shares WHERE session_id = ? AND user_id = ? RETURNING created_at`, s.ID, u.ID).Scan(&at)); err != nil {
			return err
		}
		sh = Share{UserID: u.ID, UserName: u.Name, CreatedAt: moment(at)}
		if err := t.audit(ctx, p, ActSessionUnshared, s.ID, map[string]string{"name": s.Name, "with": u.Name}); err != nil {
			return err
		}
		return t.insertEvent(ctx, SessionDeleted, s.ID, u.ID, s.TenantID, EventData{ID: s.ID})
	})
	return sh, err
}

// sharing is the session and the user that a share is about.
func (t *tx) sharing(ctx context.Context, p Principal, id, user string) (s Session, u User, err error) {
	s, err = scanSession(t.QueryRowContext(ctx, `SELECT `+sessionColumns+` FROM sessions WHERE id = ? AND`+session, p.args(id)...))
	if err != nil {
		return s, u, err
	}
	u, err = scanUser(t.QueryRowContext(ctx, `SELECT `+userColumns+` FROM users WHERE tenant_id = ? AND (id = ? OR name = ?) ORDER BY id = ? DESC LIMIT 1`,
		s.TenantID, user, user, user))
	if err != nil {
		err = fmt.Errorf("user %s: %w", user, ErrNoUser)
	}
	return s, u, err
}

// Shares gives those who may look at one of p's sessions, by name. ErrNotFound
// when p has no such session.
func (db *DB) Shares(ctx context.Context, p Principal, id string) ([]Share, error) {
	if _, err := db.Session(ctx, p.alone(), id); err != nil {
		return nil, err
	}
	rows, err := db.r.QueryContext(ctx, `SELECT u.id, u.name, s.created_at FROM shares s JOIN users u ON u.tenant_id = s.tenant_id AND u.id = s.user_id
		WHERE s.session_id = ? ORDER BY u.name`, id)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	out := []Share{}
	for rows.Next() {
		var sh Share
		var at int64
		if err := rows.Scan(&sh.UserID, &sh.UserName, &at); err != nil {
			return nil, err
		}
		sh.CreatedAt = moment(at)
		out = append(out, sh)
	}
	return out, rows.Err()
}
