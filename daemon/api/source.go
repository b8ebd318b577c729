package api

import (
	"context"

	"volundr/daemon/launch"
	"volundr/daemon/source"
)

// checkSource looks whether the workspace can be made before anything is
// stored: a wrong URL or branch is told at once, beside the field.
func (s *server) checkSource(ctx context.Context, src launch.Source) error {
	var err error
	switch {
	case src.Type == source.Git && src.Repo != "":
		err = s.Sources.Check(ctx, src.Repo, src.Branch, src.BaseBranch)
	case src.Type == source.LocalCopy:
		err = s.Sources.CheckFolder(ctx, src.LocalPath)
	}
	if err != nil {
		return unfit(err, src)
	}
	return nil
}
