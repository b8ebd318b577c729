package store

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"maps"
	"slices"
)

// AppendJournal stores, for the link, journal entries of a session (Seq, Run,
// At, Turn, Type, Data and Bodies of each) and moves the session's journal position.
// Entries that are there already, by (session, epoch, Seq), are left alone. It
// returns how many were new. What the timeline says of the entries is written in
// the same transaction, each row to the run it names. ErrNotFound when the
// session is gone.
func (db *DB) AppendJournal(ctx context.Context, sessionID, epoch string, entries []Entry, rows ...TimelineEvent) (added int, err error) {
	if len(entries) == 0 {
		return 0, nil
	}
	err = db.write(ctx, func(t *tx) error {
		added = 0
		last := entries[0].Seq
		for _, e := range entries {
			last = max(last, e.Seq)
		}
		res, err := t.ExecContext(ctx, `UPDATE sessions SET
			journal_seq = CASE WHEN journal_epoch = ? THEN max(journal_seq, ?) ELSE ? END, journal_epoch = ?, last_active = ?
			WHERE id = ?`, epoch, last, last, epoch, millis(t.now), sessionID)
		if err != nil {
			return err
		}
		if n, err := res.RowsAffected(); err != nil || n == 0 {
			return errors.Join(err, ErrNotFound)
		}
		n, err := t.lastEntry(ctx, sessionID)
		if err != nil {
			return err
		}
		values := make([][]any, len(entries))
		for i, e := range entries {
			if err := t.nameBodiesOf(ctx, sessionID, epoch, e); err != nil {
				return err
			}
			values[i] = []any{n + 1 + int64(i), sessionID, "journal", epoch, e.Seq, e.Run, millis(e.At), e.Turn, e.Type, orNull(e.Data)}
		}
		added, err = t.insertRows(ctx, `INSERT INTO entries (n, session_id, source, epoch, seq, run, at, turn, type, data)`,
			`ON CONFLICT (session_id, epoch, seq) DO NOTHING`, values)
		if err != nil {
			return err
		}
		t.nudge = added > 0
		return t.told(ctx, sessionID, rows)
	})
	return added, err
}

// lastEntry is the number of the last entry of a conversation, 0 before the first.
func (t *tx) lastEntry(ctx context.Context, sessionID string) (n int64, err error) {
	err = t.QueryRowContext(ctx, `SELECT coalesce(max(n), 0) FROM entries WHERE session_id = ?`, sessionID).Scan(&n)
	return n, err
}

// AmendJournal replaces, for the system, the data of entries of a journal by
// their Seq: they held what must not be stored.
func (db *DB) AmendJournal(ctx context.Context, sessionID, epoch string, entries []Entry) error {
	if len(entries) == 0 {
		return nil
	}
	return db.write(ctx, func(t *tx) error {
		for _, e := range entries {
			if _, err := t.ExecContext(ctx, `UPDATE entries SET data = ? WHERE session_id = ? AND epoch = ? AND seq = ?`,
				orNull(e.Data), sessionID, epoch, e.Seq); err != nil {
				return err
			}
		}
		return nil
	})
}

// AppendDaemon stores, for the system, what the daemon itself did in a
// conversation. data is marshalled to JSON.
func (db *DB) AppendDaemon(ctx context.Context, sessionID, typ, turn string, data any) (e Entry, err error) {
	raw, err := json.Marshal(data)
	if err != nil {
		return Entry{}, err
	}
	err = db.write(ctx, func(t *tx) error {
		e, err = db.appendDaemon(ctx, t, sessionID, typ, turn, raw)
		return err
	})
	return e, err
}

// AppendAnswer is AppendDaemon for p's answer to a question of the agent, and
// notes in the audit what deed says of it: an answer may let a command run.
func (db *DB) AppendAnswer(ctx context.Context, p Principal, sessionID, turn string, data any, deed map[string]string) (e Entry, err error) {
	raw, err := json.Marshal(data)
	if err != nil {
		return Entry{}, err
	}
	err = db.write(ctx, func(t *tx) error {
		if e, err = db.appendDaemon(ctx, t, sessionID, "answer", turn, raw); err != nil {
			return err
		}
		named := map[string]string{}
		maps.Copy(named, deed)
		var name string
		if err := t.QueryRowContext(ctx, `SELECT name FROM sessions WHERE id = ?`, sessionID).Scan(&name); err != nil {
			return err
		}
		named["name"] = name
		return t.audit(ctx, p, ActAnswer, sessionID, named)
	})
	return e, err
}

