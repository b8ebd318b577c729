package api

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/labstack/echo/v4"

	"volundr/daemon/launch"
	"volundr/store"
)

// from tells from which states a wish is legal.
func from(want store.Want) []store.State {
	switch want {
	case store.WantRunning:
		return store.FromStart
	case store.WantStopped:
		return store.FromStop
	}
	return []store.State{store.Created, store.Starting, store.Provisioning, store.Running,
		store.Stopping, store.Stopped, store.Failed, store.Archived}
}

// wish writes down what the owner wants and wakes the engine. What happens
// then is told by the event stream.
func (s *server) wish(c echo.Context, want store.Want) (store.Session, error) {
	row, err := s.session(c)
	if err != nil {
		return row, err
	}
	row, err = s.DB.Wish(c.Request().Context(), principal(c), row.ID, want, from(want)...)
	if err != nil {
		return row, err
	}
	s.wake(c.Request().Context(), want)
	return row, nil
}

// wake has the engine look. A start also tries an image again that could not be
// made, so that what is said of it is true of the session's try too.
func (s *server) wake(ctx context.Context, want store.Want) {
	if want == store.WantRunning && s.Status(ctx).Image.State == "failed" {
		s.RetryImage()
	}
	s.Engine.Poke()
}

// session is the row that the path names, if the caller may see it.
func (s *server) session(c echo.Context) (store.Session, error) {
	id := c.Param("id")
	if uuid.Validate(id) != nil && strings.HasPrefix(c.Path(), Prefix) {
		return store.Session{}, invalid(fieldError{Type: "uuid_parsing", Loc: []any{"path", "session_id"}, Msg: "Input should be a valid UUID.", Input: id})
	}
	row, err := s.DB.Session(c.Request().Context(), principal(c), id)
	if err != nil {
		if isNotFound(err) {
			return row, fail(http.StatusNotFound, "Session not found: %s", id)
		}
		return row, fmt.Errorf("session %s: %w", id, err)
	}
	return row, nil
}

// startSession starts; a profile that is named counts from then on.
func (s *server) startSession(c echo.Context) error {
	var in startIn
	if err := decode(c, &in); err != nil {
		return err
	}
	row, err := s.session(c)
	if err != nil {
		return err
	}
	if name := in.profile(); name != "" && slices.Contains(store.FromStart, row.State) {
		_, err := s.rewritten(c, row, store.SessionPatch{}, func(r launch.Request) (launch.Request, error) {
			return s.withProfile(r, name)
		})
		if err != nil {
			return err
		}
	}
	row, err = s.wish(c, store.WantRunning)
	if err != nil {
		return err
	}
	return c.JSON(http.StatusOK, s.view(c, row))
}

// stop wishes a session stopped; one that is being stopped already ends without
// its last turn, and so does one that is stopped with ?now=true.
func (s *server) stop(c echo.Context) (store.Session, error) {
	now := c.QueryParam("now") == "true"
	row, err := s.session(c)
	if err != nil {
		return row, err
	}
	if row.State != store.Stopping {
		if row, err = s.wish(c, store.WantStopped); err != nil || !now {
			return row, err
		}
	}
	row, err = s.DB.Hurry(c.Request().Context(), principal(c), row.ID, now)
	if err == nil {
		s.Engine.Poke()
	}
	return row, err
}

// stopSession answers when the session has stopped, as the contract says; a
// client that goes away earlier changes nothing.
func (s *server) stopSession(c echo.Context) error {
	row, err := s.stop(c)
	if err != nil {
		return err
	}
	row, err = s.await(c, row.ID, func(r store.Session) bool {
		return r.Want != store.WantStopped || r.State == store.Stopped || r.State == store.Failed
	})
	if err != nil {
		return err
	}
	return c.JSON(http.StatusOK, s.view(c, row))
}

// awaitLimit bounds how long an answer waits for the engine; the wish stands
// all the same.
const awaitLimit = 2 * time.Minute

// await returns when done is true of the row, when the row is gone
// (store.ErrNotFound), or, with the row as it is, when nothing can come of
// waiting: its runtime does not answer, or awaitLimit is over.
func (s *server) await(c echo.Context, id string, done func(store.Session) bool) (store.Session, error) {
	ctx, cancel := context.WithTimeout(c.Request().Context(), awaitLimit)
	defer cancel()
	changed, stop := s.DB.Subscribe()
	defer stop()
	look := time.NewTicker(time.Second)
	defer look.Stop()
	for {
		row, err := s.DB.Session(c.Request().Context(), principal(c), id)
		if err != nil || done(row) || s.Engine.Trouble()[row.Runtime] != nil {
			return row, err
		}
		select {
		case <-changed:
		case <-look.C:
		case <-ctx.Done():
			return row, c.Request().Context().Err()
		case <-s.Stopping.Done():
			return row, nil
		}
	}
}
