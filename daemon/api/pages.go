package api

import (
	"net/http"
	"strings"

	"github.com/a-h/templ"
	"github.com/labstack/echo/v4"

	"volundr/assets"
	"volundr/daemon/auth"
	"volundr/store"
	"volundr/ui"
	"volundr/ui/client"
)

const assetPrefix = assets.Prefix

// pages are the routes of the browser's UI. What they post works without a
// script, and answers a script with JSON.
func (s *server) pages(e *echo.Echo) {
	e.GET("/", s.dashboard)
	e.GET("/board", s.board)
	e.GET("/about", s.about)
	e.GET("/events", s.events)
	e.POST("/image/build", s.buildImage)
	e.GET("/sessions/new", s.newSession)
	e.POST("/sessions/new", s.postNewSession)
	e.POST("/sessions/begin", s.begin)
	e.GET("/sessions/:id", s.sessionPage)
	e.GET("/sessions/:id/:tab", s.sessionPage)
	e.GET("/sessions/:id/changes", s.changesFragment)
	e.GET("/sessions/:id/changes/file", s.fileFragment)
	e.GET("/sessions/:id/changes/pr", s.prFragment)
	e.GET("/sessions/:id/loss", s.lossFragment)
	e.GET("/sessions/:id/share", s.sharePage)
	e.POST("/sessions/:id/share", s.postShare)
	e.POST("/sessions/:id/unshare", s.postUnshare)
	e.GET("/sessions/:id/stop", s.confirm("stop"))
	e.GET("/sessions/:id/delete", s.confirm("delete"))
	e.POST("/sessions/:id/start", s.act(store.WantRunning))
	e.POST("/sessions/:id/stop", s.act(store.WantStopped))
	e.POST("/sessions/:id/delete", s.act(store.WantGone))
	e.POST("/sessions/:id/extend", s.postExtend)
	e.POST("/sessions/:id/archive", s.actFrom(store.WantArchived, store.FromArchive))
	e.POST("/sessions/:id/restore", s.actFrom(store.WantStopped, store.FromRestore))
	e.POST("/sessions/:id/prompt", s.postPrompt)
	e.POST("/sessions/:id/answer", s.postAnswer)
	e.POST("/sessions/:id/cancel", s.cancelTurn)
	e.GET("/found/:id/delete", s.confirmFound)
	e.POST("/found/:id/adopt", s.postAdopt)
	e.POST("/found/:id/delete", s.postDiscard)

	e.GET("/credentials", s.credentialsPage)
	e.POST("/credentials", s.postCredential)
	e.POST("/credentials/:name/delete", s.postDeleteCredential)
	s.sharedPages(e)
	e.GET("/integrations", s.integrationsPage)
	e.POST("/integrations", s.postIntegration)
	e.POST("/integrations/:id/test", s.postTest)
	e.POST("/integrations/:id/switch", s.postSwitch)
	e.POST("/integrations/:id/delete", s.postDisconnect)
	e.GET("/presets", s.presetsPage)
	e.POST("/presets", s.postPreset)
	e.POST("/presets/:id/delete", s.postDeletePreset)
	e.GET("/prompts", s.promptsPage)
	e.POST("/prompts", s.postSavedPrompt)
	e.POST("/prompts/:id/delete", s.postDeletePrompt)

	s.userPages(e)
	s.tenantPages(e)
	s.loginPages(e)
	s.trustPages(e)
	s.chroniclePages(e)

	e.GET("/s/:id/session", s.chat)
	e.GET("/s/:id/entries", s.entries)
	e.GET("/s/:id/items", s.items)
	e.GET("/s/:id/files", s.files)
	e.GET("/s/:id/prompts", s.sessionPrompts)
	e.GET("/s/:id/bodies/:hash", s.body)
	s.changesInside(e)
	s.sessionRoutes(e)
	for _, kind := range []auth.Surface{auth.Editor, auth.Terminal} {
		e.GET("/s/:id/"+string(kind), s.surface(kind))
		e.GET("/s/:id/"+string(kind)+"/*", s.surface(kind))
	}
	s.terminalRoutes(e)
	e.GET("/s/:id/preview/:port", s.surface(auth.Preview))
	e.GET("/s/:id/preview/:port/*", s.surface(auth.Preview))
}

func asset(c echo.Context) error {
	assets.Web().ServeHTTP(c.Response(), c.Request())
	return nil
}

// isPage reports whether a person's browser waits for a page: it loads one, or
// posts a form without a script.
func isPage(r *http.Request) bool {
	if strings.HasPrefix(r.URL.Path, "/api/") || strings.HasPrefix(r.URL.Path, client.SandboxBase+"/") {
		return false
	}
	mode := r.Header.Get("Sec-Fetch-Mode")
	posted := r.Method == http.MethodPost && (mode == "navigate" || mode == "" && strings.Contains(r.Header.Get("Accept"), "text/html"))
	return posted || auth.IsPageLoad(r)
}

