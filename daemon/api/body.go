package api

import (
	"encoding/json"
	"fmt"
	"net/http"

	"github.com/labstack/echo/v4"

	"volundr/runtime/broker/wire"
)

// body gives what was too long to stand in an entry: session content, so an
// attachment that no browser renders here. Text comes as it was printed,
// everything else as the JSON that it is.
func (s *server) body(c echo.Context) error {
	row, err := s.session(c)
	if err != nil {
		return err
	}
	hash := c.Param("hash")
	raw, err := s.Links.Body(c.Request().Context(), row.ID, hash)
	if err != nil {
		return err
	}
	name := hash[:12] + ".json"
	var whole wire.Content
	if json.Unmarshal(raw, &whole) == nil && whole.Type == "text" {
		raw, name = []byte(whole.Text), hash[:12]+".txt"
	}
	h := c.Response().Header()
	h.Set("Content-Disposition", fmt.Sprintf("attachment; filename=%q", name))
	h.Set("Content-Security-Policy", "sandbox; default-src 'none'")
	return c.Blob(http.StatusOK, "application/octet-stream", raw)
}
