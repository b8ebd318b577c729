// Package inner speaks to the runner inside a sandbox: commands, files, the
// deadline, the end. It knows no more of a sandbox than how to reach it.
//
// What a sandbox answers is hostile input: every answer is bounded.
package inner

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"

	"volundr/runtime/broker/wire"
)

// Sentinels for what a sandbox refuses. Everything else is its failure, or the
// connection's.
var (
	ErrNotFound = errors.New("not found in the sandbox")
	ErrConflict = errors.New("refused as things stand") // claimed by another, id in use, not a file
	ErrInvalid  = errors.New("refused as invalid")
	ErrFull     = errors.New("the workspace is full")
	ErrBusy     = errors.New("the sandbox runs too many commands") // or has no room for a process
	ErrEnded    = errors.New("the sandbox has ended")
)

const (
	maxAnswer = 8 << 20 // bytes of an answer that is one JSON document
	maxDetail = 64 << 10
	idle      = 2 * time.Minute // an unused connection is kept so long
)

// Client is one sandbox's. It is safe for concurrent use; Close it.
type Client struct {
	http *http.Client
}

// New gives a client; dial opens a connection to port 0 of the sandbox.
func New(dial func(context.Context) (net.Conn, error)) *Client {
	stay := func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	return &Client{&http.Client{CheckRedirect: stay, Transport: &http.Transport{
		DialContext:         func(ctx context.Context, _, _ string) (net.Conn, error) { return dial(ctx) },
		DisableCompression:  true,
		MaxIdleConnsPerHost: 4,
		IdleConnTimeout:     idle,
	}}}
}

// Close gives the connections back that are not in use.
func (c *Client) Close() { c.http.CloseIdleConnections() }

// State asks how the sandbox is.
func (c *Client) State(ctx context.Context) (s wire.SandboxState, err error) {
	return s, c.call(ctx, wire.SandboxHealth, nil, nil, &s)
}

// Claim takes the sandbox under an id and sets its deadline. ErrConflict when
// another claim holds it.
func (c *Client) Claim(ctx context.Context, id string, deadline time.Time) (s wire.SandboxState, err error) {
	return s, c.call(ctx, wire.SandboxClaim, nil, wire.Claim{ID: id, Deadline: until(deadline)}, &s)
}

// SetDeadline sets the time at which the sandbox ends, earlier or later than
// before. ErrInvalid when it lies beyond the maximum lifetime.
func (c *Client) SetDeadline(ctx context.Context, deadline time.Time) (s wire.SandboxState, err error) {
	return s, c.call(ctx, wire.SandboxDeadline, nil, until(deadline), &s)
}

func until(t time.Time) wire.Deadline {
	return wire.Deadline{DeadlineMS: t.UnixMilli(), NowMS: time.Now().UnixMilli()}
}

// End kills every process and ends the sandbox. It returns when they are dead.
func (c *Client) End(ctx context.Context) error {
	err := c.call(ctx, wire.SandboxEnd, nil, nil, nil)
	c.Close()
	return err
}

// call asks for route with body as JSON and reads the answer into v.
func (c *Client) call(ctx context.Context, route string, query url.Values, body, v any) error {
	var send io.Reader
	if body != nil {
		b, err := json.Marshal(body)
		if err != nil {
			return err
		}
		send = bytes.NewReader(b)
	}
	res, err := c.ask(ctx, route, query, send)
	if err != nil {
		return err
	}
	defer res.Body.Close()
	if v == nil {
		_, err := io.Copy(io.Discard, io.LimitReader(res.Body, maxDetail)) // so that the connection is used again
		return err
	}
	b, err := io.ReadAll(io.LimitReader(res.Body, maxAnswer+1))
	if err == nil && len(b) > maxAnswer {
		err = fmt.Errorf("the sandbox answered more than %d bytes", maxAnswer)
	}
	if err != nil {
		return err
	}
	return json.Unmarshal(b, v)
}

// ask sends a request and turns a refusal into an error. The caller closes the
// answer's body.
func (c *Client) ask(ctx context.Context, route string, query url.Values, body io.Reader) (*http.Response, error) {
	method, path, _ := strings.Cut(route, " ")
	req, err := http.NewRequestWithContext(ctx, method, "http://sandbox"+path, body)
	if err != nil {
		return nil, err
	}
	req.URL.RawQuery = query.Encode()
	res, err := c.http.Do(req)
	if err != nil {
		return nil, fmt.Errorf("ask the sandbox: %w", errors.Unwrap(err))
	}
	if res.StatusCode < 300 {
		return res, nil
	}
	defer res.Body.Close()
	var p wire.Problem
	if json.NewDecoder(io.LimitReader(res.Body, maxDetail)).Decode(&p) != nil || p.Detail == "" {
		p.Detail = res.Status
	}
	return nil, refused(res.StatusCode, p.Detail)
}

func refused(status int, detail string) error {
	kind := map[int]error{
		http.StatusNotFound: ErrNotFound, http.StatusConflict: ErrConflict, http.StatusGone: ErrEnded,
		http.StatusBadRequest: ErrInvalid, http.StatusUnprocessableEntity: ErrInvalid,
		http.StatusInsufficientStorage: ErrFull, http.StatusServiceUnavailable: ErrBusy,
	}[status]
	if kind == nil {
		return fmt.Errorf("the sandbox answered %d: %s", status, detail)
	}
	return fmt.Errorf("%w: %s", kind, detail)
}
