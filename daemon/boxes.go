package daemon

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"math"
	"net"
	"net/http"
	"time"

	"golang.org/x/sync/errgroup"

	"volundr/daemon/api"
	"volundr/daemon/config"
	"volundr/daemon/launch"
	"volundr/daemon/sandbox"
	"volundr/runtime"
	"volundr/store"
	"volundr/ui/client"
)

// boxes is the sandbox API: on the daemon's address, and on one of its own
// where that is configured.
type boxes struct {
	sandboxes *sandbox.Sandboxes
	image     *image
	listener  net.Listener // nil: none of its own
	handler   http.Handler
}

const mebi = 1 << 20

func newBoxes(d *Daemon) (*boxes, error) {
	rt, c := d.pieces.runtimes[d.pieces.standard], d.cfg.Sandbox
	b := &boxes{image: newImage(runtime.Sandbox, rt, d.log)}
	var err error
	b.sandboxes, err = sandbox.New(sandbox.Options{
		DB: d.db, Runtime: d.pieces.standard, Standard: standardSandbox(c),
		Dial: func(ctx context.Context, s store.Session) (net.Conn, error) {
			rt, ok := d.pieces.runtimes[s.Runtime]
			if !ok {
				return nil, fmt.Errorf("sandbox %s: there is no runtime %q: %w", s.Name, s.Runtime, runtime.ErrNotFound)
			}
			return rt.Dial(ctx, s.ID, 0)
		},
		Make: d.pieces.engine.Sandbox, Ended: d.pieces.engine.Ended,
		Ready: b.ready, Dir: d.cfg.Paths.Files, Limits: sandboxLimits(c), Log: d.log,
	})
	if err != nil {
		return nil, fmt.Errorf("the folder of files cannot be used: %w", err)
	}
	return b, nil
}

func standardSandbox(c config.Sandbox) launch.SandboxRequest {
	l := c.Limits
	return launch.SandboxRequest{Network: runtime.Network(c.Networks[0]), Memory: int64(l.MemoryMB) * mebi, Disk: int64(l.WorkspaceMB) * mebi,
		CPU: int64(math.Round(l.CPUs * 1000)), PIDs: int64(l.PIDs), OpenFiles: int64(l.OpenFiles), CPUSeconds: int64(l.CPUSeconds)}
}

func sandboxLimits(c config.Sandbox) sandbox.Limits {
	l := c.Limits
	ahead := min(c.Pool.Size, int(int64(c.Pool.MemoryMB)*mebi/standardSandbox(c).Cost()))
	return sandbox.Limits{
		Sandboxes: l.Sandboxes, Executions: l.Executions, Commands: l.Commands, Queue: l.Queue,
		MaxTimeout: time.Duration(c.MaxExecTimeout) * time.Millisecond, MaxOutput: c.MaxOutput, MaxLifetime: c.MaxLifetime,
		MaxFile: int64(c.Files.MaxMB) * mebi, FilesTTL: c.Files.TTL, FilesSize: int64(c.Files.TotalMB) * mebi,
		Pool: ahead, PoolAlways: c.Pool.Always,
	}
}

// choice is what a request may ask for.
func (b *boxes) choice(cfg config.Config) api.SandboxOptions {
	c := cfg.Sandbox
	l := c.Limits
	return api.SandboxOptions{Networks: c.Networks, MaxTimeout: time.Duration(c.MaxExecTimeout) * time.Millisecond, Image: b.image.status,
		Most: launch.SandboxRequest{Memory: int64(l.MaxMemoryMB) * mebi, Disk: int64(l.MaxWorkspaceMB) * mebi,
			CPU: int64(math.Round(l.MaxCPUs * 1000)), PIDs: int64(l.MaxPIDs)}}
}

// listen takes the API's own address, where one is configured.
func (b *boxes) listen(d *Daemon, o api.Options) error {
	c := d.cfg.Sandbox
	if c.Listen == "" {
		return nil
	}
	l, err := net.Listen("tcp", c.Listen)
	if err != nil {
		return fmt.Errorf("the sandbox API cannot listen on %s (%w): end the program that has it, or choose another address for sandbox.listen", c.Listen, err)
	}
	b.listener = l
	if b.handler, err = d.auth.SandboxDoor(l.Addr(), c.TLS.Cert != "", c.Auth == "none", api.NewSandboxes(o)); err != nil {
		return err
	}
	if c.TLS.Cert == "" {
		return nil
	}
	pair, err := tls.LoadX509KeyPair(c.TLS.Cert, c.TLS.Key)
	if err != nil {
		return fmt.Errorf("the certificate of the sandbox API cannot be used: %w", err)
	}
	b.listener = tls.NewListener(l, &tls.Config{Certificates: []tls.Certificate{pair}, MinVersion: tls.VersionTLS12})
	return nil
}

func (b *boxes) run(ctx context.Context, g *errgroup.Group) {
	g.Go(func() error { return b.image.run(ctx) })
	g.Go(func() error {
		return errors.Join(b.sandboxes.Run(ctx), b.sandboxes.Empty(context.WithoutCancel(ctx)))
	})
}

// status tells where the API is, for `volundr status`.
func (b *boxes) status(cfg config.Config) *client.SandboxStatus {
	if b == nil {
		return nil
	}
	out := &client.SandboxStatus{Image: b.image.status()}
	if b.listener != nil {
		scheme := "http://"
		if cfg.Sandbox.TLS.Cert != "" {
			scheme = "https://"
		}
		out.URL, out.Auth = scheme+b.listener.Addr().String(), cfg.Sandbox.Auth
	}
	return out
}

const (
	imageGlance = 5 * time.Second  // how long a request waits for an image that is being looked at
	imageRest   = 30 * time.Second // until one that could not be made is tried again
)

// ready waits a moment for the image. One that has to be built takes minutes;
// whoever asks meanwhile is told so.
func (b *boxes) ready(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, imageGlance)
	defer cancel()
	for {
		st, since, news := b.image.look()
		switch {
		case st.State == "ready":
			return nil
		case b.image.unsupported() != nil:
			return fmt.Errorf("there are no sandboxes on this runtime: %w", b.image.unsupported())
		case st.State == "", st.State == "failed" && time.Since(since) > imageRest:
			b.image.retry()
		case st.State == "failed":
			return &sandbox.Busy{After: imageRest, Detail: "The sandbox image could not be made: " + st.Error + " `volundr image build --sandbox` tries again."}
		}
		select {
		case <-news:
		case <-ctx.Done():
			text := st.Text
			if st.Steps > 0 {
				text = fmt.Sprintf("%d/%d, %s", st.Step, st.Steps, st.Text)
			}
			return &sandbox.Busy{After: 10 * time.Second, Detail: fmt.Sprintf("The sandbox image is being made (%s): try again in a while.", text)}
		}
	}
}
