package api

import (
	"cmp"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/labstack/echo/v4"

	"volundr/daemon/launch"
	"volundr/store"
	"volundr/ui/client"
)

func (s *server) promptRoutes(g *echo.Group) {
	g.GET("/prompts", s.listPrompts)
	g.POST("/prompts", s.addPrompt)
	g.GET("/prompts/search", s.searchPrompts)
	g.PUT("/prompts/:id", s.changePrompt)
	g.DELETE("/prompts/:id", s.deletePrompt)
}

func (s *server) listPrompts(c echo.Context) error {
	scope, repo := c.QueryParam("scope"), c.QueryParam("repo")
	if scope != "" && scope != client.PromptGlobal && scope != client.PromptProject {
		return invalid(wrongScope("query", scope))
	}
	return s.givePrompts(c, func(p client.SavedPrompt) bool {
		return (scope == "" || p.Scope == scope) && (repo == "" || sameRepo(client.Deref(p.ProjectRepo), repo))
	})
}

// sessionPrompts are those that can be inserted in a session's chat: for every
// project, and for that of its repository.
func (s *server) sessionPrompts(c echo.Context) error {
	row, err := s.session(c)
	if err != nil {
		return err
	}
	var req launch.Request
	if err := json.Unmarshal(row.Request, &req); err != nil {
		return err
	}
	repo := repoOf(req.Source)
	return s.givePrompts(c, func(p client.SavedPrompt) bool {
		return p.Scope == client.PromptGlobal || sameRepo(client.Deref(p.ProjectRepo), repo)
	}, broughtPrompts(req, row.CreatedAt)...)
}

// broughtPrompts are those that a session's repository brought.
func broughtPrompts(req launch.Request, at time.Time) (out []client.SavedPrompt) {
	if req.Definition == nil {
		return nil
	}
	repo := repoOf(req.Source)
	for _, p := range req.Definition.Prompts {
		out = append(out, client.SavedPrompt{ID: client.PromptRepository + ":" + p.Name, Name: p.Name, Content: p.Content, Scope: client.PromptRepository,
			ProjectRepo: &repo, Tags: []string{}, CreatedAt: at, UpdatedAt: at})
	}
	return out
}

// givePrompts answers with the caller's prompts that fit, and more behind them.
func (s *server) givePrompts(c echo.Context, fits func(client.SavedPrompt) bool, more ...client.SavedPrompt) error {
	all, err := s.DB.SavedPrompts(c.Request().Context(), principal(c))
	if err != nil {
		return err
	}
	out := []client.SavedPrompt{}
	for _, p := range all {
		if v := promptView(p); fits(v) {
			out = append(out, v)
		}
	}
	return c.JSON(http.StatusOK, append(out, more...))
}

// sameRepo compares repositories as people write them.
func sameRepo(a, b string) bool {
	return a != "" && plainRepo(a) == plainRepo(b)
}

// searchPrompts ranks: a name that begins with the text, a name, a content that
// holds it.
func (s *server) searchPrompts(c echo.Context) error {
	q := strings.ToLower(strings.TrimSpace(c.QueryParam("q")))
	if q == "" {
		return invalid(fieldError{Type: "missing", Loc: []any{"query", "q"}, Msg: "Field required"})
	}
	all, err := s.DB.SavedPrompts(c.Request().Context(), principal(c))
	if err != nil {
		return err
	}
	rank := func(p client.SavedPrompt) int {
		name := strings.ToLower(p.Name)
		switch {
		case strings.HasPrefix(name, q):
			return 0
		case strings.Contains(name, q):
			return 1
		case strings.Contains(strings.ToLower(p.Content), q):
			return 2
		}
		return 3
	}
	out := []client.SavedPrompt{}
	for _, p := range all {
		if v := promptView(p); rank(v) < 3 {
			out = append(out, v)
		}
	}
	slices.SortStableFunc(out, func(a, b client.SavedPrompt) int { return cmp.Compare(rank(a), rank(b)) })
	return c.JSON(http.StatusOK, out)
}

