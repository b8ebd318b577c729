// Package daemon is the process: it takes the data directory, wires the pieces
// and runs them until it is told to end. Sessions outlive it.
package daemon

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os"
	"runtime/debug"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"volundr/daemon/api"
	"volundr/daemon/auth"
	"volundr/daemon/backup"
	"volundr/daemon/config"
	"volundr/daemon/proxy"
	"volundr/runtime"
	"volundr/store"
	"volundr/ui/client"
)

// Daemon is one wired process. Run it once.
type Daemon struct {
	cfg          config.Config
	version      string
	log          *slog.Logger
	db           *store.DB
	installation string
	auth         *auth.Auth
	provider     *auth.OIDC // that logs people in; nil: none
	surfaces     *proxy.Proxy
	pieces       *pieces
	image        *image // of sessions
	boxes        *boxes // the sandbox API
	listener     net.Listener
	public       *public // the address for others; nil: there is none
	handler      http.Handler
	stopping     context.Context
	ending       sync.WaitGroup // what then ends in sessions
	stop         context.CancelFunc
	release      func()
}

// garbage is how much the heap may grow between collections, in percent. A
// daemon on a laptop rests most of the time: its memory counts more than the
// collector's work.
const garbage = 50

// New takes the data directory and the port and wires the pieces; nothing runs
// yet. Its errors are sentences for people. Close the Daemon or Run it.
func New(ctx context.Context, cfg config.Config, version string, log *slog.Logger) (d *Daemon, err error) {
	debug.SetGCPercent(garbage)
	d = &Daemon{cfg: cfg, version: version, log: log}
	d.stopping, d.stop = context.WithCancel(context.Background())
	defer func() {
		if err != nil {
			d.Close()
			d = nil
		}
	}()
	if err := os.MkdirAll(cfg.Paths.Data, 0o700); err != nil {
		return d, fmt.Errorf("the data directory cannot be made: %w", err)
	}
	if d.release, err = lock(cfg.Paths.Lock); err != nil {
		return d, err
	}
	if backup.Unfinished(cfg.Paths.Data) {
		return d, backup.ErrUnfinished
	}
	if d.listener, err = listen(cfg.Listen); err != nil {
		return d, err
	}
	if d.db, err = store.Open(cfg.Paths.DB); err != nil {
		return d, err
	}
	if d.installation, err = auth.Installation(ctx, d.db); err != nil {
		return d, err
	}
	if d.provider, err = identity(cfg); err != nil {
		return d, err
	}
	if d.public, err = newPublic(cfg, log); err != nil {
		return d, err
	}
	if d.auth, err = auth.New(ctx, auth.Options{
		DB: d.db, Dir: cfg.Paths.Data, Listen: d.listener.Addr().String(),
		LoginPage: api.LoginPage(identityName(cfg)), Open: api.Public, OIDC: d.provider,
		Public: d.public.names(), Log: log,
	}); err != nil {
		return d, err
	}
	if d.pieces, err = wire(ctx, d); err != nil {
		return d, err
	}
	d.image = newImage(runtime.Session, d.pieces.runtimes[d.pieces.standard], log)
	d.image.retry()
	if d.boxes, err = newBoxes(d); err != nil {
		return d, err
	}
	options := d.options()
	d.handler = d.route(options)
	return d, d.boxes.listen(d, options)
}

// Close gives back what New took. A Daemon that ran is closed already.
func (d *Daemon) Close() {
	d.stop()
	if d.listener != nil {
		d.listener.Close()
	}
	d.public.close()
	if d.boxes != nil && d.boxes.listener != nil {
		d.boxes.listener.Close()
	}
	if d.surfaces != nil {
		d.surfaces.Close()
	}
	if d.pieces != nil {
		d.pieces.close()
	}
	if d.db != nil {
		d.db.Close()
	}
	if d.release != nil {
		d.release()
	}
}

// listen binds the address; one that is taken is explained.
func listen(addr string) (net.Listener, error) {
	l, err := net.Listen("tcp", addr)
	if err != nil {
		_, port, _ := net.SplitHostPort(addr)
		return nil, fmt.Errorf("port %s cannot be listened on (%w): end the program that has it, or choose another with --listen 127.0.0.1:PORT", port, err)
	}
	return l, nil
}

// route sends surfaces' hosts to the proxy and all others through the guard.
func (d *Daemon) route(o api.Options) http.Handler {
	d.surfaces = proxy.New(proxy.Options{Surfaces: d.auth.Surfaces, Use: d.pieces.engine.Use, Dial: d.dial, Log: d.log})
	control := api.New(o)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if d.auth.KindOf(r) == auth.SurfaceHost {
			d.surfaces.ServeHTTP(w, r)
			return
		}
		control.ServeHTTP(w, r)
	})
}

