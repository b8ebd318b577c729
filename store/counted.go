package store

import (
	"context"
	"database/sql"
	"encoding/json"
	"time"
)

// Tally is what the rows of a timeline add up to, kept beside it. What Sums hold
// is for who adds up; it may be a while ago.
type Tally struct {
	Upto   int64 // rows with higher numbers are not in it
	Mended int64 // as long as the chronicle's is the same, none of those in it was replaced
	Sums   json.RawMessage
}

// Tally gives, for the system, the one that SetTally stored of a chronicle. The
// zero Tally when there is none.
func (db *DB) Tally(ctx context.Context, chronicleID string) (t Tally, err error) {
	var sums string
	err = db.r.QueryRowContext(ctx, `SELECT upto, mended, sums FROM tallies WHERE chronicle_id = ?`, chronicleID).Scan(&t.Upto, &t.Mended, &sums)
	if err = notFound(err); err == ErrNotFound {
		return Tally{}, nil
	}
	t.Sums = json.RawMessage(sums)
	return t, err
}

// SetTally stores, for the system, a chronicle's tally. Of a chronicle that is
// gone it stores nothing.
func (db *DB) SetTally(ctx context.Context, chronicleID string, v Tally) error {
	return db.write(ctx, func(t *tx) error {
		_, err := t.ExecContext(ctx, `INSERT INTO tallies (chronicle_id, upto, mended, sums) SELECT id, ?, ?, ? FROM chronicles WHERE id = ?
			ON CONFLICT (chronicle_id) DO UPDATE SET upto = excluded.upto, mended = excluded.mended, sums = excluded.sums`,
			v.Upto, v.Mended, string(v.Sums), chronicleID)
		return err
	})
}

// Counted are the rows of a timeline that its tally is made of: files, what git
// did, and what tells of tokens or of touched files.
type Counted struct {
	Rows   []TimelineEvent // in order of time
	Upto   int64           // of a Tally that holds them
	Mended int64           // likewise
	End    time.Time       // of the last row of all; zero: there is none
	Again  bool            // Rows are all there are, for a tally from the beginning
}

// nearBy is how many rows of all timelines may be looked through for the new ones
// of one.
const nearBy = 2000

// Counted reads, for the system, the counted rows of a chronicle's timeline that
// are not in a tally, or all of them where one that is in it was replaced.
func (db *DB) Counted(ctx context.Context, chronicleID string, since Tally) (c Counted, err error) {
	t, err := db.r.BeginTx(ctx, &sql.TxOptions{ReadOnly: true}) // one state of it
	if err != nil {
		return c, err
	}
	defer t.Rollback()
	var end int64
	if err := t.QueryRowContext(ctx, `SELECT coalesce((SELECT mended FROM chronicles WHERE id = ?1), 0),
		coalesce((SELECT seq FROM sqlite_sequence WHERE name = 'timeline'), 0),
		coalesce((SELECT max(at) FROM timeline WHERE chronicle_id = ?1), 0)`, chronicleID).Scan(&c.Mended, &c.Upto, &end); err != nil {
		return c, err
	}
	c.End = moment(end)
	if c.Again = since.Upto == 0 || since.Mended != c.Mended; c.Again {
		since.Upto = 0
	}
	from := `timeline INDEXED BY timeline_by_time`
	if c.Upto-since.Upto < nearBy {
		from = `timeline NOT INDEXED` // by number
	}
	rows, err := t.QueryContext(ctx, `SELECT n, key, at, type, label, data, '' FROM `+from+` WHERE chronicle_id = ? AND n > ?
		AND (type IN ('file', 'git') OR instr(data, '"tokens":') OR instr(data, '"touched":')) ORDER BY at, n`, chronicleID, since.Upto)
	if err != nil {
		return c, err
	}
	c.Rows, err = scanTimeline(rows, chronicleID)
	return c, err
}
