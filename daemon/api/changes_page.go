package api

import (
	"net/http"

	"github.com/labstack/echo/v4"

	"volundr/daemon/changes"
	"volundr/store"
	"volundr/ui"
	"volundr/ui/client"
)

// changesFragment is the list of the Diffs pane.
func (s *server) changesFragment(c echo.Context) error {
	row, p, err := s.place(c, changes.Session)
	if err != nil {
		return err
	}
	pane, err := s.changesPane(c, row, p)
	if err != nil {
		return err
	}
	return html(c, http.StatusOK, ui.ChangesView(pane))
}

// changesPane is what the Diffs pane shows of a session that runs. Where the
// workspace is no repository, it opens on the first one in it.
func (s *server) changesPane(c echo.Context, row store.Session, p changes.Place) (ui.ChangesPane, error) {
	ctx := c.Request().Context()
	view, err := s.changesView(ctx, p)
	if err == nil && p.Repo == "" && len(view.Repos) > 0 {
		p.Repo, p.Commit = view.Repos[0], ""
		view, err = s.changesView(ctx, p)
	}
	if err != nil {
		return ui.ChangesPane{}, err
	}
	said, err := s.comments(c, row)
	if err != nil {
		return ui.ChangesPane{}, err
	}
	pane := ui.ChangesPane{Session: s.view(c, row), Changes: view, Split: c.QueryParam("view") == "split", Comments: said}
	if p.Repo != "" {
		if pane.Repos, err = s.repositories(ctx, row, p.Base); err != nil {
			return ui.ChangesPane{}, err
		}
	}
	if view.Note == "" {
		work, err := s.standing(ctx, row, p)
		if err != nil {
			return ui.ChangesPane{}, s.refusal(ctx, p, err)
		}
		pane.Work = &work
	}
	return pane, nil
}

// prFragment is the pull request of the session's branch; nothing where its
// repository lies at no forge.
func (s *server) prFragment(c echo.Context) error {
	row, err := s.session(c)
	if err != nil {
		return err
	}
	pane := ui.PRPane{Self: c.Request().URL.Path}
	folder, err := s.folderOf(c.Request().Context(), row, c.QueryParam("repo"))
	if err != nil {
		return err
	}
	w, err := s.Sources.Work(c.Request().Context(), row.ID, folder)
	if err != nil && !isNotFound(err) {
		return err
	}
	at, unknown := s.Forges.Of(w.Repo)
	if err == nil && unknown == nil {
		pane.Forge = at.Kind
		if pane.PR, err = s.prOf(c, row, folder); err != nil {
			status, detail, known := answer(err)
			if !known {
				return err
			}
			s.Log.Debug("A pull request is not known", "session", row.ID, "status", status)
			pane.Problem, _ = detail.(string)
		}
	}
	return html(c, http.StatusOK, ui.PRView(pane))
}

// fileFragment is the change of one file in that list.
func (s *server) fileFragment(c echo.Context) error {
	row, p, err := s.place(c, changes.Session)
	if err != nil {
		return err
	}
	pane, err := s.filePane(c, row, p, c.QueryParam("path"), c.QueryParam("from"))
	if err != nil {
		return err
	}
	return html(c, http.StatusOK, ui.FileChange(pane))
}

func (s *server) filePane(c echo.Context, row store.Session, p changes.Place, path, from string) (ui.FilePane, error) {
	d, err := s.changes.Diff(c.Request().Context(), p, path, from, diffContext)
	if err != nil {
		return ui.FilePane{}, s.refusal(c.Request().Context(), p, err)
	}
	all, err := s.comments(c, row)
	if err != nil {
		return ui.FilePane{}, err
	}
	var here []client.Comment
	for _, x := range all {
		if x.Path == path && x.Repo == p.Repo {
			here = append(here, x)
		}
	}
	return ui.FilePane{Diff: diffView(d), Repo: p.Repo, Split: c.QueryParam("view") == "split", Comments: here, Looks: s.view(c, row).ReadOnly}, nil
}

// diffsTab fills the Diffs pane of a page that opens on it, with the file that
// the address names, so that it can be read without a script.
func (s *server) diffsTab(c echo.Context, page *ui.SessionPage) error {
	row, p, err := s.place(c, changes.Session)
	if err != nil {
		return err
	}
	pane, err := s.changesPane(c, row, p)
	if err != nil {
		return err
	}
	for _, f := range pane.Changes.Files {
		if f.Path == c.QueryParam("file") {
			open, err := s.filePane(c, row, p, f.Path, f.From)
			if err != nil {
				return err
			}
			pane.Open = &open
		}
	}
	page.Changes = &pane
	return nil
}
