package kubernetes

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/hashicorp/yamux"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/util/httpstream"
	"k8s.io/client-go/tools/portforward"
	"k8s.io/client-go/transport/spdy"

	"volundr/runtime"
	"volundr/runtime/broker/wire"
)

// forward makes a way to a Pod: one connection to the broker's port through the
// API server and the machine, on which the broker takes many. (The protocol of
// a forward has streams of its own, but in it one reader that is slow holds up
// all others.)
func (r *Runtime) forward(ctx context.Context, pod *corev1.Pod, id string) (*way, error) {
	conn, err := r.tunnel(ctx, pod)
	if err != nil {
		return nil, err
	}
	raw, err := open(conn)
	if err != nil {
		conn.Close()
		return nil, err
	}
	greeted, err := r.greet(ctx, raw, id, wire.PortMany)
	if err != nil {
		raw.Close()
		<-raw.done
		return nil, errors.Join(err, raw.refusal())
	}
	conf := yamux.DefaultConfig()
	conf.LogOutput = io.Discard
	conf.MaxStreamWindowSize = 4 << 20
	mux, err := yamux.Client(greeted, conf)
	if err != nil {
		raw.Close()
		<-raw.done
		return nil, err
	}
	return &way{mux, raw}, nil
}

// tunnel connects to a Pod by WebSocket, and by SPDY where a server or a proxy
// does not speak it. What is on its way when ctx ends is closed when it comes.
func (r *Runtime) tunnel(ctx context.Context, pod *corev1.Pod) (httpstream.Connection, error) {
	u := r.subresource(pod, "portforward", nil)
	transport, upgrader, err := spdy.RoundTripperFor(r.api.config)
	if err != nil {
		return nil, err
	}
	socket, err := portforward.NewSPDYOverWebsocketDialer(u, r.api.config)
	if err != nil {
		return nil, err
	}
	dialer := portforward.NewFallbackDialer(socket, spdy.NewDialer(upgrader, &http.Client{Transport: transport}, http.MethodPost, u), refused)
	type result struct {
		conn httpstream.Connection
		err  error
	}
	came := make(chan result)
	ctx, cancel := context.WithTimeout(ctx, connecting)
	go func() { // ends with the transport's own limits
		defer cancel()
		conn, _, err := dialer.Dial(portforward.PortForwardProtocolV1Name)
		select {
		case came <- result{conn, err}:
		case <-ctx.Done():
			if conn != nil {
				conn.Close()
			}
		}
	}()
	select {
	case c := <-came:
		return c.conn, c.err
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// forwarded is a forward's connection to the broker's port. A deadline ends all
// of it.
type forwarded struct {
	httpstream.Stream
	conn httpstream.Connection
	done chan struct{} // closed when the other end has said what there is to say

	mu    sync.Mutex
	timer *time.Timer
	said  string
}

// open asks for the broker's port on a tunnel.
func open(conn httpstream.Connection) (*forwarded, error) {
	headers := http.Header{}
	headers.Set(corev1.StreamType, corev1.StreamTypeError)
	headers.Set(corev1.PortHeader, strconv.Itoa(wire.BrokerPort))
	headers.Set(corev1.PortForwardRequestIDHeader, "0")
	errs, err := conn.CreateStream(headers)
	if err != nil {
		return nil, fmt.Errorf("forward: %w", err)
	}
	errs.Close() // we say nothing there
	headers.Set(corev1.StreamType, corev1.StreamTypeData)
	data, err := conn.CreateStream(headers)
	if err != nil {
		return nil, fmt.Errorf("forward: %w", err)
	}
	f := &forwarded{Stream: data, conn: conn, done: make(chan struct{})}
	go func() { // ends with the tunnel
		defer close(f.done)
		const most = 4 << 10
		text, _ := io.ReadAll(io.LimitReader(errs, most))
		if len(text) == 0 {
			return
		}
		f.mu.Lock()
		f.said = strings.TrimSpace(string(text))
		f.mu.Unlock()
		conn.Close()
	}()
	return f, nil
}

// refusal is what the machine said, or nil.
func (f *forwarded) refusal() error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.said == "" {
		return nil
	}
	return fmt.Errorf("%w: %s", runtime.ErrNotFound, f.said)
}

func (f *forwarded) Close() error {
	f.SetDeadline(time.Time{})
	_ = f.Stream.Reset()
	return f.conn.Close()
}

// SetDeadline has the connection end at a time, unless it is the zero time.
func (f *forwarded) SetDeadline(at time.Time) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.timer != nil {
		f.timer.Stop()
		f.timer = nil
	}
	if !at.IsZero() {
		f.timer = time.AfterFunc(time.Until(at), func() {
			_ = f.Stream.Reset()
			f.conn.Close()
		})
	}
	return nil
}

func (f *forwarded) SetReadDeadline(at time.Time) error  { return f.SetDeadline(at) }
func (f *forwarded) SetWriteDeadline(at time.Time) error { return f.SetDeadline(at) }
func (f *forwarded) LocalAddr() net.Addr                 { return &net.TCPAddr{} }
func (f *forwarded) RemoteAddr() net.Addr                { return &net.TCPAddr{} }
