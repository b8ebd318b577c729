package client

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
)

// v1 is one call of the sandbox API; out nil: the answer has no body.
func (c *Client) v1(ctx context.Context, method, path string, in, out any) error {
	res, err := c.send(ctx, method, SandboxBase+path, in)
	if err != nil {
		return err
	}
	defer res.Body.Close()
	if out == nil {
		return nil
	}
	if err := json.NewDecoder(res.Body).Decode(out); err != nil {
		return fmt.Errorf("read the answer to %s %s: %w", method, path, err)
	}
	return nil
}

func sandboxPath(id string) string { return "/sessions/" + url.PathEscape(id) }

// CreateSandbox gives a new sandbox, ready for commands.
func (c *Client) CreateSandbox(ctx context.Context, in SandboxCreate) (out Sandbox, err error) {
	return out, c.v1(ctx, http.MethodPost, "/sessions", in, &out)
}

// Sandboxes gives the caller's living sandboxes, the newest first.
func (c *Client) Sandboxes(ctx context.Context) ([]Sandbox, error) {
	var out struct {
		Sessions []Sandbox `json:"sessions"`
	}
	return out.Sessions, c.v1(ctx, http.MethodGet, "/sessions", nil, &out)
}

// Sandbox gives one sandbox.
func (c *Client) Sandbox(ctx context.Context, id string) (out Sandbox, err error) {
	return out, c.v1(ctx, http.MethodGet, sandboxPath(id), nil, &out)
}

// ExtendSandbox sets the deadline to so many seconds from now, within the
// maximum lifetime.
func (c *Client) ExtendSandbox(ctx context.Context, id string, ttl int) (out Sandbox, err error) {
	return out, c.v1(ctx, http.MethodPatch, sandboxPath(id), map[string]int{"ttl_seconds": ttl}, &out)
}

// DeleteSandbox ends a sandbox; when it returns, nothing runs in it any more.
func (c *Client) DeleteSandbox(ctx context.Context, id string) error {
	return c.v1(ctx, http.MethodDelete, sandboxPath(id), nil, nil)
}

// Bash runs one command in a sandbox. When ctx ends, the command is killed.
func (c *Client) Bash(ctx context.Context, id string, in Bash) (out BashResult, err error) {
	return out, c.v1(ctx, http.MethodPost, sandboxPath(id)+"/bash", in, &out)
}

// Execute runs one Python program in a sandbox of its own.
func (c *Client) Execute(ctx context.Context, in Execute) (out ExecuteResult, err error) {
	return out, c.v1(ctx, http.MethodPost, "/execute", in, &out)
}

// SandboxHealth says whether sandboxes can be had; it needs no token.
func (c *Client) SandboxHealth(ctx context.Context) (out SandboxHealth, err error) {
	res, err := c.send(ctx, http.MethodGet, "/health", nil)
	if err != nil {
		return out, err
	}
	defer res.Body.Close()
	return out, json.NewDecoder(res.Body).Decode(&out)
}
