package store

import (
	"cmp"
	"context"
	"database/sql"
	"errors"
	"fmt"
)

// Move says where a user goes.
type Move struct {
	User string // their id
	To   string // the tenant's id or name
	Role Role   // there; empty: as before, but who was an admin is a developer
}

// Moved is what came of it.
type Moved struct {
	User     User // as they are now: under another name where theirs was taken
	Was      User
	To       Tenant
	Sessions []string // that went with them
	Guests   []string // users who could look at some of these, and cannot any more
	Ended    []string // logins and tokens of theirs that count no more
}

// Resealer closes a sealed credential anew for another owner. ErrNotFound: it
// cannot be opened any more, and stays as it is.
type Resealer func(ctx context.Context, c Credential, to Principal) ([]byte, error)

// Reseal has r asked for the credentials of every user that is moved from now on.
func (db *DB) Reseal(r Resealer) {
	db.mu.Lock()
	defer db.mu.Unlock()
	db.reseal = r
}

// goesAlong are the tables whose rows go with their owner, by the column of the
// owner. quotas are the tenant's word and stay behind, shares end, and so do login
// links, which an admin of the old tenant may hold; events are told anew, and audit
// is of where it was done.
var goesAlong = map[string]string{
	"users": "id", "logins": "user_id", "tokens": "user_id", "trusts": "user_id",
	"sessions": "owner_id", "prompts": "owner_id", "comments": "owner_id", "usage": "owner_id", "chronicles": "owner_id", "blobs": "owner_id",
	"credentials": "owner_id", "presets": "owner_id", "saved_prompts": "owner_id", "integrations": "owner_id", "sandbox_files": "owner_id",
}

// MoveUser moves, for an operator, a user of p's tenant to another one, and with
// them all that is theirs: sessions, which run on, chronicles, credentials,
// presets, prompts, logins and tokens. Nobody who stays sees it any more, and
// what they shared or was shared with them is not. It is all or nothing. The
// caller ends what others have open of it. ErrNotFound: there is no such user;
// ErrNoTenant: no such tenant; a *ConflictError: no admin would be left.
func (db *DB) MoveUser(ctx context.Context, p Principal, m Move) (out Moved, err error) {
	if !p.Operator {
		return Moved{}, ErrNotFound
	}
	for range 5 {
		out, err = db.moveUser(ctx, p, m)
		if !errors.Is(err, ErrStale) { // of their credentials one was stored meanwhile
			break
		}
	}
	return out, err
}

// resealed is a credential before and after.
type resealed struct{ was, now []byte }

// sealAnew closes a user's credentials for another tenant, outside of every
// transaction, for the key may have to be asked for.
func (db *DB) sealAnew(ctx context.Context, from, to Principal) (map[string]resealed, error) {
	db.mu.Lock()
	r := db.reseal
	db.mu.Unlock()
	all, err := db.Credentials(ctx, from)
	if err != nil {
		return nil, err
	}
	out := map[string]resealed{}
	for _, c := range all {
		if c.OwnerID != from.UserID {
			continue
		}
		one := resealed{c.Sealed, c.Sealed}
		if r != nil {
			if one.now, err = r(ctx, c, to); errors.Is(err, ErrNotFound) {
				one.now = c.Sealed
			} else if err != nil {
				return nil, err
			}
		}
		out[c.ID] = one
	}
	return out, nil
}

