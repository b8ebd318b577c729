package launch

import (
	"context"

	"volundr/daemon/source"
	"volundr/runtime/broker/wire"
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
	for i, c := range src.Layout() {
		remote, err := source.Parse(c.Repo)
		if err != nil {
			return wrong(c.Repo, "value_error", err.Error(), src.loc(i, "repo")...)
		}
		s := &b.config.Source
		if i == 0 {
			s.Folder, s.Remote, s.URL, s.Branch, s.Base, s.Archive = c.Folder, remote.Key(), c.Repo, c.Branch, c.Base, src.Type == source.LocalCopy
			continue
		}
		s.Additional = append(s.Additional, wire.Checkout{Folder: c.Folder, Remote: remote.Key(), URL: c.Repo, Branch: c.Branch, Base: c.Base})
	}
	return nil
}