// Teller says what may be stored of an entry of the daemon's own (redacted) in a
// session of an owner's, and what the timeline says of it.
type Teller func(of Principal, e Entry) (Entry, []TimelineEvent)

// Tell has t asked of every entry of the daemon's own from now on.
func (db *DB) Tell(t Teller) {
	db.mu.Lock()
	defer db.mu.Unlock()
	db.teller = t
}

func (db *DB) appendDaemon(ctx context.Context, t *tx, sessionID, typ, turn string, data json.RawMessage) (Entry, error) {
	last, err := t.lastEntry(ctx, sessionID)
	if err != nil {
		return Entry{}, err
	}
	e := Entry{N: last + 1, SessionID: sessionID, Source: "daemon", At: t.now, Turn: turn, Type: typ, Data: data}
	err = t.QueryRowContext(ctx, `INSERT INTO entries (n, session_id, source, run, at, turn, type, data)
		SELECT ?, id, 'daemon', run, ?, ?, ?, 'null' FROM sessions WHERE id = ? RETURNING run`,
		e.N, millis(t.now), turn, typ, sessionID).Scan(&e.Run)
	if err != nil {
		return Entry{}, notFound(err)
	}
	db.mu.Lock()
	tell := db.teller
	db.mu.Unlock()
	var rows []TimelineEvent
	if tell != nil {
		var of Principal
		if err := t.QueryRowContext(ctx, `SELECT owner_id, tenant_id FROM sessions WHERE id = ?`, sessionID).Scan(&of.UserID, &of.TenantID); err != nil {
			return Entry{}, err
		}
		e, rows = tell(of, e)
	}
	t.nudge = true
	if _, err := t.ExecContext(ctx, `UPDATE entries SET data = ? WHERE session_id = ? AND n = ?`, orNull(e.Data), sessionID, e.N); err != nil {
		return Entry{}, err
	}
	return e, t.told(ctx, sessionID, rows)
}

// entriesAfter and entriesBefore read a page by the index entries_by_session.
const (
	entriesAfter  = `SELECT n, source, seq, run, at, turn, type, data FROM entries WHERE session_id = ? AND n > ? ORDER BY n LIMIT ?`
	entriesBefore = `SELECT n, source, seq, run, at, turn, type, data FROM entries WHERE session_id = ? AND n > ? AND n < ? ORDER BY n DESC LIMIT ?`
)

// Entries gives a piece of the conversation of one of p's sessions, ascending:
// the first limit after a cursor, or, with before > 0, the last limit that are
// before that and after the other. ErrNotFound when p has no such session.
func (db *DB) Entries(ctx context.Context, p Principal, sessionID string, after, before int64, limit int) ([]Entry, error) {
	if _, err := db.Session(ctx, p, sessionID); err != nil {
		return nil, err
	}
	query, args := entriesAfter, []any{sessionID, after, limit}
	if before > 0 {
		query, args = entriesBefore, []any{sessionID, after, before, limit}
	}
	rows, err := db.r.QueryContext(ctx, query, args...)
	if err != nil {
		return nil, err
	}
	out, err := scanEntries(rows, sessionID)
	if before > 0 {
		slices.Reverse(out)
	}
	return out, err
}

// EntriesOf gives all entries of some types in the conversation of one of p's
// sessions, ascending. ErrNotFound when p has no such session.
func (db *DB) EntriesOf(ctx context.Context, p Principal, sessionID string, types ...string) ([]Entry, error) {
	if _, err := db.Session(ctx, p, sessionID); err != nil {
		return nil, err
	}
	rows, err := db.r.QueryContext(ctx, `SELECT n, source, seq, run, at, turn, type, data FROM entries
		WHERE session_id = ? AND type IN (SELECT value FROM json_each(?)) ORDER BY n`, sessionID, list(types))
	if err != nil {
		return nil, err
	}
	return scanEntries(rows, sessionID)
}

// scanEntries reads rows of n, source, seq, run, at, turn, type and data, and
// closes them.
func scanEntries(rows *sql.Rows, sessionID string) ([]Entry, error) {
	defer rows.Close()
	out := []Entry{}
	for rows.Next() {
		e := Entry{SessionID: sessionID}
		var seq sql.NullInt64
		var at int64
		var data string
		if err := rows.Scan(&e.N, &e.Source, &seq, &e.Run, &at, &e.Turn, &e.Type, &data); err != nil {
			return nil, err
		}
		e.Seq, e.At, e.Data = seq.Int64, moment(at), json.RawMessage(data)
		out = append(out, e)
	}
	return out, rows.Err()
}

func orNull(data json.RawMessage) string {
	if len(data) == 0 {
		return "null"
	}
	return string(data)
}
