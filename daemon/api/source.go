package api

import (
	"context"
	"net/http"

	"github.com/labstack/echo/v4"

	"volundr/daemon/launch"
	"volundr/daemon/source"
	"volundr/store"
)

// checkSource looks whether the workspace of a session called name can be made
// before anything is stored: a wrong URL or branch is told at once, beside the
// field. Where no branch is named the session gets one of its own.
func (s *server) checkSource(ctx context.Context, p store.Principal, name string, src *launch.Source) error {
	var err error
	switch {
	case src.Type == source.Git && src.Repo != "" && src.Branch == "":
		var branch, base string
		if branch, base, err = s.Sources.OwnBranch(ctx, p, src.Repo, name, src.BaseBranch); branch != "" {
			src.Branch, src.BaseBranch = branch, base
		} else if err == nil {
			err = s.Sources.Check(ctx, p, src.Repo, "", src.BaseBranch)
		}
	case src.Type == source.Git && src.Repo != "":
		err = s.Sources.Check(ctx, p, src.Repo, src.Branch, src.BaseBranch)
	case src.Type == source.LocalCopy:
		err = s.Sources.CheckFolder(ctx, src.LocalPath)
	}
	if err != nil {
		return unfit(err, *src)
	}
	return nil
}

// checkMachine refuses folders and files of the daemon's machine to whom it is
// not: the daemon would read them for anybody.
func (s *server) checkMachine(c echo.Context, req launch.Request) error {
	if req.Source.Type != source.LocalCopy && req.Source.Type != source.LocalMount && len(req.Files) == 0 {
		return nil
	}
	owns, err := s.Auth.OwnsMachine(c.Request().Context(), principal(c))
	if err == nil && !owns {
		err = fail(http.StatusForbidden, "Folders and files of the daemon's machine are for its admins. Name a repository by its https address instead.")
	}
	return err
}
