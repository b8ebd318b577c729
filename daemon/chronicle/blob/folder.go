package blob

import (
	"context"
	"errors"
	"io"
	"io/fs"
	"os"
	"strings"

	"github.com/google/uuid"
)

// Place is where files lie. One that is there is whole and durable.
type Place interface {
	// Write makes a file of what fill writes. The file has the name that fill
	// returns, and it is there only if keep, which gets to read it back,
	// returns nil. One of that name is replaced.
	Write(ctx context.Context, fill func(io.Writer) (name string, err error), keep func(name string, size int64, back io.Reader) error) error
	// Read opens a file. fs.ErrNotExist when it is not there.
	Read(ctx context.Context, name string) (io.ReadCloser, error)
	// Remove takes a file away. One that is not there is no error.
	Remove(ctx context.Context, name string) error
	// List gives the names of all files, without those that are being written.
	List(ctx context.Context) ([]string, error)
}

// Folder is a Place in a folder of this machine.
type Folder struct{ root *os.Root }

// unfinished begins the names of files that are being written.
const unfinished = "tmp-"

// NewFolder opens the folder at dir and makes it where it is missing. What an
// earlier process left half written is taken away: one process at a time has
// the folder.
func NewFolder(dir string) (*Folder, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, err
	}
	root, err := os.OpenRoot(dir)
	if err != nil {
		return nil, err
	}
	f := &Folder{root}
	err = f.each(func(name string) error {
		if strings.HasPrefix(name, unfinished) {
			return root.Remove(name)
		}
		return nil
	})
	if err != nil {
		root.Close()
		return nil, err
	}
	return f, nil
}

// Close gives the folder back.
func (f *Folder) Close() error { return f.root.Close() }

// Write implements Place: beside, synced, read back, then renamed.
func (f *Folder) Write(_ context.Context, fill func(io.Writer) (string, error), keep func(string, int64, io.Reader) error) error {
	tmp := unfinished + uuid.NewString()
	out, err := f.root.OpenFile(tmp, os.O_CREATE|os.O_EXCL|os.O_RDWR, 0o600)
	if err != nil {
		return err
	}
	defer f.root.Remove(tmp) // when it was not renamed
	defer out.Close()
	name, err := fill(out)
	if err != nil {
		return err
	}
	if err := out.Sync(); err != nil {
		return err
	}
	size, err := out.Seek(0, io.SeekEnd)
	if err != nil {
		return err
	}
	if _, err := out.Seek(0, io.SeekStart); err != nil {
		return err
	}
	if err := keep(name, size, out); err != nil {
		return err
	}
	if err := out.Close(); err != nil {
		return err
	}
	if err := f.root.Rename(tmp, name); err != nil {
		return err
	}
	return f.sync()
}

// sync makes names durable, where the system can.
func (f *Folder) sync() error {
	dir, err := f.root.Open(".")
	if err != nil {
		return err
	}
	defer dir.Close()
	if err := dir.Sync(); err != nil && !errors.Is(err, errors.ErrUnsupported) && !errors.Is(err, os.ErrPermission) && !errors.Is(err, os.ErrInvalid) {
		return err
	}
	return nil
}

// Read implements Place.
func (f *Folder) Read(_ context.Context, name string) (io.ReadCloser, error) {
	return f.root.Open(name)
}

// Remove implements Place.
func (f *Folder) Remove(_ context.Context, name string) error {
	if err := f.root.Remove(name); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}

// List implements Place.
func (f *Folder) List(context.Context) (names []string, err error) {
	err = f.each(func(name string) error {
		if !strings.HasPrefix(name, unfinished) {
			names = append(names, name)
		}
		return nil
	})
	return names, err
}

func (f *Folder) each(do func(name string) error) error {
	dir, err := f.root.Open(".")
	if err != nil {
		return err
	}
	defer dir.Close()
	list, err := dir.ReadDir(-1)
	if err != nil {
		return err
	}
	for _, e := range list {
		if e.Type().IsRegular() {
			if err := do(e.Name()); err != nil {
				return err
			}
		}
	}
	return nil
}

var _ Place = (*Folder)(nil)
