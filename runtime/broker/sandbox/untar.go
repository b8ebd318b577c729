package sandbox

import (
	"archive/tar"
	"crypto/sha256"
	"errors"
	"fmt"
	"hash"
	"io"
	"io/fs"
	"net/http"
	"os"
	"path"

	"volundr/runtime/broker/wire"
)

// errArchive: the tar is none, or holds what is not laid.
var errArchive = errors.New("the archive is refused")

const mostEntries = 200_000

func (s *Sandbox) serveUntar(w http.ResponseWriter, req *http.Request) {
	dir, err := directory(req.FormValue("path"))
	var staged wire.Staged
	if err == nil {
		staged, err = s.untar(dir, req.Body, req.FormValue("mark") == "1")
	}
	if err != nil {
		fail(w, err)
		return
	}
	answer(w, http.StatusOK, staged)
}

// untar lays directories and regular files, and nothing else. os.Root follows
// no link out of the workspace; a link that stands where a file is to be is
// replaced, not followed.
func (s *Sandbox) untar(dir string, from io.Reader, note bool) (done wire.Staged, err error) {
	made := map[string]bool{".": true}
	mkdir := func(d string) error {
		if made[d] {
			return nil
		}
		if err := s.root.MkdirAll(d, 0o755); err != nil {
			return err
		}
		made[d] = true
		return nil
	}
	if err := mkdir(dir); err != nil {
		return done, err
	}
	r := tar.NewReader(from)
	for n := 0; ; n++ {
		h, err := r.Next()
		if errors.Is(err, io.EOF) {
			_, err := io.Copy(io.Discard, from)
			return done, err
		}
		if err != nil {
			return done, fmt.Errorf("%w: %w", errArchive, err)
		}
		if n >= mostEntries {
			return done, fmt.Errorf("%w: it has more than %d entries", errArchive, mostEntries)
		}
		if h.Typeflag == tar.TypeXGlobalHeader {
			continue
		}
		if h.Typeflag != tar.TypeDir && h.Typeflag != tar.TypeReg {
			return done, fmt.Errorf("%w: %q is neither a file nor a directory", errArchive, h.Name)
		}
		name, err := directory(h.Name)
		if err != nil {
			return done, err
		}
		if name != "." {
			name = path.Join(dir, name)
		}
		switch {
		case h.Typeflag == tar.TypeDir && name == ".":
		case h.Typeflag == tar.TypeDir:
			err = mkdir(name)
		case name == ".":
			_, err = wire.SandboxPath(h.Name) // the error that says why
		default:
			if err = mkdir(path.Dir(name)); err == nil {
				err = s.lay(name, h, r, note)
			}
		}
		if err != nil {
			return done, err
		}
		if h.Typeflag == tar.TypeReg {
			done.Files++
			done.Bytes += h.Size
		}
	}
}

// lay writes one file of an archive.
func (s *Sandbox) lay(name string, h *tar.Header, from io.Reader, note bool) error {
	mode := fs.FileMode(0o644)
	if h.Mode&0o111 != 0 {
		mode = 0o755
	}
	const how = os.O_WRONLY | os.O_CREATE | os.O_EXCL
	f, err := s.root.OpenFile(name, how, mode)
	if errors.Is(err, fs.ErrExist) {
		if info, lerr := s.root.Lstat(name); lerr == nil && info.IsDir() {
			return fmt.Errorf("%s: %w", name, errKind)
		}
		if err := s.root.Remove(name); err != nil {
			return err
		}
		f, err = s.root.OpenFile(name, how, mode)
	}
	if err != nil {
		return err
	}
	var to io.Writer = gate{f, s.disk}
	var sum hash.Hash
	if note {
		sum = sha256.New()
		to = io.MultiWriter(to, sum)
	}
	_, err = io.Copy(to, from)
	if errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, tar.ErrHeader) {
		err = fmt.Errorf("%w: %w", errArchive, err)
	}
	if err == nil {
		err = f.Chmod(mode)
	}
	if err == nil && note {
		info, serr := f.Stat()
		if err = serr; err == nil {
			s.note(name, info, [sha256.Size]byte(sum.Sum(nil)))
		}
	}
	return errors.Join(err, f.Close())
}
