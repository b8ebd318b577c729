package store

import (
	"context"
	"database/sql"
	"encoding/json"
	"strings"
	"time"
)

// TimelineEvent is one row of timeline: a thing that happened in a run. What is
// told again under the same Key replaces what was told before.
type TimelineEvent struct {
	N           int64  // set when read
	ChronicleID string // set when read
	Run         int    // whose chronicle it belongs to; when written
	Key         string
	At          time.Time
	Type        string // session, message, file, git, terminal, error
	Label       string
	Data        json.RawMessage
	Text        string // the whole of it, for search and export; read when asked for
}

// KeyTurn begins the keys of rows that tell of a turn's end: the durations in
// their data are the time a session was active.
const KeyTurn = "turn:"

// TimelineFilter narrows Timeline.
type TimelineFilter struct {
	Types   []string // none: all
	Touched bool     // beside those types also what tells of touched files
	Keys    []string // nil: all; else the rest of the filter is for nothing
	After   TimelineCursor
	Limit   int // 0: all
	Texts   bool
}

// TimelineCursor is a place in a timeline: behind this event. Rows are in the
// order of their time, not of their number. Whom its number would tell how much
// is written elsewhere is given the event's key in its place.
type TimelineCursor struct {
	At  time.Time
	N   int64
	Key string `json:",omitempty"` // if not empty, N is of no account
}

// Timeline gives what happened in a run that one of p's chronicles tells of, in
// order of time. ErrNotFound when p has no such chronicle.
func (db *DB) Timeline(ctx context.Context, p Principal, chronicleID string, f TimelineFilter) ([]TimelineEvent, error) {
	if _, err := db.Chronicle(ctx, p, chronicleID); err != nil {
		return nil, err
	}
	return db.timeline(ctx, chronicleID, f)
}

func (db *DB) timeline(ctx context.Context, chronicleID string, f TimelineFilter) ([]TimelineEvent, error) {
	text := `''`
	if f.Texts {
		text = `text`
	}
	if f.Limit <= 0 {
		f.Limit = -1
	}
	if f.After.Key != "" { // of one that is gone the whole millisecond is told again
		err := db.r.QueryRowContext(ctx, `SELECT coalesce((SELECT n FROM timeline WHERE chronicle_id = ? AND key = ?), 0)`, chronicleID, f.After.Key).Scan(&f.After.N)
		if err != nil {
			return nil, err
		}
	}
	types := strings.Join(f.Types, " ")
	where, args := `(at, n) > (?, ?) AND (? = '' OR instr(?, ' ' || type || ' ') OR ? AND instr(data, '"touched":')) ORDER BY at, n LIMIT ?`,
		[]any{chronicleID, millis(f.After.At), f.After.N, types, " " + types + " ", f.Touched, f.Limit}
	if f.Keys != nil {
		where, args = `key IN (SELECT value FROM json_each(?)) ORDER BY at, n`, []any{chronicleID, list(f.Keys)}
	}
	rows, err := db.r.QueryContext(ctx, `SELECT n, key, at, type, label, data, `+text+` FROM timeline WHERE chronicle_id = ? AND `+where, args...)
	if err != nil {
		return nil, err
	}
	return scanTimeline(rows, chronicleID)
}

// scanTimeline reads all rows and closes them.
func scanTimeline(rows *sql.Rows, chronicleID string) ([]TimelineEvent, error) {
	defer rows.Close()
	out := []TimelineEvent{}
	for rows.Next() {
		e := TimelineEvent{ChronicleID: chronicleID}
		var at int64
		var data string
		if err := rows.Scan(&e.N, &e.Key, &at, &e.Type, &e.Label, &data, &e.Text); err != nil {
			return nil, err
		}
		e.At, e.Data = moment(at), json.RawMessage(data)
		out = append(out, e)
	}
	return out, rows.Err()
}

// AppendTimeline adds, for the system, rows to the timeline of a session's run.
// ErrNotFound when that has no chronicle.
func (db *DB) AppendTimeline(ctx context.Context, sessionID string, run int, rows ...TimelineEvent) error {
	if _, err := db.ChronicleOfRun(ctx, sessionID, run); err != nil {
		return err
	}
	return db.write(ctx, func(t *tx) error { return t.timeline(ctx, sessionID, run, rows) })
}

// Asked reports, for the system, whether a person asked the agent for anything
// in a chronicle's run.
func (db *DB) Asked(ctx context.Context, chronicleID string) (yes bool, err error) {
	err = db.r.QueryRowContext(ctx, `SELECT EXISTS (SELECT 1 FROM timeline WHERE chronicle_id = ? AND key >= 'prompt:' AND key < 'prompt;'
		AND coalesce(data ->> '$.automatic', 0) = 0)`, chronicleID).Scan(&yes)
	return yes, err
}

// Told gives, for the system, how often a chronicle's timeline was written since
// the database was opened. What was read after one answer holds until another.
func (db *DB) Told(chronicleID string) int64 {
	db.mu.Lock()
	defer db.mu.Unlock()
	return db.told[chronicleID]
}

func (db *DB) countTold(chronicles []string) {
	if len(chronicles) == 0 {
		return
	}
	db.mu.Lock()
	defer db.mu.Unlock()
	for _, id := range chronicles {
		db.told[id]++
	}
}
