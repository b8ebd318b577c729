package api

import (
	"net/http"
	"strings"

	"github.com/labstack/echo/v4"

	"volundr/store"
	"volundr/ui"
	"volundr/ui/client"
)

// promptsPage is GET /prompts: "?edit=<id>" fills the form with one.
func (s *server) promptsPage(c echo.Context) error {
	p := ui.PromptsPage{Done: doneText(c)}
	if id := c.QueryParam("edit"); id != "" {
		row, err := s.DB.SavedPrompt(c.Request().Context(), principal(c), id)
		if isNotFound(err) {
			return fail(http.StatusNotFound, "Prompt not found: %s", id)
		}
		if err != nil {
			return err
		}
		p.Form = ui.PromptForm{ID: row.ID, Name: row.Name, Content: row.Content, Repo: row.ProjectRepo}
	}
	return s.showPrompts(c, http.StatusOK, p)
}

func (s *server) showPrompts(c echo.Context, status int, p ui.PromptsPage) error {
	p.Shell = s.shell(c, "Prompts")
	all, err := s.DB.SavedPrompts(c.Request().Context(), principal(c))
	if err != nil {
		return err
	}
	for _, one := range all {
		p.Prompts = append(p.Prompts, promptView(one))
	}
	if p.Repos, err = s.usedRepos(c); err != nil {
		return err
	}
	return html(c, status, ui.Prompts(p))
}

// postSavedPrompt keeps what the form says: a new prompt, or in place of one.
func (s *server) postSavedPrompt(c echo.Context) error {
	posted, err := postForm(c)
	if err != nil {
		return err
	}
	p := ui.PromptsPage{Form: ui.PromptForm{ID: posted.Get("id"), Name: strings.TrimSpace(posted.Get("name")), Content: typed(posted.Get("content")),
		Repo: strings.TrimSpace(posted.Get("project_repo"))}}
	ctx := c.Request().Context()
	var was store.SavedPrompt
	if p.Form.ID != "" {
		var err error
		if was, err = s.DB.SavedPrompt(ctx, principal(c), p.Form.ID); isNotFound(err) {
			return fail(http.StatusNotFound, "Prompt not found: %s", p.Form.ID)
		} else if err != nil {
			return err
		}
	}
	scope := client.PromptGlobal
	if p.Form.Repo != "" {
		scope = client.PromptProject
	}
	row, errs := promptOf(was, client.PromptSave{Name: &p.Form.Name, Content: &p.Form.Content, Scope: &scope, ProjectRepo: &p.Form.Repo})
	if len(errs) > 0 {
		p.Problems = ui.Problems(asClientError(http.StatusUnprocessableEntity, errs), "name", "content", "project_repo")
		return s.showPrompts(c, http.StatusUnprocessableEntity, p)
	}
	if _, err := s.DB.PutSavedPrompt(ctx, principal(c), row); err != nil {
		return noPrompt(c, err)
	}
	return c.Redirect(http.StatusSeeOther, "/prompts?done=saved")
}

func (s *server) postDeletePrompt(c echo.Context) error {
	if err := s.DB.DeleteSavedPrompt(c.Request().Context(), principal(c), c.Param("id")); err != nil {
		return noPrompt(c, err)
	}
	return c.Redirect(http.StatusSeeOther, "/prompts?done=deleted")
}
