package docker

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	goruntime "runtime"
	"strings"
	"time"

	"github.com/docker/docker/client"

	"volundr/runtime"
)

// Endpoint is a Docker engine's address and what is needed to reach it.
type Endpoint struct {
	Host string // unix:///…, npipe:////…, tcp://…
	How  string // why this one: "--engine", "DOCKER_HOST", "docker context desktop-linux", "usual socket"
	TLS  *TLS   // nil without
}

// TLS names the files of a client certificate. Empty names are left out.
type TLS struct {
	CA, Cert, Key string
	SkipVerify    bool
}

// Tried is one address that Find asked, in order.
type Tried struct {
	Host string
	How  string
	Err  error // nil: it answered
}

// howUsual marks what nobody named.
const howUsual = "usual socket"

// pingLimit bounds each try. A local engine answers within milliseconds.
const pingLimit = 2 * time.Second

// Find gives the Docker engine to use: explicit (--engine) if set, else
// DOCKER_HOST, else the current docker context, else the first usual socket
// that answers. What the user named by any of the first three is used or fails:
// Find never turns to another engine silently. tried says what was asked, also
// on success. ErrUnavailable when nothing answered: the Endpoint is then the one
// that the user named, to be used as soon as it comes up, or none.
func Find(ctx context.Context, explicit string) (Endpoint, []Tried, error) {
	return finder{getenv: os.Getenv, ping: ping, sockets: usualSockets}.find(ctx, explicit)
}

type finder struct {
	getenv  func(string) string
	ping    func(context.Context, Endpoint) error
	sockets func(getenv func(string) string) []string
}

func (f finder) find(ctx context.Context, explicit string) (Endpoint, []Tried, error) {
	named, err := f.named(explicit)
	if err != nil {
		return Endpoint{}, []Tried{{Host: named.Host, How: named.How, Err: err}}, err
	}
	if named.Host != "" {
		err := f.try(ctx, named)
		tried := []Tried{{Host: named.Host, How: named.How, Err: err}}
		if err != nil {
			return named, tried, fmt.Errorf("no Docker engine answers at %s (from %s): %w", named.Host, named.How, err)
		}
		return named, tried, nil
	}

	var tried []Tried
	for _, socket := range f.sockets(f.getenv) {
		e := Endpoint{Host: socket, How: howUsual}
		err := f.try(ctx, e)
		tried = append(tried, Tried{Host: e.Host, How: e.How, Err: err})
		if err == nil {
			return e, tried, nil
		}
	}
	return Endpoint{}, tried, fmt.Errorf("no Docker engine answers at any usual socket: %w; %s", runtime.ErrUnavailable, installAdvice())
}

// named gives the endpoint that the user chose, or none.
func (f finder) named(explicit string) (Endpoint, error) {
	if explicit != "" {
		return Endpoint{Host: explicit, How: "--engine", TLS: f.envTLS(explicit)}, nil
	}
	if host := f.getenv("DOCKER_HOST"); host != "" {
		return Endpoint{Host: host, How: "DOCKER_HOST", TLS: f.envTLS(host)}, nil
	}
	return currentContext(f.getenv)
}

// envTLS gives the certificates that the environment names for a tcp host, by
// the docker client's rules.
func (f finder) envTLS(host string) *TLS {
	if !strings.HasPrefix(host, "tcp://") {
		return nil
	}
	dir := f.getenv("DOCKER_CERT_PATH")
	if dir == "" && f.getenv("DOCKER_TLS_VERIFY") != "" {
		dir = configDir(f.getenv)
	}
	if dir == "" {
		return nil
	}
	return &TLS{
		CA: filepath.Join(dir, "ca.pem"), Cert: filepath.Join(dir, "cert.pem"), Key: filepath.Join(dir, "key.pem"),
		SkipVerify: f.getenv("DOCKER_TLS_VERIFY") == "",
	}
}

func (f finder) try(ctx context.Context, e Endpoint) error {
	if strings.HasPrefix(e.Host, "ssh://") {
		return fmt.Errorf("an engine over ssh is %w; forward its socket (ssh -L /tmp/engine.sock:/var/run/docker.sock %s) and use --engine unix:///tmp/engine.sock",
			runtime.ErrUnsupported, strings.TrimPrefix(e.Host, "ssh://"))
	}
	if path, ok := strings.CutPrefix(e.Host, "unix://"); ok {
		if _, err := os.Stat(path); err != nil {
			return fmt.Errorf("%w: %w", runtime.ErrUnavailable, err)
		}
	}
	return f.ping(ctx, e)
}

func ping(ctx context.Context, e Endpoint) error {
	api, err := e.Client()
	if err != nil {
		return err
	}
	defer api.Close()
	ctx, cancel := context.WithTimeout(ctx, pingLimit)
	defer cancel()
	if _, err := api.Ping(ctx); err != nil {
		if errors.Is(err, context.DeadlineExceeded) {
			err = fmt.Errorf("no answer within %s", pingLimit)
		}
		return fmt.Errorf("%w: %w", runtime.ErrUnavailable, err)
	}
	return nil
}

// Client connects to the engine and negotiates the API version with it.
func (e Endpoint) Client() (*client.Client, error) {
	opts := []client.Opt{client.WithAPIVersionNegotiation()}
	if e.TLS != nil {
		hc, err := e.TLS.httpClient()
		if err != nil {
			return nil, fmt.Errorf("certificates for %s: %w", e.Host, err)
		}
		opts = append(opts, client.WithHTTPClient(hc))
	}
	api, err := client.NewClientWithOpts(append(opts, client.WithHost(e.Host))...)
	if err != nil {
		return nil, fmt.Errorf("engine address %q: %w", e.Host, err)
	}
	return api, nil
}

// usualSockets lists where engines listen by default, most specific first.
func usualSockets(getenv func(string) string) []string {
	if goruntime.GOOS == "windows" {
		return []string{client.DefaultDockerHost, "npipe:////./pipe/dockerDesktopLinuxEngine", "npipe:////./pipe/podman-machine-default"}
	}
	var sockets []string
	add := func(dir, rest string) {
		if dir != "" {
			sockets = append(sockets, "unix://"+filepath.Join(dir, rest))
		}
	}
	run, home := getenv("XDG_RUNTIME_DIR"), getenv("HOME")
	add(run, "docker.sock")                  // rootless
	add("/var/run", "docker.sock")           // Debian, Fedora, Desktop's compatibility link
	add(home, ".docker/run/docker.sock")     // Docker Desktop on macOS
	add(home, ".docker/desktop/docker.sock") // Docker Desktop on Linux
	add(home, ".colima/default/docker.sock") // Colima
	add(home, ".config/colima/default/docker.sock")
	add(home, ".orbstack/run/docker.sock") // OrbStack
	add(home, ".rd/docker.sock")           // Rancher Desktop
	add(run, "podman/podman.sock")         // Podman, the user's
	add(home, ".local/share/containers/podman/machine/podman.sock")
	add("/run/podman", "podman.sock") // Podman, the system's
	return sockets
}
