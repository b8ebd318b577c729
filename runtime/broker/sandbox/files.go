package sandbox

import (
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"os"
	"path"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"

	"volundr/runtime/broker/wire"
)

// errKind: the name is taken by something else than what was asked for.
var errKind = errors.New("it is not a regular file")

// escapes reports whether a symbolic link led out of the workspace.
func escapes(err error) bool {
	return err != nil && strings.Contains(err.Error(), "path escapes from parent") // os has no name for it
}

func (s *Sandbox) fileRoutes(mux *http.ServeMux) {
	mux.HandleFunc(wire.SandboxGet, s.serveGet)
	mux.HandleFunc(wire.SandboxPut, func(w http.ResponseWriter, req *http.Request) {
		mode := uint64(0o644)
		if m := req.FormValue("mode"); m != "" {
			var err error
			if mode, err = strconv.ParseUint(m, 8, 32); err != nil || mode > 0o777 {
				refuse(w, http.StatusBadRequest, "The mode is three octal digits.")
				return
			}
		}
		finish(w, s.put(req.FormValue("path"), fs.FileMode(mode), req.Body))
	})
	mux.HandleFunc(wire.SandboxDelete, func(w http.ResponseWriter, req *http.Request) {
		finish(w, s.remove(req.FormValue("path")))
	})
	mux.HandleFunc(wire.SandboxMkdir, func(w http.ResponseWriter, req *http.Request) {
		p, err := wire.SandboxPath(req.FormValue("path"))
		if err == nil {
			err = s.root.MkdirAll(p, 0o755)
		}
		finish(w, err)
	})
	mux.HandleFunc(wire.SandboxList, s.serveList)
	mux.HandleFunc(wire.SandboxUntar, s.serveUntar)
	mux.HandleFunc(wire.SandboxTar, s.serveTar)
	mux.HandleFunc(wire.SandboxProduced, s.serveProduced)
}

// directory cleans the path of a directory; the workspace itself is ".".
func directory(p string) (string, error) {
	if strings.Trim(p, "/.") == "" && !strings.HasPrefix(p, "/") && !strings.Contains(p, "..") {
		return ".", nil
	}
	return wire.SandboxPath(p)
}

// put writes a file beside its place and moves it there.
func (s *Sandbox) put(name string, mode fs.FileMode, data io.Reader) error {
	name, err := wire.SandboxPath(name)
	if err != nil {
		return err
	}
	if info, err := s.root.Lstat(name); err == nil && info.IsDir() {
		return fmt.Errorf("%s: %w", name, errKind)
	}
	dir := path.Dir(name)
	if err := s.root.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	beside := path.Join(dir, ".volundr-"+rand.Text())
	f, err := s.root.OpenFile(beside, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	_, err = io.Copy(gate{f, s.disk}, data)
	err = errors.Join(err, f.Chmod(mode), f.Close())
	if err == nil {
		err = s.root.Rename(beside, name)
	}
	if err != nil {
		s.root.Remove(beside)
	}
	return err
}

// gate lets a few writers to files through at once.
type gate struct {
	to   io.Writer
	room chan struct{}
}

func (g gate) Write(p []byte) (int, error) {
	g.room <- struct{}{}
	defer func() { <-g.room }()
	return g.to.Write(p)
}

func (s *Sandbox) remove(name string) error {
	name, err := wire.SandboxPath(name)
	if err != nil {
		return err
	}
	if _, err := s.root.Lstat(name); err != nil {
		return err
	}
	if err = s.root.RemoveAll(name); errors.Is(err, fs.ErrPermission) {
		// A directory without the right to be changed, which the walk gives back.
		s.walk(name, true, func(wire.SandboxEntry) error { return nil })
		err = s.root.RemoveAll(name)
	}
	return err
}

// open opens a regular file for reading, one without the right to be read too:
// it is this user's.
func (s *Sandbox) open(name string) (*os.File, fs.FileInfo, error) {
	f, err := s.openPlain(name)
	if errors.Is(err, fs.ErrPermission) {
		info, lerr := s.root.Lstat(name)
		if lerr != nil || !info.Mode().IsRegular() {
			return nil, nil, err
		}
		if s.root.Chmod(name, info.Mode().Perm()|0o400) == nil {
			f, err = s.openPlain(name)
			s.root.Chmod(name, info.Mode().Perm())
		}
	}
	if err != nil {
		return nil, nil, err
	}
	info, err := f.Stat()
	if err == nil && !info.Mode().IsRegular() {
		err = fmt.Errorf("%s: %w", name, errKind)
	}
	if err != nil {
		f.Close()
		return nil, nil, err
	}
	return f, info, nil
}

// openPlain does not wait for a writer where the name is a pipe.
func (s *Sandbox) openPlain(name string) (*os.File, error) {
	return s.root.OpenFile(name, os.O_RDONLY|unix.O_NONBLOCK|unix.O_NOCTTY, 0)
}

func (s *Sandbox) serveGet(w http.ResponseWriter, req *http.Request) {
	name, err := wire.SandboxPath(req.FormValue("path"))
	if err != nil {
		fail(w, err)
		return
	}
	f, info, err := s.open(name)
	if err != nil {
		fail(w, err)
		return
	}
	defer f.Close()
	h := w.Header()
	h.Set("Content-Type", "application/octet-stream")
	h.Set("Content-Length", strconv.FormatInt(info.Size(), 10))
	h.Set(wire.SandboxModeHeader, strconv.FormatUint(uint64(info.Mode().Perm()), 8))
	h.Set(wire.SandboxMTimeHeader, strconv.FormatInt(info.ModTime().UnixMilli(), 10))
	if _, err := io.CopyN(w, f, info.Size()); err != nil {
		panic(http.ErrAbortHandler) // it became shorter, or nobody reads
	}
}
