package api

import (
	"net/http"

	"github.com/labstack/echo/v4"

	"volundr/daemon/auth"
	"volundr/store"
	"volundr/ui"
	"volundr/ui/client"
)

func (s *server) tenantPages(e *echo.Echo) {
	e.GET("/tenants", s.tenantsPage)
	e.POST("/tenants", s.postTenant)
	e.POST("/tenants/:id/rename", s.postTenantName)
	e.POST("/tenants/:id/quota", s.postTenantQuota)
	e.POST("/tenants/:id/delete", s.postRemoveTenant)
	e.POST("/users/:id/tenant", s.postUserTenant)
}

func (s *server) tenantsPage(c echo.Context) error {
	return s.showTenants(c, http.StatusOK, ui.TenantsPage{})
}

func (s *server) showTenants(c echo.Context, status int, p ui.TenantsPage) (err error) {
	p.Shell = s.shell(c, "Tenants")
	if p.Tenants, err = s.tenants(c); err != nil {
		return err
	}
	p.Quotas = map[string]client.Quota{}
	for _, t := range p.Tenants {
		if p.Quotas[t.ID], err = s.quotaIn(c, principal(c).In(t.ID), store.WholeTenant); err != nil {
			return err
		}
	}
	return html(c, status, ui.Tenants(p))
}

// toldTenants shows the page with what became of a form: p, or why it was refused.
func (s *server) toldTenants(c echo.Context, p ui.TenantsPage, err error) error {
	if err == nil {
		return s.showTenants(c, http.StatusOK, p)
	}
	status, words, ok := refusalOf(err)
	if !ok {
		return err
	}
	return s.showTenants(c, status, ui.TenantsPage{Name: p.Name, Problem: words})
}

func (s *server) postTenant(c echo.Context) error {
	name := c.FormValue("name")
	t, err := s.newTenant(c, name)
	return s.toldTenants(c, ui.TenantsPage{Name: name, Done: "Added " + t.Name + ". Now add its first admin."}, err)
}

func (s *server) postTenantName(c echo.Context) error {
	t, err := s.otherName(c, c.FormValue("name"))
	return s.toldTenants(c, ui.TenantsPage{Done: "It is called " + t.Name + " now."}, err)
}

func (s *server) postRemoveTenant(c echo.Context) error {
	t, err := s.dropTenant(c)
	return s.toldTenants(c, ui.TenantsPage{Done: t.Name + " is removed."}, err)
}

func (s *server) postTenantQuota(c echo.Context) error {
	t, err := s.DB.Tenant(c.Request().Context(), principal(c), c.Param("id"))
	if err != nil {
		return noTenant(err, c.Param("id"))
	}
	in, err := quotaForm(c)
	if err == nil {
		err = s.changeQuota(c, principal(c).In(t.ID), store.WholeTenant, in)
	}
	return s.toldTenants(c, ui.TenantsPage{Done: "The quota is set."}, err)
}

// postUserTenant moves a user; the page stays with those whom they leave.
func (s *server) postUserTenant(c echo.Context) error {
	m, err := s.moveUser(c, client.UserMove{Tenant: c.FormValue("to"), Role: c.FormValue("role")})
	words := m.User.Name + " is in " + m.To.Name + " now, with all that is theirs."
	if m.User.Name != m.Was.Name {
		words = m.Was.Name + " is in " + m.To.Name + " now, with all that is theirs, as " + m.User.Name + ": the name was taken there."
	}
	return s.toldUsers(c, ui.UsersPage{Done: words}, err)
}

// severalTenants reports whether the reader runs the installation and there is
// somebody else: before that nothing tells of tenants.
func (s *server) severalTenants(c echo.Context) bool {
	if !may(c, auth.Machine) {
		return false
	}
	several, err := s.DB.Company(c.Request().Context())
	return err == nil && several
}
