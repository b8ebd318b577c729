package api

import (
	"errors"
	"io"
	"mime"
	"mime/multipart"
	"net/http"
	"strconv"
	"strings"

	"github.com/labstack/echo/v4"

	"volundr/daemon/auth"
	"volundr/daemon/sandbox"
	"volundr/ui/client"
)

const (
	maxFileName = 1024    // bytes
	maxDrained  = 1 << 30 // of a body that is refused: most clients read no answer before they have sent all
)

// upload keeps the part named "file" of a form. It goes to disk as it comes.
func (s *server) upload(c echo.Context) error {
	r := c.Request()
	form, err := r.MultipartReader()
	if err != nil {
		return noFile()
	}
	part, name, err := filePart(form)
	if err != nil {
		return err
	}
	defer part.Close()
	f, err := s.Sandboxes.Upload(r.Context(), principal(c), name, part)
	if errors.Is(err, sandbox.ErrTooLarge) {
		io.CopyN(io.Discard, r.Body, maxDrained)
	}
	if errors.Is(err, io.ErrUnexpectedEOF) {
		return fail(http.StatusBadRequest, "There was an error parsing the body")
	}
	if err != nil {
		return err
	}
	return c.JSON(http.StatusCreated, client.UploadedFile{ID: f.ID, Name: f.Name, Size: f.Size})
}

// filePart is the part of a form that holds the file, and the file's name.
func filePart(form *multipart.Reader) (*multipart.Part, string, error) {
	for range 100 {
		part, err := form.NextRawPart()
		if errors.Is(err, io.EOF) {
			return nil, "", noFile()
		}
		if err != nil {
			return nil, "", fail(http.StatusBadRequest, "There was an error parsing the body")
		}
		if part.FormName() != "file" {
			continue
		}
		_, params, _ := mime.ParseMediaType(part.Header.Get("Content-Disposition"))
		name, ok := params["filename"]
		if !ok {
			return nil, "", invalid(fieldError{Type: "value_error", Loc: []any{"body", "file"}, Input: "",
				Msg: "Value error, Expected UploadFile, received: <class 'str'>"})
		}
		return part, fileName(name), nil
	}
	return nil, "", noFile()
}

func noFile() error {
	return invalid(fieldError{Type: "missing", Loc: []any{"body", "file"}, Msg: "Field required"})
}

// fileName is a name as it is kept: text of a bounded length.
func fileName(name string) string {
	name = strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f {
			return '_'
		}
		return r
	}, strings.ToValidUTF8(name, "\uFFFD"))
	if len(name) > maxFileName {
		name = strings.ToValidUTF8(name[:maxFileName], "")
	}
	return name
}

func (s *server) listUploads(c echo.Context) error {
	files, err := s.Sandboxes.Files(c.Request().Context(), principal(c))
	if err != nil {
		return err
	}
	out := make([]client.UploadedFile, 0, len(files))
	for _, f := range files {
		out = append(out, client.UploadedFile{ID: f.ID, Name: f.Name, Size: f.Size, UploadTime: unix(f.CreatedAt)})
	}
	return c.JSON(http.StatusOK, map[string]any{"files": out})
}

func (s *server) download(c echo.Context) error {
	row, f, err := s.Sandboxes.File(c.Request().Context(), principal(c), c.Param("file"))
	if err != nil {
		return err
	}
	defer f.Close()
	return attach(c, row.Name, row.Size, f)
}

// attach sends bytes that somebody else has made.
func attach(c echo.Context, name string, size int64, data io.Reader) error {
	h := c.Response().Header()
	auth.Attachment(h, name)
	if size >= 0 {
		h.Set("Content-Length", strconv.FormatInt(size, 10))
	}
	c.Response().WriteHeader(http.StatusOK)
	io.Copy(c.Response(), data) // whoever reads sees by the length that it broke off
	return nil
}

func (s *server) deleteUpload(c echo.Context) error {
	if err := s.Sandboxes.DeleteFile(c.Request().Context(), principal(c), c.Param("file")); err != nil {
		return err
	}
	return c.NoContent(http.StatusNoContent)
}
