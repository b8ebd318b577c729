package api

import (
	"net/http"
	"regexp"
	"slices"

	"github.com/google/uuid"
	"github.com/labstack/echo/v4"

	"volundr/store"
	"volundr/ui/client"
)

// userRoutes are the users whom an admin shares an installation with.
func (s *server) userRoutes(g *echo.Group) {
	g.GET("/users", s.listUsers)
	g.POST("/users", s.addUser)
	g.PUT("/users/:id", s.changeUser)
	g.DELETE("/users/:id", s.removeUser)
	g.POST("/users/:id/login-links", s.userLink)
}

var userName = regexp.MustCompile(`^[a-z0-9][a-z0-9._-]{0,62}$`)

func (s *server) listUsers(c echo.Context) error {
	all, err := s.users(c)
	if err != nil {
		return err
	}
	return c.JSON(http.StatusOK, all)
}

func (s *server) users(c echo.Context) ([]client.User, error) {
	p, err := s.manager(c)
	if err != nil {
		return nil, err
	}
	rows, err := s.DB.Users(c.Request().Context(), p)
	if err != nil {
		return nil, err
	}
	out := make([]client.User, len(rows))
	for i, u := range rows {
		out[i] = userView(u)
	}
	return out, nil
}

func userView(u store.User) client.User {
	return client.User{ID: u.ID, Email: mailOf(u.Name), DisplayName: u.Name, Status: "active", CreatedAt: u.CreatedAt,
		Role: string(u.Role), SeenAt: when(u.SeenAt)}
}

func (s *server) addUser(c echo.Context) error {
	var in client.UserNew
	if err := decode(c, &in); err != nil {
		return err
	}
	u, err := s.newUser(c, in)
	if err != nil {
		return err
	}
	return c.JSON(http.StatusCreated, userView(u))
}

func (s *server) newUser(c echo.Context, in client.UserNew) (store.User, error) {
	if !userName.MatchString(in.Name) || uuid.Validate(in.Name) == nil {
		return store.User{}, invalid(fieldError{Type: "string_pattern_mismatch", Loc: []any{"body", "name"}, Input: in.Name,
			Msg: "A name is 1 to 63 lower-case letters, digits, dots, hyphens and underscores, and begins with a letter or digit"})
	}
	if in.Role == "" {
		in.Role = string(store.RoleDeveloper)
	}
	if err := checkRole(in.Role); err != nil {
		return store.User{}, err
	}
	p, err := s.manager(c)
	if err != nil {
		return store.User{}, err
	}
	return s.DB.AddUser(c.Request().Context(), p, store.User{Name: in.Name, Role: store.Role(in.Role)})
}

func checkRole(role string) error {
	if slices.Contains(client.Roles, role) {
		return nil
	}
	return invalid(fieldError{Type: "enum", Loc: []any{"body", "role"}, Input: role, Msg: "Input should be 'admin', 'developer' or 'viewer'"})
}

// user is the one whom the path names, by id or name.
func (s *server) user(c echo.Context) (store.User, error) {
	p, err := s.manager(c)
	if err != nil {
		return store.User{}, err
	}
	u, err := s.DB.User(c.Request().Context(), p, c.Param("id"))
	if isNotFound(err) {
		err = fail(http.StatusNotFound, "User not found: %s", c.Param("id"))
	}
	return u, err
}

type roleIn struct {
	Role string `json:"role"`
}

func (s *server) changeUser(c echo.Context) error {
	var in roleIn
	if err := decode(c, &in); err != nil {
		return err
	}
	u, err := s.setRole(c, in.Role)
	if err != nil {
		return err
	}
	return c.JSON(http.StatusOK, userView(u))
}

func (s *server) setRole(c echo.Context, role string) (store.User, error) {
	u, err := s.user(c)
	if err != nil {
		return u, err
	}
	if err := checkRole(role); err != nil {
		return u, err
	}
	p, err := s.manager(c)
	if err != nil {
		return u, err
	}
	seen := u.SeenAt
	u, err = s.Auth.SetRole(c.Request().Context(), p, u.ID, store.Role(role))
	u.SeenAt = seen
	return u, err
}

func (s *server) removeUser(c echo.Context) error {
	if _, err := s.dropUser(c); err != nil {
		return err
	}
	return c.NoContent(http.StatusNoContent)
}

func (s *server) dropUser(c echo.Context) (store.User, error) {
	u, err := s.user(c)
	if err != nil {
		return u, err
	}
	p, err := s.manager(c)
	if err != nil {
		return u, err
	}
	return u, s.Auth.RemoveUser(c.Request().Context(), p, u.ID)
}

// userLink makes a one-time link for somebody else's browser.
func (s *server) userLink(c echo.Context) error {
	_, url, err := s.linkFor(c)
	if err != nil {
		return err
	}
	return c.JSON(http.StatusCreated, map[string]string{"url": url})
}

func (s *server) linkFor(c echo.Context) (store.User, string, error) {
	u, err := s.user(c)
	if err != nil {
		return u, "", err
	}
	p, err := s.manager(c)
	if err != nil {
		return u, "", err
	}
	if err := s.DB.Audit(c.Request().Context(), p, store.ActLoginLink, u.ID, map[string]string{"name": u.Name}); err != nil {
		return u, "", err
	}
	url, err := s.Auth.LoginLink(c.Request().Context(), store.Principal{UserID: u.ID, TenantID: u.TenantID})
	return u, url, err
}
