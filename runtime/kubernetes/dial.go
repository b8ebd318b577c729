package kubernetes

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strconv"
	"time"

	corev1 "k8s.io/api/core/v1"

	"volundr/runtime"
	"volundr/runtime/broker/wire"
)

// connecting bounds one attempt to reach a broker.
const connecting = 10 * time.Second

// Dial implements runtime.Runtime: to the broker's port by the Pod's address
// from inside the cluster where policies let us, else in a stream of the one forwarded connection to
// the Pod, and then the signed handshake.
func (r *Runtime) Dial(ctx context.Context, id string, port int) (net.Conn, error) {
	conn, err := r.dial(ctx, id, port)
	if err != nil {
		return nil, fmt.Errorf("dial port %d of %s: %w", port, id, r.said(ctx, err))
	}
	return conn, nil
}

func (r *Runtime) dial(ctx context.Context, id string, port int) (net.Conn, error) {
	if w := r.ways.known(id); w != nil {
		conn, err := r.through(ctx, w, id, port)
		if err == nil || errors.Is(err, wire.ErrRefused) {
			return conn, err
		}
		r.ways.drop(id, w)
	}
	if ctx.Err() != nil {
		return nil, ctx.Err()
	}
	pod, err := r.entrance(ctx, id)
	if err != nil {
		return nil, err
	}
	if r.straight() {
		d := net.Dialer{Timeout: connecting}
		conn, err := d.DialContext(ctx, "tcp", net.JoinHostPort(pod.Status.PodIP, strconv.Itoa(wire.BrokerPort)))
		if err != nil {
			return nil, fmt.Errorf("%w: the broker does not answer: %w", runtime.ErrNotFound, err)
		}
		return r.greet(ctx, conn, id, port)
	}
	w, err := r.ways.way(ctx, id, func() (*way, error) { return r.forward(ctx, pod, id) })
	if err != nil {
		return nil, err
	}
	return r.through(ctx, w, id, port)
}

// straight: brokers are dialled at their Pods' addresses. That takes a daemon in
// the cluster, and policies that let it in, by its labels.
func (r *Runtime) straight() bool { return r.api.home != "" && len(r.opts.Pods.DaemonLabels) > 0 }

// entrance gives the Pod of a workload whose first part, which answers on the
// broker's port, runs.
func (r *Runtime) entrance(ctx context.Context, id string) (*corev1.Pod, error) {
	pods, err := r.podsOf(ctx, id)
	if err != nil {
		return nil, err
	}
	for i := range pods {
		if partOf(&pods[i], pods[i].Spec.Containers[0].Name).Running {
			return &pods[i], nil
		}
	}
	return nil, fmt.Errorf("%w: it does not run", runtime.ErrNotFound)
}

// through opens a connection in a way that is there.
func (r *Runtime) through(ctx context.Context, w *way, id string, port int) (net.Conn, error) {
	stream, err := w.mux.OpenStream()
	if err != nil {
		return nil, fmt.Errorf("%w: the broker does not answer: %w", runtime.ErrNotFound, err)
	}
	return r.greet(ctx, wire.Lane{Stream: stream}, id, port)
}

// greet does the handshake, bounded by ctx.
func (r *Runtime) greet(ctx context.Context, conn net.Conn, id string, port int) (net.Conn, error) {
	stop := context.AfterFunc(ctx, func() { conn.SetDeadline(time.Unix(1, 0)) })
	out, err := wire.Client(conn, r.opts.Key, id, port)
	if !stop() && err == nil {
		out.Close()
	}
	if ctx.Err() != nil {
		return nil, ctx.Err()
	}
	if err != nil && !errors.Is(err, wire.ErrRefused) {
		return nil, fmt.Errorf("%w: the broker does not answer: %w", runtime.ErrNotFound, err)
	}
	return out, err
}
