package api

import (
	"context"
	"errors"
	"net/http"

	"github.com/labstack/echo/v4"

	"volundr/daemon/changes"
)

// insideFile is a file that differs, in the words of the contract's routes below
// a session's own address: new, mod or del. One that was renamed is mod, and has
// from.
type insideFile struct {
	Path   string `json:"path"`
	From   string `json:"from,omitempty"`
	Status string `json:"status"`
	Ins    int    `json:"ins"`
	Del    int    `json:"del"`
}

// insideFiles is a list of them.
type insideFiles struct {
	Files []insideFile `json:"files"`
}

var insideStatuses = map[string]string{"added": "new", "modified": "mod", "renamed": "mod", "deleted": "del"}

// changesInside are the routes of changes below a session's own address.
func (s *server) changesInside(e *echo.Echo) {
	e.GET("/s/:id/api/diff/files", s.insideDiffFiles)
	e.GET("/s/:id/api/diff", s.insideDiff)
}

func (s *server) insideDiffFiles(c echo.Context) error {
	_, p, err := s.place(c, changes.LastCommit)
	if err != nil {
		return err
	}
	l, err := s.changes.List(c.Request().Context(), p)
	if err != nil {
		return s.insideRefusal(c, p, err)
	}
	out := insideFiles{Files: []insideFile{}}
	for _, f := range l.Files {
		out.Files = append(out.Files, insideFile{Path: f.Path, From: f.From, Status: insideStatuses[f.Status], Ins: f.Ins, Del: f.Del})
	}
	return c.JSON(http.StatusOK, out)
}

// insideDiff is the same as the hunks by a chronicle's address. A file that was
// renamed is found by its new name alone, for clients of this route know no other.
func (s *server) insideDiff(c echo.Context) error {
	_, p, err := s.place(c, changes.LastCommit)
	if err != nil {
		return err
	}
	ctx, path, from := c.Request().Context(), c.QueryParam("file"), c.QueryParam("from")
	d, err := s.changes.Diff(ctx, p, path, from, diffContext)
	if err == nil && d.Status == "added" && from == "" {
		if from, err = s.renamedFrom(ctx, p, path); err == nil && from != "" {
			d, err = s.changes.Diff(ctx, p, path, from, diffContext)
		}
	}
	if err != nil {
		return s.insideRefusal(c, p, err)
	}
	return c.JSON(http.StatusOK, diffView(d))
}

// renamedFrom is the path that a file had before; empty: this one is new.
func (s *server) renamedFrom(ctx context.Context, p changes.Place, path string) (string, error) {
	l, err := s.changes.List(ctx, p)
	for _, f := range l.Files {
		if f.Path == path {
			return f.From, err
		}
	}
	return "", err
}

// insideRefusal gives an error of changes the status that clients of these routes
// know: 504 for a git that takes too long, 502 for one that refuses.
func (s *server) insideRefusal(c echo.Context, p changes.Place, err error) error {
	switch {
	case errors.Is(err, changes.ErrSlow):
		return fail(http.StatusGatewayTimeout, "%s", err)
	case errors.Is(err, changes.ErrRefused), errors.Is(err, changes.ErrNoBase):
		return fail(http.StatusBadGateway, "%s", err)
	}
	return s.refusal(c.Request().Context(), p, err)
}
