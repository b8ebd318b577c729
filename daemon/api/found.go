package api

import (
	"net/http"

	"github.com/labstack/echo/v4"

	"volundr/runtime"
	"volundr/store"
	"volundr/ui/client"
)

// found are workloads that carry our labels and that no row knows: after a
// restored backup or a lost database. Nothing of them is removed unasked.
func (s *server) found(c echo.Context) []client.Found {
	out := []client.Found{}
	p := principal(c)
	for _, w := range s.Engine.Found() {
		if w.Kind != runtime.Session || w.Tenant != p.TenantID || (!p.Admin && w.Owner != p.UserID) {
			continue
		}
		out = append(out, client.Found{ID: w.ID, Name: w.Name, Created: w.Created, Running: w.State != runtime.Down, Volumes: w.Volumes})
	}
	return out
}

func (s *server) listFound(c echo.Context) error { return c.JSON(http.StatusOK, s.found(c)) }

func (s *server) mine(c echo.Context) (string, error) {
	id := c.Param("id")
	for _, f := range s.found(c) {
		if f.ID == id {
			return id, nil
		}
	}
	return "", fail(http.StatusNotFound, "Nothing unknown with the id %s was found.", id)
}

// adopt makes a session of what was found.
func (s *server) adopt(c echo.Context) (store.Session, error) {
	id, err := s.mine(c)
	if err != nil {
		return store.Session{}, err
	}
	return s.Engine.Adopt(c.Request().Context(), id)
}

// discard removes what was found, its volumes included.
func (s *server) discard(c echo.Context) error {
	id, err := s.mine(c)
	if err != nil {
		return err
	}
	if err := s.DB.Audit(c.Request().Context(), principal(c), store.ActFoundDeleted, id, nil); err != nil {
		return err
	}
	return s.Engine.Discard(c.Request().Context(), id)
}

func (s *server) adoptFound(c echo.Context) error {
	row, err := s.adopt(c)
	if err != nil {
		return err
	}
	return c.JSON(http.StatusCreated, s.view(c, row))
}

func (s *server) deleteFound(c echo.Context) error {
	if err := s.discard(c); err != nil {
		return err
	}
	return c.NoContent(http.StatusNoContent)
}

// postAdopt and postDiscard are the same from a page.
func (s *server) postAdopt(c echo.Context) error {
	row, err := s.adopt(c)
	if err != nil {
		return err
	}
	return done(c, "/sessions/"+row.ID)
}

func (s *server) postDiscard(c echo.Context) error {
	if err := s.discard(c); err != nil {
		return err
	}
	return done(c, "/")
}
