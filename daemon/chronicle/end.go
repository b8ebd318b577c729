package chronicle

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"path"
	"strings"
	"time"

	"volundr/runtime"
	"volundr/runtime/broker/wire"
	"volundr/store"
)

const (
	endTimeout    = 5 * time.Second  // of reading the journal to its end
	gitTimeout    = 5 * time.Second  // of one question to git
	toAnswer      = 2 * time.Second  // beyond it: that it took too long is an answer
	surveyTimeout = 30 * time.Second // of all questions at the end of a run
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

// git asks the session's own git, as the agent's user. Where there is no
// repository its exit code is not 0.
func (c *Chronicles) git(ctx context.Context, id, folder string, args ...string) (wire.RunResult, error) {
	if c.Run == nil {
		return wire.RunResult{Exit: 128}, nil
	}
	ctx, cancel := context.WithTimeout(ctx, gitTimeout+toAnswer)
	defer cancel()
	argv := []string{"git", "-c", "core.fsmonitor=false", "-C", path.Join(runtime.PathWorkspace, folder)}
	return c.Run(ctx, id, wire.Command{Argv: append(argv, args...),
		Env: []string{"GIT_OPTIONAL_LOCKS=0"}, TimeoutMS: int(gitTimeout.Milliseconds()), Limit: 256 << 10})
}

// maxDirty is how many files that were not committed are listed.
const maxDirty = 200

// uncommitted are the files of a status by their names now.
func uncommitted(status []byte) (files []string) {
	entries := bytes.Split(bytes.TrimSuffix(status, []byte{0}), []byte{0})
	for i := 0; i < len(entries); i++ {
		e := entries[i]
		if len(e) < 4 {
			continue
		}
		files = append(files, string(e[3:]))
		if e[0] == 'R' || e[0] == 'C' {
			i++ // its old name
		}
	}
	return files
}

// dirty is the row of what was not committed.
func dirty(run int, open []string, at time.Time, clean func(string) string) store.TimelineEvent {
	var files []string
	for _, f := range open[:min(len(open), maxDirty)] {
		files = append(files, clean(plain(f, 1000)))
	}
	head := "Everything is committed"
	if len(open) > 0 {
		head = fmt.Sprintf("Not committed: %s", plural(len(open), "file"))
	}
	return row(run, "dirty", at, TypeGit, head, strings.Join(files, "\n"), Data{Kind: KindDirty, Files: files, More: len(open) - len(files)})
}
