package api

import (
	_ "embed"
	"net/http"

	"github.com/labstack/echo/v4"
)

//go:embed openapi.json
var openAPIDocument []byte

//go:embed docs.html
var docsPage []byte

func (s *server) openAPI(c echo.Context) error {
	return c.Blob(http.StatusOK, "application/json", openAPIDocument)
}

// docs is a page that lists the routes, without scripts.
func (s *server) docs(c echo.Context) error {
	return c.Blob(http.StatusOK, "text/html; charset=utf-8", docsPage)
}
