package sandbox

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"github.com/google/uuid"

	"volundr/store"
)

const mebi = 1 << 20

// unnamed is the name of files that come without one.
const unnamed = "unnamed"

// Upload keeps a file of p's. ErrTooLarge when it has more bytes than allowed.
func (x *Sandboxes) Upload(ctx context.Context, p store.Principal, name string, data io.Reader) (store.File, error) {
	x.pool.used()
	if name == "" {
		name = unnamed
	}
	id := uuid.NewString()
	size, err := x.write(id, data)
	if err != nil {
		return store.File{}, err
	}
	f, err := x.DB.AddFile(ctx, p, store.File{ID: id, Name: name, Size: size})
	if err != nil {
		os.Remove(x.path(id))
	}
	return f, err
}

// path is where a file of ours lies. id is always one that we made.
func (x *Sandboxes) path(id string) string { return filepath.Join(x.Dir, id) }

// write puts bytes under an id, whole or not at all.
func (x *Sandboxes) write(id string, data io.Reader) (size int64, err error) {
	f, err := os.OpenFile(x.path(id)+".new", os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return 0, err
	}
	defer os.Remove(f.Name())
	size, err = io.Copy(f, io.LimitReader(data, x.Limits.MaxFile+1))
	if err == nil && size > x.Limits.MaxFile {
		err = fmt.Errorf("File size exceeds maximum of %d MB: %w", x.Limits.MaxFile/mebi, ErrTooLarge)
	}
	if err = errors.Join(err, f.Sync(), f.Close()); err != nil {
		return size, err
	}
	return size, os.Rename(f.Name(), x.path(id))
}

// File opens one of p's files. Close it. The error is a *FileError when there
// is none, or its time is over.
func (x *Sandboxes) File(ctx context.Context, p store.Principal, id string) (store.File, *os.File, error) {
	if u, err := uuid.Parse(id); err != nil || u.String() != id {
		return store.File{}, nil, &FileError{ID: id}
	}
	row, err := x.DB.File(ctx, p, id)
	if err == nil && !x.fresh(row) {
		err = store.ErrNotFound
	}
	if errors.Is(err, store.ErrNotFound) {
		return row, nil, &FileError{ID: id}
	}
	if err != nil {
		return row, nil, err
	}
	f, err := os.Open(x.path(id))
	if errors.Is(err, fs.ErrNotExist) { // swept in between
		return row, nil, &FileError{ID: id}
	}
	return row, f, err
}

func (x *Sandboxes) fresh(f store.File) bool { return time.Since(f.CreatedAt) < x.Limits.FilesTTL }

// Files gives p's files, the newest first.
func (x *Sandboxes) Files(ctx context.Context, p store.Principal) ([]store.File, error) {
	rows, err := x.DB.Files(ctx, p)
	out := make([]store.File, 0, len(rows))
	for _, f := range rows {
		if x.fresh(f) {
			out = append(out, f)
		}
	}
	return out, err
}

// DeleteFile removes one of p's files.
func (x *Sandboxes) DeleteFile(ctx context.Context, p store.Principal, id string) error {
	_, f, err := x.File(ctx, p, id)
	if err != nil {
		return err
	}
	f.Close()
	err = x.DB.DeleteFile(ctx, p, id)
	if errors.Is(err, store.ErrNotFound) {
		return &FileError{ID: id}
	}
	if err != nil {
		return err
	}
	return os.Remove(x.path(id)) // what a kill leaves here is swept
}

// sweepFiles takes away files whose time is over, the oldest of too many, and
// what lies in the folder without a row for a while.
func (x *Sandboxes) sweepFiles(ctx context.Context) {
	gone, err := x.DB.ExpiredFiles(ctx, time.Now().Add(-x.Limits.FilesTTL), x.Limits.FilesSize)
	for _, f := range gone {
		if err = x.DB.ForgetFile(ctx, f.ID); err != nil {
			break
		}
		os.Remove(x.path(f.ID))
	}
	if err == nil {
		err = x.sweepFolder(ctx)
	}
	if err != nil && ctx.Err() == nil {
		x.Log.Warn("Old files were not taken away", "error", err)
	}
}

// stray is how long a file without a row may be one that is being written.
const stray = 10 * time.Minute

func (x *Sandboxes) sweepFolder(ctx context.Context) error {
	entries, err := os.ReadDir(x.Dir)
	if err != nil {
		return err
	}
	var old []string
	for _, e := range entries {
		if info, err := e.Info(); err == nil && time.Since(info.ModTime()) > stray {
			old = append(old, e.Name())
		}
	}
	if len(old) == 0 {
		return nil
	}
	rows, err := x.DB.AllFiles(ctx)
	if err != nil {
		return err
	}
	known := map[string]bool{}
	for _, f := range rows {
		known[f.ID] = true
	}
	for _, name := range old {
		if !known[name] {
			os.Remove(filepath.Join(x.Dir, name))
		}
	}
	return nil
}
