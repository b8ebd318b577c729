package api

import (
	"net/http"

	"github.com/labstack/echo/v4"

	"volundr/daemon/sandbox"
	"volundr/ui/client"
)

// command reads the request for a command line.
func (s *server) command(c echo.Context, streamed bool) (cmd sandbox.Command, err error) {
	ms := 30_000
	var stdin *string
	rules := []rule{
		{"cmd", true, text(&cmd.Cmd)},
		{"timeout_ms", false, whole(&ms, 1, 1<<53)},
		{"stdin", false, maybe(&stdin)},
	}
	if streamed {
		rules = append(rules, rule{"stdin_open", false, yes(&cmd.OpenStdin)})
	}
	if err := strict(c, rules...); err != nil {
		return cmd, err
	}
	if err := noNUL("cmd", cmd.Cmd); err != nil {
		return cmd, err
	}
	if stdin != nil {
		cmd.Stdin = *stdin
	}
	cmd.Timeout = timeout(ms)
	return cmd, s.checkTimeout(ms)
}

func (s *server) bash(c echo.Context) error {
	cmd, err := s.command(c, false)
	if err != nil {
		return err
	}
	ctx := c.Request().Context()
	run, err := s.Sandboxes.Command(ctx, principal(c), c.Param("sandbox"), cmd)
	if err != nil {
		return unknown(c, err, "")
	}
	defer run.Close()
	var out printed
	res, err := run.Run(ctx, nil, out.take)
	if err != nil {
		return unknown(c, err, "")
	}
	return c.JSON(http.StatusOK, out.result(res, s.Sandboxes.Limits.MaxOutput))
}

// bashStream tells what a command prints as it comes. Hanging up kills it.
func (s *server) bashStream(c echo.Context) error {
	cmd, err := s.command(c, true)
	if err != nil {
		return err
	}
	ctx := c.Request().Context()
	run, err := s.Sandboxes.Command(ctx, principal(c), c.Param("sandbox"), cmd)
	if err != nil {
		return unknown(c, err, "")
	}
	defer run.Close()
	out := startTelling(c)
	begun := func() error { return out.send(0, client.EventRun, map[string]string{"run_id": run.ID}) }
	res, err := run.Run(ctx, begun, out.take)
	out.end(c, s, unknown(c, err, ""), func() any {
		return result{ExitCode: res.Exit, TimedOut: res.TimedOut, DurationMS: res.DurationMS, OOMKilled: res.OOMKilled, Files: []client.WorkspaceFile{}}
	})
	return nil
}

// runInput writes to the input of a command that runs; ?eof=true closes it then.
func (s *server) runInput(c echo.Context) error {
	r := c.Request()
	err := s.Sandboxes.Write(r.Context(), principal(c), c.Param("sandbox"), c.Param("run"), r.Body, c.QueryParam("eof") == "true")
	if err != nil {
		return unknown(c, err, "Run '"+c.Param("run")+"'")
	}
	return c.NoContent(http.StatusNoContent)
}

func (s *server) cancelRun(c echo.Context) error {
	err := s.Sandboxes.Cancel(c.Request().Context(), principal(c), c.Param("sandbox"), c.Param("run"))
	if err != nil {
		return unknown(c, err, "Run '"+c.Param("run")+"'")
	}
	return c.NoContent(http.StatusNoContent)
}
