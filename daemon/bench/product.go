package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"volundr/ui/client"
)

// product is one installation of the executable: a data directory, an address
// and, while it runs, a daemon.
type product struct {
	bench *bench
	dir   string
	addr  string
	env   []string
	api   *client.Client
	cmd   *exec.Cmd // nil while no daemon runs
	ended chan error
	said  bytes.Buffer // by the daemon, before it logs
}

// install makes an installation whose daemon has run once: its database is
// there, and its session image. remove takes it away.
func (b *bench) install(ctx context.Context, env ...string) (*product, error) {
	return b.installAs(ctx, "", env...)
}

// installAs is install with a configuration.
func (b *bench) installAs(ctx context.Context, settings string, env ...string) (p *product, err error) {
	p = &product{bench: b, ended: make(chan error, 1)}
	defer func() {
		if err != nil {
			p.remove(ctx)
		}
	}()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	p.addr = l.Addr().String()
	l.Close()
	if p.dir, err = os.MkdirTemp("", "volundr-bench"); err != nil {
		return nil, err
	}
	if err = os.WriteFile(filepath.Join(p.dir, "config.yaml"), []byte(settings), 0o600); err != nil {
		return nil, err
	}
	p.env = append(append(os.Environ(), "ANTHROPIC_BASE_URL="+b.model, "ANTHROPIC_API_KEY=scripted"), env...)
	if _, err = p.start(ctx); err != nil {
		return nil, err
	}
	return p, poll(ctx, 30*time.Minute, 200*time.Millisecond, "the session image is made", func() (bool, error) {
		st, err := p.api.Status(ctx)
		if err == nil && st.Image.State == "failed" {
			err = errors.New(st.Image.Error)
		}
		return st.Image.State == "ready", err
	})
}

// start starts the daemon and tells how long it took until it answered.
func (p *product) start(ctx context.Context) (time.Duration, error) {
	p.said.Reset()
	p.cmd = exec.Command(p.bench.volundr, "--data-dir", p.dir, "up", "--foreground", "--listen", p.addr)
	p.cmd.Env, p.cmd.Stdout, p.cmd.Stderr = p.env, &p.said, &p.said
	p.cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true} // Ctrl-C is ours to see first
	began := time.Now()
	if err := p.cmd.Start(); err != nil {
		p.cmd = nil
		return 0, err
	}
	go func(cmd *exec.Cmd) { p.ended <- cmd.Wait() }(p.cmd) // ends with the process, which stop waits for
	err := poll(ctx, 20*time.Second, time.Millisecond, "the daemon answers", func() (bool, error) {
		if len(p.ended) > 0 {
			return false, fmt.Errorf("the daemon ended: %s", p.said.String())
		}
		token, err := os.ReadFile(filepath.Join(p.dir, "token"))
		if err != nil {
			return false, nil
		}
		p.api = client.New("http://"+p.addr, strings.TrimSpace(string(token)))
		_, err = p.api.Status(ctx)
		return err == nil, nil
	})
	return time.Since(began), err
}

// stop ends the daemon; sessions run on.
func (p *product) stop() error {
	if p.cmd == nil {
		return nil
	}
	if err := p.cmd.Process.Signal(syscall.SIGTERM); err != nil && !errors.Is(err, os.ErrProcessDone) {
		return err
	}
	p.cmd = nil
	return <-p.ended
}

// remove takes the installation away with all its sessions, even after ctx.
func (p *product) remove(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Minute)
	defer cancel()
	var errs []error
	if p.cmd != nil && p.api != nil {
		all, err := p.api.List(ctx, client.ListOptions{IncludeArchived: true})
		errs = append(errs, err)
		for _, s := range all {
			if s.Status != client.Stopped { // those that were only stored hold nothing
				errs = append(errs, p.end(ctx, s.ID))
			}
		}
	}
	return errors.Join(append(errs, p.stop(), os.RemoveAll(p.dir))...)
}

// run creates a session on an empty workspace and tells how long it took until
// the product said that it runs.
func (p *product) run(ctx context.Context) (client.Session, time.Duration, error) {
	ctx, cancel := context.WithTimeout(ctx, 2*time.Minute)
	defer cancel()
	began := time.Now()
	s, err := p.api.Create(ctx, client.SessionCreate{Name: "bench", Agent: "claude", Source: &client.Source{Type: client.SourceGit}})
	if err != nil {
		return s, 0, err
	}
	for event, err := range p.api.Stream(ctx, 1) {
		if err != nil {
			return s, 0, err
		}
		var now client.Session
		if json.Unmarshal(event.Data, &now) != nil || now.ID != s.ID {
			continue
		}
		switch now.Status {
		case client.Running:
			return now, time.Since(began), nil
		case client.Failed:
			return s, 0, fmt.Errorf("the session failed: %s", now.Failure.Reason)
		}
	}
	return s, 0, ctx.Err()
}

// end deletes a session and returns when nothing of it is left.
func (p *product) end(ctx context.Context, id string) error {
	if err := p.api.Delete(ctx, id); err != nil {
		return err
	}
	return poll(ctx, time.Minute, 20*time.Millisecond, "the session is gone", func() (bool, error) {
		_, err := p.api.Get(ctx, id)
		var answer *client.Error
		if errors.As(err, &answer) && answer.Status == http.StatusNotFound {
			return true, nil
		}
		return false, err
	})
}

// preview gives the host name under which a port of a session is seen.
func (p *product) preview(ctx context.Context, id string, port string) (host string, err error) {
	st, err := p.api.Status(ctx)
	if err != nil {
		return "", err
	}
	control, err := url.Parse(st.UIURL)
	if err != nil {
		return "", err
	}
	req, err := http.NewRequestWithContext(ctx, "GET", p.api.URL+"/s/"+id+"/preview/"+port+"/", nil)
	if err != nil {
		return "", err
	}
	req.Host = control.Host
	req.Header.Set("Authorization", "Bearer "+p.api.Token)
	res, err := http.DefaultTransport.RoundTrip(req) // follows no redirect
	if err != nil {
		return "", err
	}
	defer res.Body.Close()
	at, err := res.Location()
	if err != nil {
		return "", fmt.Errorf("ask for a preview: %s: %w", res.Status, err)
	}
	return at.Host, nil
}

// poll asks until it is so, somebody fails, or the time is over.
func poll(ctx context.Context, limit, every time.Duration, what string, ask func() (bool, error)) error {
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	for {
		if ok, err := ask(); ok || err != nil && ctx.Err() == nil {
			return err
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("until %s: %w", what, ctx.Err())
		case <-time.After(every):
		}
	}
}
