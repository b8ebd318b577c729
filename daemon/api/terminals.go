package api

import (
	"encoding/json"
	"fmt"
	"net/http"

	"github.com/labstack/echo/v4"

	"volundr/daemon/launch"
)

type terminalView struct {
	TerminalID string `json:"terminalId"`
	Label      string `json:"label"`
	CLIType    string `json:"cli_type"`
	Status     string `json:"status,omitempty"` // running: one that ended is not there
}

type terminalList struct {
	Sessions []terminalView `json:"sessions"`
	Tmux     bool           `json:"tmux"` // whether there are any
}

type terminalSpawn struct {
	CLIType string `json:"cli_type,omitempty"` // shell, if absent; bash, zsh, claude or codex
	Name    string `json:"name,omitempty"`
	Label   string `json:"label,omitempty"`
}

type terminalKill struct {
	TerminalID string `json:"terminalId"`
}

type terminalMode struct {
	Restricted bool `json:"restricted"`
}

type terminalKilled struct {
	OK bool `json:"ok"`
}

func (s *server) listTerminals(c echo.Context) error {
	t, done, err := s.terminals(c)
	if err != nil {
		return err
	}
	defer done()
	all, tmux, err := t.List(c.Request().Context())
	if err != nil {
		return err
	}
	list := terminalList{Sessions: make([]terminalView, 0, len(all)), Tmux: tmux}
	for _, one := range all {
		list.Sessions = append(list.Sessions, terminalView{one.Name, one.Label, one.CLI, "running"})
	}
	return c.JSON(http.StatusOK, list)
}

func (s *server) spawnTerminal(c echo.Context) error {
	t, done, err := s.terminals(c)
	if err != nil {
		return err
	}
	defer done()
	var in terminalSpawn
	if err := decode(c, &in); err != nil {
		return err
	}
	made, err := t.Spawn(c.Request().Context(), in.CLIType, in.Name, in.Label)
	if err != nil {
		return err
	}
	return c.JSON(http.StatusOK, terminalView{TerminalID: made.Name, Label: made.Label, CLIType: made.CLI})
}

func (s *server) killTerminal(c echo.Context) error {
	t, done, err := s.terminals(c)
	if err != nil {
		return err
	}
	defer done()
	var in terminalKill
	if err := decode(c, &in); err != nil {
		return err
	}
	if err := t.Kill(c.Request().Context(), in.TerminalID); err != nil {
		return err
	}
	return c.JSON(http.StatusOK, terminalKilled{OK: true})
}

// terminalMode tells what the session was launched with.
func (s *server) terminalMode(c echo.Context) error {
	now, err := s.modeOf(c)
	if err != nil {
		return err
	}
	return c.JSON(http.StatusOK, now)
}

func (s *server) modeOf(c echo.Context) (terminalMode, error) {
	row, err := s.session(c)
	if err != nil {
		return terminalMode{}, err
	}
	var r launch.Request
	if len(row.Request) > 0 {
		if err := json.Unmarshal(row.Request, &r); err != nil {
			return terminalMode{}, fmt.Errorf("request of session %s: %w", row.ID, err)
		}
	}
	return terminalMode{Restricted: r.TermRestricted}, nil
}

func (s *server) setTerminalMode(c echo.Context) error {
	now, err := s.modeOf(c)
	if err != nil {
		return err
	}
	var in struct {
		Restricted *bool `json:"restricted"`
	}
	if err := decode(c, &in); err != nil {
		return err
	}
	switch {
	case in.Restricted == nil:
		return fail(http.StatusBadRequest, "restricted is required: true or false.")
	case *in.Restricted != now.Restricted:
		return fail(http.StatusConflict, "What a terminal may do is settled when its session is created, and a restricted one does not exist in this version. Keep a session to itself with the network none instead.")
	}
	return c.JSON(http.StatusOK, now)
}
