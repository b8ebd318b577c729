// Package kubernetes runs workloads as Pods of a cluster: one Pod with a
// container per part, and a claim per volume. It remembers nothing that the
// cluster does not show under our labels.
package kubernetes

import (
	"context"
	"crypto/ed25519"
	"fmt"
	"log/slog"
	"sync"

	"k8s.io/klog/v2"

	"volundr/runtime"
)

// Options are what New needs.
type Options struct {
	Cluster      Cluster
	Installation string // whose daemon: a label, and part of every name
	// Key opens the brokers' ports.
	Key ed25519.PrivateKey
	// Images that the cluster can pull, by kind.
	Images map[runtime.Kind]string
	Pods   Pods
	Log    *slog.Logger
}

// Pods is what the operator says of every Pod and its volumes.
type Pods struct {
	NodeSelector map[string]string
	Tolerations  []Toleration
	RuntimeClass string   // empty: the cluster's default
	PullSecrets  []string // names of Secrets in the namespace
	StorageClass string   // empty: the cluster's default
	// Sizes of volumes in bytes, by name; what is missing is defaultSize.
	Sizes map[string]int64
	// GPU is the name of the resource of which Resources.GPU are asked for;
	// empty: nvidia.com/gpu.
	GPU string
	// DaemonLabels pick the Pod that the daemon runs in, in its namespace: it
	// alone may then reach the brokers' ports, and goes straight to them. Empty,
	// or with the daemon elsewhere: no Pod may (the API server's way in is none).
	DaemonLabels map[string]string
	// Closed are address ranges (CIDR) that sessions do not reach, beside those
	// that are private or the link's own: a cluster's public ones.
	Closed []string
}

// Toleration lets Pods onto nodes with a taint. An empty Value stands for any.
type Toleration struct {
	Key    string
	Value  string
	Effect string // empty: every effect
}

// Runtime is a runtime.Runtime in one namespace of one cluster. Safe for
// concurrent use.
type Runtime struct {
	api  *api
	opts Options
	log  *slog.Logger
	ways ways
}

// New makes a runtime; the cluster need not answer yet. ErrInvalid when there
// is no such configuration or context.
func New(o Options) (*Runtime, error) {
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	quiet()
	a, err := o.Cluster.connect()
	if err != nil {
		return nil, fmt.Errorf("kubernetes: %w", err)
	}
	r := &Runtime{api: a, opts: o, log: o.Log}
	r.ways.open, r.ways.turns = map[string]*way{}, map[string]chan struct{}{}
	return r, nil
}

// quiet keeps the client library from printing what it also returns.
var quiet = sync.OnceFunc(func() { klog.SetSlogLogger(slog.New(slog.DiscardHandler)) })

// Close ends what the runtime holds open; workloads run on.
func (r *Runtime) Close() error {
	r.ways.close()
	r.api.http.CloseIdleConnections()
	return nil
}

// EnsureImage implements runtime.Images: a cluster pulls what it is told to.
func (r *Runtime) EnsureImage(_ context.Context, kind runtime.Kind, _ func(runtime.Progress)) (string, error) {
	ref := r.opts.Images[kind]
	if ref == "" {
		return "", fmt.Errorf("%w: no image of a %s is configured for the cluster: push one to a registry that it can pull from, and name it in the configuration (kubernetes.images.%s)",
			runtime.ErrInvalid, kind, kind)
	}
	return ref, nil
}

// Fit implements runtime.Fitter: the cluster pulls the image as it is, which
// holds our program since it was made from the session image that was pushed.
func (r *Runtime) Fit(_ context.Context, ref string, _ func(runtime.Progress)) (string, error) {
	return ref, nil
}

// Pull implements runtime.Fitter: the cluster does it.
func (r *Runtime) Pull(_ context.Context, ref string, _ func(runtime.Progress)) (string, error) {
	return ref, nil
}
