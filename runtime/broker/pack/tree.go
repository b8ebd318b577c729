package pack

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"slices"
	"strings"
)

// Tree is what lies in a folder.
type Tree struct {
	Dir string
	// Git leaves out what git ignores, by the rules of each repository that
	// stands in the tree, and git's lock files: they are stale, or belong to a
	// process that will not be there where the pack is unpacked, and would block
	// git for ever.
	Git     bool
	Include []string // taken though git ignores it: a file, or a folder with all in it
	Without []string // names at the top that are left out
	// Whole makes what cannot be read an error instead of a note.
	Whole bool
}

// Open opens the content of a file of a tree. It is asked at most once, and
// what it gives is closed.
type Open func() (*os.File, error)

// Walk visits the tree in the order of Before. info is what the file system
// says of the entry. Files that go while it walks are left out; links are never
// followed. The notes say what was left out, for people.
func (t Tree) Walk(ctx context.Context, visit func(e Entry, info fs.FileInfo, open Open) error) ([]string, error) {
	top, err := os.OpenRoot(t.Dir)
	if err != nil {
		return nil, err
	}
	defer top.Close()
	w := &walker{tree: t, ctx: ctx, visit: visit, ignored: map[string]bool{}, hollow: map[string]bool{}}
	info, err := top.Lstat(".")
	if err == nil {
		err = visit(Entry{Path: ".", Mode: fs.ModeDir | info.Mode()&kept, ModTime: info.ModTime()}, info, nil)
	}
	if err == nil {
		err = w.folder(top, ".", false, 0)
	}
	return w.notes.all(), err
}

type walker struct {
	tree    Tree
	ctx     context.Context
	visit   func(Entry, fs.FileInfo, Open) error
	ignored map[string]bool // by git, as paths of the tree
	hollow  map[string]bool // of these, folders that only hold what git ignores
	notes   notes
}

// folder visits what is in the folder that root is, whose path is at.
func (w *walker) folder(root *os.Root, at string, ignored bool, depth int) error {
	if err := w.ctx.Err(); err != nil {
		return err
	}
	if depth > maxDepth {
		return w.skip(at, fmt.Errorf("more than %d folders in one another", maxDepth))
	}
	dir, err := root.Open(".")
	if err != nil {
		return w.skip(at, err)
	}
	names, err := dir.Readdirnames(-1)
	dir.Close()
	if err != nil {
		return w.skip(at, err)
	}
	slices.Sort(names)
	if w.tree.Git && !ignored && slices.Contains(names, ".git") && !inGit(at) {
		if err := w.ask(at); err != nil {
			w.notes.add("%s: what git ignores is taken too, because git says: %v", at, err)
		}
	}
	for _, name := range names {
		if at == "." && slices.Contains(w.tree.Without, name) {
			continue
		}
		if err := w.one(root, path.Join(at, name), name, ignored, depth); err != nil {
			return err
		}
	}
	return nil
}

func (w *walker) one(root *os.Root, at, name string, ignored bool, depth int) error {
	info, err := root.Lstat(name)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return w.skip(at, err)
	}
	ignored = ignored || w.ignored[at]
	if ignored {
		in, below := w.included(at)
		stays := w.hollow[at] || (w.hollow[path.Dir(at)] && name == ".git")
		if !in && !stays && !(below && info.IsDir()) {
			return nil
		}
		ignored = !in && name != ".git"
	}
	e := Entry{Path: at, Mode: info.Mode().Type() | info.Mode()&kept, ModTime: info.ModTime()}
	switch {
	case info.IsDir():
		sub, undo, err := folder(root, name, info)
		if err != nil {
			return w.skip(at, err)
		}
		defer undo()
		defer sub.Close()
		if err := w.visit(e, info, nil); err != nil {
			return err
		}
		return w.folder(sub, at, ignored, depth+1)
	case info.Mode().IsRegular():
		if w.tree.Git && inGit(at) && strings.HasSuffix(name, ".lock") && !strings.Contains(at, "/hooks/") {
			return nil
		}
		e.Size = info.Size()
		return w.file(root, name, e, info)
	case e.Mode.Type() == fs.ModeSymlink:
		if e.Link, err = root.Readlink(name); err != nil {
			return w.skip(at, err)
		}
		return w.visit(e, info, nil)
	}
	w.notes.add("%s: neither file, folder nor link", at)
	return nil
}

