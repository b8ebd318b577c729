package api

import (
	"net/http"

	"github.com/labstack/echo/v4"

	"volundr/ui"
	"volundr/ui/client"
)

// trustRoutes are what the caller said to the definitions of repositories.
func (s *server) trustRoutes(g *echo.Group) {
	g.GET("/trusts", s.listTrusts)
	g.DELETE("/trusts/:id", s.deleteTrust)
}

func (s *server) trustPages(e *echo.Echo) {
	e.GET("/trusts", s.trustsPage)
	e.POST("/trusts/:id/delete", s.postDeleteTrust)
}

func (s *server) trusts(c echo.Context) ([]client.Trust, error) {
	rows, err := s.DB.Trusts(c.Request().Context(), principal(c))
	if err != nil {
		return nil, err
	}
	out := make([]client.Trust, 0, len(rows))
	for _, t := range rows {
		out = append(out, client.Trust(t))
	}
	return out, nil
}

func (s *server) listTrusts(c echo.Context) error {
	all, err := s.trusts(c)
	if err != nil {
		return err
	}
	return c.JSON(http.StatusOK, all)
}

func (s *server) dropTrust(c echo.Context) error {
	err := s.DB.ForgetTrust(c.Request().Context(), principal(c), c.Param("id"))
	if isNotFound(err) {
		return fail(http.StatusNotFound, "Answer not found: %s", c.Param("id"))
	}
	return err
}

func (s *server) deleteTrust(c echo.Context) error {
	if err := s.dropTrust(c); err != nil {
		return err
	}
	return c.NoContent(http.StatusNoContent)
}

func (s *server) trustsPage(c echo.Context) (err error) {
	p := ui.TrustsPage{Shell: s.shell(c, "Repositories")}
	if c.QueryParam("done") != "" {
		p.Done = "You will be asked again."
	}
	if p.Trusts, err = s.trusts(c); err != nil {
		return err
	}
	return html(c, http.StatusOK, ui.Trusts(p))
}

func (s *server) postDeleteTrust(c echo.Context) error {
	if err := s.dropTrust(c); err != nil {
		return err
	}
	return c.Redirect(http.StatusSeeOther, "/trusts?done=deleted")
}
