package launch

import (
	"context"

	"volundr/daemon/source"
)

// git: where the workspace comes from and who commits in it. A live folder is
// there already and needs no remote. A reforged session unpacks what the one
// before left, and knows its origin all the same.
func (l *Launcher) git(ctx context.Context, b *build) error {
	src := b.request.Source
	b.config.Source.UserName, b.config.Source.UserEmail = l.Source.Identity(ctx)
	if from := b.request.From; from != nil {
		b.config.Source.Workspace, b.config.Source.Context = from.Workspace, from.Context
	}
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
	s := &b.config.Source
	s.Remote, s.URL, s.Branch, s.Base, s.Archive = remote.Key(), repo, src.Branch, src.BaseBranch, src.Type == source.LocalCopy
	return nil
}
