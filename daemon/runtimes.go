package daemon

import (
	"context"
	"crypto/ed25519"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"slices"

	"volundr/daemon/config"
	"volundr/runtime"
	"volundr/runtime/docker"
	"volundr/runtime/kubernetes"
)

const (
	onDocker     = "docker"
	onKubernetes = "kubernetes"
)

// runtimes are the one of new sessions, those that are configured, and those on
// which sessions live already. One that does not answer is there all the same:
// it is used as soon as it does, and the others do not wait for it.
func runtimes(ctx context.Context, d *Daemon, key ed25519.PrivateKey) (map[string]runtime.Runtime, func(), error) {
	out := map[string]runtime.Runtime{}
	var open []func() error
	end := func() {
		for _, shut := range open {
			shut()
		}
	}
	used, err := d.db.RuntimesInUse(ctx)
	if err != nil {
		return nil, nil, err
	}
	needed := d.cfg.Runtime == onDocker || d.cfg.Engine != "" || slices.Contains(used, onDocker)
	switch rt, err := dockerRuntime(ctx, d, key, needed); {
	case err != nil:
		return nil, nil, err
	case rt != nil:
		out[onDocker], open = rt, append(open, rt.Close)
	}
	if d.cfg.Kubernetes == nil { // nobody asked for a cluster
		return out, end, nil
	}
	switch rt, err := kubernetes.New(kubernetesOptions(d, key)); {
	case err != nil && d.cfg.Runtime == onKubernetes:
		end()
		return nil, nil, err
	case err != nil:
		d.log.Warn("Kubernetes cannot be used", "error", err)
		out[onKubernetes] = absent{fmt.Errorf("%w: %w", runtime.ErrUnavailable, err)}
	default:
		out[onKubernetes], open = rt, append(open, rt.Close)
	}
	return out, end, nil
}

func kubernetesOptions(d *Daemon, key ed25519.PrivateKey) kubernetes.Options {
	o := clusterOptions(d.cfg)
	o.Installation, o.Key, o.Log = d.installation, key, d.log
	return o
}

// clusterOptions are what is configured of a cluster.
func clusterOptions(cfg config.Config) kubernetes.Options {
	k := cfg.Kubernetes
	if k == nil {
		k = &config.Kubernetes{}
	}
	o := kubernetes.Options{Cluster: kubernetes.Cluster{Kubeconfig: k.Kubeconfig, Context: k.Context, Namespace: k.Namespace},
		Images: map[runtime.Kind]string{runtime.Session: k.Images.Session, runtime.Sandbox: k.Images.Sandbox},
		Pods: kubernetes.Pods{NodeSelector: k.NodeSelector, RuntimeClass: k.RuntimeClass, PullSecrets: k.PullSecrets, StorageClass: k.StorageClass,
			Sizes: map[string]int64{}, GPU: k.GPU, DaemonLabels: k.DaemonLabels, Closed: k.Closed}}
	for _, t := range k.Tolerations {
		o.Pods.Tolerations = append(o.Pods.Tolerations, kubernetes.Toleration(t))
	}
	for name, size := range k.VolumeGB {
		o.Pods.Sizes[name] = int64(size) << 30
	}
	return o
}

// dockerRuntime works with the engine that is found. When none answers and one
// is needed, the daemon starts all the same, with the one that was named, else
// the usual one: it is used as soon as it comes up. Where none is needed, it is
// nil.
func dockerRuntime(ctx context.Context, d *Daemon, key ed25519.PrivateKey, needed bool) (*docker.Runtime, error) {
	found, _, err := docker.Find(ctx, d.cfg.Engine)
	switch {
	case err != nil && !needed:
		return nil, nil
	case errors.Is(err, runtime.ErrUnavailable):
		d.log.Warn("No Docker engine answers yet", "error", err)
		if found.Host == "" {
			found = docker.Endpoint{Host: "unix:///var/run/docker.sock", How: "the usual socket"}
		}
	case err != nil: // what was named can never be used
		return nil, err
	}
	return docker.New(ctx, docker.Options{Engine: found, Installation: d.installation, Key: key,
		Image: imageOptions(d.cfg), ForceExec: os.Getenv("VOLUNDR_FORCE_EXEC") == "1", Log: d.log})
}

// lookAtDocker gives an installation's view of the engine, without a key:
// to look, and no more.
func lookAtDocker(ctx context.Context, cfg config.Config, installation string) (runtime.Runtime, func() error, error) {
	found, _, err := docker.Find(ctx, cfg.Engine)
	if err != nil {
		return nil, nil, err
	}
	rt, err := docker.New(ctx, docker.Options{Engine: found, Installation: installation, Image: imageOptions(cfg), Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		return nil, nil, err
	}
	return rt, rt.Close, nil
}

// lookAtCluster is the same of a cluster.
func lookAtCluster(cfg config.Config, installation string) (runtime.Runtime, func() error, error) {
	o := clusterOptions(cfg)
	o.Installation, o.Log = installation, slog.New(slog.DiscardHandler)
	rt, err := kubernetes.New(o)
	if err != nil {
		return nil, nil, err
	}
	return rt, rt.Close, nil
}
