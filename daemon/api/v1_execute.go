package api

import (
	"net/http"

	"github.com/labstack/echo/v4"

	"volundr/daemon/sandbox"
	"volundr/ui/client"
)

// prepare reads the request for a program and gets a sandbox for it.
func (s *server) prepare(c echo.Context) (*sandbox.Prepared, error) {
	in, ms := sandbox.Execution{LastLine: true}, 2000
	if err := strict(c,
		rule{"code", true, text(&in.Code)},
		rule{"stdin", false, maybe(&in.Stdin)},
		rule{"timeout_ms", false, whole(&ms, 1, 1<<53)},
		rule{"last_line_interactive", false, yes(&in.LastLine)},
		rule{"files", false, staged(&in.Files)},
	); err != nil {
		return nil, err
	}
	if err := s.checkTimeout(ms); err != nil {
		return nil, err
	}
	in.Timeout = timeout(ms)
	return s.Sandboxes.Execute(c.Request().Context(), principal(c), in)
}

func (s *server) execute(c echo.Context) error {
	run, err := s.prepare(c)
	if err != nil {
		return err
	}
	defer run.Close()
	var out printed
	done, err := run.Run(c.Request().Context(), out.take)
	if err != nil {
		return err
	}
	return c.JSON(http.StatusOK, client.ExecuteResult{
		BashResult: out.result(done.SandboxResult, s.Sandboxes.Limits.MaxOutput), Files: returned(done.Files)})
}

func (s *server) executeStream(c echo.Context) error {
	run, err := s.prepare(c)
	if err != nil {
		return err
	}
	defer run.Close()
	out := startTelling(c)
	done, err := run.Run(c.Request().Context(), out.take)
	out.end(c, s, err, func() any {
		return result{ExitCode: done.Exit, TimedOut: done.TimedOut, DurationMS: done.DurationMS, OOMKilled: done.OOMKilled, Files: returned(done.Files)}
	})
	return nil
}

func returned(files []sandbox.Returned) []client.WorkspaceFile {
	out := make([]client.WorkspaceFile, 0, len(files))
	for _, f := range files {
		one := client.WorkspaceFile{Path: f.Path, Kind: "file", Skipped: f.Skipped}
		if f.Skipped == "" {
			one.FileID = &f.FileID
		}
		out = append(out, one)
	}
	return out
}
