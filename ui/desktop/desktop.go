// Package desktop makes Volundr an application of a person's desktop: an entry
// with icons, a start at login, and the handler of volundr:// addresses. All it
// writes is the person's own, and Uninstall removes exactly that.
package desktop

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
)

// Entry is how Volundr is started by a desktop.
type Entry struct {
	// Exe is the absolute path of the executable, Args the flags that all of its
	// commands get.
	Exe  string
	Args []string
}

// file is something that is installed.
type file struct {
	path string
	data []byte
	link string // a symbolic link to this instead
	exec bool
}

// Install writes everything but the start at login, which SetAtLogin does, and
// returns what it wrote. What is there already is written anew.
func (e Entry) Install() ([]string, error) {
	if !filepath.IsAbs(e.Exe) {
		return nil, fmt.Errorf("the executable's path %q is not absolute", e.Exe)
	}
	files, err := e.files()
	if err != nil {
		return nil, err
	}
	wrote, err := write(files)
	if err != nil {
		return wrote, err
	}
	more, err := e.register()
	return append(wrote, more...), err
}

// Uninstall removes what Install and SetAtLogin wrote, and returns what it
// removed. What is not there is no error.
func (e Entry) Uninstall() ([]string, error) {
	gone, err := e.unregister()
	if err != nil {
		return gone, err
	}
	files, err := e.files()
	if err != nil {
		return gone, err
	}
	login, err := e.everAtLogin()
	if err != nil {
		return gone, err
	}
	more, err := remove(append(files, login...))
	if err != nil {
		return append(gone, more...), err
	}
	return append(gone, more...), e.refresh()
}

func write(files []file) (wrote []string, err error) {
	for _, f := range files {
		if err := f.write(); err != nil {
			return wrote, fmt.Errorf("write %s: %w", f.path, err)
		}
		wrote = append(wrote, f.path)
	}
	return wrote, nil
}

// write replaces the file whole, so that no desktop reads half of one.
func (f file) write() error {
	if err := os.MkdirAll(filepath.Dir(f.path), 0o755); err != nil {
		return err
	}
	mode := fs.FileMode(0o644)
	if f.exec {
		mode = 0o755
	}
	next := f.path + ".new"
	if err := os.Remove(next); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if f.link != "" {
		if err := os.Symlink(f.link, next); err != nil {
			return err
		}
	} else if err := os.WriteFile(next, f.data, mode); err != nil {
		return err
	}
	return os.Rename(next, f.path)
}

func remove(files []file) (gone []string, err error) {
	for _, f := range files {
		switch err := os.Remove(f.path); {
		case err == nil:
			gone = append(gone, f.path)
		case !errors.Is(err, fs.ErrNotExist):
			return gone, err
		}
	}
	return gone, nil
}

// there reports whether all files exist.
func there(files []file) bool {
	for _, f := range files {
		if _, err := os.Lstat(f.path); err != nil {
			return false
		}
	}
	return len(files) > 0
}
