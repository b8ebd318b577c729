package api

import (
	"cmp"
	"errors"
	"io"
	"mime"
	"net/http"
	"path"

	"github.com/labstack/echo/v4"

	"volundr/daemon/auth"
	"volundr/daemon/files"
	"volundr/store"
	"volundr/ui/client"
)

// maxForm bounds an upload with its form around it. What files.Upload bounds is
// told by itself; this keeps a form of headers from going on for ever.
const maxForm = 110 << 20

// sessionRoutes are what the contract has its browsers ask of a session itself.
func (s *server) sessionRoutes(e *echo.Echo) {
	e.GET("/s/:id/api/conversation/history", s.conversation)
	e.GET("/s/:id/api/capabilities", s.capabilities)
	e.GET("/s/:id/api/logs", s.logs)
	e.GET("/s/:id/api/files", s.listPlace)
	e.GET("/s/:id/api/files/download", s.downloadPlace)
	e.POST("/s/:id/api/files/upload", s.uploadPlace)
	e.POST("/s/:id/api/files/mkdir", s.mkdirPlace)
	e.DELETE("/s/:id/api/files", s.removePlace)
}

func (s *server) capabilities(c echo.Context) error {
	if _, err := s.session(c); err != nil {
		return err
	}
	return c.JSON(http.StatusOK, capabilities)
}

// filePlace is a path in a session that runs.
func (s *server) filePlace(c echo.Context, row store.Session, root, name string) (files.Place, error) {
	p := files.Place{Session: row.ID, Root: cmp.Or(files.Root(root), files.Workspace)}
	if !p.Root.Known() {
		return p, fail(http.StatusBadRequest, "root must be 'workspace' or 'home'")
	}
	if p.Root == files.Home { // where programs keep their logins
		if err := allowed(c, auth.Work); err != nil {
			return p, err
		}
	}
	var err error
	if p.Path, err = files.Clean(name); err != nil {
		return p, err
	}
	if row.State != store.Running {
		return p, fail(http.StatusConflict, "Session %s is %s, and its files are reached while it runs. Start it, then try again.", row.Name, row.State)
	}
	return p, nil
}

// queryPlace is the path that a request's query names. It must name one where the
// root itself will not do.
func (s *server) queryPlace(c echo.Context, must bool) (files.Place, error) {
	row, err := s.session(c)
	if err != nil {
		return files.Place{}, err
	}
	if must && !c.QueryParams().Has("path") {
		return files.Place{}, invalid(fieldError{Type: "missing", Loc: []any{"query", "path"}, Msg: "Field required"})
	}
	return s.filePlace(c, row, c.QueryParam("root"), c.QueryParam("path"))
}

func placeView(e files.Entry) client.FileEntry {
	v := client.FileEntry{Name: e.Name, Path: e.Path, Type: "file", Size: e.Size, Modified: e.Modified}
	if e.Folder {
		v.Type = "directory"
	}
	return v
}

func placesView(entries []files.Entry, cut bool) client.FileEntries {
	v := client.FileEntries{Entries: make([]client.FileEntry, 0, len(entries)), Truncated: cut}
	for _, e := range entries {
		v.Entries = append(v.Entries, placeView(e))
	}
	return v
}

func (s *server) listPlace(c echo.Context) error {
	p, err := s.queryPlace(c, false)
	if err != nil {
		return err
	}
	entries, cut, err := s.inside.List(c.Request().Context(), p)
	if err != nil {
		return err
	}
	return c.JSON(http.StatusOK, placesView(entries, cut))
}

func (s *server) downloadPlace(c echo.Context) error {
	p, err := s.queryPlace(c, true)
	if err != nil {
		return err
	}
	d, err := s.inside.Open(c.Request().Context(), p)
	if err != nil {
		return err
	}
	return attach(c, d.Name, d.Size, d)
}

// uploadPlace puts the files of a form into a folder when all of them are there.
func (s *server) uploadPlace(c echo.Context) error {
	p, err := s.queryPlace(c, false)
	if err != nil {
		return err
	}
	r := c.Request()
	whole := r.Body
	r.Body = http.MaxBytesReader(c.Response(), whole, maxForm)
	entries, err := s.receive(r, p)
	var tooLarge *http.MaxBytesError
	switch {
	case errors.As(err, &tooLarge), errors.Is(err, files.ErrTooLarge):
		io.CopyN(io.Discard, whole, maxDrained) // or the client, still sending, sees no answer
		err = files.ErrTooLarge
	case errors.Is(err, io.ErrUnexpectedEOF):
		return fail(http.StatusBadRequest, "The upload broke off, and nothing was kept. Send it again.")
	}
	if err != nil {
		return err
	}
	return c.JSON(http.StatusOK, placesView(entries, false))
}

func (s *server) receive(r *http.Request, p files.Place) ([]files.Entry, error) {
	none := invalid(fieldError{Type: "missing", Loc: []any{"body", "files"}, Msg: "Field required"})
	form, err := r.MultipartReader()
	if err != nil {
		return nil, none
	}
	ctx := r.Context()
	up, err := s.inside.Upload(ctx, p)
	if err != nil {
		return nil, err
	}
	defer up.Drop(ctx)
	for some := false; ; {
		part, err := form.NextRawPart()
		if err == io.EOF && some {
			return up.Settle(ctx)
		}
		if err == io.EOF {
			return nil, none
		}
		if err != nil {
			return nil, errors.Join(io.ErrUnexpectedEOF, err)
		}
		_, params, _ := mime.ParseMediaType(part.Header.Get("Content-Disposition"))
		if part.FormName() != "files" || params["filename"] == "" {
			continue
		}
		if err := up.Add(ctx, path.Base(params["filename"]), part); err != nil {
			return nil, err
		}
		some = true
	}
}

// folderIn is a folder to be made.
type folderIn struct {
	Path string `json:"path"`
	Root string `json:"root,omitempty"` // workspace (if absent) or home
}

func (s *server) mkdirPlace(c echo.Context) error {
	row, err := s.session(c)
	if err != nil {
		return err
	}
	var in folderIn
	if err := decode(c, &in); err != nil {
		return err
	}
	if in.Path == "" {
		return invalid(fieldError{Type: "missing", Loc: []any{"body", "path"}, Msg: "Field required"})
	}
	p, err := s.filePlace(c, row, in.Root, in.Path)
	if err != nil {
		return err
	}
	e, err := s.inside.Mkdir(c.Request().Context(), p)
	if err != nil {
		return err
	}
	return c.JSON(http.StatusOK, placeView(e))
}

func (s *server) removePlace(c echo.Context) error {
	p, err := s.queryPlace(c, true)
	if err != nil {
		return err
	}
	if err := s.inside.Remove(c.Request().Context(), p); err != nil {
		return err
	}
	return c.JSON(http.StatusOK, client.FileDeleted{Deleted: p.Path})
}
