package api

import (
	"context"
	"net/http"

	"volundr/daemon/launch"
	"volundr/daemon/source"
)

// checkSource looks whether the workspace can be made before anything is
// stored: a wrong URL or branch is told at once, beside the field.
func (s *server) checkSource(ctx context.Context, src launch.Source) error {
	switch src.Type {
	case source.Git:
		if src.Repo == "" {
			return nil
		}
		if err := s.Sources.Check(ctx, src.Repo, src.Branch, src.BaseBranch); err != nil {
			return fail(http.StatusUnprocessableEntity, "Repository validation failed for '%s': %s", src.Repo, err)
		}
	case source.LocalCopy:
		if err := s.Sources.CheckFolder(ctx, src.LocalPath); err != nil {
			return fail(http.StatusUnprocessableEntity, "%s", err)
		}
	}
	return nil
}
