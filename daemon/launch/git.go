package launch

import (
	"context"

	"volundr/daemon/source"
	"volundr/runtime/broker/wire"
)

// git: where the workspace comes from and who commits in it. A live folder is
// there already and needs no remote.
func (l *Launcher) git(ctx context.Context, b *build) error {
	src := b.request.Source
	b.config.Source.UserName, b.config.Source.UserEmail = l.Source.Identity(ctx)
	repo := src.Repo
	if src.Type == source.LocalCopy {
		repo = src.LocalPath // its origin: work comes back as branches of the original
	}
	if src.Type == source.LocalMount || repo == "" {
		return nil
	}
	remote, err := source.Parse(repo)
	if err != nil {
		return wrong(repo, "value_error", err.Error(), "source", src.Type, "repo")
	}
	b.config.Source = wire.Source{Remote: remote.Key(), URL: repo, Branch: src.Branch, Base: src.BaseBranch,
		Archive: src.Type == source.LocalCopy, UserName: b.config.Source.UserName, UserEmail: b.config.Source.UserEmail}
	return nil
}
