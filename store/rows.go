package store

import (
	"context"
	"database/sql"
	"math/bits"
	"strings"
)

// rowsAtOnce is how many rows one INSERT carries: a statement costs as much as a
// few rows.
const rowsAtOnce = 32

// insertRows runs `head VALUES (…), … tail` for all rows, each of the same width,
// and returns how many it touched.
func (t *tx) insertRows(ctx context.Context, head, tail string, rows [][]any) (touched int, err error) {
	var full *sql.Stmt // of rowsAtOnce rows: to prepare it takes a good part of the time
	for len(rows) > 0 {
		n := min(len(rows), rowsAtOnce)
		if n < rowsAtOnce && n > 1 {
			n = 1 << (bits.Len(uint(n)) - 1) // few shapes of statements
		}
		one := "(" + strings.Repeat("?, ", len(rows[0])-1) + "?)"
		args := make([]any, 0, n*len(rows[0]))
		for _, r := range rows[:n] {
			args = append(args, r...)
		}
		stmt := full
		if stmt == nil || n < rowsAtOnce {
			if stmt, err = t.PrepareContext(ctx, head+" VALUES "+strings.Repeat(one+", ", n-1)+one+" "+tail); err != nil {
				return touched, err
			}
			defer stmt.Close() // at the end: each shape is prepared once
			if n == rowsAtOnce {
				full = stmt
			}
		}
		res, err := stmt.ExecContext(ctx, args...)
		if err != nil {
			return touched, err
		}
		k, err := res.RowsAffected()
		if err != nil {
			return touched, err
		}
		touched += int(k)
		rows = rows[n:]
	}
	return touched, nil
}
