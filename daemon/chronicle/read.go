package chronicle

import (
	"context"
	"slices"

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
	var watched bool
	if t.Sums, watched, err = c.sums(ctx, t.Chronicle); err != nil {
		return t, err
	}
	switch {
	case f.Keys != nil:
		t.Events, err = c.events(ctx, t.Chronicle, f)
	case f.Limit == 0 && len(f.Types) == 0 && !f.Texts && f.After == (store.TimelineCursor{}):
		t.Events, err = c.whole(ctx, t.Chronicle)
	default:
		t.Events, t.More, err = c.piece(ctx, t.Chronicle, f, watched)
	}
	return t, err
}

// piece reads what a filter asks for. An edit and the files that it touched
// stand in the same piece, which may hold more than its limit for that.
func (c *Chronicles) piece(ctx context.Context, row store.Chronicle, f store.TimelineFilter, watched bool) (out []Event, more bool, err error) {
	ask := f
	if f.Limit > 0 {
		ask.Limit++
	}
	ask.Touched = !watched && slices.Contains(f.Types, TypeFile)
	if out, err = c.events(ctx, row, ask); err != nil {
		return nil, false, err
	}
	if more = f.Limit > 0 && len(out) > f.Limit; more {
		out = out[:f.Limit]
	}
	if !watched {
		out = touchedFiles(out)
	}
	return slices.DeleteFunc(out, func(e Event) bool { return len(f.Types) > 0 && !slices.Contains(f.Types, e.Type) }), more, nil
}

// whole reads all of a timeline, or gives it as it was read, when nothing was
// written since.
func (c *Chronicles) whole(ctx context.Context, row store.Chronicle) ([]Event, error) {
	told := c.db.Told(row.ID) // before it is read: what is written meanwhile makes it old
	if w, ok := c.kept.get(row.ID, told); ok {
		return w.events, nil
	}
	all, err := c.events(ctx, row, store.TimelineFilter{})
	if err != nil {
		return nil, err
	}
	all = touchedFiles(all)
	c.kept.put(whole{id: row.ID, told: told, events: all})
	return all, nil
}
