package client

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"

	"github.com/tmaxmax/go-sse"
)

// Printed takes what a streamed command prints, in order; an error of it ends
// the stream, which kills the command.
type Printed func(Output) error

// StreamBash runs one command in a sandbox and gives what it prints as it comes.
// started, unless it is nil, is told the run's id first, for WriteRun, CloseRun
// and CancelRun. When ctx ends, the command is killed.
func (c *Client) StreamBash(ctx context.Context, id string, in Bash, started func(run string), printed Printed) (BashResult, error) {
	res, err := c.streamRun(ctx, sandboxPath(id)+"/bash/stream", in, started, printed)
	return res.BashResult, err
}

// StreamExecute is Execute that gives what the program prints as it comes.
func (c *Client) StreamExecute(ctx context.Context, in Execute, printed Printed) (ExecuteResult, error) {
	return c.streamRun(ctx, "/execute/stream", in, nil, printed)
}

func (c *Client) streamRun(ctx context.Context, path string, in any, started func(string), printed Printed) (out ExecuteResult, err error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	res, err := c.send(ctx, http.MethodPost, SandboxBase+path, in)
	if err != nil {
		return out, err
	}
	defer res.Body.Close()
	for e, err := range sse.Read(res.Body, &sse.ReadConfig{MaxEventSize: 4 << 20}) {
		if err != nil {
			return out, fmt.Errorf("read what the command printed: %w", err)
		}
		switch e.Type {
		case EventRun:
			var run struct {
				ID string `json:"run_id"`
			}
			if err := json.Unmarshal([]byte(e.Data), &run); err != nil {
				return out, err
			}
			if started != nil {
				started(run.ID)
			}
		case EventOutput:
			var piece Output
			if err := json.Unmarshal([]byte(e.Data), &piece); err != nil {
				return out, err
			}
			if err := printed(piece); err != nil {
				return out, err
			}
		case EventResult:
			return out, json.Unmarshal([]byte(e.Data), &out)
		case EventError:
			var failed struct {
				Message string `json:"message"`
			}
			if err := json.Unmarshal([]byte(e.Data), &failed); err != nil {
				return out, err
			}
			return out, errors.New(failed.Message)
		}
	}
	if ctx.Err() != nil {
		return out, ctx.Err()
	}
	return out, fmt.Errorf("read what the command printed: %w", io.ErrUnexpectedEOF)
}

func runPath(id, run string) string { return sandboxPath(id) + "/runs/" + url.PathEscape(run) }

// WriteRun writes to the standard input of a streamed command that was begun
// with StdinOpen.
func (c *Client) WriteRun(ctx context.Context, id, run string, in io.Reader) error {
	return c.stdin(ctx, runPath(id, run)+"/stdin", in)
}

// CloseRun ends the standard input of a streamed command.
func (c *Client) CloseRun(ctx context.Context, id, run string) error {
	return c.stdin(ctx, runPath(id, run)+"/stdin?eof=true", http.NoBody)
}

func (c *Client) stdin(ctx context.Context, path string, in io.Reader) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, c.URL+SandboxBase+path, in)
	if err != nil {
		return err
	}
	req.Header.Set("Content-Type", "application/octet-stream")
	res, err := c.do(req)
	if err != nil {
		return err
	}
	return res.Body.Close()
}

// CancelRun kills a streamed command with all that it started.
func (c *Client) CancelRun(ctx context.Context, id, run string) error {
	return c.v1(ctx, http.MethodDelete, runPath(id, run), nil, nil)
}
