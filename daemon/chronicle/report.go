package chronicle

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/google/uuid"

	"volundr/store"
)

// Current gives the chronicle of the run that one of p's sessions is in or ended
// last, and opens one where there is none yet. store.ErrNotFound when p has no
// such session.
func (c *Chronicles) Current(ctx context.Context, p store.Principal, sessionID string) (store.Chronicle, error) {
	s, err := c.db.Session(ctx, p, sessionID)
	if err != nil {
		return store.Chronicle{}, err
	}
	row, err := c.db.ChronicleOfRun(ctx, s.ID, s.Run)
	if !isNotFound(err) {
		return row, err
	}
	if err := c.open(ctx, s, ""); err != nil {
		return row, err
	}
	return c.db.ChronicleOfRun(ctx, s.ID, s.Run)
}

// Latest gives the newest chronicle of a session of p's, also of one that is
// gone; or the chronicle itself, when id is that of one.
func (c *Chronicles) Latest(ctx context.Context, p store.Principal, id string) (store.Chronicle, error) {
	some, err := c.db.Chronicles(ctx, p, store.ChronicleFilter{SessionID: id, Limit: 1})
	if err != nil || len(some) > 0 {
		return first(some), err
	}
	return c.db.Chronicle(ctx, p, id)
}

func first(some []store.Chronicle) (row store.Chronicle) {
	if len(some) > 0 {
		row = some[0]
	}
	return row
}

// Report adds an event that a client of the API tells of one of p's sessions.
// at zero: t seconds after the run began.
func (c *Chronicles) Report(ctx context.Context, p store.Principal, sessionID string, t int64, at time.Time, typ, text string, d Data) (Event, error) {
	row, err := c.Current(ctx, p, sessionID)
	if err != nil {
		return Event{}, err
	}
	if at.IsZero() {
		at = row.StartedAt.Add(time.Duration(t) * time.Second)
	}
	if d.Kind == "" {
		d.Kind = KindReported
	}
	text = c.Redact(row.Owner())(text)
	r := reported(row, at, typ, text, d)
	if err := c.db.AppendTimeline(ctx, row.SessionID, row.Run, r); err != nil {
		return Event{}, fmt.Errorf("report an event of session %s: %w", sessionID, err)
	}
	return EventOf(row, r)
}

func reported(of store.Chronicle, at time.Time, typ, text string, d Data) store.TimelineEvent {
	head := label(text)
	if typ == TypeFile || head == "" { // a path is told as it is
		head = plain(text, 1000)
	}
	if strings.TrimSpace(head) == "" {
		head = typ
	}
	return row(of.Run, "api:"+uuid.NewString(), at, typ, head, bounded(text, maxText), d)
}
