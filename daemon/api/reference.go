package api

import (
	_ "embed"
	"net/http"
	"sync"

	"github.com/labstack/echo/v4"

	"volundr/ui"
)

// document tells of every route that programs may use. TestTheDocument makes
// it, from the types that server and client share and from openapi_v1.json.
//
//go:embed openapi.json
var document []byte

// sandboxDocument is the sandbox API's own, which is a contract and kept by hand.
//
//go:embed openapi_v1.json
var sandboxDocument []byte

var (
	wholeReference   = sync.OnceValue(func() ui.Reference { return reference(document) })
	sandboxReference = sync.OnceValue(func() ui.Reference { return reference(sandboxDocument) })
)

// documents are the document and its pages: of everything, or of the sandbox
// API where only that is served.
func documents(e *echo.Echo, raw []byte, pages func() ui.Reference) {
	docs := func(c echo.Context) error { return html(c, http.StatusOK, ui.ReferencePage(pages())) }
	e.GET("/docs", docs)
	e.GET("/redoc", docs)
	e.GET("/openapi.json", func(c echo.Context) error { return c.Blob(http.StatusOK, "application/json", raw) })
}
