package source

import (
	"archive/tar"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"syscall"

	"volundr/store"
)

// File is a file of this machine that a fresh workspace gets, such as a .env
// that git ignores.
type File struct {
	// From is below the session's local folder, or an absolute path below an
	// allowed prefix.
	From string `json:"from"`
	// To is its path in the workspace; empty: From, where that is relative. Where
	// there are several repositories it is one in the first of them, unless it
	// begins with the folder of one.
	To string `json:"to,omitempty"`
}

// UnmarshalJSON takes a name alone for a file that keeps it.
func (f *File) UnmarshalJSON(b []byte) error {
	if len(b) > 0 && b[0] == '"' {
		return json.Unmarshal(b, &f.From)
	}
	type plain File
	return json.Unmarshal(b, (*plain)(f))
}

// Target is the file's path in a workspace of that layout, slash-separated;
// empty when nothing says it.
func (f File) Target(layout []Checkout) string {
	to := f.To
	if to == "" && !filepath.IsAbs(f.From) {
		to = f.From
	}
	if to == "" {
		return ""
	}
	to = path.Clean(filepath.ToSlash(to))
	first, _, below := strings.Cut(to, "/")
	named := func(c Checkout) bool { return c.Folder == first }
	if len(layout) < 2 || path.IsAbs(to) || first == ".." || f.To != "" && below && slices.ContainsFunc(layout, named) {
		return to
	}
	return path.Join(layout[0].Folder, to)
}

// maxFile bounds a file that is given to a session.
const maxFile = 1 << 20

// LocalFolder is the folder of this machine that relative files lie in: that
// of a copy, or the repository where it is one. Empty: there is none.
func LocalFolder(kind, repo, localPath string) string {
	if kind == Git {
		r, err := Parse(repo)
		if err != nil {
			return ""
		}
		return r.Local
	}
	return localPath
}

// OpenFile opens a file that a session may be given. folder is what relative
// ones lie in. Links lead nowhere outside of the folder. The error is a
// *CheckError.
func (f Folders) OpenFile(name, folder string) (*os.File, error) {
	bad := func(format string, args ...any) (*os.File, error) {
		return nil, &CheckError{"files", fmt.Sprintf(format, args...)}
	}
	if filepath.IsAbs(name) {
		real, err := filepath.EvalSymlinks(name)
		if err != nil {
			return bad("The file %s cannot be opened: %s.", name, cause(err))
		}
		folder, name = filepath.Split(real)
	} else if folder == "" {
		return bad("%s names a file in a folder of this machine, and the workspace does not come from one: give its full path.", name)
	}
	dir, err := f.Resolve(filepath.Clean(folder))
	if err != nil {
		return nil, &CheckError{"files", err.Error()}
	}
	root, err := os.OpenRoot(dir)
	if err != nil {
		return bad("The folder %s cannot be opened: %s.", folder, cause(err))
	}
	defer root.Close()
	info, err := root.Stat(name)
	switch {
	case errors.Is(err, os.ErrNotExist):
		return bad("There is no file %s in %s: make it, or take it out of the list.", name, dir)
	case err != nil:
		return bad("The file %s in %s cannot be opened: %s.", name, dir, cause(err))
	case !info.Mode().IsRegular():
		return bad("%s in %s is not a file.", name, dir)
	case info.Size() > maxFile:
		return bad("%s in %s is larger than 1 MiB: only small files are copied.", name, dir)
	}
	file, err := root.OpenFile(name, os.O_RDONLY|syscall.O_NONBLOCK, 0)
	if err != nil {
		return bad("The file %s in %s cannot be opened: %s.", name, dir, cause(err))
	}
	if now, err := file.Stat(); err != nil || !now.Mode().IsRegular() {
		file.Close()
		return bad("%s in %s is not a file.", name, dir)
	}
	return file, nil
}

// ServeFiles answers with a tar of the files that the launch request of the
// session names, and of nothing else.
func (s *Sources) ServeFiles(w http.ResponseWriter, r *http.Request) {
	row, err := s.DB.SystemSession(r.Context(), s.Session(r.Context()))
	if errors.Is(err, store.ErrNotFound) {
		problem(w, http.StatusNotFound, "There is no such session.")
		return
	}
	var request struct {
		Source origin `json:"source"`
		Files  []File `json:"files"`
	}
	if err == nil {
		err = json.Unmarshal(row.Request, &request)
	}
	if err != nil {
		problem(w, http.StatusBadGateway, err.Error())
		return
	}
	o := request.Source
	folder, layout := LocalFolder(o.Type, o.Repo, o.LocalPath), o.layout()
	type opened struct {
		f  *os.File
		to string
	}
	var all []opened
	defer func() {
		for _, o := range all {
			o.f.Close()
		}
	}()
	for _, f := range request.Files {
		file, err := s.Folders.OpenFile(f.From, folder)
		if err != nil {
			problem(w, http.StatusUnprocessableEntity, err.Error())
			return
		}
		all = append(all, opened{file, f.Target(layout)})
	}
	w.Header().Set("Content-Type", "application/x-tar")
	w.Header().Set("Cache-Control", "no-store")
	out := tar.NewWriter(w)
	for _, o := range all {
		if err := give(out, o.f, o.to); err != nil {
			s.Log.Warn("Files of a session were not all given", "session", row.ID, "err", err)
			panic(http.ErrAbortHandler) // half a file is none
		}
	}
	if out.Close() != nil {
		panic(http.ErrAbortHandler)
	}
}

// give appends a file as only its owner may read it.
func give(out *tar.Writer, f *os.File, to string) error {
	b, err := io.ReadAll(io.LimitReader(f, maxFile+1))
	if err == nil && len(b) > maxFile {
		err = fmt.Errorf("%s grew over 1 MiB", path.Base(to))
	}
	if err == nil {
		err = out.WriteHeader(&tar.Header{Typeflag: tar.TypeReg, Name: strings.TrimPrefix(to, "/"), Mode: 0o600, Size: int64(len(b)), Format: tar.FormatPAX})
	}
	if err == nil {
		_, err = out.Write(b)
	}
	return err
}
