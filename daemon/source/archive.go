package source

import (
	"archive/tar"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"os"
	"path"
	"path/filepath"
	"strings"
	"syscall"
)

// archive answers with a tar of the session's local folder: a working
// repository with the same HEAD and branches, and the files as they lie there,
// uncommitted and untracked ones included.
func (s *Sources) archive(w http.ResponseWriter, req *http.Request, _ Remote, o origin) {
	if o.Type != LocalCopy {
		problem(w, http.StatusNotFound, "This session's workspace is no copy of a folder.")
		return
	}
	t, err := s.survey(req.Context(), o.LocalPath)
	if err != nil {
		problem(w, http.StatusUnprocessableEntity, err.Error())
		return
	}
	defer t.close()
	w.Header().Set("Content-Type", "application/x-tar")
	w.Header().Set("Cache-Control", "no-store")
	if err := t.write(req.Context(), w); err != nil {
		s.Log.Warn("Copy of a folder ended early", "folder", o.LocalPath, "err", err)
		panic(http.ErrAbortHandler) // the answer has begun: cut it, so that half a copy is none
	}
}

// write sends the tar. Nothing in it has an owner, for the session unpacks it
// as its own user.
func (t *tree) write(ctx context.Context, w io.Writer) error {
	out := tar.NewWriter(w)
	if t.git != "" {
		made, err := os.OpenRoot(filepath.Dir(t.git))
		if err != nil {
			return err
		}
		defer made.Close()
		err = fs.WalkDir(made.FS(), ".git", func(name string, d fs.DirEntry, err error) error {
			if err != nil || ctx.Err() != nil {
				return errors.Join(err, ctx.Err())
			}
			return add(out, made, name)
		})
		if err != nil {
			return err
		}
	}
	for _, name := range t.files {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if err := add(out, t.root, strings.TrimSuffix(name, "/")); err != nil {
			return err
		}
	}
	return out.Close()
}

// add appends one file, folder or link. What is neither (sockets, devices) or is
// gone (tracked, but deleted) is left out; what may not be read ends the copy.
func add(out *tar.Writer, root *os.Root, name string) error {
	info, err := root.Lstat(name)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	h := &tar.Header{Name: name, ModTime: info.ModTime(), Mode: 0o644, Format: tar.FormatPAX}
	switch mode := info.Mode(); {
	case mode.IsDir():
		h.Typeflag, h.Name, h.Mode = tar.TypeDir, name+"/", 0o755
		return out.WriteHeader(h)
	case mode&fs.ModeSymlink != 0:
		h.Typeflag, h.Mode = tar.TypeSymlink, 0o777
		if h.Linkname, err = root.Readlink(name); err != nil {
			return err
		}
		return out.WriteHeader(h)
	case !mode.IsRegular():
		return nil
	case mode&0o100 != 0:
		h.Mode = 0o755
	}
	// It may have become something else since: never wait for a pipe's writer.
	f, err := root.OpenFile(name, os.O_RDONLY|syscall.O_NONBLOCK, 0)
	if err != nil {
		return err
	}
	defer f.Close()
	now, err := f.Stat()
	if err != nil {
		return err
	}
	if !now.Mode().IsRegular() || !os.SameFile(info, now) {
		return fmt.Errorf("%s changed while it was copied", path.Base(name))
	}
	h.Size = now.Size()
	if err := out.WriteHeader(h); err != nil {
		return err
	}
	if _, err := io.CopyN(out, f, h.Size); err != nil {
		return fmt.Errorf("%s changed while it was copied: %w", path.Base(name), err)
	}
	return nil
}
