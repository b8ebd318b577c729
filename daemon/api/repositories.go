package api

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"

	"github.com/labstack/echo/v4"

	"volundr/daemon/changes"
	"volundr/daemon/source"
	"volundr/store"
	"volundr/ui/client"
)

// checkouts are the repositories that the launch request of a session names.
func (s *server) checkouts(ctx context.Context, id string) ([]source.Checkout, error) {
	all, err := s.Sources.Checkouts(ctx, id)
	if isNotFound(err) {
		return nil, nil
	}
	return all, err
}

// folderOf is the folder of the repository that a request means: the one that is
// named, or the first one of the session; empty: the workspace itself.
func (s *server) folderOf(ctx context.Context, row store.Session, named string) (string, error) {
	if named != "" {
		return named, nil
	}
	all, err := s.checkouts(ctx, row.ID)
	if err != nil || len(all) == 0 {
		return "", err
	}
	return all[0].Folder, nil
}

// began gives the commit at which a session's first run began in a repository of
// its own; empty when that is not known.
func (s *server) began(ctx context.Context, row store.Session, folder string) (string, error) {
	c, err := s.DB.ChronicleOfRun(ctx, row.ID, 1)
	switch {
	case errors.Is(err, store.ErrNotFound):
		return "", nil
	case err != nil:
		return "", err
	case folder == "" && len(c.Repositories) == 0:
		return c.BaseCommit, nil
	}
	for _, r := range c.Repositories {
		if r.Folder == folder {
			return r.BaseCommit, nil
		}
	}
	return "", nil // made in the session
}

// folderNames are folders for people: `app`, `lib` and `tools`.
func folderNames(all []source.Checkout) string {
	names := make([]string, len(all))
	for i, c := range all {
		names[i] = "`" + c.Folder + "`"
	}
	if n := len(names); n > 1 {
		return strings.Join(names[:n-1], ", ") + " and " + names[n-1]
	}
	return strings.Join(names, "")
}

// missing is what to say where a place is no repository: of a session that has
// several, with those that there are.
func (s *server) missing(ctx context.Context, p changes.Place) (sentence string, folders []string, err error) {
	all, err := s.checkouts(ctx, p.Session)
	if err != nil || len(all) < 2 {
		return changes.ErrNoRepository.Error(), nil, err
	}
	for _, c := range all {
		folders = append(folders, c.Folder)
	}
	return fmt.Sprintf("The folder %s of this session's workspace is not a git repository. The session's repositories are %s.", p.Repo, folderNames(all)), folders, nil
}

// work is the remote of a repository of a session.
func (s *server) work(ctx context.Context, row store.Session, folder string) (source.Work, error) {
	w, err := s.Sources.Work(ctx, row.ID, folder)
	if !isNotFound(err) {
		return w, err
	}
	all, err := s.checkouts(ctx, row.ID)
	switch {
	case err != nil:
		return w, err
	case len(all) == 0:
		return w, fail(http.StatusConflict, "The workspace of session %s comes from no repository, so there is nowhere to push to. Begin a session from one.", row.Name)
	case len(all) == 1:
		return w, fail(http.StatusConflict, "The folder %s is not the repository that session %s began from, so it is not pushed from here. Leave the folder out for that one.", folder, row.Name)
	}
	return w, fail(http.StatusConflict, "The folder %s is none of the repositories that session %s began from, so it is not pushed from here. Those are %s.", folder, row.Name, folderNames(all))
}

func (s *server) getRepositories(c echo.Context) error {
	row, err := s.session(c)
	if err != nil {
		return err
	}
	base, err := baseOf(c, changes.Session)
	if err != nil {
		return err
	}
	all, err := s.repositories(c.Request().Context(), row, base)
	if err != nil {
		return err
	}
	return c.JSON(http.StatusOK, all)
}

// repositories are those of a session, in the order of its request, and while it
// runs how much changed in each, with those that were made in it.
func (s *server) repositories(ctx context.Context, row store.Session, base changes.Base) ([]client.Repository, error) {
	all, err := s.checkouts(ctx, row.ID)
	if err != nil {
		return nil, err
	}
	out := []client.Repository{}
	for _, c := range all {
		out = append(out, client.Repository{Folder: c.Folder, URL: c.Repo, Branch: c.Branch, Base: c.Base})
	}
	if row.State != store.Running {
		return out, nil
	}
	if len(all) == 0 { // somebody may have made one of it
		out = append(out, client.Repository{})
	}
	folders, began := []string{}, map[string]string{}
	for _, r := range out {
		folders = append(folders, r.Folder)
		if began[r.Folder], err = s.began(ctx, row, r.Folder); err != nil {
			return nil, err
		}
	}
	found, err := s.changes.Repos(ctx, row.ID, base, folders, began)
	if err != nil {
		return nil, err
	}
	for i, f := range found {
		if i == len(out) {
			out = append(out, client.Repository{Folder: f.Folder})
		}
		r := &out[i]
		if r.Files, r.Ahead, r.Counted = f.Files, f.Ahead, f.Counted; f.Counted {
			r.Branch = f.Branch
		}
	}
	if len(all) == 0 && !out[0].Counted {
		out = out[1:]
	}
	return out, nil
}
