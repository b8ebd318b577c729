package api

import (
	"strings"

	"github.com/labstack/echo/v4"

	"volundr/store"
	"volundr/ui/client"
)

// via is how a request came: pages log in by cookie, programs have a token. The
// command line says that it is one.
func via(c echo.Context) string {
	switch h := c.Request().Header; {
	case h.Get("Authorization") == "":
		return store.ViaBrowser
	case strings.HasPrefix(h.Get("User-Agent"), client.CommandLine):
		return store.ViaCLI
	}
	return store.ViaAPI
}
