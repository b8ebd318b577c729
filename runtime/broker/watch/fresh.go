package watch

import (
	"context"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"volundr/runtime/broker/wire"
)

// A file may be renamed in two steps: written under its new name, and removed
// under the old one when that was told. Within freshFor it is a rename all the
// same.
const (
	freshFor = 10 * 60 // seconds
	maxFresh = 4 << 20 // bytes of paths; of more, the latest
)

// fresh are the files that one look told as created.
type fresh struct {
	At    int64    `json:"at"` // unix seconds
	Paths []string `json:"paths"`
}

// twoSteps makes renames of files that went and whose content, as git compares
// it, stands in one that is fresh. Such a rename replaces what was told of that
// one: it holds all that lies between the two.
func (m *memory) twoSteps(ctx context.Context, changes []wire.FileChange, before, now string, at int64) []wire.FileChange {
	there, gone := m.freshPaths(at), map[string]bool{}
	for _, c := range changes {
		if c.Action == "deleted" {
			gone[c.Path] = true
		}
		if c.Action != "modified" {
			delete(there, c.Path)
			delete(there, c.From)
		}
	}
	if len(gone) > 0 && len(there) > 0 {
		if pairs, err := m.pairs(ctx, before, gone, now, there); err == nil { // else they are told as they are
			changes = paired(changes, pairs)
		}
	}
	m.remember(changes, at)
	return changes
}

// freshPaths are the files that were created lately.
func (m *memory) freshPaths(at int64) map[string]bool {
	m.told.Fresh = slices.DeleteFunc(m.told.Fresh, func(f fresh) bool { return f.At < at-freshFor || f.At > at })
	paths := map[string]bool{}
	for _, f := range m.told.Fresh {
		for _, p := range f.Paths {
			paths[p] = true
		}
	}
	return paths
}

// pairs finds which of the files that are there are those that are gone: git
// compares two trees that hold nothing else.
func (m *memory) pairs(ctx context.Context, before string, gone map[string]bool, now string, there map[string]bool) ([]wire.FileChange, error) {
	from, err := m.part(ctx, before, gone)
	if err != nil {
		return nil, err
	}
	to, err := m.part(ctx, now, there)
	if err != nil {
		return nil, err
	}
	out, err := m.git.run(ctx, nil, "diff-tree", "-r", "-z", "--raw", "--numstat", "-M", "-l400", "--no-rename-empty", "--diff-filter=R",
		"--no-ext-diff", "--no-textconv", "--ignore-submodules=all", from, to)
	if err != nil {
		return nil, err
	}
	return parseDiff(out)
}

// part makes a tree of some files of another.
func (m *memory) part(ctx context.Context, tree string, paths map[string]bool) (string, error) {
	out, err := m.git.run(ctx, nil, "ls-tree", "-r", "-z", tree)
	if err != nil {
		return "", err
	}
	list := slices.DeleteFunc(fields(out), func(line string) bool {
		_, path, _ := strings.Cut(line, "\t")
		return !paths[path]
	})
	index := filepath.Join(m.path, "git", "part")
	os.Remove(index)
	defer os.Remove(index)
	g := m.git
	g.env = append(m.own(), "GIT_INDEX_FILE="+index)
	if _, err := g.run(ctx, joined(list), "update-index", "-z", "--index-info"); err != nil {
		return "", err
	}
	return written(ctx, g)
}

// paired puts renames in the place of what was found of their files.
func paired(changes, pairs []wire.FileChange) []wire.FileChange {
	told := map[string]bool{}
	for _, p := range pairs {
		told[p.Path], told[p.From] = true, true
	}
	return append(slices.DeleteFunc(changes, func(c wire.FileChange) bool { return told[c.Path] }), pairs...)
}

// remember notes which files are fresh after the changes.
func (m *memory) remember(changes []wire.FileChange, at int64) {
	was, over, now := m.freshPaths(at), map[string]bool{}, fresh{At: at}
	for _, c := range changes {
		if c.Action == "modified" {
			continue
		}
		over[c.Path], over[c.From] = true, true
		if c.Action == "created" || c.Action == "renamed" && was[c.From] {
			now.Paths = append(now.Paths, c.Path)
		}
	}
	for i, f := range m.told.Fresh {
		m.told.Fresh[i].Paths = slices.DeleteFunc(f.Paths, func(p string) bool { return over[p] })
	}
	m.told.Fresh = append(m.told.Fresh, now)
	size := 0
	for i, f := range slices.Backward(m.told.Fresh) {
		for _, p := range f.Paths {
			size += len(p)
		}
		if size > maxFresh {
			m.told.Fresh[i].Paths = nil
		}
	}
	m.told.Fresh = slices.DeleteFunc(m.told.Fresh, func(f fresh) bool { return len(f.Paths) == 0 })
}
