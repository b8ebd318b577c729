package store

import (
	"context"
	"database/sql"
	"fmt"
)

// DeedFilter narrows Deeds.
type DeedFilter struct {
	Act    string // empty: any
	User   string // id or name; empty: anybody
	Before int64  // only those with lower numbers; 0: all
	Limit  int
}

// Deeds gives what was done in p's tenant, the last first; to who is no admin,
// what they did themselves. Those of another tenant than the first are counted in
// it: their numbers in the chain would tell how much is done elsewhere.
func (db *DB) Deeds(ctx context.Context, p Principal, f DeedFilter) ([]Deed, error) {
	from := `audit`
	if p.TenantID != FirstTenant {
		from = `(SELECT row_number() OVER (ORDER BY n) AS n, at, tenant_id, user_id, user_name, by, act, subject, detail, '' AS previous, '' AS hash
			FROM audit WHERE tenant_id = ?4)`
	}
	return deedRows(db.r.QueryContext(ctx, `SELECT `+deedColumns+` FROM `+from+` WHERE (?1 = '' OR act = ?1) AND (?2 = '' OR user_id = ?2 OR user_name = ?2)
		AND (?3 = 0 OR n < ?3) AND tenant_id = ?4 AND (?5 OR user_id = ?6) ORDER BY n DESC LIMIT ?7`,
		f.Act, f.User, f.Before, p.TenantID, p.Admin, p.UserID, f.Limit))
}

// AllDeeds gives, for the installation's admins, a stretch of the whole chain
// after a number, in order.
func (db *DB) AllDeeds(ctx context.Context, after int64, limit int) ([]Deed, error) {
	return deedRows(db.r.QueryContext(ctx, `SELECT `+deedColumns+` FROM audit WHERE n > ? ORDER BY n LIMIT ?`, after, limit))
}

func deedRows(rows *sql.Rows, err error) ([]Deed, error) {
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	out := []Deed{}
	for rows.Next() {
		d, err := scanDeed(rows)
		if err != nil {
			return nil, err
		}
		out = append(out, d)
	}
	return out, rows.Err()
}

// Chain is what VerifyAudit found.
type Chain struct {
	Deeds  int64  // that are as they were written
	Head   string // hash of the last of them
	Broken string // what is wrong behind them, a sentence; empty: nothing
}

// VerifyAudit reads the whole chain. It finds every row that was changed, moved,
// put in between or taken out, and rows cut off at the end unless the file's own
// count was changed with them. It cannot find what whoever writes the file makes
// with care: rows that were added at the end, and a chain that was made anew from
// some row on. kept, unless empty, is a head that an earlier look gave and that
// stood elsewhere: a chain that does not lead through it is such a one.
func (db *DB) VerifyAudit(ctx context.Context, kept string) (c Chain, err error) {
	var written int64
	if err := db.r.QueryRowContext(ctx, `SELECT coalesce((SELECT seq FROM sqlite_sequence WHERE name = 'audit'), 0)`).Scan(&written); err != nil {
		return c, err
	}
	met := kept == ""
	for {
		some, err := db.AllDeeds(ctx, c.Deeds, 1000)
		if err != nil {
			return c, err
		}
		for _, d := range some {
			switch {
			case d.N != c.Deeds+1:
				c.Broken = fmt.Sprintf("Record %d is missing: the next one is %d.", c.Deeds+1, d.N)
			case d.Previous != c.Head:
				c.Broken = fmt.Sprintf("Record %d does not follow the one before it: one of the two was changed.", d.N)
			case d.Hash != d.sum():
				c.Broken = fmt.Sprintf("Record %d was changed.", d.N)
			}
			if c.Broken != "" {
				return c, nil
			}
			c.Deeds, c.Head = d.N, d.Hash
			met = met || d.Hash == kept
		}
		if len(some) == 0 {
			break
		}
	}
	switch {
	case c.Deeds < written:
		c.Broken = fmt.Sprintf("The records %d to %d are missing at the end.", c.Deeds+1, written)
	case !met:
		c.Broken = "The hash that was kept is not among them: the records were written anew, or their end was cut off."
	}
	return c, nil
}
