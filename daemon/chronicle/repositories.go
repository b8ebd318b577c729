package chronicle

import (
	"context"
	"errors"
	"path"
	"strings"
	"time"

	"volundr/runtime/broker/wire"
	"volundr/store"
)

// repositories are those of a session that has several, as its chronicle keeps
// them.
func (c *Chronicles) repositories(ctx context.Context, s store.Session) ([]store.Repository, error) {
	if c.Repositories == nil {
		return nil, nil
	}
	all, err := c.Repositories(ctx, s.ID)
	if isNotFound(err) || err == nil && len(all) < 2 {
		return nil, nil
	}
	clean := c.Redact(s.Owner())
	for i := range all {
		all[i].Repo = clean(address(all[i].Repo))
	}
	return all, err
}

// beginning is how long after a session first answered its repositories still
// stand where its run began. Connections are made anew at any time later.
const beginning = time.Minute

// Met notes where the workspace stands when a session first answers in its run.
// Called again it does nothing.
func (c *Chronicles) Met(ctx context.Context, s store.Session) error {
	if !s.ReadyAt.IsZero() && time.Since(s.ReadyAt) > beginning {
		return nil
	}
	row, err := c.db.ChronicleOfRun(ctx, s.ID, s.Run)
	if err != nil {
		return err
	}
	var at []store.Repository
	var failed error // of one, which does not keep the others from being noted
	for _, r := range standing(row) {
		if r.BaseCommit != "" {
			continue
		}
		head, err := c.head(ctx, s.ID, r.Folder)
		if err != nil {
			failed = errors.Join(failed, err)
		}
		if head != "" {
			at = append(at, store.Repository{Folder: r.Folder, BaseCommit: head})
		}
	}
	return errors.Join(failed, c.stood(ctx, row, at))
}

// surveyed notes the last commits and what is not committed, as far as the
// repositories say it: that everything is committed is told when all of them do.
func (c *Chronicles) surveyed(ctx context.Context, s store.Session) error {
	row, err := c.db.ChronicleOfRun(ctx, s.ID, s.Run)
	if err != nil {
		return err
	}
	asking, cancel := context.WithTimeout(ctx, surveyTimeout)
	defer cancel()
	var at []store.Repository
	var open []string
	var failed error // of one, which does not hide the others
	asked, silent := false, false
	for _, r := range standing(row) {
		head, err := c.head(asking, s.ID, r.Folder)
		var res wire.RunResult
		if err == nil {
			at = append(at, store.Repository{Folder: r.Folder, FinalCommit: head})
			res, err = c.git(asking, s.ID, r.Folder, "status", "--porcelain=v1", "-z", "--untracked-files=all")
		}
		if err != nil {
			failed = errors.Join(failed, err)
		}
		if silent = silent || res.TimedOut || err != nil; err != nil || res.Exit != 0 {
			continue
		}
		asked = true
		for _, file := range uncommitted(res.Stdout) {
			open = append(open, path.Join(r.Folder, file))
		}
	}
	failed = errors.Join(failed, c.stood(ctx, row, at))
	if len(open) == 0 && (silent || !asked) {
		return failed
	}
	return errors.Join(failed, c.db.AppendTimeline(ctx, s.ID, s.Run, dirty(s.Run, open, time.Now().UTC(), c.Redact(s.Owner()))))
}

// standing are the repositories of a run's workspace; that of one that has not
// several is the workspace itself.
func standing(row store.Chronicle) []store.Repository {
	if len(row.Repositories) > 0 {
		return row.Repositories
	}
	return []store.Repository{{BaseCommit: row.BaseCommit, FinalCommit: row.FinalCommit}}
}

// stood notes where they stood.
func (c *Chronicles) stood(ctx context.Context, row store.Chronicle, at []store.Repository) error {
	switch {
	case len(at) == 0:
		return nil
	case len(row.Repositories) == 0:
		return c.db.SetCommits(ctx, row.ID, at[0].BaseCommit, at[0].FinalCommit)
	}
	return c.db.SetRepositories(ctx, row.ID, at...)
}

// lastCommits notes where the repositories stood in the end, as far as the
// timeline knows, of those for which that is not known.
func (c *Chronicles) lastCommits(ctx context.Context, row store.Chronicle, events []Event) error {
	var at []store.Repository
	for _, r := range standing(row) {
		if r.FinalCommit != "" {
			continue
		}
		hash := r.BaseCommit
		for _, e := range events {
			if e.Type == TypeGit && e.Repo == r.Folder && (e.Hash != "" || e.Commit != "" && e.Git != "push") {
				hash = or(e.Hash, e.Commit)
			}
		}
		at = append(at, store.Repository{Folder: r.Folder, FinalCommit: hash})
	}
	return c.stood(ctx, row, at)
}

// head is the commit that a repository of the workspace stands at; empty: none.
func (c *Chronicles) head(ctx context.Context, id, folder string) (string, error) {
	res, err := c.git(ctx, id, folder, "rev-parse", "--verify", "--quiet", "HEAD")
	hash := strings.TrimSpace(string(res.Stdout))
	if res.Exit != 0 || strings.Trim(hash, "0123456789abcdef") != "" || len(hash) > 64 {
		hash = "" // not what git says
	}
	return hash, err
}
