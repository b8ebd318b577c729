package sandbox

import (
	"cmp"
	"errors"
	"io"
	"io/fs"
	"net/http"
	"path"
	"slices"
	"unicode/utf8"

	"volundr/runtime/broker/wire"
)

// errFull ends a walk that has seen enough.
var errFull = errors.New("that is enough")

func (s *Sandbox) serveList(w http.ResponseWriter, req *http.Request) {
	dir, err := directory(req.FormValue("path"))
	if err != nil {
		fail(w, err)
		return
	}
	l := wire.SandboxListing{Entries: []wire.SandboxEntry{}}
	err = s.walk(dir, req.FormValue("recursive") == "1", func(e wire.SandboxEntry) error {
		if len(l.Entries) == wire.MaxListing {
			l.Truncated = true
			return errFull
		}
		l.Entries = append(l.Entries, e)
		return nil
	})
	if err != nil && !errors.Is(err, errFull) {
		fail(w, err)
		return
	}
	slices.SortFunc(l.Entries, func(a, b wire.SandboxEntry) int { return cmp.Compare(a.Path, b.Path) })
	answer(w, http.StatusOK, l)
}

// walk shows what lies in a directory, each directory before what it holds.
// What vanishes meanwhile is left out, and so is what cannot be opened further
// down.
func (s *Sandbox) walk(dir string, deep bool, see func(wire.SandboxEntry) error) error {
	if info, err := s.root.Stat(dir); err != nil {
		return err
	} else if !info.IsDir() {
		return errors.Join(errKind, errors.New("it is not a directory"))
	}
	for todo := []string{dir}; len(todo) > 0; {
		here := todo[len(todo)-1]
		todo = todo[:len(todo)-1]
		f, err := s.openDir(here)
		if err != nil {
			if here == dir {
				return err
			}
			continue
		}
		for {
			list, err := f.ReadDir(256)
			for _, d := range list {
				e, ok := s.entry(path.Join(here, d.Name()))
				if !ok {
					continue
				}
				if err := see(e); err != nil {
					f.Close()
					return err
				}
				if deep && e.Kind == wire.EntryIsDirectory {
					todo = append(todo, e.Path)
				}
			}
			if err != nil || len(list) == 0 {
				if err != nil && !errors.Is(err, io.EOF) && here == dir {
					f.Close()
					return err
				}
				break
			}
		}
		f.Close()
	}
	return nil
}

// openDir opens a directory, one without the right to be read too.
func (s *Sandbox) openDir(name string) (fs.ReadDirFile, error) {
	f, err := s.openPlain(name)
	if errors.Is(err, fs.ErrPermission) && name != "." {
		if info, lerr := s.root.Lstat(name); lerr == nil && info.IsDir() && s.root.Chmod(name, info.Mode().Perm()|0o700) == nil {
			f, err = s.openPlain(name)
		}
	}
	if err != nil {
		return nil, err
	}
	return f, nil
}

// entry looks at a name. One that is not UTF-8 is shown as far as it is, with
// kind other: it cannot be asked for.
func (s *Sandbox) entry(name string) (e wire.SandboxEntry, ok bool) {
	info, err := s.root.Lstat(name)
	if err != nil {
		return e, false
	}
	e = wire.SandboxEntry{Path: name, Kind: wire.EntryIsOther, Size: info.Size(), MTimeMS: info.ModTime().UnixMilli(), Mode: uint32(info.Mode().Perm())}
	switch t := info.Mode().Type(); {
	case !utf8.ValidString(name):
	case t == 0:
		e.Kind = wire.EntryIsFile
	case t == fs.ModeDir:
		e.Kind = wire.EntryIsDirectory
	case t == fs.ModeSymlink:
		e.Kind = wire.EntryIsSymlink
		e.Target, _ = s.root.Readlink(name)
	}
	return e, true
}