func (db *DB) moveUser(ctx context.Context, p Principal, m Move) (out Moved, err error) {
	to, err := db.Tenant(ctx, p, m.To)
	if err != nil {
		return out, err
	}
	own := Principal{UserID: m.User, TenantID: p.TenantID}
	sealed, err := db.sealAnew(ctx, own, Principal{UserID: m.User, TenantID: to.ID})
	if err != nil {
		return out, err
	}
	err = db.write(ctx, func(t *tx) error {
		if out.To, err = tenant(ctx, t, p, to.ID); err != nil { // it may be gone
			return err
		}
		if out.Was, err = scanUser(t.QueryRowContext(ctx, `SELECT `+userColumns+` FROM users WHERE`+managed, p.TenantID, p.Admin, m.User)); err != nil {
			return err
		}
		if out.User = out.Was; p.TenantID == to.ID {
			return &ConflictError{fmt.Sprintf("%s is in %s already.", out.User.Name, out.To.Name)}
		}
		if p.TenantID == FirstTenant {
			if err := t.keepAdmin(ctx, p, m.User); err != nil {
				return err
			}
		}
		out.User.TenantID = to.ID
		if out.User.Role = cmp.Or(m.Role, out.Was.Role); m.Role == "" && out.Was.Role == RoleAdmin {
			out.User.Role = RoleDeveloper
		}
		if out.User.Name, err = t.freeUserName(ctx, to.ID, out.Was.Name); err != nil {
			return err
		}
		return t.move(ctx, p, &out, sealed)
	})
	return out, err
}

// move does it.
func (t *tx) move(ctx context.Context, p Principal, m *Moved, sealed map[string]resealed) error {
	user, from, to := m.User.ID, m.Was.TenantID, m.User.TenantID
	sessions, err := sessionRows(t.QueryContext(ctx, `SELECT `+sessionColumns+` FROM sessions WHERE tenant_id = ? AND owner_id = ? ORDER BY created_at, rowid`, from, user))
	if err != nil {
		return err
	}
	if err := t.endShares(ctx, m, sessions); err != nil {
		return err
	}
	for _, s := range sessions { // those who stay are told that it is gone
		m.Sessions = append(m.Sessions, s.ID)
		if err := t.event(ctx, s, SessionDeleted); err != nil {
			return err
		}
	}
	if _, err := t.ExecContext(ctx, `DELETE FROM events WHERE tenant_id = ? AND owner_id = ? AND type <> ?`, from, user, SessionDeleted); err != nil {
		return err
	}
	for _, table := range []string{"quotas", "login_links"} {
		if _, err := t.ExecContext(ctx, `DELETE FROM `+table+` WHERE tenant_id = ? AND user_id = ?`, from, user); err != nil {
			return err
		}
	}
	if m.Ended, err = t.endWaysIn(ctx, *m); err != nil {
		return err
	}
	for id, c := range sealed {
		if err := t.exactlyOne(ctx, `UPDATE credentials SET sealed = ? WHERE id = ? AND sealed = ?`, c.now, id, c.was); err != nil {
			return err
		}
	}
	var stored int
	if err := t.QueryRowContext(ctx, `SELECT count(*) FROM credentials WHERE tenant_id = ? AND owner_id = ?`, from, user).Scan(&stored); err != nil {
		return err
	}
	if stored != len(sealed) {
		return ErrStale
	}
	// Users and what refers to them change one after the other.
	if _, err := t.ExecContext(ctx, `PRAGMA defer_foreign_keys = ON`); err != nil {
		return err
	}
	if err := t.exactlyOne(ctx, `UPDATE users SET name = ?, role = ?, tenant_id = ? WHERE tenant_id = ? AND id = ?`, m.User.Name, m.User.Role, to, from, user); err != nil {
		return err
	}
	for table, owner := range goesAlong {
		if _, err := t.ExecContext(ctx, `UPDATE `+table+` SET tenant_id = ? WHERE tenant_id = ? AND `+owner+` = ?`, to, from, user); err != nil {
			return fmt.Errorf("move %s: %w", table, err)
		}
	}
	// Whoever read a row before has to read it again.
	if _, err := t.ExecContext(ctx, `UPDATE sessions SET version = version + 1, updated_at = ? WHERE tenant_id = ? AND owner_id = ?`, millis(t.now), to, user); err != nil {
		return err
	}
	for _, s := range sessions {
		s.TenantID = to
		if err := t.event(ctx, s, SessionCreated); err != nil {
			return err
		}
	}
	return t.auditMove(ctx, p, *m)
}