func (s *server) addPrompt(c echo.Context) error {
	return s.putPrompt(c, store.SavedPrompt{}, http.StatusCreated)
}

func (s *server) changePrompt(c echo.Context) error {
	was, err := s.DB.SavedPrompt(c.Request().Context(), principal(c), c.Param("id"))
	if err != nil {
		return noPrompt(c, err)
	}
	return s.putPrompt(c, was, http.StatusOK)
}

func (s *server) putPrompt(c echo.Context, was store.SavedPrompt, status int) error {
	var in client.PromptSave
	if err := decode(c, &in); err != nil {
		return err
	}
	p, errs := promptOf(was, in)
	if len(errs) > 0 {
		return invalid(errs...)
	}
	p, err := s.DB.PutSavedPrompt(c.Request().Context(), principal(c), p)
	if err != nil {
		return noPrompt(c, err)
	}
	return c.JSON(status, promptView(p))
}

// promptOf is a prompt with what a client says of it, and what is wrong with
// that.
func promptOf(p store.SavedPrompt, in client.PromptSave) (store.SavedPrompt, []fieldError) {
	var errs []fieldError
	take := func(field string, to *string, say *string, least, most int) {
		if say != nil {
			*to = *say
		}
		n := utf8.RuneCountInString(*to)
		bad := fieldError{Loc: []any{"body", field}, Input: *to}
		switch {
		case say == nil && *to == "" && least > 0:
			bad.Type, bad.Msg, bad.Input = "missing", "Field required", nil
		case n < least:
			bad.Type, bad.Msg = "string_too_short", fmt.Sprintf("String should have at least %d character", least)
		case n > most:
			bad.Type, bad.Msg, bad.Input = "string_too_long", fmt.Sprintf("String should have at most %d characters", most), nil
		default:
			return
		}
		errs = append(errs, bad)
	}
	scope := client.PromptGlobal
	if p.ProjectRepo != "" || in.ProjectRepo != nil && *in.ProjectRepo != "" {
		scope = client.PromptProject
	}
	if in.Scope != nil {
		scope = *in.Scope
	}
	take("name", &p.Name, in.Name, 1, 255)
	take("content", &p.Content, in.Content, 1, 100_000)
	take("project_repo", &p.ProjectRepo, in.ProjectRepo, 0, 500)
	switch {
	case scope == client.PromptGlobal:
		p.ProjectRepo = ""
	case scope != client.PromptProject:
		errs = append(errs, wrongScope("body", scope))
	case p.ProjectRepo == "":
		errs = append(errs, fieldError{Type: "value_error", Loc: []any{"body", "project_repo"}, Msg: "Name the repository that the prompt is for."})
	}
	if in.Tags != nil {
		p.Tags = *in.Tags
	}
	return p, errs
}

func wrongScope(where, scope string) fieldError {
	return fieldError{Type: "enum", Loc: []any{where, "scope"}, Input: scope, Msg: "Input should be 'global' or 'project'"}
}

func (s *server) deletePrompt(c echo.Context) error {
	if err := s.DB.DeleteSavedPrompt(c.Request().Context(), principal(c), c.Param("id")); err != nil {
		return noPrompt(c, err)
	}
	return c.NoContent(http.StatusNoContent)
}

func noPrompt(c echo.Context, err error) error {
	if isNotFound(err) {
		return fail(http.StatusNotFound, "Prompt not found: %s", c.Param("id"))
	}
	return err
}

func promptView(p store.SavedPrompt) client.SavedPrompt {
	v := client.SavedPrompt{ID: p.ID, Name: p.Name, Content: p.Content, Scope: client.PromptGlobal, ProjectRepo: orNil(p.ProjectRepo),
		Tags: append([]string{}, p.Tags...), CreatedAt: p.CreatedAt, UpdatedAt: p.UpdatedAt}
	if p.ProjectRepo != "" {
		v.Scope = client.PromptProject
	}
	return v
}
