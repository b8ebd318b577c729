package docker

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	goruntime "runtime"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/containerd/errdefs"
	"github.com/docker/docker/api/types/container"
	"github.com/docker/docker/pkg/stdcopy"
	"github.com/hashicorp/yamux"

	"volundr/runtime"
	"volundr/runtime/broker/wire"
)

// dialer keeps the ways to brokers: addresses, or one exec stream each.
type dialer struct {
	mu        sync.Mutex
	addresses map[string]string
	streams   map[string]*stream
	direct    *bool // whether containers' addresses can be dialled; nil: not known yet
}

// stream is one multiplexed exec into a broker's container.
type stream struct {
	turn chan struct{} // of one element: held while the exec is looked at or made

	mu     sync.Mutex
	mux    *yamux.Session // nil until made; closing it ends the exec
	closed bool
}

func (d *dialer) forget(id string) {
	d.mu.Lock()
	s := d.streams[id]
	delete(d.addresses, id)
	delete(d.streams, id)
	d.mu.Unlock()
	if s != nil {
		s.close()
	}
}

func (d *dialer) close() {
	d.mu.Lock()
	all := d.streams
	d.streams = map[string]*stream{}
	d.mu.Unlock()
	for _, s := range all {
		s.close()
	}
}

func (s *stream) close() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.closed = true
	if s.mux != nil {
		s.mux.Close()
	}
}

// put makes mux the one to open streams in, unless it is too late.
func (s *stream) put(mux *yamux.Session) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		mux.Close()
		return false
	}
	s.mux = mux
	return true
}

// Dial implements runtime.Runtime: to the broker's port by the container's
// address where the engine is on this machine, else through an exec stream,
// and then the signed handshake.
func (r *Runtime) Dial(ctx context.Context, id string, port int) (net.Conn, error) {
	conn, err := r.reach(ctx, id)
	if err != nil {
		return nil, fmt.Errorf("dial %s: %w", id, translate(err))
	}
	stop := context.AfterFunc(ctx, func() { conn.SetDeadline(time.Unix(1, 0)) })
	out, err := wire.Client(conn, r.opts.Key, id, port)
	if !stop() && err == nil {
		out.Close()
		err = ctx.Err()
	}
	if err != nil {
		if !errors.Is(err, wire.ErrRefused) {
			r.dialer.forget(id)
		}
		return nil, fmt.Errorf("dial port %d of %s: %w", port, id, err)
	}
	return out, nil
}

func (r *Runtime) reach(ctx context.Context, id string) (net.Conn, error) {
	direct, err := r.dialsDirectly(ctx)
	if err != nil {
		return nil, err
	}
	if !direct {
		return r.throughExec(ctx, id)
	}
	for try := 0; ; try++ {
		addr, cached, err := r.address(ctx, id)
		if err != nil {
			return nil, err
		}
		if addr == noNetwork {
			return r.throughExec(ctx, id)
		}
		d := net.Dialer{Timeout: 5 * time.Second}
		conn, err := d.DialContext(ctx, "tcp", net.JoinHostPort(addr, strconv.Itoa(wire.BrokerPort)))
		if err == nil {
			return conn, nil
		}
		r.dialer.forget(id)
		if !cached || try > 0 {
			return nil, fmt.Errorf("%w: the broker does not answer: %w", runtime.ErrNotFound, err)
		}
	}
}

// dialsDirectly reports whether containers' addresses are routed from here.
func (r *Runtime) dialsDirectly(ctx context.Context) (bool, error) {
	r.dialer.mu.Lock()
	known := r.dialer.direct
	r.dialer.mu.Unlock()
	if known != nil {
		return *known, nil
	}
	direct := !r.opts.ForceExec && goruntime.GOOS == "linux" && strings.HasPrefix(r.api.DaemonHost(), "unix://")
	if direct {
		info, err := r.api.Info(ctx)
		if err != nil {
			return false, err
		}
		rootless := strings.Contains(strings.Join(info.SecurityOptions, " "), "rootless")
		direct = !rootless && !strings.Contains(info.OperatingSystem, "Docker Desktop")
	}
	r.dialer.mu.Lock()
	defer r.dialer.mu.Unlock()
	r.dialer.direct = &direct
	return direct, nil
}

