package watch

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"volundr/runtime/broker/wire"
)

var errDiff = errors.New("git's difference cannot be read")

// diff is what lies between two trees, with lines.
func (m *memory) diff(ctx context.Context, from, to string) ([]wire.FileChange, error) {
	if from == to {
		return nil, nil
	}
	out, err := m.git.run(ctx, nil, "diff-tree", "-r", "-z", "--raw", "--numstat", "-M", "-l400",
		"--no-ext-diff", "--no-textconv", "--ignore-submodules=all", from, to)
	if err != nil { // a content went with its repository: without lines then
		out, err = m.git.run(ctx, nil, "diff-tree", "-r", "-z", "--raw", "--ignore-submodules=all", from, to)
	}
	if err != nil {
		return nil, err
	}
	return parseDiff(out)
}

// parseDiff reads -z --raw --numstat: for each file ":modes ids status", its
// path or two; then for each "ins TAB del TAB path", where a renamed file's
// path is empty and two follow.
func parseDiff(out []byte) ([]wire.FileChange, error) {
	var changes []wire.FileChange
	at := map[string]int{}
	rest := fields(out)
	next := func() (s string) {
		if len(rest) > 0 {
			s, rest = rest[0], rest[1:]
		}
		return s
	}
	for len(rest) > 0 {
		head := next()
		if raw, ok := strings.CutPrefix(head, ":"); ok {
			f := strings.Fields(raw)
			if len(f) != 5 {
				return nil, fmt.Errorf("%w: %q", errDiff, head)
			}
			c := wire.FileChange{Action: "modified", Path: next()}
			switch f[4][0] {
			case 'A':
				c.Action = "created"
			case 'D':
				c.Action = "deleted"
			case 'R':
				c.Action, c.From, c.Path = "renamed", c.Path, next()
			}
			if f[0] == "160000" || f[1] == "160000" {
				continue // a repository within speaks for itself
			}
			at[c.Path] = len(changes)
			changes = append(changes, c)
			continue
		}
		ins, more, ok := strings.Cut(head, "\t")
		del, path, tab := strings.Cut(more, "\t")
		if !ok || !tab {
			return nil, fmt.Errorf("%w: %q", errDiff, head)
		}
		if path == "" {
			next()
			path = next()
		}
		i, known := at[path]
		if !known {
			continue
		}
		c := &changes[i]
		c.Ins, _ = strconv.Atoi(ins)
		c.Del, _ = strconv.Atoi(del)
		c.Binary = ins == "-"
	}
	return changes, nil
}