// endWaysIn ends what an admin of the tenant that a user leaves may have opened in
// their name, where it would be worth most: all of who becomes an admin, and of
// whom somebody vouches for the browsers that came in by a link.
func (t *tx) endWaysIn(ctx context.Context, m Moved) ([]string, error) {
	admin := m.User.Role == RoleAdmin
	logins, err := texts(t.QueryContext(ctx, `DELETE FROM logins WHERE tenant_id = ?1 AND user_id = ?2
		AND (?3 OR via = 'link' AND (SELECT issuer <> '' FROM users WHERE tenant_id = ?1 AND id = ?2)) RETURNING id`, m.Was.TenantID, m.Was.ID, admin))
	if err != nil {
		return nil, err
	}
	tokens, err := texts(t.QueryContext(ctx, `DELETE FROM tokens WHERE tenant_id = ? AND user_id = ? AND ? RETURNING id`, m.Was.TenantID, m.Was.ID, admin))
	return append(logins, tokens...), err
}

// endShares ends what the user shared, and what was shared with them.
func (t *tx) endShares(ctx context.Context, m *Moved, sessions []Session) error {
	for _, s := range sessions {
		rows, err := texts(t.QueryContext(ctx, `DELETE FROM shares WHERE session_id = ? RETURNING user_id`, s.ID))
		if err != nil {
			return err
		}
		for _, guest := range rows {
			m.Guests = append(m.Guests, guest)
			if err := t.insertEvent(ctx, SessionDeleted, s.ID, guest, s.TenantID, EventData{ID: s.ID}); err != nil {
				return err
			}
		}
	}
	_, err := t.ExecContext(ctx, `DELETE FROM shares WHERE tenant_id = ? AND user_id = ?`, m.Was.TenantID, m.Was.ID)
	return err
}

// auditMove notes the move for whoever runs the installation, and in each of the
// two tenants what concerns it; neither learns of the other.
func (t *tx) auditMove(ctx context.Context, p Principal, m Moved) error {
	from, err := tenant(ctx, t, p, m.Was.TenantID)
	if err != nil {
		from = Tenant{ID: m.Was.TenantID, Name: m.Was.TenantID}
	}
	err = t.audit(ctx, p.In(FirstTenant), ActUserMoved, m.User.ID, map[string]string{"name": m.Was.Name, "from": from.Name, "to": m.To.Name,
		"as": m.User.Name, "role": string(m.User.Role)})
	if err == nil && from.ID != FirstTenant {
		err = t.audit(ctx, p.In(from.ID), ActUserLeft, m.User.ID, map[string]string{"name": m.Was.Name})
	}
	if err == nil && m.To.ID != FirstTenant {
		err = t.audit(ctx, p.In(m.To.ID), ActUserCame, m.User.ID, map[string]string{"name": m.User.Name, "role": string(m.User.Role)})
	}
	return err
}

// texts reads rows of one text and closes them.
func texts(rows *sql.Rows, err error) (out []string, _ error) {
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	for rows.Next() {
		var one string
		if err := rows.Scan(&one); err != nil {
			return nil, err
		}
		out = append(out, one)
	}
	return out, rows.Err()
}

// exactlyOne runs a change that must find one row. ErrStale: it did not.
func (t *tx) exactlyOne(ctx context.Context, query string, args ...any) error {
	res, err := t.ExecContext(ctx, query, args...)
	if err != nil {
		return err
	}
	if n, err := res.RowsAffected(); err != nil || n != 1 {
		return errors.Join(err, ErrStale)
	}
	return nil
}

// HomeOf gives, for the system, the tenant in which a user is now; said, where
// that one is unknown, or one of several by that id. What is of a tenant that was
// removed is the first one's, for somebody has to find it.
func (db *DB) HomeOf(ctx context.Context, user, said string) (string, error) {
	home, err := homeOf(ctx, db.r, user, said)
	if err == nil {
		err = db.r.QueryRowContext(ctx, `SELECT coalesce((SELECT id FROM tenants WHERE id = ?), ?)`, home, FirstTenant).Scan(&home)
	}
	return home, err
}

func homeOf(ctx context.Context, q querier, user, said string) (home string, err error) {
	err = q.QueryRowContext(ctx, `SELECT coalesce(iif(count(*) = 1, max(tenant_id), NULL), ?) FROM users WHERE id = ?`, said, user).Scan(&home)
	return home, err
}
