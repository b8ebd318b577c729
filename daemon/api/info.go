package api

import (
	"net/http"
	"strings"

	"github.com/labstack/echo/v4"

	"volundr/daemon/auth"
	"volundr/store"
	"volundr/ui/client"
)

func (s *server) models(c echo.Context) error { return c.JSON(http.StatusOK, s.Models) }

// agentFor picks the agent that drives a model when the caller named none.
func (s *server) agentFor(model string) string {
	for _, prefix := range []string{"gpt", "codex", "o1", "o3", "o4"} {
		if strings.HasPrefix(strings.ToLower(model), prefix) {
			return "codex"
		}
	}
	return "claude"
}

func (s *server) stats(c echo.Context) error {
	st, err := s.DB.Stats(c.Request().Context(), principal(c), s.Now())
	if err != nil {
		return err
	}
	return c.JSON(http.StatusOK, statsView(st))
}

func statsView(st store.Stats) client.Stats {
	return client.Stats{ActiveSessions: st.Active, TotalSessions: st.Total, TokensToday: st.TokensToday,
		LocalTokens: st.LocalToday, CloudTokens: st.CloudToday, CostToday: float64(st.CostTodayMicros) / 1e6}
}

// status is how the daemon is; where its files lie is told to its machine's admins.
func (s *server) status(c echo.Context) client.Status {
	st := s.Status(c.Request().Context())
	if !may(c, auth.Machine) {
		st.TokenFile = ""
	}
	return st
}

// me on a laptop is its owner, whom the contract calls an admin.
func (s *server) me(c echo.Context) error {
	l, _ := auth.LoginFrom(c.Request().Context())
	return c.JSON(http.StatusOK, client.Me{UserID: l.UserID, Email: mailOf(l.UserName), TenantID: l.TenantID,
		Roles: []string{client.RolePrefix + string(l.Role)}, DisplayName: l.UserName, Status: "active"})
}

// mailOf is an address where the contract wants one: we know none.
func mailOf(name string) string { return name + "@localhost" }

func (s *server) featureFlags(c echo.Context) error {
	return c.JSON(http.StatusOK, map[string]bool{"local_mounts_enabled": true, "file_manager_enabled": true, "mini_mode": false})
}

// loginLink makes a one-time link for a browser; only programs with the token
// file can ask (a browser that could would need none).
func (s *server) loginLink(c echo.Context) error {
	ctx, p := c.Request().Context(), principal(c)
	if err := s.DB.Audit(ctx, p, store.ActLoginLink, p.UserID, nil); err != nil {
		return err
	}
	url, err := s.Auth.LoginLink(ctx, p)
	if err != nil {
		return err
	}
	return c.JSON(http.StatusCreated, map[string]string{"url": url})
}

func (s *server) shutdown(c echo.Context) error {
	if err := s.DB.Audit(c.Request().Context(), principal(c), store.ActShutdown, "", nil); err != nil {
		s.Log.Warn("The end of the daemon was not audited", "error", err) // it ends all the same
	}
	s.Shutdown()
	return c.NoContent(http.StatusAccepted)
}
