package sandbox

import (
	"archive/tar"
	"io"
	"io/fs"
	"net/http"
	"strings"
	"time"

	"volundr/runtime/broker/wire"
)

// serveTar packs a directory: directories, regular files and symbolic links. A
// file that changes meanwhile has the length it had at first.
func (s *Sandbox) serveTar(w http.ResponseWriter, req *http.Request) {
	dir, err := directory(req.FormValue("path"))
	if err == nil {
		var info fs.FileInfo
		if info, err = s.root.Stat(dir); err == nil && !info.IsDir() {
			err = errKind
		}
	}
	if err != nil {
		fail(w, err)
		return
	}
	w.Header().Set("Content-Type", "application/x-tar")
	t := tar.NewWriter(w)
	err = s.walk(dir, true, func(e wire.SandboxEntry) error { return s.pack(t, dir, e) })
	if err == nil {
		err = t.Close()
	}
	if err != nil {
		panic(http.ErrAbortHandler) // so that it does not look whole
	}
}

func (s *Sandbox) pack(t *tar.Writer, dir string, e wire.SandboxEntry) error {
	h := &tar.Header{Name: e.Path, Mode: int64(e.Mode), ModTime: time.UnixMilli(e.MTimeMS), Format: tar.FormatPAX}
	if dir != "." {
		h.Name = strings.TrimPrefix(e.Path, dir+"/")
	}
	switch e.Kind {
	case wire.EntryIsDirectory:
		h.Typeflag, h.Name = tar.TypeDir, h.Name+"/"
	case wire.EntryIsSymlink:
		h.Typeflag, h.Linkname = tar.TypeSymlink, e.Target
	case wire.EntryIsFile:
		f, info, err := s.open(e.Path)
		if err != nil {
			return nil // gone meanwhile
		}
		defer f.Close()
		h.Typeflag, h.Size = tar.TypeReg, info.Size()
		if err := t.WriteHeader(h); err != nil {
			return err
		}
		n, err := io.CopyN(t, f, h.Size)
		if err == io.EOF {
			_, err = io.CopyN(t, zeros{}, h.Size-n)
		}
		return err
	default:
		return nil
	}
	return t.WriteHeader(h)
}

type zeros struct{}

func (zeros) Read(p []byte) (int, error) {
	clear(p)
	return len(p), nil
}
