package pack

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
)

// Place is an empty folder that is filled all or nothing: a tree is made in a
// folder inside of it, marked whole, and its content moved. It may be killed at
// any point and begun again.
type Place struct{ Dir string }

// Staging is the folder in a Place that its tree is made in. With the file
// complete in it, all that is missing is to move the content.
const (
	Staging  = ".volundr-prepare"
	complete = "complete"
	tree     = "tree"
)

// State of a Place.
type State int

const (
	Fresh  State = iota // empty, or with a half-made tree
	Staged              // a made tree waits to be moved
	Taken               // somebody's work
)

func (p Place) stage() string { return filepath.Join(p.Dir, Staging) }

// Look says how far a Place is.
func (p Place) Look() (State, error) {
	if _, err := os.Lstat(filepath.Join(p.stage(), complete)); err == nil {
		return Staged, nil
	}
	list, err := os.ReadDir(p.Dir)
	if err != nil {
		return Taken, err
	}
	for _, e := range list {
		if e.Name() != Staging && e.Name() != "lost+found" {
			return Taken, nil
		}
	}
	return Fresh, nil
}

// Fill has a tree made in an empty folder by f and moved to the place. What f
// made is removed when it fails.
func (p Place) Fill(f func(dir string) error) error {
	if err := p.Clear(); err != nil {
		return err
	}
	dir := filepath.Join(p.stage(), tree)
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	if err := f(dir); err != nil {
		return errors.Join(err, p.Clear())
	}
	mark, err := os.Create(filepath.Join(p.stage(), complete))
	if err != nil {
		return err
	}
	if err := errors.Join(mark.Sync(), mark.Close()); err != nil {
		return err
	}
	return p.Move()
}

// Clear removes a half-made tree, or the empty rest of a move.
func (p Place) Clear() error { return Clear(p.stage()) }

// Move puts a made tree into the place; it may be repeated.
func (p Place) Move() error {
	from := filepath.Join(p.stage(), tree)
	list, err := os.ReadDir(from)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	for _, e := range list {
		if err := rename(filepath.Join(from, e.Name()), filepath.Join(p.Dir, e.Name())); err != nil {
			return err
		}
	}
	// The mark goes last: with it gone the rest would be taken for a half-made tree.
	if err := Clear(from); err != nil {
		return err
	}
	return Clear(p.stage())
}

// rename moves a folder although its own mode forbids it.
func rename(from, to string) error {
	info, err := os.Lstat(from)
	if err != nil {
		return err
	}
	if !info.IsDir() || info.Mode()&0o200 != 0 {
		return os.Rename(from, to)
	}
	if err := os.Chmod(from, info.Mode()|0o200); err != nil {
		return err
	}
	return errors.Join(os.Rename(from, to), os.Chmod(to, info.Mode()))
}

// Clear removes a folder and all in it, also what its owner may not write.
func Clear(dir string) error {
	if err := os.RemoveAll(dir); err == nil || !errors.Is(err, fs.ErrPermission) {
		return err
	}
	filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if d != nil && d.IsDir() {
			os.Chmod(path, 0o700) // before it is read: WalkDir visits first
		}
		return nil
	})
	return os.RemoveAll(dir)
}

// Unpack fills the place from a pack. The place must be empty: ErrTaken.
func (p Place) Unpack(r io.Reader, want string, l Limits) (sum Sum, err error) {
	state, err := p.Look()
	if err != nil {
		return sum, err
	}
	if state != Fresh {
		return sum, fmt.Errorf("%w in %s", ErrTaken, p.Dir)
	}
	top, err := os.Stat(p.Dir)
	if err != nil {
		return sum, err
	}
	mode, when := top.Mode(), top.ModTime()
	err = p.Fill(func(dir string) error {
		if sum, err = Unpack(r, dir, want, l); err != nil {
			return err
		}
		made, err := os.Stat(dir)
		if err == nil {
			mode, when = made.Mode(), made.ModTime()
			err = os.Chmod(dir, mode|0o700) // or nothing can be moved out of it
		}
		return err
	})
	if err == nil {
		// The top of a volume may belong to somebody else.
		os.Chmod(p.Dir, mode)
		os.Chtimes(p.Dir, when, when)
	}
	return sum, err
}
