package docker

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"sync"

	"github.com/containerd/errdefs"
	"github.com/docker/docker/api/types"
	"github.com/docker/docker/api/types/container"
	"github.com/docker/docker/pkg/stdcopy"
	"github.com/hashicorp/yamux"

	"volundr/runtime"
	"volundr/runtime/broker/wire"
)

// stream is one multiplexed exec into a broker's container, for sessions whose
// addresses cannot be dialled.
type stream struct {
	turn chan struct{} // of one element: held while the exec is looked at or made

	mu     sync.Mutex
	exec   *muxed // nil until made
	closed bool
}

// muxed is an exec that carries connections.
type muxed struct {
	*yamux.Session               // closing it ends the exec
	done           chan struct{} // closed when its output has ended
}

func (m *muxed) end() {
	m.Close()
	<-m.done
}

func (s *stream) close() {
	s.mu.Lock()
	s.closed = true
	m := s.exec
	s.mu.Unlock()
	if m != nil {
		m.end()
	}
}

// put makes m the exec to open connections in, unless it is too late.
func (s *stream) put(m *muxed) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.closed {
		s.exec = m
	}
	return !s.closed
}

// throughExec opens one more connection in the session's exec, which it makes
// when there is none or when it broke.
func (r *Runtime) throughExec(ctx context.Context, in, id string) (net.Conn, error) {
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
	if s.exec != nil { // written only by who has the turn
		if conn, err := s.exec.OpenStream(); err == nil {
			return wire.Lane{Stream: conn}, nil
		}
		s.exec.end()
	}
	m, err := r.openStream(ctx, in)
	if err != nil {
		return nil, err
	}
	if !s.put(m) {
		m.end()
		return nil, fmt.Errorf("%w: it changed meanwhile", runtime.ErrNotFound)
	}
	conn, err := m.OpenStream()
	if err != nil {
		return nil, err
	}
	return wire.Lane{Stream: conn}, nil
}

func (r *Runtime) openStream(ctx context.Context, in string) (*muxed, error) {
	e, err := r.api.ContainerExecCreate(ctx, in, container.ExecOptions{
		Cmd: []string{wire.Program, "forward"}, AttachStdin: true, AttachStdout: true, AttachStderr: true})
	if errdefs.IsConflict(err) || errdefs.IsNotFound(err) {
		return nil, fmt.Errorf("%w: it does not run", runtime.ErrNotFound)
	}
	if err != nil {
		return nil, err
	}
	h, err := r.api.ContainerExecAttach(ctx, e.ID, container.ExecAttachOptions{})
	if err != nil {
		return nil, err
	}
	return carry(h)
}

// carry has a program's input and output carry connections.
func carry(h types.HijackedResponse) (*muxed, error) {
	conf := yamux.DefaultConfig()
	conf.LogOutput = io.Discard
	conf.MaxStreamWindowSize = 4 << 20
	from, to := io.Pipe()
	mux, err := yamux.Client(wire.WholeFrames(&pipe{from, h.Conn, h.Close}), conf)
	if err != nil {
		h.Close()
		return nil, err
	}
	m := &muxed{mux, make(chan struct{})}
	go func() { // ends with the hijacked connection
		defer close(m.done)
		_, err := stdcopy.StdCopy(to, io.Discard, h.Reader)
		to.CloseWithError(errors.Join(err, io.EOF))
	}()
	return m, nil
}

// pipe is an exec's output and input as one stream.
type pipe struct {
	from  *io.PipeReader
	to    io.Writer
	close func()
}

func (p *pipe) Read(b []byte) (int, error)  { return p.from.Read(b) }
func (p *pipe) Write(b []byte) (int, error) { return p.to.Write(b) }

func (p *pipe) Close() error {
	p.close()
	return p.from.Close()
}
