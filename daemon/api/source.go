package api

import (
	"context"
	"errors"
	"net/http"

	"github.com/labstack/echo/v4"
	"golang.org/x/sync/errgroup"

	"volundr/daemon/launch"
	"volundr/daemon/source"
	"volundr/store"
)

// checkSource looks whether the workspace of a session called name can be made
// before anything is stored: a wrong URL or branch is told at once, beside the
// field. Where no branch is named the session gets one of its own.
func (s *server) checkSource(ctx context.Context, p store.Principal, name string, src *launch.Source) error {
	switch src.Type {
	case source.Git:
		*src = src.Settle()
		return s.checkRepos(ctx, p, name, src)
	case source.LocalCopy:
		if err := s.Sources.CheckFolder(ctx, src.LocalPath); err != nil {
			return unfit(err, *src)
		}
	}
	return nil
}

// remotesAtOnce are asked for one session.
const remotesAtOnce = 4

// checkRepos asks the remotes of a session, and writes the branches that it gets
// of its own into src. Of what is wrong the first is told.
func (s *server) checkRepos(ctx context.Context, p store.Principal, name string, src *launch.Source) error {
	all := src.Layout()
	byRepo := map[string][]int{} // the checkouts of one take turns: each has a branch of its own
	for i, c := range all {
		byRepo[plainRepo(c.Repo)] = append(byRepo[plainRepo(c.Repo)], i)
	}
	failed := make([]error, len(all))
	var asking errgroup.Group
	asking.SetLimit(remotesAtOnce)
	for _, checkouts := range byRepo {
		asking.Go(func() error {
			var taken []string
			for _, i := range checkouts {
				c := &all[i]
				if failed[i] = s.checkRepo(ctx, p, name, c, taken); c.Branch != "" {
					taken = append(taken, c.Branch)
				}
			}
			return nil
		})
	}
	asking.Wait() // what failed stands by its place
	for i, err := range failed {
		var check *source.CheckError
		if i > 0 && errors.As(err, &check) {
			err = src.Wrong(i, check.Field, check.Msg)
		}
		if err != nil {
			return unfit(err, *src)
		}
		if c := all[i]; i == 0 {
			src.Branch, src.BaseBranch = c.Branch, c.Base
		} else {
			src.Additional[i-1].Branch, src.Additional[i-1].BaseBranch = c.Branch, c.Base
		}
	}
	return nil
}

// checkRepo asks one of them. Where no branch is named it gets one of its own.
func (s *server) checkRepo(ctx context.Context, p store.Principal, name string, c *source.Checkout, taken []string) error {
	if c.Branch == "" {
		branch, base, err := s.Sources.OwnBranch(ctx, p, c.Repo, name, c.Base, taken...)
		if err != nil {
			return err
		}
		if branch != "" {
			c.Branch, c.Base = branch, base
			return nil
		}
	}
	return s.Sources.Check(ctx, p, c.Repo, c.Branch, c.Base)
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
