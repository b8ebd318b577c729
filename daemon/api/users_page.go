package api

import (
	"net/http"
	"strconv"
	"strings"

	"github.com/labstack/echo/v4"

	"volundr/daemon/auth"
	"volundr/store"
	"volundr/ui"
	"volundr/ui/client"
)

// userPages are the settings of who may come in.
func (s *server) userPages(e *echo.Echo) {
	e.GET("/tokens", s.tokensPage)
	e.POST("/tokens", s.postToken)
	e.POST("/tokens/:id/delete", s.postDeleteToken)
	e.GET("/audit", s.auditPage)
	e.GET("/users", s.usersPage)
	e.POST("/users", s.postUser)
	e.POST("/users/:id/role", s.postRole)
	e.POST("/users/:id/link", s.postLink)
	e.POST("/users/:id/quota", s.postQuota)
	e.POST("/users/:id/delete", s.postRemoveUser)
}

func (s *server) tokensPage(c echo.Context) error {
	return s.showTokens(c, http.StatusOK, ui.TokensPage{})
}

func (s *server) showTokens(c echo.Context, status int, p ui.TokensPage) (err error) {
	l, _ := auth.LoginFrom(c.Request().Context())
	p.Shell, p.Me, p.Scopes = s.shell(c, "Access tokens"), l.UserName, auth.ScopesOf(l.Role)
	if p.Tokens, err = s.tokens(c); err != nil {
		return err
	}
	return html(c, status, ui.Tokens(p))
}

func (s *server) postToken(c echo.Context) error {
	days, _ := strconv.Atoi(c.FormValue("days"))
	in := client.TokenNew{Name: c.FormValue("name"), Days: days}
	if scope := c.FormValue("scope"); scope != "" {
		in.Scopes = []string{scope}
	}
	made, err := s.newToken(c, in)
	if err != nil {
		status, words, ok := refusalOf(err)
		if !ok {
			return err
		}
		return s.showTokens(c, status, ui.TokensPage{Name: in.Name, Problem: words})
	}
	return s.showTokens(c, http.StatusCreated, ui.TokensPage{Made: &made})
}

func (s *server) postDeleteToken(c echo.Context) error {
	if err := s.dropToken(c); err != nil {
		return err
	}
	return s.showTokens(c, http.StatusOK, ui.TokensPage{Done: "The token is revoked."})
}

func (s *server) usersPage(c echo.Context) error {
	return s.showUsers(c, http.StatusOK, ui.UsersPage{})
}

func (s *server) showUsers(c echo.Context, status int, p ui.UsersPage) (err error) {
	p.Shell, p.Me = s.shell(c, "Users"), principal(c).UserID
	if p.OfTenant, err = s.ofTenant(c, p.Shell); err != nil {
		return err
	}
	if p.Users, err = s.users(c); err != nil {
		return err
	}
	if p.Quotas, err = s.quotas(c, p.Users); err != nil {
		return err
	}
	return html(c, status, ui.Users(p))
}

// ofTenant is whose page of settings the query asks for.
func (s *server) ofTenant(c echo.Context, shell ui.Shell) (of ui.OfTenant, err error) {
	if !shell.Tenants {
		return of, nil
	}
	if of.All, err = s.tenants(c); err != nil {
		return of, err
	}
	in, err := s.manager(c)
	of.Tenant, of.Elsewhere = in.TenantID, in.TenantID != principal(c).TenantID
	return of, err
}

// toldUsers shows the page with what became of a form: p, or why it was refused.
func (s *server) toldUsers(c echo.Context, p ui.UsersPage, err error) error {
	if err == nil {
		return s.showUsers(c, http.StatusOK, p)
	}
	status, words, ok := refusalOf(err)
	if !ok {
		return err
	}
	return s.showUsers(c, status, ui.UsersPage{Name: p.Name, Problem: words})
}

// refusalOf is an error as a form shows it beside what was typed; not ok: it is
// none of the form's.
func refusalOf(err error) (status int, words string, ok bool) {
	status, detail, known := answer(err)
	if !known || status == http.StatusNotFound {
		return status, "", false
	}
	return status, asClientError(status, detail).Sentences(), true
}

func (s *server) postUser(c echo.Context) error {
	in := client.UserNew{Name: c.FormValue("name"), Role: c.FormValue("role")}
	u, err := s.newUser(c, in)
	return s.toldUsers(c, ui.UsersPage{Name: in.Name, Done: "Added " + u.Name + ". A login link lets them in."}, err)
}

func (s *server) postRole(c echo.Context) error {
	u, err := s.setRole(c, c.FormValue("role"))
	return s.toldUsers(c, ui.UsersPage{Done: u.Name + " is " + string(u.Role) + " now."}, err)
}

func (s *server) postLink(c echo.Context) error {
	u, url, err := s.linkFor(c)
	return s.toldUsers(c, ui.UsersPage{Link: url, For: u.Name}, err)
}

// postQuota sets all limits at once: an empty field is none.
func (s *server) postQuota(c echo.Context) error {
	in, err := quotaForm(c)
	if err == nil {
		var p store.Principal
		var who string
		if p, who, err = s.whose(c); err == nil {
			err = s.changeQuota(c, p, who, in)
		}
	}
	return s.toldUsers(c, ui.UsersPage{Done: "The quota is set."}, err)
}

// quotaForm reads the six fields.
func quotaForm(c echo.Context) (in client.QuotaChange, err error) {
	for _, field := range client.QuotaFields {
		text := strings.TrimSpace(c.FormValue(field))
		if text == "" {
			text = "none"
		}
		if wrong := in.Set(field, text); err == nil && wrong != nil {
			err = fail(http.StatusUnprocessableEntity, "%s", sentence(wrong.Error()))
		}
	}
	return in, err
}

func (s *server) postRemoveUser(c echo.Context) error {
	u, err := s.dropUser(c)
	return s.toldUsers(c, ui.UsersPage{Done: u.Name + " is removed."}, err)
}
