package store

import (
	"context"
	"math/bits"
	"strings"
)

// rowsAtOnce is how many rows one INSERT carries: a statement costs as much as a
// few rows.
const rowsAtOnce = 32

// insertRows runs `head VALUES (…), … tail` for all rows, each of the same width,
// and returns how many it touched.
func (t *tx) insertRows(ctx context.Context, head, tail string, rows [][]any) (touched int, err error) {
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
		res, err := t.ExecContext(ctx, head+" VALUES "+strings.Repeat(one+", ", n-1)+one+" "+tail, args...)
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
