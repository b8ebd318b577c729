package api

import (
	"net/http"

	"github.com/labstack/echo/v4"

	"volundr/daemon/auth"
	"volundr/ui"
	"volundr/ui/client"
)

// loginRoutes are the browsers that are logged in as the caller.
func (s *server) loginRoutes(g *echo.Group) {
	g.GET("/logins", s.listLogins)
	g.DELETE("/logins/:id", s.deleteLogin)
}

func (s *server) loginPages(e *echo.Echo) {
	e.GET("/logins", s.loginsPage)
	e.POST("/logins/:id/delete", s.postDeleteLogin)
}

func (s *server) logins(c echo.Context) ([]client.Login, error) {
	ctx := c.Request().Context()
	rows, err := s.Auth.Logins(ctx, principal(c))
	if err != nil {
		return nil, err
	}
	now, _ := auth.LoginFrom(ctx)
	out := make([]client.Login, 0, len(rows))
	for _, l := range rows {
		if l.ExpiresAt.After(s.Now()) {
			out = append(out, client.Login{ID: l.ID, Agent: l.Agent, Via: l.Via, CreatedAt: l.CreatedAt, LastUsedAt: l.UsedAt, ExpiresAt: l.ExpiresAt, Current: l.ID == now.ID})
		}
	}
	return out, nil
}

func (s *server) listLogins(c echo.Context) error {
	all, err := s.logins(c)
	if err != nil {
		return err
	}
	return c.JSON(http.StatusOK, all)
}

func (s *server) dropLogin(c echo.Context) error {
	err := s.Auth.Revoke(c.Request().Context(), principal(c), c.Param("id"))
	if isNotFound(err) {
		return fail(http.StatusNotFound, "Login not found: %s", c.Param("id"))
	}
	return err
}

func (s *server) deleteLogin(c echo.Context) error {
	if err := s.dropLogin(c); err != nil {
		return err
	}
	return c.NoContent(http.StatusNoContent)
}

func (s *server) loginsPage(c echo.Context) error { return s.showLogins(c, "") }

func (s *server) showLogins(c echo.Context, done string) (err error) {
	p := ui.LoginsPage{Shell: s.shell(c, "Browsers"), Done: done}
	if p.Logins, err = s.logins(c); err != nil {
		return err
	}
	return html(c, http.StatusOK, ui.Logins(p))
}

func (s *server) postDeleteLogin(c echo.Context) error {
	if err := s.dropLogin(c); err != nil {
		return err
	}
	return s.showLogins(c, "That browser is logged out.")
}
