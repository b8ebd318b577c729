package api

import (
	"fmt"
	"net/http"
	"net/url"
	"path"
	"strings"

	"github.com/labstack/echo/v4"

	"volundr/runtime/broker/wire"
	"volundr/ui/client"
)

// insidePath is the path below the workspace that a route names.
func insidePath(c echo.Context) (string, error) {
	_, escaped, _ := strings.Cut(c.Request().URL.EscapedPath(), "/files/")
	p, err := url.PathUnescape(escaped)
	if err != nil {
		return "", fail(http.StatusUnprocessableEntity, "File paths must be escaped as in a URL: %s", err)
	}
	return p, nil
}

func (s *server) listInside(c echo.Context) error {
	dir := c.QueryParam("path")
	list, err := s.Sandboxes.ListFiles(c.Request().Context(), principal(c), c.Param("sandbox"), dir)
	if err != nil {
		return unknown(c, err, "File '"+dir+"'")
	}
	out := make([]client.SandboxFile, 0, len(list.Entries))
	for _, e := range list.Entries {
		out = append(out, insideView(e))
	}
	return c.JSON(http.StatusOK, map[string]any{"files": out, "truncated": list.Truncated})
}

func insideView(e wire.SandboxEntry) client.SandboxFile {
	return client.SandboxFile{Path: e.Path, Kind: e.Kind, Size: e.Size, Mode: fmt.Sprintf("%04o", e.Mode), Modified: float64(e.MTimeMS) / 1000}
}

func (s *server) readInside(c echo.Context) error {
	p, err := insidePath(c)
	if err != nil {
		return err
	}
	f, err := s.Sandboxes.ReadFile(c.Request().Context(), principal(c), c.Param("sandbox"), p)
	if err != nil {
		return unknown(c, err, "File '"+p+"'")
	}
	defer f.Close()
	return attach(c, path.Base(p), f.Size, f)
}

func (s *server) writeInside(c echo.Context) error {
	p, err := insidePath(c)
	if err != nil {
		return err
	}
	if err := s.Sandboxes.WriteFile(c.Request().Context(), principal(c), c.Param("sandbox"), p, c.Request().Body); err != nil {
		return unknown(c, err, "File '"+p+"'")
	}
	return c.NoContent(http.StatusNoContent)
}

func (s *server) removeInside(c echo.Context) error {
	p, err := insidePath(c)
	if err != nil {
		return err
	}
	if err := s.Sandboxes.RemoveFile(c.Request().Context(), principal(c), c.Param("sandbox"), p); err != nil {
		return unknown(c, err, "File '"+p+"'")
	}
	return c.NoContent(http.StatusNoContent)
}