// errGone is a file that is not any more what it was when it was looked at.
var errGone = errors.New("it changed while it was read")

func (w *walker) file(root *os.Root, name string, e Entry, info fs.FileInfo) error {
	var failed error
	err := w.visit(e, info, func() (*os.File, error) {
		f, err := file(root, name, info)
		failed = err
		return f, err
	})
	if failed != nil && errors.Is(err, failed) {
		if errors.Is(failed, fs.ErrNotExist) && !w.tree.Whole {
			return nil
		}
		return w.skip(e.Path, failed)
	}
	return err
}

func (w *walker) skip(at string, why error) error {
	if w.tree.Whole {
		return fmt.Errorf("%s cannot be read: %w", at, why)
	}
	if !errors.Is(why, fs.ErrNotExist) {
		w.notes.add("%s: left out: %v", at, why)
	}
	return nil
}

// included reports whether a path was asked for, and whether one below it was.
func (w *walker) included(at string) (in, below bool) {
	for _, i := range w.tree.Include {
		i = path.Clean(strings.TrimPrefix(i, "/"))
		match, _ := path.Match(i, at)
		in = in || match || i == at || strings.HasPrefix(at, i+"/")
		below = below || strings.HasPrefix(i, at+"/")
	}
	return in, below
}

func inGit(at string) bool { return strings.Contains("/"+at+"/", "/.git/") }

// file opens a file that info told of. One that its owner may not read is made
// readable for that moment.
func file(root *os.Root, name string, info fs.FileInfo) (*os.File, error) {
	const flags = os.O_RDONLY | nonblock // a pipe that took the file's place holds nobody up
	f, err := root.OpenFile(name, flags, 0)
	if errors.Is(err, fs.ErrPermission) && root.Chmod(name, info.Mode()|0o400) == nil {
		f, err = root.OpenFile(name, flags, 0)
		root.Chmod(name, info.Mode())
	}
	if err != nil {
		return nil, err
	}
	if now, err := f.Stat(); err != nil || !os.SameFile(info, now) {
		f.Close()
		return nil, errGone
	}
	return f, nil
}

// folder opens a folder that info told of; undo gives it its mode back.
func folder(root *os.Root, name string, info fs.FileInfo) (sub *os.Root, undo func(), err error) {
	undo = func() {}
	if info.Mode()&0o500 != 0o500 && root.Chmod(name, info.Mode()|0o500) == nil {
		undo = func() { root.Chmod(name, info.Mode()) }
	}
	if sub, err = root.OpenRoot(name); err != nil {
		undo()
		return nil, nil, err
	}
	if now, err := sub.Stat("."); err != nil || !os.SameFile(info, now) {
		sub.Close()
		undo()
		return nil, nil, errGone
	}
	return sub, undo, nil
}

// Write packs the tree.
func (t Tree) Write(ctx context.Context, out io.Writer, l Limits) (Sum, error) {
	w, err := NewWriter(out, l)
	if err != nil {
		return Sum{}, err
	}
	var changed notes
	told, err := t.Walk(ctx, func(e Entry, _ fs.FileInfo, open Open) error {
		if open == nil {
			_, err := w.Add(e, nil)
			return err
		}
		f, err := open()
		if err != nil {
			return err
		}
		defer f.Close()
		if now, err := f.Stat(); err == nil {
			e.Size, e.ModTime = now.Size(), now.ModTime()
		}
		short, err := w.Add(e, f)
		if short {
			changed.add("%s: was being written", e.Path)
		}
		return err
	})
	if err == nil && t.Whole && len(changed.all()) > 0 {
		err = errors.New(changed.list[0])
	}
	if err != nil {
		return w.sum, err
	}
	sum, err := w.Close()
	sum.Notes = append(told, changed.all()...)
	return sum, err
}
