package api

import (
	"net/http"

	"github.com/labstack/echo/v4"

	"volundr/daemon/template"
	"volundr/store"
	"volundr/ui"
)

// What the dashboard shows at once. What is older is a click away.
const (
	pageRows     = 100 // sessions, beside those that are alive or failed lately
	pageArchived = 25
	pageFailures = 50 // in the inbox, and of those
)

func (s *server) dashboard(c echo.Context) error {
	d, err := s.dashboardModel(c)
	if err != nil {
		return err
	}
	return html(c, http.StatusOK, ui.DashboardPage(d))
}

func (s *server) board(c echo.Context) error {
	d, err := s.dashboardModel(c)
	if err != nil {
		return err
	}
	return html(c, http.StatusOK, ui.Board(d))
}

func (s *server) dashboardModel(c echo.Context) (d ui.Dashboard, err error) {
	shell := s.shell(c, "") // its cursor before the rows: what changes in between is told again
	ctx, p := c.Request().Context(), principal(c)
	list, err := s.sessionList(c)
	if err != nil {
		return d, err
	}
	stats, err := s.DB.Stats(ctx, p, s.Now())
	if err != nil {
		return d, err
	}
	// What is shared with one needs somebody else.
	own := p
	own.Guest = false
	running, err := s.DB.Sessions(ctx, own, store.SessionFilter{States: []store.State{store.Running}})
	if err != nil {
		return d, err
	}
	failures := store.SessionFilter{States: []store.State{store.Failed}, Limit: pageFailures}
	failed, err := s.DB.Sessions(ctx, own, failures)
	if err != nil {
		return d, err
	}
	needs, err := s.needs(ctx, append(running, failed...))
	if err != nil {
		return d, err
	}
	d = ui.NewDashboard(shell, list, needs, statsView(stats), s.found(c))
	d.Templates = s.begins(template.Template)
	if len(failed) == pageFailures {
		counts, err := s.DB.CountSessions(ctx, own, failures)
		if err != nil {
			return d, err
		}
		d.Failures = sum(counts) - len(failed)
	}
	return d, nil
}

// sessionList is the page of sessions that the query asks for: the newest, or
// those behind ?before=, or all before ?until= for a page that showed more; of
// archived ones likewise.
func (s *server) sessionList(c echo.Context) (list ui.List, err error) {
	list.Filter = ui.Filter{Query: c.QueryParam("q"), State: c.QueryParam("state"), Agent: c.QueryParam("agent")}
	var f store.SessionFilter
	s.lookFor(&f, list.Filter)
	ctx, p := c.Request().Context(), principal(c)
	whole := store.SessionFilter{IncludeArchived: true}
	all, err := s.DB.CountSessions(ctx, p, whole)
	if err != nil {
		return list, err
	}
	fit := all
	if list.Filter != (ui.Filter{}) {
		whole = f
		whole.IncludeArchived = true
		if fit, err = s.DB.CountSessions(ctx, p, whole); err != nil {
			return list, err
		}
	}
	list.Total = sum(all)
	for _, n := range all {
		list.Agents = append(list.Agents, n.Agent)
	}
	for _, n := range fit {
		list.Counts = append(list.Counts, ui.Count{Repo: n.Repo, Archived: n.Archived, N: n.N})
	}
	rows, next, err := s.page(c, f, "before", "until", pageRows)
	if err != nil {
		return list, err
	}
	if next != nil && c.QueryParam("before") == "" && list.Filter == (ui.Filter{}) {
		older, err := s.notable(c, *next)
		if err != nil {
			return list, err
		}
		rows = append(rows, older...)
	}
	f.States = []store.State{store.Archived}
	archived, nextArchived, err := s.page(c, f, "archived", "archived-until", pageArchived)
	if err != nil {
		return list, err
	}
	v := s.viewer(c)
	list.Sessions, list.Archived = v.views(rows), v.views(archived)
	list.Next, list.NextArchived = placeText(next), placeText(nextArchived)
	return list, nil
}

// page reads one; next is the place where the next one begins, nil for the last.
func (s *server) page(c echo.Context, f store.SessionFilter, before, until string, size int) (rows []store.Session, next *store.Place, err error) {
	if f.Before, err = placeIn(c, before); err != nil {
		return nil, nil, err
	}
	if f.Until, err = placeIn(c, until); err != nil {
		return nil, nil, err
	}
	if f.Until != nil {
		size = maxPage
	}
	f.Limit = size + 1
	rows, err = s.DB.Sessions(c.Request().Context(), principal(c), f)
	switch {
	case len(rows) > size:
		rows = rows[:size]
		last := store.PlaceOf(rows[size-1])
		next = &last
	case f.Until != nil && f.Until.At.UnixMilli() > 0:
		next = f.Until
	}
	return rows, next, err
}

// notable are the sessions behind a place that are shown all the same: those
// that are alive, and that failed lately.
func (s *server) notable(c echo.Context, behind store.Place) ([]store.Session, error) {
	ctx, p := c.Request().Context(), principal(c)
	living, err := s.DB.Sessions(ctx, p, store.SessionFilter{States: alive, Before: &behind})
	if err != nil {
		return nil, err
	}
	failed, err := s.DB.Sessions(ctx, p, store.SessionFilter{States: []store.State{store.Failed}, Before: &behind, Limit: pageFailures})
	return append(living, failed...), err
}

func sum(counts []store.SessionCount) (n int) {
	for _, c := range counts {
		n += c.N
	}
	return n
}

func placeText(p *store.Place) string {
	if p == nil {
		return ""
	}
	return p.String()
}
