package store

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/google/uuid"
)

// KindSandbox is the Kind of sandboxes' rows. Methods that do not name sandboxes
// see those of coding sessions only, but for the system.
const KindSandbox = "sandbox"

// launching is how long a new sandbox's row is left alone by who does not know
// that it is being started.
const launching = 10 * time.Second

// alive is what a client may know of: claimed, not ended, its time not over.
const alive = ` kind = 'sandbox' AND tenant_id <> '' AND want = 'running' AND expires_at > ? AND`

// CreateSandbox stores a sandbox that is started next: the attempt at its only
// run is on the row with it. It fills ID and times that are empty. Without owner
// and tenant it is one made ahead, for ClaimSandbox. Runtime, Name, Request,
// Shape, ExpiresAt and LatestAt are the caller's.
func (db *DB) CreateSandbox(ctx context.Context, s Session) (out Session, err error) {
	if s.ExpiresAt.IsZero() || s.LatestAt.Before(s.ExpiresAt) {
		return Session{}, fmt.Errorf("create sandbox %s: it would expire at %s, and live until %s", s.Name, s.ExpiresAt, s.LatestAt)
	}
	err = db.write(ctx, func(t *tx) error {
		id := cmp.Or(s.ID, uuid.NewString())
		now := millis(t.now)
		out, err = scanSession(t.QueryRowContext(ctx, `INSERT INTO sessions
			(id, kind, name, owner_id, tenant_id, runtime, request, created_at, updated_at, want, wanted_at, state, since, run,
			 submitted_at, attempts, retry_at, expires_at, shape, latest_at)
			VALUES (?, 'sandbox', ?, ?, ?, ?, ?, ?, ?, 'running', ?, 'starting', ?, 1, ?, 1, ?, ?, ?, ?)
			ON CONFLICT (id) DO NOTHING RETURNING `+sessionColumns,
			id, s.Name, s.OwnerID, s.TenantID, s.Runtime, cmp.Or(string(s.Request), `{}`), now, now, now, now, now,
			millis(t.now.Add(launching)), millis(s.ExpiresAt), s.Shape, millis(s.LatestAt)))
		if errors.Is(err, ErrNotFound) {
			return &ConflictError{"A sandbox with this id exists already: choose another id."}
		}
		return err
	})
	return out, err
}

// ClaimSandbox makes the oldest running sandbox of a shape that was made ahead
// p's, until expires. ErrNotFound when there is none that can live so long.
func (db *DB) ClaimSandbox(ctx context.Context, p Principal, runtime, shape string, expires time.Time) (s Session, err error) {
	if p.UserID == "" || p.TenantID == "" {
		return Session{}, errors.New("claim a sandbox: nobody asked for it")
	}
	err = db.write(ctx, func(t *tx) error {
		s, err = scanSession(t.QueryRowContext(ctx, `UPDATE sessions SET owner_id = ?, tenant_id = ?, expires_at = ?,
			updated_at = ?, version = version + 1 WHERE id = (SELECT id FROM sessions WHERE kind = 'sandbox' AND tenant_id = ''
				AND runtime = ? AND shape = ? AND want = 'running' AND state = 'running' AND expires_at > ? AND latest_at >= ?
				ORDER BY created_at, rowid LIMIT 1) RETURNING `+sessionColumns,
			p.UserID, p.TenantID, millis(expires), millis(t.now), runtime, shape, millis(t.now), millis(expires)))
		return err
	})
	return s, err
}

// Sandbox gives one of p's sandboxes that has not ended.
func (db *DB) Sandbox(ctx context.Context, p Principal, id string) (Session, error) {
	return scanSession(db.r.QueryRowContext(ctx, `SELECT `+sessionColumns+` FROM sessions WHERE id = ? AND`+alive+mine,
		p.args(id, millis(time.Now()))...))
}

// Sandboxes gives p's sandboxes that have not ended, the newest first.
func (db *DB) Sandboxes(ctx context.Context, p Principal) ([]Session, error) {
	return sessionRows(db.r.QueryContext(ctx, `SELECT `+sessionColumns+` FROM sessions WHERE`+alive+mine+
		` ORDER BY created_at DESC, rowid DESC`, p.args(millis(time.Now()))...))
}

// LivingSandboxes counts everybody's sandboxes that have not ended, but for
// those named, for the system.
func (db *DB) LivingSandboxes(ctx context.Context, except ...string) (n int, err error) {
	named, err := json.Marshal(append([]string{}, except...))
	if err != nil {
		return 0, err
	}
	err = db.r.QueryRowContext(ctx, `SELECT count(*) FROM sessions WHERE`+alive+` id NOT IN (SELECT value FROM json_each(?))`,
		millis(time.Now()), string(named)).Scan(&n)
	return n, err
}

// ExtendSandbox sets when p's sandbox ends, sooner or later than before. A
// *ConflictError when that is later than it can live.
func (db *DB) ExtendSandbox(ctx context.Context, p Principal, id string, expires time.Time) (s Session, err error) {
	err = db.write(ctx, func(t *tx) error {
		s, err = scanSession(t.QueryRowContext(ctx, `SELECT `+sessionColumns+` FROM sessions WHERE id = ? AND`+alive+mine,
			p.args(id, millis(t.now))...))
		if err != nil {
			return err
		}
		if expires.After(s.LatestAt) {
			return &ConflictError{fmt.Sprintf("The sandbox can live until %s and no longer: make another one then.", s.LatestAt.Format(time.RFC3339))}
		}
		s, err = scanSession(t.QueryRowContext(ctx, `UPDATE sessions SET expires_at = ?, updated_at = ?, version = version + 1
			WHERE id = ? RETURNING `+sessionColumns, millis(expires), millis(t.now), id))
		return err
	})
	return s, err
}

// EndSandbox records that p's sandbox shall go, and returns it: nobody sees it
// any more. ErrNotFound when it has ended already.
func (db *DB) EndSandbox(ctx context.Context, p Principal, id string) (s Session, err error) {
	err = db.write(ctx, func(t *tx) error {
		s, err = t.end(ctx, `id = ? AND`+alive+mine, p.args(id, millis(t.now))...)
		return err
	})
	return s, err
}

// DropSandbox is EndSandbox for the system. It is no error when it has ended.
func (db *DB) DropSandbox(ctx context.Context, id string) error {
	err := db.write(ctx, func(t *tx) error {
		_, err := t.end(ctx, `id = ? AND kind = 'sandbox' AND want = 'running'`, id)
		return err
	})
	if errors.Is(err, ErrNotFound) {
		return nil
	}
	return err
}

func (t *tx) end(ctx context.Context, which string, args ...any) (Session, error) {
	now := millis(t.now)
	return scanSession(t.QueryRowContext(ctx, `UPDATE sessions SET want = 'gone', wanted_at = ?, state = 'stopping', since = ?,
		attempts = 0, retry_at = 0, updated_at = ?, version = version + 1 WHERE `+which+` RETURNING `+sessionColumns,
		append([]any{now, now, now}, args...)...))
}
