package inner

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/url"
	"strings"
	"sync"

	"volundr/runtime/broker/wire"
)

// Bash gives the argv of a command line.
func Bash(cmd string) []string { return []string{"bash", "-c", cmd} }

// Run runs a command and hands out each piece of output as it comes; the bytes
// are valid until output returns. While output does not return the command may
// wait. begun (nil: nobody asks) is called before, as soon as the command can be
// written to and cancelled. When ctx ends, or one of them gives an error, the
// command's whole process tree is killed.
func (c *Client) Run(ctx context.Context, r wire.Run, begun func() error, output func(stderr bool, data []byte) error) (wire.SandboxResult, error) {
	var res wire.SandboxResult
	r.Told = begun != nil
	b, err := json.Marshal(r)
	if err != nil {
		return res, err
	}
	err = c.frames(ctx, wire.SandboxRuns, nil, bytes.NewReader(b), &res, func(kind byte, data []byte) error {
		switch kind {
		case wire.FrameStart:
			if begun != nil {
				return begun()
			}
		case wire.FrameStdout, wire.FrameStderr:
			return output(kind == wire.FrameStderr, data)
		}
		return nil
	})
	return res, err
}

// Output is what a command wrote, up to the limit of its Run.
type Output struct {
	wire.SandboxResult
	Stdout, Stderr []byte
}

// Collect runs a command to its end. When the connection broke in the middle,
// the output so far is there beside the error.
func (c *Client) Collect(ctx context.Context, r wire.Run) (Output, error) {
	var out Output
	var err error
	out.SandboxResult, err = c.Run(ctx, r, nil, func(stderr bool, data []byte) error {
		if stderr {
			out.Stderr = append(out.Stderr, data...)
		} else {
			out.Stdout = append(out.Stdout, data...)
		}
		return nil
	})
	return out, err
}

// Stdin writes to the input of a run that was started with OpenStdin, and
// closes it behind what was written if last. ErrNotFound when it is not
// running or its input is closed.
func (c *Client) Stdin(ctx context.Context, run string, data io.Reader, last bool) error {
	q := url.Values{}
	if last {
		q.Set("close", "1")
	}
	return c.send(ctx, strings.Replace(wire.SandboxStdin, "{id}", url.PathEscape(run), 1), q, data)
}

// Cancel kills a run's whole process tree. ErrNotFound when it is not running.
func (c *Client) Cancel(ctx context.Context, run string) error {
	return c.call(ctx, strings.Replace(wire.SandboxCancel, "{id}", url.PathEscape(run), 1), nil, nil, nil)
}

// readers read answers in frames.
var readers = sync.Pool{New: func() any { return bufio.NewReaderSize(nil, 64<<10) }}

// frames asks for an answer in frames, hands each to frame and reads the result
// into v.
func (c *Client) frames(ctx context.Context, route string, query url.Values, body io.Reader, v any, frame func(kind byte, data []byte) error) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	res, err := c.ask(ctx, route, query, body)
	if err != nil {
		return err
	}
	defer res.Body.Close()
	r := readers.Get().(*bufio.Reader)
	r.Reset(res.Body)
	defer func() {
		r.Reset(nil)
		readers.Put(r)
	}()
	var buf []byte
	for {
		var kind byte
		var data []byte
		kind, data, buf, err = wire.ReadFrame(r, buf)
		switch {
		case err != nil:
			if ctx.Err() == nil && errors.Is(err, io.EOF) {
				err = io.ErrUnexpectedEOF
			}
			return fmt.Errorf("the sandbox's answer broke off: %w", err)
		case kind == wire.FrameResult:
			err := json.Unmarshal(data, v)
			io.Copy(io.Discard, io.LimitReader(r, 1)) // so that the connection is used again
			return err
		case kind == wire.FrameError:
			var p wire.Problem
			json.Unmarshal(data, &p)
			return fmt.Errorf("the sandbox says: %s", p.Detail)
		}
		if err := frame(kind, data); err != nil {
			return err
		}
	}
}