func (d *Daemon) options() api.Options {
	return api.Options{
		DB: d.db, Engine: d.pieces.engine, Links: d.pieces.links, Launch: d.pieces.launch, Sources: d.pieces.sources, Forges: d.pieces.forges,
		Vault: d.pieces.vault, Auth: d.auth, Chronicles: d.pieces.chronicles, Templates: library(d.cfg), Runtimes: d.pieces.runtimes, Default: d.pieces.standard, Models: models(d.cfg),
		Sandboxes: d.boxes.sandboxes, Sandbox: d.boxes.choice(d.cfg),
		Status: d.status, Doctor: d.doctor, RetryImage: d.image.retry, Shutdown: d.stop, Stopping: d.stopping, Ending: &d.ending,
		Now: time.Now, Log: d.log,
	}
}

// Run serves until ctx ends or somebody asks for the end (`volundr down`). It
// ends no session.
func (d *Daemon) Run(ctx context.Context) error {
	defer d.Close()
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	context.AfterFunc(d.stopping, cancel)
	context.AfterFunc(ctx, d.stop)

	g, ctx := errgroup.WithContext(ctx)
	g.Go(func() error { return d.pieces.engine.Run(ctx) })
	g.Go(func() error { return d.pieces.links.Run(ctx) })
	g.Go(func() error { return d.image.run(ctx) })
	g.Go(func() error { return d.forget(ctx) })
	g.Go(func() error { return d.prune(ctx) })
	g.Go(func() error { return d.sweep(ctx) })
	d.boxes.run(ctx, g)
	rest := newRest(debug.FreeOSMemory)
	defer rest.end()
	d.serveOn(ctx, g, d.listener, rest.after(d.handler))
	if d.public != nil {
		d.serveOn(ctx, g, d.public.listener, rest.after(d.auth.AtPublic(d.handler)))
	}
	if d.boxes.listener != nil {
		d.serveOn(ctx, g, d.boxes.listener, rest.after(d.boxes.handler))
	}
	if err := d.announce(); err != nil {
		return err
	}
	defer os.Remove(d.cfg.Paths.State)
	d.log.Info("Daemon runs", "version", d.version, "url", d.auth.ProgramOrigin(), "public", d.auth.PublicOrigin(), "runtime", d.pieces.standard)
	err := g.Wait()
	d.leave()
	if ctx.Err() != nil && errors.Is(err, context.Canceled) {
		err = nil
	}
	d.log.Info("Daemon ends", "error", err)
	return err
}

// leave waits, for a while, until nothing of the daemon's is left in sessions.
func (d *Daemon) leave() {
	left := make(chan struct{})
	go func() { d.ending.Wait(); close(left) }()
	select {
	case <-left:
	case <-time.After(3 * time.Second):
	}
}

// serveOn answers on l until ctx ends; then what is under way has two seconds.
func (d *Daemon) serveOn(ctx context.Context, g *errgroup.Group, l net.Listener, h http.Handler) {
	srv := &http.Server{
		Handler: h, ReadHeaderTimeout: 10 * time.Second, IdleTimeout: 2 * time.Minute,
		MaxHeaderBytes: 64 << 10, ErrorLog: slog.NewLogLogger(d.log.Handler(), slog.LevelDebug),
	}
	g.Go(func() error {
		if err := srv.Serve(l); !errors.Is(err, http.ErrServerClosed) {
			return fmt.Errorf("serve: %w", err)
		}
		return nil
	})
	g.Go(func() error {
		<-ctx.Done()
		last, cancel := context.WithTimeout(context.WithoutCancel(ctx), 2*time.Second)
		defer cancel()
		if srv.Shutdown(last) != nil {
			srv.Close()
		}
		return nil
	})
}

// status is `volundr status --json`.
func (d *Daemon) status(context.Context) client.Status {
	var trouble []client.Trouble
	if d.pieces != nil {
		trouble = api.Trouble(d.pieces.engine.Trouble())
	}
	return client.Status{
		URL: d.auth.ProgramOrigin(), UIURL: d.auth.ControlOrigin(), PublicURL: d.auth.PublicOrigin(), PID: os.Getpid(), Version: d.version,
		TokenFile: d.cfg.Paths.Token, Runtime: d.pieces.standard, Image: d.image.status(), Trouble: trouble,
		Sandbox: d.boxes.status(d.cfg),
	}
}

// announce writes the state file by which commands find the daemon.
func (d *Daemon) announce() error {
	raw, err := json.MarshalIndent(d.status(context.Background()), "", "  ")
	if err != nil {
		return err
	}
	tmp := d.cfg.Paths.State + ".new"
	if err := os.WriteFile(tmp, raw, 0o600); err != nil {
		return fmt.Errorf("write the state file: %w", err)
	}
	return os.Rename(tmp, d.cfg.Paths.State)
}
