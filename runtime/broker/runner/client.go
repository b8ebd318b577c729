package runner

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"time"

	"volundr/runtime/broker/wire"
)

// Client is the broker's side of a runner.
type Client struct {
	addr string
	http *http.Client
}

// NewClient gives a client for the runner that listens on addr.
func NewClient(addr string) *Client {
	return &Client{addr: addr, http: &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 2, IdleConnTimeout: time.Minute}}}
}

// Run runs a command in the runner's container.
func (c *Client) Run(ctx context.Context, cmd wire.Command) (wire.RunResult, error) {
	var res wire.RunResult
	b, err := json.Marshal(cmd)
	if err != nil {
		return res, err
	}
	return res, c.call(ctx, pathRun, bytes.NewReader(b), &res)
}

// Ports lists the namespace's listeners, with the names of the processes in
// the runner's container.
func (c *Client) Ports(ctx context.Context) ([]wire.Port, error) {
	var ports []wire.Port
	return ports, c.call(ctx, pathPorts, nil, &ports)
}

func (c *Client) call(ctx context.Context, path string, body io.Reader, v any) error {
	method, path, _ := strings.Cut(path, " ")
	req, err := http.NewRequestWithContext(ctx, method, "http://"+c.addr+path, body)
	if err != nil {
		return err
	}
	res, err := c.http.Do(req)
	if err != nil {
		return err
	}
	defer res.Body.Close()
	return decode(res, v)
}

func decode(res *http.Response, v any) error {
	if res.StatusCode >= 300 {
		var p wire.Problem
		json.NewDecoder(io.LimitReader(res.Body, 64<<10)).Decode(&p)
		return fmt.Errorf("runner: %d: %s", res.StatusCode, p.Detail)
	}
	return json.NewDecoder(res.Body).Decode(v)
}

// Process is a process in the runner's container whose output is read and
// whose input is written here. Close kills it and all that came of it.
type Process struct {
	net.Conn
	r    *bufio.Reader
	c    *Client
	tree string
}

func (p *Process) Read(b []byte) (int, error) { return p.r.Read(b) }

// Start starts a process.
func (c *Client) Start(ctx context.Context, argv []string, dir string, env []string) (*Process, error) {
	b, err := json.Marshal(process{argv, dir, env})
	if err != nil {
		return nil, err
	}
	conn, err := (&net.Dialer{}).DialContext(ctx, "tcp", c.addr)
	if err != nil {
		return nil, err
	}
	method, path, _ := strings.Cut(pathStart, " ")
	req, err := http.NewRequestWithContext(ctx, method, "http://"+c.addr+path, bytes.NewReader(b))
	if err == nil {
		req.Header.Set("Connection", "Upgrade")
		req.Header.Set("Upgrade", upgrade)
		conn.SetDeadline(time.Now().Add(20 * time.Second))
		err = req.Write(conn)
	}
	if err != nil {
		conn.Close()
		return nil, err
	}
	br := bufio.NewReaderSize(conn, 64<<10)
	res, err := http.ReadResponse(br, req)
	if err == nil && res.StatusCode != http.StatusSwitchingProtocols {
		err = decode(res, &struct{}{})
		if err == nil {
			err = fmt.Errorf("runner: unexpected status %d", res.StatusCode)
		}
	}
	if err != nil {
		conn.Close()
		return nil, err
	}
	conn.SetDeadline(time.Time{})
	return &Process{Conn: conn, r: br, c: c, tree: res.Header.Get(treeHeader)}, nil
}

// Ending waits until the process has ended and says how: its code (128+n for a
// signal) and the last lines of its stderr. It may be asked once.
func (p *Process) Ending(ctx context.Context) (exit int, tail string, err error) {
	var e ending
	if err := p.c.call(ctx, strings.Replace(pathEnding, "{tree}", p.tree, 1), nil, &e); err != nil {
		return 0, "", err
	}
	return e.Exit, e.Tail, nil
}
