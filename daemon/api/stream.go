package api

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/labstack/echo/v4"

	"volundr/store"
)

// beat is how often a quiet stream says that it is alive.
const beat = 30 * time.Second

// cursor is where a client left off: Last-Event-ID, or ?after=, or now; and how
// far its tenant's events are.
func (s *server) cursor(c echo.Context) (after int64, now store.Stream, err error) {
	now, err = s.DB.Stream(c.Request().Context(), principal(c))
	if err != nil {
		return 0, now, err
	}
	from := c.Request().Header.Get("Last-Event-ID")
	if from == "" {
		from = c.QueryParam("after")
	}
	if from == "" {
		return now.Last, now, nil
	}
	after, err = strconv.ParseInt(from, 10, 64)
	if err != nil || after < 0 {
		return 0, now, fail(http.StatusUnprocessableEntity, "Last-Event-ID %q is not a number of an event.", from)
	}
	return after, now, nil
}

// sse is one event stream to a client.
type sse struct {
	w  *echo.Response
	rc *http.ResponseController
	mu sync.Mutex
}

func startSSE(c echo.Context) *sse {
	h := c.Response().Header()
	h.Set("Content-Type", "text/event-stream")
	h.Set("Cache-Control", "no-cache")
	h.Set("X-Accel-Buffering", "no")
	c.Response().WriteHeader(http.StatusOK)
	out := &sse{w: c.Response(), rc: http.NewResponseController(c.Response().Writer)}
	fmt.Fprint(out.w, ": connected\n\n") // the first bytes come at once
	out.rc.Flush()
	return out
}

// send writes one event; id 0 leaves the client's cursor alone. A client that
// takes nothing for ten seconds is gone.
func (o *sse) send(id int64, name string, data any) error {
	raw, err := json.Marshal(data)
	if err != nil {
		return err
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	o.rc.SetWriteDeadline(time.Now().Add(10 * time.Second))
	if id > 0 {
		if _, err := fmt.Fprintf(o.w, "id: %d\n", id); err != nil {
			return err
		}
	}
	if _, err := fmt.Fprintf(o.w, "event: %s\ndata: %s\n\n", name, raw); err != nil {
		return err
	}
	return o.rc.Flush()
}

// follow calls each for every event the principal may see after the cursor, in
// order and without gaps, until the client or the daemon goes. idle is called
// every beat.
func (s *server) follow(ctx context.Context, p store.Principal, after int64, each func(store.Event) error, idle func() error) error {
	changed, stop := s.DB.Subscribe()
	defer stop()
	tick := time.NewTicker(beat)
	defer tick.Stop()
	for {
		events, err := s.DB.Events(ctx, p, after, 500)
		if err != nil {
			return err
		}
		for _, e := range events {
			if err := each(e); err != nil {
				return err
			}
			after = e.Seq
		}
		if len(events) == 500 {
			continue
		}
		select {
		case <-changed:
		case <-tick.C:
			if err := idle(); err != nil {
				return err
			}
		case <-ctx.Done():
			return nil
		case <-s.Stopping.Done():
			return nil
		}
	}
}

// stream is the contract's event stream, with ids so that nothing is missed. Who
// left off where nobody can go on from is told all that is kept.
func (s *server) stream(c echo.Context) error {
	after, now, err := s.cursor(c)
	if err != nil {
		return err
	}
	if now.Missed(after) { // all that is kept is told, rather than too little
		after = now.Forgotten
	}
	ctx, p := c.Request().Context(), principal(c)
	out := startSSE(c)
	s.follow(ctx, p, after, func(e store.Event) error {
		switch {
		case e.Type == store.SessionDeleted:
			return out.send(e.Seq, e.Type, map[string]string{"id": e.SessionID})
		case e.Type == store.PRCreated, e.Type == store.PRMerged:
			return out.send(e.Seq, e.Type, e.Data)
		case strings.HasPrefix(e.Type, "chronicle_"):
			return s.tellChronicle(c, out, p, e)
		}
		row, err := s.DB.Session(ctx, p, e.SessionID)
		if isNotFound(err) {
			return nil // gone meanwhile; its session_deleted follows
		} else if err != nil {
			return err
		}
		if e.Type == "session_activity" {
			return out.send(e.Seq, e.Type, activityView(e, row))
		}
		return out.send(e.Seq, e.Type, s.view(c, row))
	}, func() error {
		st, err := s.DB.Stats(ctx, p, s.Now())
		if err != nil {
			return err
		}
		if err := out.send(0, "stats_updated", statsView(st)); err != nil {
			return err
		}
		return out.send(0, "heartbeat", struct{}{})
	})
	return nil
}
