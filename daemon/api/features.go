package api

import (
	"net/http"

	"github.com/labstack/echo/v4"

	"volundr/ui"
	"volundr/ui/client"
)

// featureRoutes answer what the contract's own client asks for as it begins:
// which panes there are. Here they are those of a session, for everybody, and
// nobody arranges them.
func (s *server) featureRoutes(e *echo.Echo, g *echo.Group) {
	g.GET("/feature-flags", s.featureFlags)
	g.GET("/features", features)
	g.GET("/features/preferences", func(c echo.Context) error { return c.JSON(http.StatusOK, []client.FeaturePreference{}) })
	// Repositories are named by their address: no list of them is kept.
	e.GET("/api/v1/niuu/repos", func(c echo.Context) error { return c.JSON(http.StatusOK, map[string][]client.ProviderRepo{}) })
}

// icons of the panes, by their names in Lucide.
var icons = map[string]string{"chat": "message-square", "editor": "code", "terminal": "terminal", "preview": "globe",
	"diffs": "file-diff", "timeline": "history", "logs": "scroll-text"}

func features(c echo.Context) error {
	all := []client.Feature{}
	switch scope := c.QueryParam("scope"); scope {
	case "user", "admin":
		return c.JSON(http.StatusOK, all)
	case "", "session":
	default:
		return invalid(fieldError{Type: "enum", Loc: []any{"query", "scope"}, Input: scope, Msg: "Input should be 'session', 'user' or 'admin'"})
	}
	for i, t := range ui.Tabs {
		all = append(all, client.Feature{Key: t.ID, Label: t.Name, Icon: icons[t.ID], Scope: "session", Enabled: true, DefaultEnabled: true, Order: i})
	}
	return c.JSON(http.StatusOK, all)
}
