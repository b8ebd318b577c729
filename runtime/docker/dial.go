package docker

import (
	"context"
	"fmt"
	"net"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/docker/docker/api/types/filters"

	"volundr/runtime"
	"volundr/runtime/broker/wire"
)

// dialer keeps the ways to brokers: addresses, or one exec stream each. What it
// keeps may be old; the handshake notices.
type dialer struct {
	mu        sync.Mutex
	addresses map[string]address
	streams   map[string]*stream
	closed    bool
}

// take keeps a way into a workload that there is from its start.
func (d *dialer) take(id, container string, m *muxed) {
	d.forget(id)
	d.mu.Lock()
	closed := d.closed
	if !closed {
		d.addresses[id] = address{container: container}
		d.streams[id] = &stream{turn: make(chan struct{}, 1), exec: m}
	}
	d.mu.Unlock()
	if closed {
		m.end()
	}
}

// address is where a session's broker was last.
type address struct {
	container string
	ip        string // empty: to be reached by exec only
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
	d.closed = true
	all := d.streams
	d.streams = map[string]*stream{}
	d.mu.Unlock()
	for _, s := range all {
		s.close()
	}
}

// connecting bounds one attempt to reach a broker by its address.
const connecting = 5 * time.Second

// Dial implements runtime.Runtime: to the broker's port by the container's
// address where the engine is on this machine, else through an exec stream,
// and then the signed handshake.
func (r *Runtime) Dial(ctx context.Context, id string, port int) (net.Conn, error) {
	if err := r.ready(ctx); err != nil {
		return nil, fmt.Errorf("dial port %d of %s: %w", port, id, err)
	}
	r.dialer.mu.Lock()
	at, known := r.dialer.addresses[id]
	r.dialer.mu.Unlock()
	var conn net.Conn
	var err error
	if known {
		if conn, err = r.dialAt(ctx, at, id, port); err == nil {
			return conn, nil
		}
	}
	// Not known, or it failed: by what is known of an earlier container, which
	// may even be another session's now, or for a reason that stands.
	now, lookErr := r.broker(ctx, id)
	switch {
	case lookErr != nil:
		r.dialer.forget(id)
		err = translate(lookErr)
	case !known || now != at:
		r.dialer.forget(id)
		r.dialer.mu.Lock()
		r.dialer.addresses[id] = now
		r.dialer.mu.Unlock()
		conn, err = r.dialAt(ctx, now, id, port)
	}
	if err != nil {
		return nil, fmt.Errorf("dial port %d of %s: %w", port, id, err)
	}
	return conn, nil
}

// dialAt connects and does the handshake.
func (r *Runtime) dialAt(ctx context.Context, at address, id string, port int) (net.Conn, error) {
	var conn net.Conn
	var err error
	if at.ip == "" {
		conn, err = r.throughExec(ctx, at.container, id)
	} else {
		d := net.Dialer{Timeout: connecting}
		conn, err = d.DialContext(ctx, "tcp", net.JoinHostPort(at.ip, strconv.Itoa(wire.BrokerPort)))
	}
	if err != nil {
		return nil, fmt.Errorf("%w: the broker does not answer: %w", runtime.ErrNotFound, err)
	}
	stop := context.AfterFunc(ctx, func() { conn.SetDeadline(time.Unix(1, 0)) })
	out, err := wire.Client(conn, r.opts.Key, id, port)
	if !stop() && err == nil {
		out.Close()
	}
	if ctx.Err() != nil {
		return nil, ctx.Err()
	}
	return out, err
}

// broker says where the running container is that owns the session's network.
func (r *Runtime) broker(ctx context.Context, id string) (address, error) {
	all, err := r.containers(ctx, id, filters.Arg("status", "running"))
	if err != nil {
		return address{}, err
	}
	for _, c := range all {
		if strings.HasPrefix(c.HostConfig.NetworkMode, "container:") {
			continue
		}
		at := address{container: c.ID}
		if !r.opts.ForceExec && r.bridgeHere() {
			for _, n := range c.NetworkSettings.Networks {
				at.ip = n.IPAddress
			}
		}
		return at, nil
	}
	return address{}, fmt.Errorf("%w: it does not run", runtime.ErrNotFound)
}
