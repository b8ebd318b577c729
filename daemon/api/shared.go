package api

import (
	"net/http"
	"slices"

	"github.com/labstack/echo/v4"

	"volundr/daemon/auth"
	"volundr/daemon/vault"
	"volundr/store"
	"volundr/ui/client"
)

// What an admin shares with all of the tenant: credentials, by the contract's
// routes and ours, and presets.
func (s *server) sharedRoutes(g *echo.Group) {
	g.GET("/credentials/tenant/list", s.listShared)
	g.POST("/credentials/tenant", s.postShared)
	g.POST("/credentials/tenant/:name/unshare", s.postUnshared)
	g.DELETE("/credentials/tenant/:name", s.deleteShared)
	g.PUT("/presets/:id/share", s.sharePreset(true))
	g.DELETE("/presets/:id/share", s.sharePreset(false))
}

// sharedPages are the buttons for it.
func (s *server) sharedPages(e *echo.Echo) {
	e.POST("/credentials/:name/share", s.pageShare)
	e.POST("/credentials/:name/unshare", s.pageUnshare)
	e.POST("/presets/:id/share", s.pagePreset(true))
	e.POST("/presets/:id/unshare", s.pagePreset(false))
}

func (s *server) listShared(c echo.Context) error {
	all, err := s.Vault.Shared(c.Request().Context(), principal(c))
	if err != nil {
		return err
	}
	out := make([]obj, 0, len(all))
	for _, k := range all {
		out = append(out, credentialView(k))
	}
	return c.JSON(http.StatusOK, obj{"credentials": out})
}

// postShared stores a credential for all, or without values shares the caller's
// own.
func (s *server) postShared(c echo.Context) error {
	var in client.SharedCredential
	if err := decode(c, &in); err != nil {
		return err
	}
	if in.Data == nil {
		k, err := s.Vault.Share(c.Request().Context(), principal(c), in.Name, in.InSessions)
		if err != nil {
			return noCredential(in.Name, err)
		}
		return c.JSON(http.StatusCreated, credentialView(k))
	}
	if in.Type == "" {
		in.Type = vault.Generic
	}
	k, err := s.Vault.Put(c.Request().Context(), principal(c),
		vault.Credential{Name: in.Name, Type: in.Type, Metadata: in.Metadata, Shared: true, Laid: in.InSessions}, in.Data)
	if err != nil {
		return credentialError(err)
	}
	return c.JSON(http.StatusCreated, credentialView(k))
}

func (s *server) postUnshared(c echo.Context) error {
	k, err := s.Vault.Unshare(c.Request().Context(), principal(c), c.Param("name"))
	if err != nil {
		return noCredential(c.Param("name"), err)
	}
	return c.JSON(http.StatusOK, credentialView(k))
}

func (s *server) deleteShared(c echo.Context) error {
	if err := s.Vault.DeleteShared(c.Request().Context(), principal(c), c.Param("name")); err != nil {
		return noCredential(c.Param("name"), err)
	}
	return c.NoContent(http.StatusNoContent)
}

// forget deletes the caller's own credential.
func (s *server) forget(c echo.Context, name string) error {
	ctx, p := c.Request().Context(), principal(c)
	err := s.Vault.Delete(ctx, p, name)
	if isNotFound(err) {
		if _, e := s.Vault.Show(ctx, p, name); e == nil {
			return fail(http.StatusConflict, "The credential %s is shared with everybody: only an admin ends that, with `volundr credentials unshare %s`.", name, name)
		}
	}
	return noCredential(name, err)
}

func noCredential(name string, err error) error {
	if isNotFound(err) {
		return fail(http.StatusNotFound, "Credential not found: %s", name)
	}
	return err
}

// sharing reports whether the caller has somebody to share with, and may.
func (s *server) sharing(c echo.Context) (bool, error) {
	if !may(c, auth.Admin) {
		return false, nil
	}
	all, err := s.DB.Users(c.Request().Context(), principal(c))
	return len(all) > 1, err
}

// hidden are shared credentials behind those of the same name that an admin sees
// as their own.
func (s *server) hidden(c echo.Context, seen []client.Credential) (out []client.Credential, err error) {
	if !may(c, auth.Admin) {
		return nil, nil
	}
	all, err := s.Vault.Shared(c.Request().Context(), principal(c))
	for _, k := range all {
		if !slices.ContainsFunc(seen, func(own client.Credential) bool { return own.Name == k.Name && own.Shared }) {
			out = append(out, credentialShown(k))
		}
	}
	return out, err
}

func (s *server) pageShare(c echo.Context) error {
	name := c.Param("name")
	if _, err := s.Vault.Share(c.Request().Context(), principal(c), name, c.FormValue("in_sessions") != ""); err != nil {
		return noCredential(name, err)
	}
	return c.Redirect(http.StatusSeeOther, "/credentials?done=shared&of="+name)
}

func (s *server) pageUnshare(c echo.Context) error {
	name := c.Param("name")
	if _, err := s.Vault.Unshare(c.Request().Context(), principal(c), name); err != nil {
		return noCredential(name, err)
	}
	return c.Redirect(http.StatusSeeOther, "/credentials?done=unshared&of="+name)
}

func (s *server) sharePreset(shared bool) echo.HandlerFunc {
	return func(c echo.Context) error {
		row, err := s.movePreset(c, shared)
		if err != nil {
			return err
		}
		return c.JSON(http.StatusOK, presetView(row))
	}
}

func (s *server) pagePreset(shared bool) echo.HandlerFunc {
	return func(c echo.Context) error {
		if _, err := s.movePreset(c, shared); err != nil {
			return err
		}
		return c.Redirect(http.StatusSeeOther, "/presets?done="+map[bool]string{true: "shared", false: "unshared"}[shared])
	}
}

func (s *server) movePreset(c echo.Context, shared bool) (store.Preset, error) {
	row, err := s.DB.SharePreset(c.Request().Context(), principal(c), c.Param("id"), shared)
	return row, noPreset(c.Param("id"), takenName(row.Name, err))
}
