package store

import (
	"context"
	"database/sql"
	"encoding/json"
)

// Types of events.
const (
	SessionCreated  = "session_created"
	SessionUpdated  = "session_updated"
	SessionDeleted  = "session_deleted"
	SessionActivity = "session_activity"

	ChronicleCreated = "chronicle_created"
	ChronicleUpdated = "chronicle_updated"
	ChronicleDeleted = "chronicle_deleted"
	ChronicleEvent   = "chronicle_event" // its timeline has news

	PRCreated = "pr_created" // Announce
	PRMerged  = "pr_merged"
)

// keepChronicleEvents is how many ChronicleEvents of a session are kept: one who
// missed more reads the whole timeline.
const keepChronicleEvents = 200

// EventData is the data of every event: whose news it is, and the state it was
// in. Who shows more reads the row again, for the latest state wins.
type EventData struct {
	ID    string `json:"id"`
	State State  `json:"state,omitempty"`
	// Of SessionActivity only.
	Activity string `json:"activity,omitempty"`
	Text     string `json:"text,omitempty"`
	// Of what a program told (TellActivity): an object; empty: it was seen.
	Metadata json.RawMessage `json:"metadata,omitempty"`
	// Of chronicles' events only.
	Chronicle string   `json:"chronicle,omitempty"`
	Keys      []string `json:"keys,omitempty"` // ChronicleEvent: of the rows, 100 at most
}

// event appends an event in the transaction of the change itself. Older ones
// that nobody can need any more go: what a deleted session did, and what its
// activity was before. Sandboxes are no news.
func (t *tx) event(ctx context.Context, s Session, typ string) error {
	return t.eventOf(ctx, s, typ, EventData{})
}

// eventOf is event with data of its own.
func (t *tx) eventOf(ctx context.Context, s Session, typ string, d EventData) error {
	if s.Kind == KindSandbox {
		return nil
	}
	d.ID = s.ID
	switch typ {
	case SessionDeleted:
		// Who lost sight of it before, and has not been told yet, still will be.
		if _, err := t.ExecContext(ctx, `DELETE FROM events WHERE session_id = ? AND type <> ?`, s.ID, SessionDeleted); err != nil {
			return err
		}
	case SessionActivity:
		if d.State = s.State; d.Metadata == nil {
			d.Activity, d.Text = s.Activity, s.ActivityText
		}
		if _, err := t.ExecContext(ctx, `DELETE FROM events WHERE session_id = ? AND type = ?`, s.ID, typ); err != nil {
			return err
		}
	default:
		d.State = s.State
	}
	return t.insertEvent(ctx, typ, s.ID, s.OwnerID, s.TenantID, d)
}

// chronicleEvent appends an event of a chronicle; keys name the rows of its
// timeline that are new.
func (t *tx) chronicleEvent(ctx context.Context, c Chronicle, typ string, keys ...string) error {
	if typ == ChronicleEvent {
		if _, err := t.ExecContext(ctx, `DELETE FROM events WHERE session_id = ?1 AND type = ?2 AND seq <=
			(SELECT seq FROM events WHERE session_id = ?1 AND type = ?2 ORDER BY seq DESC LIMIT 1 OFFSET ?3)`,
			c.SessionID, typ, keepChronicleEvents); err != nil {
			return err
		}
	}
	return t.insertEvent(ctx, typ, c.SessionID, c.OwnerID, c.TenantID,
		EventData{ID: c.SessionID, Chronicle: c.ID, Keys: keys[:min(len(keys), 100)]})
}

// Announce appends an event of p's, with its own data, that stands for no change
// of a row. session may be empty.
func (db *DB) Announce(ctx context.Context, p Principal, session, typ string, data any) error {
	return db.write(ctx, func(t *tx) error { return t.insertNews(ctx, typ, session, p.UserID, p.TenantID, data) })
}

func (t *tx) insertEvent(ctx context.Context, typ, sessionID, ownerID, tenantID string, d EventData) error {
	return t.insertNews(ctx, typ, sessionID, ownerID, tenantID, d)
}

func (t *tx) insertNews(ctx context.Context, typ, sessionID, ownerID, tenantID string, d any) error {
	data, err := json.Marshal(d)
	if err != nil {
		return err
	}
	n, err := t.nextEvent(ctx, tenantID)
	if err != nil {
		return err
	}
	t.nudge = true
	_, err = t.ExecContext(ctx, `INSERT INTO events (n, at, type, session_id, owner_id, tenant_id, data) VALUES (?, ?, ?, ?, ?, ?, ?)`,
		n, millis(t.now), typ, sessionID, ownerID, tenantID, string(data))
	return err
}

// Events gives at most limit of p's events after a cursor, in order.
func (db *DB) Events(ctx context.Context, p Principal, after int64, limit int) ([]Event, error) {
	return eventRows(db.r.QueryContext(ctx, `SELECT n, at, type, session_id, data FROM events WHERE n > ? AND`+shownOfSession+
		` ORDER BY n LIMIT ?`, append(p.shown(after), limit)...))
}

// SystemEvents gives, for the system, at most limit events of everybody after a
// number of all, in order. Their Seq is that number, and no cursor of a stream.
func (db *DB) SystemEvents(ctx context.Context, after int64, limit int) ([]Event, error) {
	return eventRows(db.r.QueryContext(ctx, `SELECT seq, at, type, session_id, data FROM events WHERE seq > ? ORDER BY seq LIMIT ?`, after, limit))
}

// LastSystemEvent gives, for the system, the number behind everything that has
// happened, 0 at first.
func (db *DB) LastSystemEvent(ctx context.Context) (n int64, err error) {
	err = db.r.QueryRowContext(ctx, `SELECT coalesce((SELECT seq FROM sqlite_sequence WHERE name = 'events'), 0)`).Scan(&n)
	return n, err
}

func eventRows(rows *sql.Rows, err error) ([]Event, error) {
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	out := []Event{}
	for rows.Next() {
		var e Event
		var at int64
		var data string
		if err := rows.Scan(&e.Seq, &at, &e.Type, &e.SessionID, &data); err != nil {
			return nil, err
		}
		e.At, e.Data = moment(at), json.RawMessage(data)
		out = append(out, e)
	}
	return out, rows.Err()
}

// Subscribe gives a channel that holds a nudge whenever something was committed
// that Events or Entries may show. Nudges merge: read until nothing is new,
// then wait again. cancel ends it; the channel is never closed.
func (db *DB) Subscribe() (ch <-chan struct{}, cancel func()) {
	c := make(chan struct{}, 1)
	db.mu.Lock()
	defer db.mu.Unlock()
	db.subs[c] = true
	return c, func() {
		db.mu.Lock()
		defer db.mu.Unlock()
		delete(db.subs, c)
	}
}

func (db *DB) nudge() {
	db.mu.Lock()
	defer db.mu.Unlock()
	for c := range db.subs {
		select {
		case c <- struct{}{}:
		default: // one waits already
		}
	}
}