// broker gives the running container that owns the session's network.
func (r *Runtime) broker(ctx context.Context, id string) (container.Summary, error) {
	f := r.ours(id)
	f.Add("status", "running")
	all, err := r.api.ContainerList(ctx, container.ListOptions{Filters: f})
	if err != nil {
		return container.Summary{}, err
	}
	for _, c := range all {
		if !strings.HasPrefix(c.HostConfig.NetworkMode, "container:") {
			return c, nil
		}
	}
	return container.Summary{}, fmt.Errorf("%w: it does not run", runtime.ErrNotFound)
}

func (r *Runtime) address(ctx context.Context, id string) (addr string, cached bool, err error) {
	r.dialer.mu.Lock()
	addr, cached = r.dialer.addresses[id]
	r.dialer.mu.Unlock()
	if cached {
		return addr, true, nil
	}
	c, err := r.broker(ctx, id)
	if err != nil {
		return "", false, err
	}
	if c.HostConfig.NetworkMode == noNetwork {
		addr = noNetwork
	} else {
		for _, n := range c.NetworkSettings.Networks {
			addr = n.IPAddress
		}
	}
	if addr == "" {
		return "", false, fmt.Errorf("%w: it has no address", runtime.ErrNotFound)
	}
	r.dialer.mu.Lock()
	r.dialer.addresses[id] = addr
	r.dialer.mu.Unlock()
	return addr, false, nil
}

// throughExec opens one more stream in the session's exec, which it makes when
// there is none or when it broke.
func (r *Runtime) throughExec(ctx context.Context, id string) (net.Conn, error) {
	r.dialer.mu.Lock()
	s := r.dialer.streams[id]
	if s == nil {
		s = &stream{turn: make(chan struct{}, 1)}
		r.dialer.streams[id] = s
	}
	r.dialer.mu.Unlock()
	select {
	case s.turn <- struct{}{}:
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	defer func() { <-s.turn }()
	if s.mux != nil { // written only by who has the turn
		if conn, err := s.mux.Open(); err == nil {
			return conn, nil
		}
		s.mux.Close()
	}
	mux, err := r.openStream(ctx, id)
	if err != nil {
		return nil, err
	}
	if !s.put(mux) {
		return nil, fmt.Errorf("%w: it changed meanwhile", runtime.ErrNotFound)
	}
	return mux.Open()
}

func (r *Runtime) openStream(ctx context.Context, id string) (*yamux.Session, error) {
	c, err := r.broker(ctx, id)
	if err != nil {
		return nil, err
	}
	e, err := r.api.ContainerExecCreate(ctx, c.ID, container.ExecOptions{
		Cmd: []string{wire.Program, "forward"}, AttachStdin: true, AttachStdout: true, AttachStderr: true})
	if errdefs.IsConflict(err) {
		return nil, fmt.Errorf("%w: it does not run", runtime.ErrNotFound)
	}
	if err != nil {
		return nil, err
	}
	h, err := r.api.ContainerExecAttach(ctx, e.ID, container.ExecAttachOptions{})
	if err != nil {
		return nil, err
	}
	out, in := io.Pipe()
	go func() { // ends with the hijacked connection
		_, err := stdcopy.StdCopy(in, io.Discard, h.Reader)
		in.CloseWithError(errors.Join(err, io.EOF))
	}()
	conf := yamux.DefaultConfig()
	conf.LogOutput = io.Discard
	conf.MaxStreamWindowSize = 4 << 20
	mux, err := yamux.Client(pipe{out, h.Conn, h.Close}, conf)
	if err != nil {
		h.Close()
		return nil, err
	}
	return mux, nil
}

// pipe is an exec's output and input as one stream.
type pipe struct {
	io.Reader
	io.Writer
	close func()
}

func (p pipe) Close() error { p.close(); return nil }
