package api

import (
	"errors"
	"net/http"

	"github.com/google/uuid"
	"github.com/labstack/echo/v4"

	"volundr/store"
	"volundr/ui/client"
)

// tenantRoutes are for whoever runs the installation.
func (s *server) tenantRoutes(g *echo.Group) {
	g.GET("/tenants", s.listTenants)
	g.POST("/tenants", s.addTenant)
	g.GET("/tenants/:id", s.getTenant)
	g.PUT("/tenants/:id", s.renameTenant)
	g.DELETE("/tenants/:id", s.removeTenant)
	g.PUT("/users/:id/tenant", s.putUserTenant)
}

// manager is who asks, in the tenant whose users the query names: their own, or
// for whoever runs the installation any. Others are told that there is none.
func (s *server) manager(c echo.Context) (store.Principal, error) {
	p, name := principal(c), c.QueryParam("tenant")
	if name == "" {
		return p, nil
	}
	one, err := s.DB.Tenant(c.Request().Context(), p, name)
	return p.In(one.ID), noTenant(err, name)
}

func noTenant(err error, name string) error {
	if errors.Is(err, store.ErrNoTenant) {
		return fail(http.StatusNotFound, "Tenant not found: %s", name)
	}
	return err
}

func (s *server) tenantView(c echo.Context, t store.Tenant) (client.Tenant, error) {
	limit, _, err := s.DB.Quota(c.Request().Context(), principal(c).In(t.ID), store.WholeTenant, s.Now())
	return client.Tenant{ID: t.ID, Path: t.Name, Name: t.Name, Tier: "developer", MaxSessions: limit.Sessions, MaxStorageGB: limit.Storage >> 30,
		CreatedAt: t.CreatedAt, Users: t.Users, Sessions: t.Sessions, Chronicles: t.Chronicles}, err
}

func (s *server) tenants(c echo.Context) ([]client.Tenant, error) {
	rows, err := s.DB.Tenants(c.Request().Context(), principal(c))
	if err != nil {
		return nil, err
	}
	out := make([]client.Tenant, len(rows))
	for i, t := range rows {
		if out[i], err = s.tenantView(c, t); err != nil {
			return nil, err
		}
	}
	return out, nil
}

func (s *server) answerTenant(c echo.Context, status int, t store.Tenant, err error) error {
	if err != nil {
		return noTenant(err, c.Param("id"))
	}
	v, err := s.tenantView(c, t)
	if err != nil {
		return err
	}
	return c.JSON(status, v)
}

func (s *server) listTenants(c echo.Context) error {
	all, err := s.tenants(c)
	if err != nil {
		return err
	}
	return c.JSON(http.StatusOK, all)
}

func (s *server) getTenant(c echo.Context) error {
	t, err := s.DB.Tenant(c.Request().Context(), principal(c), c.Param("id"))
	return s.answerTenant(c, http.StatusOK, t, err)
}

func (s *server) addTenant(c echo.Context) error {
	var in client.TenantNew
	if err := decode(c, &in); err != nil {
		return err
	}
	t, err := s.newTenant(c, in.Name)
	return s.answerTenant(c, http.StatusCreated, t, err)
}

func (s *server) newTenant(c echo.Context, name string) (store.Tenant, error) {
	if err := checkTenantName(name); err != nil {
		return store.Tenant{}, err
	}
	return s.DB.AddTenant(c.Request().Context(), principal(c), name)
}

// checkTenantName takes what a user's name may be.
func checkTenantName(name string) error {
	if userName.MatchString(name) && uuid.Validate(name) != nil {
		return nil
	}
	return invalid(fieldError{Type: "string_pattern_mismatch", Loc: []any{"body", "name"}, Input: name,
		Msg: "A name is 1 to 63 lower-case letters, digits, dots, hyphens and underscores, and begins with a letter or digit"})
}

func (s *server) renameTenant(c echo.Context) error {
	var in client.TenantNew
	if err := decode(c, &in); err != nil {
		return err
	}
	t, err := s.otherName(c, in.Name)
	return s.answerTenant(c, http.StatusOK, t, err)
}

func (s *server) otherName(c echo.Context, name string) (store.Tenant, error) {
	if _, err := s.DB.Tenant(c.Request().Context(), principal(c), c.Param("id")); err != nil {
		return store.Tenant{}, noTenant(err, c.Param("id"))
	}
	if err := checkTenantName(name); err != nil {
		return store.Tenant{}, err
	}
	t, err := s.DB.RenameTenant(c.Request().Context(), principal(c), c.Param("id"), name)
	return t, noTenant(err, c.Param("id"))
}

func (s *server) removeTenant(c echo.Context) error {
	if _, err := s.dropTenant(c); err != nil {
		return err
	}
	return c.NoContent(http.StatusNoContent)
}

func (s *server) dropTenant(c echo.Context) (store.Tenant, error) {
	t, err := s.DB.RemoveTenant(c.Request().Context(), principal(c), c.Param("id"))
	return t, noTenant(err, c.Param("id"))
}

func (s *server) putUserTenant(c echo.Context) error {
	var in client.UserMove
	if err := decode(c, &in); err != nil {
		return err
	}
	m, err := s.moveUser(c, in)
	if err != nil {
		return err
	}
	return c.JSON(http.StatusOK, userView(m.User))
}

// moveUser moves the user whom the path names, also while their sessions run.
func (s *server) moveUser(c echo.Context, in client.UserMove) (store.Moved, error) {
	u, err := s.user(c)
	if err != nil {
		return store.Moved{}, err
	}
	if in.Role != "" {
		if err := checkRole(in.Role); err != nil {
			return store.Moved{}, err
		}
	}
	p, err := s.manager(c)
	if err != nil {
		return store.Moved{}, err
	}
	m, err := s.Auth.MoveUser(c.Request().Context(), p, store.Move{User: u.ID, To: in.Tenant, Role: store.Role(in.Role)})
	if errors.Is(err, store.ErrNoTenant) {
		err = invalid(fieldError{Type: "value_error", Loc: []any{"body", "tenant"}, Input: in.Tenant, Msg: "There is no such tenant"})
	}
	return m, err
}
