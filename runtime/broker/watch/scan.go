package watch

import (
	"context"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"volundr/runtime/broker/wire"
)

// maxAsked is how many paths are looked at one by one.
const maxAsked = 400

// scan finds what changed among the paths (relative; folders stand for all in
// them), or everywhere when there are none, and remembers it as told. quiet
// are those of the paths that git ignores.
func (m *memory) scan(ctx context.Context, paths []string) (changes []wire.FileChange, quiet []string, err error) {
	args := []string{"ls-files", "-z", "-m", "-d", "-o", "--exclude-standard"}
	if len(paths) == 0 || len(paths) > maxAsked {
		paths = nil
		// Files that were written again as they were are not read each time.
		m.git.run(ctx, nil, "update-index", "-q", "--refresh")
	} else {
		args = append(append(args, "--"), paths...)
	}
	out, err := m.git.run(ctx, nil, args...)
	if err != nil {
		return nil, nil, err
	}
	found := fields(out)
	slices.Sort(found)
	found = slices.Compact(found)
	if len(paths) > 0 && len(found) < len(paths) {
		quiet = m.ignored(ctx, paths, found)
	}
	changes, list := m.sort(found, paths)
	if len(list) == 0 && !m.ahead {
		return changes, quiet, nil
	}
	m.ahead = true
	args = []string{"update-index", "-z", "--add", "--remove", "--replace", "--stdin"}
	if len(list) > 256 {
		args = append([]string{"-c", "core.bigFileThreshold=1"}, args...) // into one pack
	}
	if _, err := m.git.run(ctx, joined(list), args...); err != nil {
		return nil, nil, err
	}
	tree, err := m.tree(ctx)
	if err != nil {
		return nil, nil, err
	}
	more, err := m.diff(ctx, m.told.Tree, tree)
	if err != nil {
		return nil, nil, err
	}
	more = m.twoSteps(ctx, more, m.told.Tree, tree, time.Now().Unix())
	m.told.Tree, m.ahead = tree, false
	return append(changes, more...), quiet, nil
}

// sort tells apart what git is to remember and what is too long for that.
func (m *memory) sort(found, paths []string) (changes []wire.FileChange, list []string) {
	told := func(path, action string) {
		changes = append(changes, wire.FileChange{Path: path, Action: action, Binary: true})
	}
	for path := range m.told.Long {
		if _, err := os.Lstat(filepath.Join(m.git.dir, path)); err != nil && under(path, paths) {
			delete(m.told.Long, path)
			if !slices.Contains(found, path) { // else git knew it when it was short
				told(path, "deleted")
			}
		}
	}
	for _, path := range found {
		if path == "" || strings.HasSuffix(path, "/") {
			continue // a repository within
		}
		full := filepath.Join(m.git.dir, path)
		st, err := os.Lstat(full)
		switch {
		case err != nil || !st.Mode().IsRegular():
			list = append(list, path)
		case unix.Access(full, unix.R_OK) != nil: // it would stop git
		case st.Size() > maxContent || m.told.Stored+st.Size()-m.told.Base > maxStored:
			now := long{st.Size(), st.ModTime().UnixNano()}
			old, known := m.told.Long[path]
			if !known && len(m.told.Long) >= maxLong || known && old == now {
				continue
			}
			m.told.Long[path] = now
			if known {
				told(path, "modified")
			} else {
				told(path, m.before(path))
			}
		default:
			m.told.Stored += st.Size()
			delete(m.told.Long, path)
			list = append(list, path)
		}
	}
	return changes, list
}

// before says what a long file is that was not known as one.
func (m *memory) before(path string) string {
	if out, err := m.git.run(context.Background(), nil, "ls-files", "-z", "--", path); err == nil && len(out) > 0 {
		return "modified"
	}
	return "created"
}

// ignored gives those of the paths that are there and that git ignores.
func (m *memory) ignored(ctx context.Context, paths, found []string) []string {
	var ask []string
	for _, p := range paths {
		if _, ok := slices.BinarySearch(found, p); ok {
			continue
		}
		if st, err := os.Lstat(filepath.Join(m.git.dir, p)); err == nil && !st.IsDir() {
			ask = append(ask, p)
		}
	}
	if len(ask) == 0 {
		return nil
	}
	out, _ := m.git.run(ctx, joined(ask), "check-ignore", "-z", "--stdin")
	return fields(out)
}

// under reports whether a path is among the paths, or in one of them. None
// stand for all.
func under(path string, paths []string) bool {
	return len(paths) == 0 || slices.ContainsFunc(paths, func(p string) bool {
		return path == p || strings.HasPrefix(path, p+"/")
	})
}
