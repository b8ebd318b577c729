package api

import (
	"net/http"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/labstack/echo/v4"

	"volundr/daemon/auth"
	"volundr/store"
	"volundr/ui/client"
)

func (s *server) tokenRoutes(g *echo.Group) {
	g.GET("", s.listTokens)
	g.POST("", s.addToken)
	g.DELETE("/:id", s.deleteToken)
}

// year is how long a token lives at most, and if nothing is said.
const year = 365 * 24 * time.Hour

var tokenName = regexp.MustCompile(`^[a-zA-Z0-9][a-zA-Z0-9 _-]{0,99}$`)

func (s *server) listTokens(c echo.Context) error {
	all, err := s.tokens(c)
	if err != nil {
		return err
	}
	return c.JSON(http.StatusOK, all)
}

func (s *server) tokens(c echo.Context) ([]client.Token, error) {
	rows, err := s.DB.Tokens(c.Request().Context(), principal(c))
	if err != nil {
		return nil, err
	}
	out := make([]client.Token, len(rows))
	for i, k := range rows {
		out[i] = tokenView(k)
	}
	return out, nil
}

func tokenView(k store.Token) client.Token {
	return client.Token{ID: k.ID, Name: k.Name, CreatedAt: k.CreatedAt, LastUsedAt: when(k.UsedAt), ExpiresAt: k.ExpiresAt,
		Scopes: append([]string{}, k.Scopes...), User: k.UserName}
}

func (s *server) addToken(c echo.Context) error {
	var in client.TokenNew
	if err := decode(c, &in); err != nil {
		return err
	}
	made, err := s.newToken(c, in)
	if err != nil {
		return err
	}
	return c.JSON(http.StatusCreated, made)
}

func (s *server) newToken(c echo.Context, in client.TokenNew) (client.TokenMade, error) {
	bad := func(kind, field, msg string, input any) (client.TokenMade, error) {
		return client.TokenMade{}, invalid(fieldError{Type: kind, Loc: []any{"body", field}, Msg: msg, Input: input})
	}
	if !tokenName.MatchString(in.Name) {
		return bad("string_pattern_mismatch", "name", "A name is 1 to 100 letters, digits, spaces, hyphens and underscores, and begins with a letter or digit", in.Name)
	}
	life := year
	if in.Days != 0 {
		life = time.Duration(in.Days) * 24 * time.Hour
	}
	if in.Days < 0 || in.Days > 365 {
		return bad("value_error", "expires_days", "A token lives for 1 to 365 days", in.Days)
	}
	login, _ := auth.LoginFrom(c.Request().Context())
	all := auth.ScopesOf(login.Role)
	for _, scope := range in.Scopes {
		if !slices.Contains(all, scope) {
			return bad("enum", "scopes", "The scopes that you can give are "+strings.Join(all, ", "), scope)
		}
	}
	if len(in.Scopes) == 0 {
		in.Scopes = all[:1]
	}
	k, text, err := s.Auth.NewToken(c.Request().Context(), principal(c), in.Name, in.Scopes, s.Now().Add(life))
	if err != nil {
		return client.TokenMade{}, err
	}
	return client.TokenMade{Token: tokenView(k), Secret: text}, nil
}

func (s *server) deleteToken(c echo.Context) error {
	if err := s.dropToken(c); err != nil {
		return err
	}
	return c.NoContent(http.StatusNoContent)
}

func (s *server) dropToken(c echo.Context) error {
	err := s.Auth.RevokeToken(c.Request().Context(), principal(c), c.Param("id"))
	if isNotFound(err) {
		return fail(http.StatusNotFound, "Token not found: %s", c.Param("id"))
	}
	return err
}
