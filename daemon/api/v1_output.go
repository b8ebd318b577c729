package api

import (
	"net/http"
	"strings"
	"unicode/utf8"

	"github.com/labstack/echo/v4"

	"volundr/runtime/broker/wire"
	"volundr/ui/client"
)

// printed is all that a command has printed.
type printed struct{ stdout, stderr []byte }

func (p *printed) take(stderr bool, data []byte) error {
	if stderr {
		p.stderr = append(p.stderr, data...)
	} else {
		p.stdout = append(p.stdout, data...)
	}
	return nil
}

func (p *printed) result(res wire.SandboxResult, limit int64) client.BashResult {
	return client.BashResult{
		Stdout:   asText(p.stdout, res.StdoutTruncated, limit),
		Stderr:   asText(p.stderr, res.StderrTruncated, limit),
		ExitCode: res.Exit, TimedOut: res.TimedOut, DurationMS: int(res.DurationMS), OOMKilled: res.OOMKilled,
	}
}

// truncated is the contract's mark, for which 32 bytes are kept free.
const truncated = "\n...[truncated]"

// asText is an output as text; one that was cut ends in the mark.
func asText(b []byte, cut bool, limit int64) string {
	var d decoder
	if !cut {
		return d.text(b, true)
	}
	b = b[:min(int64(len(b)), max(0, limit-32))]
	return d.text(b, true) + truncated
}

// decoder makes text of bytes that come in pieces. What is no UTF-8 becomes
// U+FFFD, one for each longest piece of a character that could have been.
type decoder struct{ rest []byte }

func (d *decoder) text(b []byte, last bool) string {
	if len(d.rest) > 0 {
		b = append(d.rest, b...)
		d.rest = nil
	}
	if utf8.Valid(b) {
		return string(b)
	}
	var out strings.Builder
	for len(b) > 0 {
		r, n := utf8.DecodeRune(b)
		if r != utf8.RuneError || n != 1 {
			out.Write(b[:n])
			b = b[n:]
			continue
		}
		if !last && !utf8.FullRune(b) {
			d.rest = append([]byte(nil), b...)
			break
		}
		for n = min(3, len(b)); n > 1 && utf8.FullRune(b[:n]); n-- {
		}
		out.WriteRune(utf8.RuneError)
		b = b[n:]
	}
	return out.String()
}

// result is the last event of a stream.
type result struct {
	ExitCode   *int                   `json:"exit_code"`
	TimedOut   bool                   `json:"timed_out"`
	DurationMS int64                  `json:"duration_ms"`
	Files      []client.WorkspaceFile `json:"files"`
	OOMKilled  bool                   `json:"oom_killed"` // ours
}

// telling is the stream of what a command prints.
type telling struct {
	*sse
	pieces [2]decoder // stdout, stderr
}

// maxPiece is how many bytes one event holds at most.
const maxPiece = 4096

func startTelling(c echo.Context) *telling {
	h := c.Response().Header()
	h.Set("Content-Type", "text/event-stream; charset=utf-8")
	h.Set("Cache-Control", "no-cache")
	h.Set("Connection", "keep-alive")
	h.Set("X-Accel-Buffering", "no")
	c.Response().WriteHeader(http.StatusOK)
	return &telling{sse: &sse{w: c.Response(), rc: http.NewResponseController(c.Response().Writer)}}
}

func (t *telling) take(stderr bool, data []byte) error {
	for len(data) > 0 {
		n := min(len(data), maxPiece)
		if err := t.piece(stderr, data[:n], false); err != nil {
			return err
		}
		data = data[n:]
	}
	return nil
}

func (t *telling) piece(stderr bool, data []byte, last bool) error {
	name, d := "stdout", &t.pieces[0]
	if stderr {
		name, d = "stderr", &t.pieces[1]
	}
	text := d.text(data, last)
	if text == "" {
		return nil
	}
	return t.send(0, client.EventOutput, client.Output{Stream: name, Data: text})
}

// end tells how it ended: the result, or in its place what went wrong.
func (t *telling) end(c echo.Context, s *server, err error, res func() any) {
	if err == nil {
		if err = t.piece(false, nil, true); err == nil {
			err = t.piece(true, nil, true)
		}
		if err == nil {
			t.send(0, client.EventResult, res())
		}
		return
	}
	if c.Request().Context().Err() != nil {
		return // nobody listens
	}
	_, detail, known := answer(err)
	if !known {
		s.Log.Error("Request failed", "method", c.Request().Method, "path", c.Path(), "error", err)
	}
	t.send(0, client.EventError, map[string]any{"message": detail})
}
