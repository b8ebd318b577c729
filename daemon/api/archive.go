package api

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strconv"

	"github.com/labstack/echo/v4"

	"volundr/daemon/launch"
	"volundr/store"
	"volundr/ui/client"
)

// wishFrom is a wish whose states do not follow from it alone.
func (s *server) wishFrom(c echo.Context, want store.Want, from []store.State) (store.Session, error) {
	row, err := s.session(c)
	if err != nil {
		return row, err
	}
	if name := keepsData(row); want == store.WantArchived && name != "" {
		return row, fail(http.StatusConflict, "The session %s cannot be archived: what its service %s keeps is not packed in this version, and would be lost. Stop it instead, or save that first and delete it.", row.Name, name)
	}
	row, err = s.DB.Wish(c.Request().Context(), principal(c), row.ID, want, from...)
	if err == nil {
		s.Engine.Poke()
	}
	return row, err
}

// keepsData is the service of a session that keeps something; empty: none does.
func keepsData(row store.Session) string {
	var req launch.Request
	if json.Unmarshal(row.Request, &req) != nil {
		return ""
	}
	for _, s := range req.Services {
		if s.Data != "" {
			return s.Name
		}
	}
	return ""
}

// actFrom is such a wish as a page posts it.
func (s *server) actFrom(want store.Want, from []store.State) echo.HandlerFunc {
	return func(c echo.Context) error {
		row, err := s.wishFrom(c, want, from)
		if err != nil {
			return err
		}
		return done(c, "/sessions/"+row.ID)
	}
}

// archiveSession answers when the session is archived, or, when that takes
// long, with how far it is: the wish stands.
func (s *server) archiveSession(c echo.Context) error {
	row, err := s.wishFrom(c, store.WantArchived, store.FromArchive)
	if err != nil {
		return err
	}
	row, err = s.await(c, row.ID, func(r store.Session) bool { return r.Want != store.WantArchived || r.State == store.Archived })
	if err != nil {
		return err
	}
	return c.JSON(http.StatusOK, s.view(c, row))
}

// restoreSession answers when the session is STOPPED again.
func (s *server) restoreSession(c echo.Context) error {
	row, err := s.wishFrom(c, store.WantStopped, store.FromRestore)
	if err != nil {
		return err
	}
	row, err = s.await(c, row.ID, func(r store.Session) bool { return r.Want != store.WantStopped || r.State == store.Stopped })
	if err != nil {
		return err
	}
	return c.JSON(http.StatusOK, s.view(c, row))
}

// archiveStopped has all of one's own stopped sessions archived that can be, and
// answers with their ids as soon as that is written down.
func (s *server) archiveStopped(c echo.Context) error {
	ids, err := s.archiveAll(c.Request().Context(), principal(c))
	if err != nil {
		return err
	}
	return c.JSON(http.StatusOK, ids)
}

func (s *server) archiveAll(ctx context.Context, p store.Principal) ([]string, error) {
	rows, err := s.DB.Sessions(ctx, p, store.SessionFilter{States: []store.State{store.Stopped}})
	if err != nil {
		return nil, err
	}
	ids := []string{}
	for _, row := range rows {
		if row.OwnerID != p.UserID || keepsData(row) != "" {
			continue
		}
		_, err := s.DB.Wish(ctx, p, row.ID, store.WantArchived, store.Stopped)
		switch {
		case err == nil:
			ids = append(ids, row.ID)
		case !errors.Is(err, store.ErrConflict) && !isNotFound(err): // those have moved on
			return nil, err
		}
	}
	s.Engine.Poke()
	return ids, nil
}

// deleteIn says what goes with a session: workspace_storage, chronicles.
type deleteIn struct {
	Cleanup []string `json:"cleanup,omitempty"`
}

// deleteSession removes containers, volumes and archive. What else goes is
// asked for by cleanup: the snapshots of its chronicles, or those themselves.
func (s *server) deleteSession(c echo.Context) error {
	var in deleteIn
	if err := decode(c, &in); err != nil {
		return err
	}
	for i, target := range in.Cleanup {
		if target != store.CleanupWorkspace && target != store.CleanupChronicles {
			return invalid(fieldError{Type: "enum", Loc: []any{"body", "cleanup", i}, Input: target,
				Msg: "Input should be 'workspace_storage' or 'chronicles'"})
		}
	}
	freed, err := s.remove(c, in.Cleanup)
	if err != nil {
		return err
	}
	c.Response().Header().Set(client.HeaderFreed, strconv.FormatInt(freed, 10))
	return c.NoContent(http.StatusNoContent)
}

// remove deletes the session that the path names, waits until it is gone, and
// tells how many bytes of packs that freed.
func (s *server) remove(c echo.Context, cleanup []string) (freed int64, err error) {
	row, err := s.session(c)
	if err != nil {
		return 0, err
	}
	ctx := c.Request().Context()
	if !slices.Equal(cleanup, row.Cleanup) {
		if err := s.DB.SetCleanup(ctx, principal(c), row.ID, cleanup); err != nil {
			return 0, err
		}
	}
	if _, err := s.wish(c, store.WantGone); err != nil {
		return 0, err
	}
	if _, err := s.await(c, row.ID, func(store.Session) bool { return false }); !isNotFound(err) {
		return 0, err
	}
	if freed, err = s.Chronicles.Sweep(ctx); err != nil {
		s.Log.Warn("Packs of a deleted session stay for now", "session", row.ID, "error", err)
	}
	return freed, nil
}

// storage is what the packs of one's archives and snapshots take.
func (s *server) storage(c echo.Context) error {
	blobs, err := s.DB.Blobs(c.Request().Context(), principal(c))
	if err != nil {
		return fmt.Errorf("storage: %w", err)
	}
	var out client.Storage
	for _, b := range blobs {
		out.Packs++
		out.Bytes += b.Stored
	}
	return c.JSON(http.StatusOK, out)
}
