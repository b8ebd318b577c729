package client

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"
)

// Base is where the API lies on the daemon.
const Base = "/api/v1/volundr"

// Client calls one daemon. Its methods return *Error for every answer that is
// not a success, and are safe for concurrent use.
type Client struct {
	URL   string // "http://127.0.0.1:7420", no slash at the end
	Token string // bearer token
	HTTP  *http.Client
	Agent string // User-Agent; empty: Go's

	tenant string // In
}

// CommandLine begins the Agent of the command line.
const CommandLine = "volundr-cli"

// New makes a Client.
func New(url, token string) *Client {
	return &Client{URL: strings.TrimRight(url, "/"), Token: token, HTTP: &http.Client{}}
}

// Do sends in as JSON (nil: no body) to a path below Base, or one that begins
// with /api/, and reads the answer into out (nil: ignored).
func (c *Client) Do(ctx context.Context, method, path string, in, out any) error {
	full := path
	if !strings.HasPrefix(path, "/api/") {
		full = Base + path
	}
	res, err := c.send(ctx, method, full, in)
	if err != nil {
		return err
	}
	defer res.Body.Close()
	if out == nil || res.StatusCode == http.StatusNoContent {
		return nil
	}
	if err := json.NewDecoder(res.Body).Decode(out); err != nil {
		return fmt.Errorf("read the answer to %s %s: %w", method, path, err)
	}
	return nil
}

func (c *Client) send(ctx context.Context, method, path string, in any) (*http.Response, error) {
	var body bytes.Buffer
	if in != nil {
		if err := json.NewEncoder(&body).Encode(in); err != nil {
			return nil, err
		}
	}
	req, err := http.NewRequestWithContext(ctx, method, c.URL+path, &body)
	if err != nil {
		return nil, err
	}
	if in != nil {
		req.Header.Set("Content-Type", "application/json")
	}
	req.Header.Set("Accept", "application/json")
	return c.do(req)
}

func (c *Client) do(req *http.Request) (*http.Response, error) {
	if c.Token != "" {
		req.Header.Set("Authorization", "Bearer "+c.Token)
	}
	if c.Agent != "" {
		req.Header.Set("User-Agent", c.Agent)
	}
	res, err := c.HTTP.Do(req)
	if err != nil {
		if req.Context().Err() != nil {
			return nil, req.Context().Err()
		}
		var u *url.Error
		if errors.As(err, &u) {
			err = u.Err
		}
		return nil, fmt.Errorf("the daemon at %s does not answer (%w): start it with `volundr up`", c.URL, err)
	}
	if res.StatusCode >= 400 {
		defer res.Body.Close()
		return nil, errorOf(res)
	}
	return res, nil
}

func one[T any](c *Client, ctx context.Context, method, path string, in any) (T, error) {
	var out T
	err := c.Do(ctx, method, path, in, &out)
	return out, err
}

// ListOptions narrows List.
type ListOptions struct {
	Status          string
	IncludeArchived bool
	Alive           bool   // only those that run, are started or stopped
	Search          string // in name, repository, branch, agent, model, state and id
	Limit           int    // the newest, 1000 at most; 0: all
}

// List gives the sessions, newest first.
func (c *Client) List(ctx context.Context, o ListOptions) ([]Session, error) {
	q := url.Values{}
	if o.Status != "" {
		q.Set("status", o.Status)
	}
	if o.IncludeArchived {
		q.Set("include_archived", "true")
	}
	if o.Alive {
		q.Set("alive", "true")
	}
	if o.Search != "" {
		q.Set("search", o.Search)
	}
	if o.Limit != 0 {
		q.Set("limit", strconv.Itoa(o.Limit))
	}
	return one[[]Session](c, ctx, "GET", "/sessions?"+q.Encode(), nil)
}

// Create creates a session and starts it.
func (c *Client) Create(ctx context.Context, s SessionCreate) (Session, error) {
	return one[Session](c, ctx, "POST", "/sessions", s)
}

// Get gives one session.
func (c *Client) Get(ctx context.Context, id string) (Session, error) {
	return one[Session](c, ctx, "GET", "/sessions/"+url.PathEscape(id), nil)
}

// Delete removes a session with everything it holds.
func (c *Client) Delete(ctx context.Context, id string) error {
	return c.Do(ctx, "DELETE", "/sessions/"+url.PathEscape(id), nil, nil)
}

// Start starts a session; it returns when the wish is recorded.
func (c *Client) Start(ctx context.Context, id string) (Session, error) {
	return one[Session](c, ctx, "POST", "/sessions/"+url.PathEscape(id)+"/start", nil)
}

// Extend has a session that runs live longer than it would, as in 2h.
func (c *Client) Extend(ctx context.Context, id, by string) (Session, error) {
	return one[Session](c, ctx, "PATCH", "/sessions/"+url.PathEscape(id), map[string]string{"extend": by})
}

// SetTimeToLive changes how long a session runs, as in 8h, from now on where it
// runs; "none": until it is stopped.
func (c *Client) SetTimeToLive(ctx context.Context, id, life string) (Session, error) {
	return one[Session](c, ctx, "PATCH", "/sessions/"+url.PathEscape(id), map[string]string{"time_to_live": life})
}

// Stop stops a session and returns when it has stopped.
func (c *Client) Stop(ctx context.Context, id string) (Session, error) {
	return one[Session](c, ctx, "POST", "/sessions/"+url.PathEscape(id)+"/stop", nil)
}

// StopNow stops a session without the agent's last turn, also one that is being
// stopped.
func (c *Client) StopNow(ctx context.Context, id string) (Session, error) {
	return one[Session](c, ctx, "POST", "/sessions/"+url.PathEscape(id)+"/stop?now=true", nil)
}

// Send gives a session a message without opening a chat.
func (c *Client) Send(ctx context.Context, id, text string) error {
	return c.Do(ctx, "POST", "/sessions/"+url.PathEscape(id)+"/messages", map[string]string{"content": text}, nil)
}

// Logs gives the last lines (1–2000) of a session's log.
func (c *Client) Logs(ctx context.Context, id string, lines int) (Logs, error) {
	return one[Logs](c, ctx, "GET", "/sessions/"+url.PathEscape(id)+"/logs?lines="+strconv.Itoa(lines), nil)
}

// Conversation gives a session's history, in any state.
func (c *Client) Conversation(ctx context.Context, id string) (Conversation, error) {
	return one[Conversation](c, ctx, "GET", "/sessions/"+url.PathEscape(id)+"/conversation", nil)
}

// Models gives the models that sessions can use.
func (c *Client) Models(ctx context.Context) ([]Model, error) {
	return one[[]Model](c, ctx, "GET", "/models", nil)
}

// Stats gives totals.
func (c *Client) Stats(ctx context.Context) (Stats, error) {
	return one[Stats](c, ctx, "GET", "/stats", nil)
}

// Me gives the caller.
func (c *Client) Me(ctx context.Context) (Me, error) { return one[Me](c, ctx, "GET", "/me", nil) }

// Status gives the daemon's own data.
func (c *Client) Status(ctx context.Context) (Status, error) {
	return one[Status](c, ctx, "GET", "/status", nil)
}

// Doctor gives what the daemon found out about the machine.
func (c *Client) Doctor(ctx context.Context) ([]Finding, error) {
	return one[[]Finding](c, ctx, "GET", "/doctor", nil)
}

// LoginLink gives a URL that logs one browser in, once.
func (c *Client) LoginLink(ctx context.Context) (string, error) {
	out, err := one[struct {
		URL string `json:"url"`
	}](c, ctx, "POST", "/login-links", nil)
	return out.URL, err
}
