package chronicle

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"volundr/runtime/broker/wire"
	"volundr/store"
)

const (
	endTimeout = 5 * time.Second // of reading the journal to its end
	gitTimeout = 5 * time.Second // of one question to git
)

// End ends a run politely, before its containers are stopped: the agent's last
// turn, what was not committed, the journal read to its end, the snapshot. What
// cannot be done is left out; doing it again does nothing twice.
func (c *Chronicles) End(ctx context.Context, s store.Session) error {
	err := c.lastTurn(ctx, s)
	if ctx.Err() != nil {
		return ctx.Err()
	}
	if s.Failure == nil && s.Want != store.WantGone {
		err = errors.Join(err, c.surveyed(ctx, s))
	}
	if c.Options.End == nil || ctx.Err() != nil {
		return err
	}
	// The snapshot comes last: no turn is under way then, and the agent has
	// written down what it knows.
	return errors.Join(err, c.endRun(ctx, s.ID), c.snapshot(ctx, s))
}

func (c *Chronicles) endRun(ctx context.Context, id string) error {
	ctx, cancel := context.WithTimeout(ctx, endTimeout)
	defer cancel()
	return c.Options.End(ctx, id)
}

// Met notes where the workspace stands when a session first answers in its run.
// Called again it does nothing.
func (c *Chronicles) Met(ctx context.Context, s store.Session) error {
	row, err := c.db.ChronicleOfRun(ctx, s.ID, s.Run)
	if err != nil || row.BaseCommit != "" {
		return err
	}
	head, err := c.head(ctx, s.ID)
	if err != nil || head == "" {
		return err
	}
	return c.db.SetCommits(ctx, row.ID, head, "")
}

// surveyed notes the last commit and what is not committed.
func (c *Chronicles) surveyed(ctx context.Context, s store.Session) error {
	row, err := c.db.ChronicleOfRun(ctx, s.ID, s.Run)
	if err != nil {
		return err
	}
	head, err := c.head(ctx, s.ID)
	if err != nil {
		return err
	}
	if err := c.db.SetCommits(ctx, row.ID, "", head); err != nil {
		return err
	}
	out, err := c.git(ctx, s.ID, "status", "--porcelain=v1", "-z", "--untracked-files=all")
	if err != nil {
		return err
	}
	return c.db.AppendTimeline(ctx, s.ID, s.Run, c.dirty(s.Run, out, time.Now().UTC()))
}

// head is the commit that the workspace's repository stands at; empty: none.
func (c *Chronicles) head(ctx context.Context, id string) (string, error) {
	out, err := c.git(ctx, id, "rev-parse", "--verify", "--quiet", "HEAD")
	hash := strings.TrimSpace(string(out))
	if strings.Trim(hash, "0123456789abcdef") != "" || len(hash) > 64 {
		hash = "" // not what git says
	}
	return hash, err
}

// git asks the session's own git, as the agent's user; nothing where that is no
// repository.
func (c *Chronicles) git(ctx context.Context, id string, args ...string) ([]byte, error) {
	if c.Run == nil {
		return nil, nil
	}
	ctx, cancel := context.WithTimeout(ctx, gitTimeout)
	defer cancel()
	res, err := c.Run(ctx, id, wire.Command{Argv: append([]string{"git", "-c", "core.fsmonitor=false"}, args...),
		Env: []string{"GIT_OPTIONAL_LOCKS=0"}, TimeoutMS: int(gitTimeout.Milliseconds()), Limit: 256 << 10})
	if err != nil || res.Exit != 0 {
		return nil, err
	}
	return res.Stdout, nil
}

// maxDirty is how many files that were not committed are listed.
const maxDirty = 200

// dirty is the row of what was not committed.
func (c *Chronicles) dirty(run int, status []byte, at time.Time) store.TimelineEvent {
	var files []string
	n := 0
	entries := bytes.Split(bytes.TrimSuffix(status, []byte{0}), []byte{0})
	for i := 0; i < len(entries); i++ {
		e := entries[i]
		if len(e) < 4 {
			continue
		}
		if n++; len(files) < maxDirty {
			files = append(files, c.Redact(plain(string(e[3:]), 1000)))
		}
		if e[0] == 'R' || e[0] == 'C' {
			i++ // its old name
		}
	}
	head := "Everything is committed"
	if n > 0 {
		head = fmt.Sprintf("Not committed: %s", plural(n, "file"))
	}
	return row(run, "dirty", at, TypeGit, head, strings.Join(files, "\n"), Data{Kind: KindDirty, Files: files, More: n - len(files)})
}
