package chronicle

import (
	"context"

	"volundr/store"
)

// Timeline is a piece of a run's timeline, and what all of it adds up to.
type Timeline struct {
	Chronicle store.Chronicle
	Events    []Event
	Sums
	More bool // there are events behind the last
}

// Timeline reads the timeline of one of p's chronicles. Sums are those of the
// whole, whatever the filter.
func (c *Chronicles) Timeline(ctx context.Context, p store.Principal, id string, f store.TimelineFilter) (t Timeline, err error) {
	if t.Chronicle, err = c.db.Chronicle(ctx, p, id); err != nil {
		return t, err
	}
	w, err := c.whole(ctx, t.Chronicle, f.Texts)
	if err != nil {
		return t, err
	}
	t.Sums = w.sums
	t.Events, t.More = narrow(w.events, f)
	return t, nil
}

// whole reads all of a timeline, or gives it as it was read, when nothing was
// written since.
func (c *Chronicles) whole(ctx context.Context, row store.Chronicle, texts bool) (whole, error) {
	told := c.db.Told(row.ID) // before it is read: what is written meanwhile makes it old
	if w, ok := c.kept.get(row.ID, told); ok && !texts {
		return w, nil
	}
	all, err := c.events(ctx, row, store.TimelineFilter{Texts: texts})
	if err != nil {
		return whole{}, err
	}
	all = touchedFiles(all)
	w := whole{id: row.ID, told: told, events: all, sums: Sum(all)}
	if !texts {
		c.kept.put(w)
	}
	return w, nil
}

// narrow gives the piece that a filter asks for.
func narrow(all []Event, f store.TimelineFilter) (out []Event, more bool) {
	want := map[string]bool{}
	for _, t := range f.Types {
		want[t] = true
	}
	out = make([]Event, 0, room(len(all), f.Limit))
	for _, e := range all {
		at := e.At.Compare(f.After.At)
		behind := at > 0 || at == 0 && e.N > f.After.N
		switch {
		case !behind || len(want) > 0 && !want[e.Type]:
		case f.Limit > 0 && len(out) == f.Limit:
			return out, true
		default:
			out = append(out, e)
		}
	}
	return out, false
}

// room is how many of n events a piece can hold.
func room(n, limit int) int {
	if limit > 0 {
		return min(n, limit)
	}
	return n
}
