package store

import (
	"context"
	"strings"
)

// standingTypes are the types of journal entries that hold until they are said
// again, just as the index entries_standing has them.
const standingTypes = `'agent', 'commands', 'mode', 'model', 'ports', 'turn_end', 'turn_start', 'usage'`

// standingQuery looks each type up in the index, so that it costs the same in a
// conversation of any length.
var standingQuery = `WITH s (type) AS (VALUES (` + strings.ReplaceAll(standingTypes, ", ", "), (") + `))
	SELECT e.n, e.source, e.seq, e.run, e.at, e.turn, e.type, e.data FROM s CROSS JOIN entries AS e
	ON e.session_id = ? AND e.n = (SELECT max(n) FROM entries WHERE session_id = ? AND type = s.type AND n < ?
		AND source = 'journal' AND type IN (` + standingTypes + `))
	ORDER BY e.n`

// Standing gives, of one of p's sessions, the last journal entry before a
// cursor of each type that holds until it is said again: agent, commands, mode,
// model, ports, usage, and where the last turn began and ended. Ascending.
// ErrNotFound when p has no such session.
func (db *DB) Standing(ctx context.Context, p Principal, sessionID string, before int64) ([]Entry, error) {
	if _, err := db.Session(ctx, p, sessionID); err != nil {
		return nil, err
	}
	rows, err := db.r.QueryContext(ctx, standingQuery, sessionID, sessionID, before)
	if err != nil {
		return nil, err
	}
	return scanEntries(rows, sessionID)
}
