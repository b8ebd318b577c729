package api

import (
	"errors"
	"net/http"

	"github.com/labstack/echo/v4"

	"volundr/store"
	"volundr/ui"
	"volundr/ui/client"
)

// shown are the routes on which one sees, beside what is one's own, the sessions
// that were shared with one, and their chronicles. Each only reads, and gives
// nothing into a session; on every other route these are not found.
var shown = rowsOf(`
	GET /
	GET /board
	GET /events
	GET /sessions/:id
	GET /sessions/:id/:tab
	GET /sessions/:id/changes
	GET /sessions/:id/changes/file
	GET /sessions/:id/events
	GET /chronicles
	GET /chronicles/:id
	GET /chronicles/:id/export
	GET /s/:id/session
	GET /s/:id/entries
	GET /s/:id/items
	GET /s/:id/bodies/:hash
	GET /s/:id/api/conversation/history
	GET /s/:id/api/diff
	GET /s/:id/api/diff/files
	GET /s/:id/api/capabilities
	GET /s/:id/api/logs
	GET /api/v1/volundr/sessions
	GET /api/v1/volundr/sessions/stream
	GET /api/v1/volundr/sessions/:id
	GET /api/v1/volundr/sessions/:id/logs
	GET /api/v1/volundr/sessions/:id/conversation
	GET /api/v1/volundr/sessions/:id/changes
	GET /api/v1/volundr/sessions/:id/repositories
	GET /api/v1/volundr/sessions/:id/diff
	GET /api/v1/volundr/sessions/:id/diff/files
	GET /api/v1/volundr/sessions/:id/commits
	GET /api/v1/volundr/sessions/:id/chronicle
	GET /api/v1/volundr/sessions/:id/events
	GET /api/v1/volundr/sessions/:id/events/counts
	GET /api/v1/volundr/sessions/:id/events/tokens
	GET /api/v1/volundr/chronicles
	GET /api/v1/volundr/chronicles/search
	GET /api/v1/volundr/chronicles/:id
	GET /api/v1/volundr/chronicles/:id/chain
	GET /api/v1/volundr/chronicles/:id/export
	GET /api/v1/volundr/chronicles/:id/timeline
	GET /api/v1/volundr/chronicles/:id/diff`)

// guest reports whether a session is shown to somebody whose it is not.
func guest(p store.Principal, row store.Session) bool {
	return p.Guest && !p.Admin && row.OwnerID != p.UserID
}

func (s *server) shareRoutes(g *echo.Group) {
	g.GET("/sessions/:id/shares", s.listShares)
	g.PUT("/sessions/:id/shares/:user", s.putShare)
	g.DELETE("/sessions/:id/shares/:user", s.deleteShare)
}

func shareView(sh store.Share) client.Share {
	return client.Share{UserID: sh.UserID, DisplayName: sh.UserName, CreatedAt: sh.CreatedAt}
}

func (s *server) shares(c echo.Context, id string) ([]client.Share, error) {
	rows, err := s.DB.Shares(c.Request().Context(), principal(c), id)
	out := make([]client.Share, len(rows))
	for i, sh := range rows {
		out[i] = shareView(sh)
	}
	return out, err
}

func (s *server) listShares(c echo.Context) error {
	row, err := s.session(c)
	if err != nil {
		return err
	}
	out, err := s.shares(c, row.ID)
	if err != nil {
		return err
	}
	return c.JSON(http.StatusOK, out)
}

func (s *server) putShare(c echo.Context) error {
	sh, err := s.share(c, c.Param("user"))
	if err != nil {
		return err
	}
	return c.JSON(http.StatusOK, shareView(sh))
}

func (s *server) deleteShare(c echo.Context) error {
	if _, err := s.unshare(c, c.Param("user")); err != nil {
		return err
	}
	return c.NoContent(http.StatusNoContent)
}

// share lets a user look at the session that the path names.
func (s *server) share(c echo.Context, user string) (store.Share, error) {
	row, err := s.session(c)
	if err != nil {
		return store.Share{}, err
	}
	sh, err := s.DB.ShareSession(c.Request().Context(), principal(c), row.ID, user)
	return sh, noUser(err, user)
}

// unshare ends that, also in the middle of what they look at.
func (s *server) unshare(c echo.Context, user string) (store.Share, error) {
	row, err := s.session(c)
	if err != nil {
		return store.Share{}, err
	}
	sh, err := s.DB.UnshareSession(c.Request().Context(), principal(c), row.ID, user)
	if isNotFound(err) {
		return sh, fail(http.StatusNotFound, "The session is not shared with %s.", user)
	}
	if err == nil {
		s.Auth.Interrupt(c.Request().Context(), store.Principal{UserID: sh.UserID, TenantID: row.TenantID})
	}
	return sh, noUser(err, user)
}

func noUser(err error, user string) error {
	if errors.Is(err, store.ErrNoUser) {
		return fail(http.StatusNotFound, "User not found: %s", user)
	}
	return err
}

// sharePage is the small dialogue of a session.
func (s *server) sharePage(c echo.Context) error {
	return s.showShares(c, http.StatusOK, ui.SharePage{})
}

func (s *server) showShares(c echo.Context, status int, p ui.SharePage) error {
	row, err := s.session(c)
	if err != nil {
		return err
	}
	p.Shell, p.Session = s.shell(c, "Share "+row.Name), s.view(c, row)
	if p.Shares, err = s.shares(c, row.ID); err != nil {
		return err
	}
	return html(c, status, ui.Sharing(p))
}

func (s *server) postShare(c echo.Context) error {
	name := c.FormValue("user")
	sh, err := s.share(c, name)
	return s.toldShares(c, ui.SharePage{Name: name, Done: sh.UserName + " can look at it now."}, err)
}

func (s *server) postUnshare(c echo.Context) error {
	sh, err := s.unshare(c, c.FormValue("user"))
	return s.toldShares(c, ui.SharePage{Done: sh.UserName + " cannot see it any more."}, err)
}

// toldShares shows the dialogue with what became of a form: p, or why it was
// refused.
func (s *server) toldShares(c echo.Context, p ui.SharePage, err error) error {
	if err == nil {
		p.Name = ""
		return s.showShares(c, http.StatusOK, p)
	}
	status, detail, known := answer(err)
	if _, e := s.session(c); !known || e != nil {
		return err
	}
	return s.showShares(c, status, ui.SharePage{Name: p.Name, Problem: asClientError(status, detail).Sentences()})
}
