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
	rows, err := c.db.Timeline(ctx, p, id, store.TimelineFilter{Texts: f.Texts})
	if err != nil {
		return t, err
	}
	all, err := read(t.Chronicle, rows)
	if err != nil {
		return t, err
	}
	all = touchedFiles(all)
	t.Sums = Sum(all)
	t.Events, t.More = narrow(all, f)
	return t, nil
}

// narrow gives the piece that a filter asks for.
func narrow(all []Event, f store.TimelineFilter) (out []Event, more bool) {
	want := map[string]bool{}
	for _, t := range f.Types {
		want[t] = true
	}
	out = []Event{}
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
