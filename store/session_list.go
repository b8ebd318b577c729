package store

import (
	"context"
	"strings"
)

// Sessions gives p's coding sessions that fit, the newest first.
func (db *DB) Sessions(ctx context.Context, p Principal, f SessionFilter) ([]Session, error) {
	query, args := sessionsQuery(p, f)
	return sessionRows(db.r.QueryContext(ctx, query, args...))
}

// sessionsQuery finds the rows by indexes alone before it reads them: their
// requests are long.
func sessionsQuery(p Principal, f SessionFilter) (string, []any) {
	limit := f.Limit
	if limit == 0 {
		limit = -1
	}
	fits, between := f.fits(), f.between()
	var arms []string
	var args []any
	for i, arm := range p.arms() {
		by := ""
		switch {
		case i > 0: // few
		case !f.plain():
			by = ` INDEXED BY sessions_words`
		case len(f.States) > 0:
			by = ` INDEXED BY sessions_by_state`
		}
		arms = append(arms, ` FROM sessions`+by+` WHERE kind = 'session' AND `+arm.sql+fits.sql+between.sql+newestFirst)
		args = append(append(append(append(args, arm.args...), fits.args...), between.args...), limit)
	}
	if len(arms) == 1 && f.plain() {
		return `SELECT ` + sessionColumns + arms[0], args
	}
	for i, arm := range arms {
		arms[i] = `SELECT * FROM (SELECT rowid` + arm + `)`
	}
	return `SELECT ` + sessionColumns + ` FROM sessions WHERE rowid IN (` + strings.Join(arms, ` UNION ALL `) + `)` + newestFirst, append(args, limit)
}

const newestFirst = ` ORDER BY created_at DESC, rowid DESC LIMIT ?`

// SessionNames are those of all coding sessions that p sees.
func (db *DB) SessionNames(ctx context.Context, p Principal) (map[string]bool, error) {
	names := map[string]bool{}
	for _, arm := range p.arms() {
		rows, err := db.r.QueryContext(ctx, `SELECT name FROM sessions WHERE kind = 'session' AND `+arm.sql, arm.args...)
		if err != nil {
			return nil, err
		}
		for rows.Next() {
			var name string
			if err := rows.Scan(&name); err != nil {
				rows.Close()
				return nil, err
			}
			names[name] = true
		}
		if err := rows.Close(); err != nil {
			return nil, err
		}
		if err := rows.Err(); err != nil {
			return nil, err
		}
	}
	return names, nil
}

// SessionCount is how many sessions look alike.
type SessionCount struct {
	Repo     string // or folder
	Agent    string
	Archived bool
	N        int
}

// CountSessions counts p's coding sessions that fit. Of the filter places and Limit do
// not count.
func (db *DB) CountSessions(ctx context.Context, p Principal, f SessionFilter) (out []SessionCount, err error) {
	query, args := countQuery(p, f)
	rows, err := db.r.QueryContext(ctx, query, args...)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	for rows.Next() {
		var t SessionCount
		if err := rows.Scan(&t.Repo, &t.Agent, &t.Archived, &t.N); err != nil {
			return nil, err
		}
		out = append(out, t)
	}
	return out, rows.Err()
}

// countQuery reads what is counted already, where no words are searched.
func countQuery(p Principal, f SessionFilter) (string, []any) {
	fits := f.fits()
	var arms []string
	var args []any
	for i, arm := range p.arms() {
		from, n := ` FROM sessions WHERE kind = 'session' AND `, `1`
		switch {
		case i == 0 && f.Text == "":
			from, n = ` FROM session_counts WHERE `, `n`
		case i == 0:
			from = ` FROM sessions INDEXED BY sessions_words WHERE kind = 'session' AND `
		}
		arms = append(arms, `SELECT repo, agent, state = 'archived' AS archived, `+n+` AS n`+from+arm.sql+fits.sql)
		args = append(append(args, arm.args...), fits.args...)
	}
	return `SELECT repo, agent, archived, sum(n) FROM (` + strings.Join(arms, ` UNION ALL `) + `) GROUP BY 1, 2, 3 ORDER BY 1, 2, 3`, args
}
