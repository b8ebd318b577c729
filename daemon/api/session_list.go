package api

import (
	"maps"
	"net/http"
	"slices"
	"strconv"

	"github.com/labstack/echo/v4"

	"volundr/store"
	"volundr/ui"
)

// maxPage is how many sessions a page of the list may have.
const maxPage = 1000

// alive are the states in which something runs, or is about to.
var alive = []store.State{store.Starting, store.Provisioning, store.Running, store.Stopping}

// listSessions answers all, as the contract says, or what is asked for of them:
// ours are limit and before, which read it by the page (the header Link leads to
// the next one), search, and alive.
func (s *server) listSessions(c echo.Context) error {
	f, err := s.listFilter(c)
	if err != nil {
		return err
	}
	page := f.Limit
	if page > 0 {
		f.Limit++ // is there more?
	}
	rows, err := s.DB.Sessions(c.Request().Context(), principal(c), f)
	if err != nil {
		return err
	}
	if page > 0 && len(rows) > page {
		rows = rows[:page]
		q := c.QueryParams()
		q.Set("before", store.PlaceOf(rows[page-1]).String())
		c.Response().Header().Set("Link", "<"+c.Request().URL.EscapedPath()+"?"+q.Encode()+`>; rel="next"`)
	}
	return c.JSON(http.StatusOK, s.viewer(c).views(rows))
}

func (s *server) listFilter(c echo.Context) (f store.SessionFilter, err error) {
	if state := store.State(c.QueryParam("status")); state != "" {
		if !known(state) {
			return f, invalid(fieldError{Type: "enum", Loc: []any{"query", "status"}, Input: state,
				Msg: "Input should be 'created', 'starting', 'provisioning', 'running', 'stopping', 'stopped', 'failed' or 'archived'"})
		}
		f.States = []store.State{state}
	} else if c.QueryParam("alive") == "true" {
		f.States = alive
	}
	f.IncludeArchived = c.QueryParam("include_archived") == "true"
	if text := c.QueryParam("limit"); text != "" {
		if f.Limit, err = strconv.Atoi(text); err != nil || f.Limit < 1 || f.Limit > maxPage {
			return f, invalid(fieldError{Type: "value_error", Loc: []any{"query", "limit"}, Input: text,
				Msg: "A page has from 1 to " + strconv.Itoa(maxPage) + " sessions; without limit the list is whole."})
		}
	}
	if f.Before, err = placeIn(c, "before"); err != nil {
		return f, err
	}
	s.lookFor(&f, ui.Filter{Query: c.QueryParam("search")})
	return f, nil
}

func known(state store.State) bool {
	switch state {
	case store.Created, store.Starting, store.Provisioning, store.Running, store.Stopping, store.Stopped, store.Failed, store.Archived:
		return true
	}
	return false
}

// placeIn reads the place in the list that a parameter of the query names.
func placeIn(c echo.Context, name string) (*store.Place, error) {
	text := c.QueryParam(name)
	if text == "" {
		return nil, nil
	}
	place, err := store.ParsePlace(text)
	if err != nil {
		return nil, invalid(fieldError{Type: "value_error", Loc: []any{"query", name}, Input: text,
			Msg: "It is no place in a list of sessions: take it from the Link to the next page, or leave it out to begin with the newest."})
	}
	return &place, nil
}

// lookFor adds what the dashboard's filter asks for.
func (s *server) lookFor(f *store.SessionFilter, by ui.Filter) {
	f.Agent, f.Text = by.Agent, by.Query
	if by.State == "" && by.Query == "" {
		return
	}
	f.Unseen = slices.Sorted(maps.Keys(s.Engine.Trouble()))
	if by.State != "" {
		f.Looks = looks(by.OfState())
	}
	if by.Query != "" {
		f.TextAgents, f.TextLooks = by.Agents(), looks(by.Words())
	}
}

func looks(of []ui.Appearance) []store.Look {
	out := []store.Look{}
	for _, a := range of {
		look := store.LookOf(store.State(a.Status), a.Activity)
		if a.Unseen {
			look = store.Unseen
		}
		out = append(out, look)
	}
	return out
}
