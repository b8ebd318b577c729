package chronicle

import (
	"context"
	"encoding/json"
	"slices"
	"sync"

	"volundr/store"
)

// tally is what one timeline adds up to. What was added to that since is read and
// no more; all of it only when something was replaced or came late.
type tally struct {
	id string

	mu   sync.Mutex // guards the rest
	told int64      // store.DB.Told when it was counted, plus one
	at   store.Tally
	sum  sum
	end  int64 // seconds from the run's begin to the last event; negative: none
}

// bring brings the tally up to what is stored.
func (t *tally) bring(ctx context.Context, db *store.DB, row store.Chronicle) error {
	told := db.Told(row.ID) + 1 // before it is read: what is written meanwhile is read the next time
	if t.told == told && t.sum.Began.Equal(row.StartedAt) {
		return nil
	}
	if t.told == 0 {
		kept, err := db.Tally(ctx, row.ID)
		if err != nil {
			return err
		}
		if json.Unmarshal(kept.Sums, &t.sum) == nil { // else there is none
			t.at = kept
		}
	}
	since := t.at
	// Edits that nobody watched are told again when they are done.
	if !t.sum.Watched || !t.sum.Began.Equal(row.StartedAt) {
		since = store.Tally{}
	}
	c, events, err := counted(ctx, db, row, since)
	if err == nil && !c.Again && t.sum.late(events) {
		c, events, err = counted(ctx, db, row, store.Tally{})
	}
	if err != nil {
		return err
	}
	if c.Again {
		t.sum = sum{Began: row.StartedAt, Watched: slices.ContainsFunc(events, isFile)}
		events = touchedFiles(events)
	}
	for _, e := range events {
		t.sum.add(e)
	}
	t.told, t.at, t.end = told, store.Tally{Upto: c.Upto, Mended: c.Mended}, -1
	if !c.End.IsZero() {
		t.end = seconds(row, c.End)
	}
	return nil
}

func counted(ctx context.Context, db *store.DB, row store.Chronicle, since store.Tally) (store.Counted, []Event, error) {
	c, err := db.Counted(ctx, row.ID, since)
	if err != nil {
		return c, nil, err
	}
	events, err := read(row, c.Rows)
	return c, events, err
}

func isFile(e Event) bool { return e.Type == TypeFile }

// keptTallies is how many tallies are kept in memory.
const keptTallies = 32

// tallies are those that were asked for last, the latest last.
type tallies struct {
	mu  sync.Mutex
	all []*tally
}

func (t *tallies) of(id string) *tally {
	t.mu.Lock()
	defer t.mu.Unlock()
	one := &tally{id: id}
	if i := slices.IndexFunc(t.all, func(o *tally) bool { return o.id == id }); i >= 0 {
		one = t.all[i]
		t.all = slices.Delete(t.all, i, i+1)
	} else if len(t.all) == keptTallies {
		t.all = slices.Delete(t.all, 0, 1)
	}
	t.all = append(t.all, one)
	return one
}

// sums are what a timeline adds up to, and whether somebody watched its files.
func (c *Chronicles) sums(ctx context.Context, row store.Chronicle) (Sums, bool, error) {
	t := c.tallies.of(row.ID)
	t.mu.Lock()
	defer t.mu.Unlock()
	if err := t.bring(ctx, c.db, row); err != nil {
		return Sums{}, false, err
	}
	return t.sum.sums(t.end), t.sum.Watched, nil
}

// keepTally stores what a timeline adds up to, for a daemon that never read it.
func (c *Chronicles) keepTally(ctx context.Context, row store.Chronicle) error {
	t := c.tallies.of(row.ID)
	t.mu.Lock()
	defer t.mu.Unlock()
	if err := t.bring(ctx, c.db, row); err != nil {
		return err
	}
	v := t.at
	var err error
	if v.Sums, err = json.Marshal(&t.sum); err != nil {
		return err
	}
	return c.db.SetTally(ctx, row.ID, v)
}
