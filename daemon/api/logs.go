package api

import (
	"bufio"
	"context"
	"errors"
	"io"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/labstack/echo/v4"

	"volundr/runtime"
	"volundr/store"
	"volundr/ui/client"
)

// logs merges what the parts of a session printed, by time. A session whose
// containers are gone answers with what its failure kept.
func (s *server) logs(c echo.Context) error {
	row, err := s.session(c)
	if err != nil {
		return err
	}
	n, err := lineCount(c.QueryParam("lines"))
	if err != nil {
		return err
	}
	lines, err := s.lines(c.Request().Context(), row, n)
	if err != nil {
		return err
	}
	total := len(lines)
	if total > n {
		lines = lines[total-n:]
	}
	return c.JSON(http.StatusOK, client.Logs{SessionID: row.ID, Total: total, Returned: len(lines), Lines: lines})
}

// lineCount is how many lines are asked for: 1–2000, else 100.
func lineCount(q string) (int, error) {
	bad := func(kind, msg string) (int, error) {
		return 0, invalid(fieldError{Type: kind, Loc: []any{"query", "lines"}, Msg: msg, Input: q})
	}
	if q == "" {
		return 100, nil
	}
	n, err := strconv.Atoi(q)
	switch {
	case err != nil:
		return bad("int_parsing", "Input should be a valid integer, unable to parse string as an integer")
	case n < 1:
		return bad("greater_than_equal", "Input should be greater than or equal to 1")
	case n > 2000:
		return bad("less_than_equal", "Input should be less than or equal to 2000")
	}
	return n, nil
}

func (s *server) lines(ctx context.Context, row store.Session, n int) ([]client.LogLine, error) {
	rt, ok := s.Runtimes[row.Runtime]
	if !ok {
		return nil, fail(http.StatusConflict, "Session %s belongs to the runtime %q, which this daemon does not have.", row.Name, row.Runtime)
	}
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	all := []client.LogLine{}
	for _, part := range []string{runtime.PartBroker, runtime.PartAgent, runtime.PartEditor, runtime.PartTerminal} {
		r, err := rt.Logs(ctx, row.ID, runtime.LogOptions{Part: part, Tail: n})
		if errors.Is(err, runtime.ErrNotFound) {
			continue
		} else if err != nil {
			return nil, err
		}
		all = append(all, readLines(r, part)...)
		r.Close()
	}
	if len(all) == 0 && row.Failure != nil {
		for _, l := range row.Failure.Lines {
			all = append(all, line(row.Failure.At, row.Failure.Part, l))
		}
	}
	slices.SortStableFunc(all, func(a, b client.LogLine) int {
		switch {
		case a.Timestamp < b.Timestamp:
			return -1
		case a.Timestamp > b.Timestamp:
			return 1
		}
		return 0
	})
	return all, nil
}

// readLines splits a runtime's log: an RFC 3339 time, a space, the line.
func readLines(r io.Reader, part string) (out []client.LogLine) {
	sc := bufio.NewScanner(r)
	sc.Buffer(make([]byte, 64<<10), 1<<20)
	for sc.Scan() {
		stamp, text, _ := strings.Cut(sc.Text(), " ")
		at, err := time.Parse(time.RFC3339Nano, stamp)
		if err != nil {
			at, text = time.Time{}, sc.Text()
		}
		out = append(out, line(at, part, text))
	}
	return out
}

func line(at time.Time, part, text string) client.LogLine {
	level := "INFO"
	switch lower := strings.ToLower(text); {
	case strings.Contains(lower, "error"), strings.Contains(lower, "panic"):
		level = "ERROR"
	case strings.Contains(lower, "warn"):
		level = "WARNING"
	}
	return client.LogLine{
		Time: at.UTC().Format(time.RFC3339Nano), Timestamp: float64(at.UnixMilli()) / 1000,
		Level: level, Logger: part, Message: text,
	}
}
