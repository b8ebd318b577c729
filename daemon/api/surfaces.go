package api

import (
	"context"
	"net/http"
	"strconv"

	"github.com/labstack/echo/v4"

	"volundr/daemon/auth"
	"volundr/runtime/broker/wire"
)

// Stable control URLs of surfaces: /s/<id>/editor/…, /s/<id>/terminal/…,
// /s/<id>/preview/<port>/…. Each answers with a redirect to the surface's own
// origin, so that a reload works and no token stays in a page.
func (s *server) surface(kind auth.Surface) echo.HandlerFunc {
	return func(c echo.Context) error {
		row, err := s.session(c)
		if err != nil {
			return err
		}
		port := 0
		if kind == auth.Preview {
			port, err = strconv.Atoi(c.Param("port"))
			if err != nil || port < 1 || port > 65535 {
				return fail(http.StatusNotFound, "%q is not a port.", c.Param("port"))
			}
			if wire.Reserved(port) {
				return fail(http.StatusForbidden, "Port %d belongs to Volundr itself; previews show ports of your own programs.", port)
			}
		}
		rest := "/" + c.Param("*")
		if q := c.Request().URL.RawQuery; q != "" {
			rest += "?" + q
		}
		s.Auth.Surfaces.HandOff(c.Response(), c.Request(), row.ID, kind, port, rest)
		ctx := context.WithoutCancel(c.Request().Context())
		if _, err := s.DB.Session(ctx, principal(c), row.ID); err != nil { // its owner was moved in between
			login, _ := auth.LoginFrom(ctx)
			s.Auth.Surfaces.Withdraw(login, row.ID)
		}
		return nil
	}
}
