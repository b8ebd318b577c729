package api

import (
	"math"
	"net/http"
	"time"

	"github.com/labstack/echo/v4"

	"volundr/store"
	"volundr/ui/client"
)

// quotaRoutes say how much users may have, and set it.
func (s *server) quotaRoutes(g *echo.Group) {
	g.GET("/quota", s.myQuota)
	g.GET("/users/:id/quota", s.getQuota)
	g.PUT("/users/:id/quota", s.putQuota)
}

func (s *server) myQuota(c echo.Context) error {
	return s.answerQuota(c, principal(c), principal(c).UserID)
}

func (s *server) answerQuota(c echo.Context, p store.Principal, who string) error {
	q, err := s.quotaIn(c, p, who)
	if err != nil {
		return err
	}
	return c.JSON(http.StatusOK, q)
}

func (s *server) quotaIn(c echo.Context, p store.Principal, who string) (client.Quota, error) {
	limit, is, err := s.DB.Quota(c.Request().Context(), p, who, time.Now())
	return client.Quota{Limits: amountsView(limit), Used: amountsView(is)}, err
}

// quotas are those of users by their ids, of each and of all.
func (s *server) quotas(c echo.Context, users []client.User) (out map[string]client.Quota, err error) {
	p, err := s.manager(c)
	if err != nil {
		return nil, err
	}
	ids := make([]string, len(users))
	for i, u := range users {
		ids[i] = u.ID
	}
	all, err := s.DB.Quotas(c.Request().Context(), p, ids, time.Now())
	out = map[string]client.Quota{}
	for id, q := range all {
		out[id] = client.Quota{Limits: amountsView(q.Limit), Used: amountsView(q.Used)}
	}
	return out, err
}

func amountsView(a store.Amounts) client.Amounts {
	return client.Amounts{Sessions: a.Sessions, Storage: a.Storage, CPU: float64(a.CPU) / 1000, Memory: a.Memory, Tokens: a.Tokens, Cost: float64(a.CostMicros) / 1e6}
}

// whose is the id that the path names: of a user, of each, of all, or of a whole
// tenant; and who asks, in whose tenant.
func (s *server) whose(c echo.Context) (store.Principal, string, error) {
	p, err := s.manager(c)
	if id := c.Param("id"); err != nil || id == store.EachUser || id == store.AllUsers || id == store.WholeTenant {
		return p, id, err
	}
	u, err := s.user(c)
	return p, u.ID, err
}

func (s *server) getQuota(c echo.Context) error {
	p, who, err := s.whose(c)
	if err != nil {
		return err
	}
	return s.answerQuota(c, p, who)
}

func (s *server) putQuota(c echo.Context) error {
	var in client.QuotaChange
	if err := decode(c, &in); err != nil {
		return err
	}
	p, who, err := s.whose(c)
	if err != nil {
		return err
	}
	if err := s.changeQuota(c, p, who, in); err != nil {
		return err
	}
	return s.answerQuota(c, p, who)
}

// changeQuota sets what a change names.
func (s *server) changeQuota(c echo.Context, p store.Principal, who string, in client.QuotaChange) error {
	if who == store.WholeTenant && !p.Operator {
		return fail(http.StatusForbidden, "How much all of you may have is for whoever runs this installation to say: ask them. %s is yours to set.", store.AllUsers)
	}
	limit, _, err := s.DB.Quota(c.Request().Context(), p, who, time.Now())
	if err != nil {
		return err
	}
	var bad []fieldError
	set := func(field string, into *int64, value *float64, unit float64) {
		if value == nil {
			return
		}
		n := math.Round(*value * unit)
		switch {
		case math.IsNaN(n) || *value < 0:
			bad = append(bad, fieldError{Type: "greater_than_equal", Loc: []any{"body", field}, Input: *value, Msg: "Input should be greater than or equal to 0; 0 takes the limit away"})
		case n > 1<<53:
			bad = append(bad, fieldError{Type: "less_than_equal", Loc: []any{"body", field}, Input: *value, Msg: "This is too much to be counted"})
		case *value > 0 && n == 0:
			bad = append(bad, fieldError{Type: "value_error", Loc: []any{"body", field}, Input: *value, Msg: "This is too little to be counted; 0 takes the limit away"})
		default:
			*into = int64(n)
		}
	}
	whole := func(n *int64) *float64 {
		if n == nil {
			return nil
		}
		f := float64(*n)
		return &f
	}
	set("sessions", &limit.Sessions, whole(in.Sessions), 1)
	set("storage", &limit.Storage, whole(in.Storage), 1)
	set("cpu", &limit.CPU, in.CPU, 1000)
	set("memory", &limit.Memory, whole(in.Memory), 1)
	set("tokens", &limit.Tokens, whole(in.Tokens), 1)
	set("cost", &limit.CostMicros, in.Cost, 1e6)
	if len(bad) > 0 {
		return invalid(bad...)
	}
	return s.DB.SetQuota(c.Request().Context(), p, who, limit)
}
