package api

import (
	"net/http"

	"github.com/labstack/echo/v4"

	"volundr/runtime"
)

type dotfile struct {
	Name       string `json:"name"`
	Exists     bool   `json:"exists"`
	HasDefault bool   `json:"hasDefault"`
	Size       int64  `json:"size,omitempty"`
}

type dotfileList struct {
	Dotfiles []dotfile `json:"dotfiles"`
	HomeDir  string    `json:"homeDir"`
}

type dotfileIn struct {
	Filename string `json:"filename"`
	Content  string `json:"content"`
}

type dotfileDone struct {
	OK       bool   `json:"ok"`
	Filename string `json:"filename"`
}

type terminalPreferences struct {
	DefaultShell string `json:"default_shell"`
}

func (s *server) listDotfiles(c echo.Context) error {
	t, done, err := s.terminals(c)
	if err != nil {
		return err
	}
	defer done()
	all, err := t.Dotfiles(c.Request().Context())
	if err != nil {
		return err
	}
	list := dotfileList{Dotfiles: make([]dotfile, 0, len(all)), HomeDir: runtime.PathHome}
	for _, f := range all {
		list.Dotfiles = append(list.Dotfiles, dotfile{f.Name, f.Exists, f.Default, f.Size})
	}
	return c.JSON(http.StatusOK, list)
}

func (s *server) putDotfile(c echo.Context) error {
	t, done, err := s.terminals(c)
	if err != nil {
		return err
	}
	defer done()
	var in dotfileIn
	if err := decode(c, &in); err != nil {
		return err
	}
	if in.Filename == "" {
		return fail(http.StatusBadRequest, "filename is required")
	}
	if err := t.PutDotfile(c.Request().Context(), in.Filename, in.Content); err != nil {
		return err
	}
	return c.JSON(http.StatusOK, dotfileDone{OK: true, Filename: in.Filename})
}

func (s *server) deleteDotfile(c echo.Context) error {
	t, done, err := s.terminals(c)
	if err != nil {
		return err
	}
	defer done()
	name := lastOf(c)
	if err := t.DeleteDotfile(c.Request().Context(), name); err != nil {
		return err
	}
	return c.JSON(http.StatusOK, dotfileDone{OK: true, Filename: name})
}

func (s *server) terminalPreferences(c echo.Context) error {
	t, done, err := s.terminals(c)
	if err != nil {
		return err
	}
	defer done()
	shell, err := t.Preferred(c.Request().Context())
	if err != nil {
		return err
	}
	return c.JSON(http.StatusOK, terminalPreferences{DefaultShell: shell})
}

func (s *server) setTerminalPreferences(c echo.Context) error {
	t, done, err := s.terminals(c)
	if err != nil {
		return err
	}
	defer done()
	var in terminalPreferences
	if err := decode(c, &in); err != nil {
		return err
	}
	if err := t.Prefer(c.Request().Context(), in.DefaultShell); err != nil {
		return err
	}
	return c.JSON(http.StatusOK, in)
}
