package watch

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// found is what a walk came by.
type found struct {
	folders map[string]bool // absolute
	repos   []string        // folders of repositories within, absolute
	half    bool            // there is one that is not whole yet
}

// walk goes through the folders of a scope that git does not ignore, begins to
// watch each before it looks into it, and does not enter repositories within.
// Without a notifier it only looks for those.
func (s *scope) walk(ctx context.Context, n *notifier, from []string) (found, error) {
	f := found{folders: map[string]bool{}}
	var limit error
	for level := from; len(level) > 0 && ctx.Err() == nil; {
		var next []string
		for _, dir := range s.visible(ctx, level) {
			if dir != s.dir {
				if _, ok := findPlace(dir); ok {
					f.repos = append(f.repos, dir)
					continue
				}
			}
			if n != nil && limit == nil {
				limit = n.watch(dir, forWork)
			}
			f.folders[dir] = true
			if len(f.folders) > maxWatched {
				return f, errLimit
			}
			list, _ := os.ReadDir(dir) // what cannot be read is not looked into
			for _, e := range list {
				switch {
				case e.Name() == ".git":
					f.half = f.half || dir != s.dir || s.repo == nil
				case e.IsDir():
					next = append(next, filepath.Join(dir, e.Name()))
				}
			}
		}
		level = next
	}
	return f, errors.Join(limit, ctx.Err())
}

// visible leaves out the folders that git ignores.
func (s *scope) visible(ctx context.Context, dirs []string) []string {
	var ask []string
	for _, d := range dirs {
		if rel, err := filepath.Rel(s.dir, d); err == nil && rel != "." && !strings.HasPrefix(rel, "../") {
			ask = append(ask, rel+"/")
		}
	}
	if len(ask) == 0 {
		return dirs
	}
	out, _ := s.mem.git.run(ctx, joined(ask), "check-ignore", "-z", "--stdin")
	hidden := map[string]bool{}
	for _, rel := range fields(out) {
		hidden[filepath.Join(s.dir, rel)] = true
	}
	return slices.DeleteFunc(slices.Clone(dirs), func(d string) bool { return hidden[d] })
}