func html(c echo.Context, status int, page templ.Component) error {
	c.Response().Header().Set("Content-Type", "text/html; charset=utf-8")
	c.Response().Header().Set("Cache-Control", "no-store")
	c.Response().WriteHeader(status)
	return page.Render(c.Request().Context(), c.Response())
}

// shell is what every page has around it.
func (s *server) shell(c echo.Context, title string) ui.Shell {
	now, _ := s.DB.Stream(c.Request().Context(), principal(c))
	st := s.Status(c.Request().Context())
	return ui.Shell{Title: title, Version: st.Version, Now: s.Now(), Image: imageProgress(st.Image), Trouble: st.Trouble, Cursor: now.Last, Admin: may(c, auth.Admin), Tenants: s.severalTenants(c), Looks: !may(c, auth.Work)}
}

func imageProgress(st client.ImageStatus) *ui.Progress {
	switch st.State {
	case "building":
		return &ui.Progress{Step: st.Step, Steps: st.Steps, Text: st.Text}
	case "failed":
		return &ui.Progress{Failed: true, Text: st.Error, Lines: st.Lines}
	}
	return nil
}

// LoginPage answers page loads of somebody who is not logged in. provider is what
// the identity provider is called that logs people in, empty without one.
func LoginPage(provider string) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		w.WriteHeader(http.StatusUnauthorized)
		_ = ui.Login(ui.LoginPage{Shell: ui.Shell{Title: "Log in"}, Provider: provider, Next: wanted(r)}).Render(r.Context(), w)
	})
}

// wanted is the page that somebody asked for who has to log in first.
func wanted(r *http.Request) string {
	if r.URL.Path == "/login" {
		return r.URL.Query().Get("next")
	}
	return r.URL.RequestURI()
}

func (s *server) errorPage(c echo.Context, status int, detail string) error {
	return html(c, status, ui.Failure(ui.ErrorPage{Shell: s.shell(c, "Error"), Status: status, Detail: detail}))
}

// done answers a post: JSON for a script, else back to a page.
func done(c echo.Context, to string) error {
	if !isPage(c.Request()) {
		return c.NoContent(http.StatusNoContent)
	}
	return c.Redirect(http.StatusSeeOther, to)
}

func (s *server) about(c echo.Context) error {
	p := ui.AboutPage{Shell: s.shell(c, "About"), Status: s.status(c)}
	if may(c, auth.Machine) {
		p.Findings = s.Doctor(c.Request().Context())
	}
	return html(c, http.StatusOK, ui.About(p))
}

func (s *server) buildImage(c echo.Context) error {
	s.RetryImage()
	return done(c, "/")
}

// act writes down a wish and goes back; what happens is shown by the page.
func (s *server) act(want store.Want) echo.HandlerFunc {
	return func(c echo.Context) error {
		write := func() (store.Session, error) { return s.wish(c, want) }
		if want == store.WantStopped {
			write = func() (store.Session, error) { return s.stop(c) }
		}
		row, err := write()
		if err != nil {
			return err
		}
		if want == store.WantGone {
			return done(c, "/")
		}
		return done(c, "/sessions/"+row.ID)
	}
}

func (s *server) confirm(act string) echo.HandlerFunc {
	return func(c echo.Context) error {
		row, err := s.session(c)
		if err != nil {
			return err
		}
		return html(c, http.StatusOK, ui.Confirm(ui.ConfirmPage{Shell: s.shell(c, act+" "+row.Name), Session: s.view(c, row),
			Act: act, Loss: s.loss(c.Request().Context(), row)}))
	}
}

func (s *server) lossFragment(c echo.Context) error {
	row, err := s.session(c)
	if err != nil {
		return err
	}
	act := c.QueryParam("act")
	return html(c, http.StatusOK, ui.LossView(s.view(c, row), act, s.loss(c.Request().Context(), row)))
}

func (s *server) confirmFound(c echo.Context) error {
	for _, f := range s.found(c) {
		if f.ID == c.Param("id") {
			return html(c, http.StatusOK, ui.FoundDelete(ui.FoundPage{Shell: s.shell(c, "Delete"), Found: f}))
		}
	}
	return fail(http.StatusNotFound, "Nothing unknown with this id was found.")
}

// asClientError is an error as a client would have received it.
func asClientError(status int, detail any) *client.Error {
	e := &client.Error{Status: status}
	var fields []fieldError
	switch d := detail.(type) {
	case string:
		e.Detail = d
	case []fieldError:
		fields = d
	}
	for _, f := range fields {
		e.Problems = append(e.Problems, client.Problem{Type: f.Type, Loc: f.Loc, Msg: f.Msg, Input: f.Input, Ctx: f.Ctx})
	}
	return e
}
