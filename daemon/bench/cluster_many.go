package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"volundr/runtime"
	"volundr/runtime/kubernetes"
)

const (
	manyBoxes = 300
	podsAt    = "/api/v1/namespaces/default/pods"
)

// many: the objects of 300 sandboxes, which nothing runs: they are Pods that the
// scheduler leaves alone and whose status says that they run. They are listed,
// found again by a daemon that starts, and watched at rest.
func (k *kube) many(ctx context.Context) (rows []row, err error) {
	gate, err := k.turnstile()
	if err != nil {
		return nil, err
	}
	defer gate.Close()
	defer gate.CloseClientConnections()
	p, err := k.installAs(ctx, "")
	if err != nil {
		return nil, err
	}
	defer func() { err = first(err, p.remove(ctx)) }()
	through := filepath.Join(p.dir, "kubeconfig")
	text := fmt.Sprintf("{apiVersion: v1, kind: Config, current-context: c, clusters: [{name: c, cluster: {server: %q}}], contexts: [{name: c, context: {cluster: c, user: u}}], users: [{name: u, user: {}}]}", gate.URL)
	if err := first(p.stop(), os.WriteFile(through, []byte(text), 0o600)); err != nil {
		return nil, err
	}
	settings := k.settings(through) + "sandbox:\n  pool:\n    size: 0\n  limits:\n    sandboxes: 1100\n"
	if err := os.WriteFile(filepath.Join(p.dir, "config.yaml"), []byte(settings), 0o600); err != nil {
		return nil, err
	}
	if _, err := p.start(ctx); err != nil {
		return nil, err
	}
	names, installation, err := k.fillWithBoxes(ctx, p)
	if installation != "" {
		defer func() { err = first(err, k.emptyOfBoxes(ctx, installation)) }()
	}
	if err != nil {
		return nil, err
	}
	rt, err := kubernetes.New(kubernetes.Options{Cluster: kubernetes.Cluster{Kubeconfig: k.kubeconfig}, Installation: installation})
	if err != nil {
		return nil, err
	}
	defer rt.Close()
	var listed, kubectl, found series
	for i := range k.rounds {
		began := time.Now()
		all, err := rt.List(ctx)
		if err == nil && len(all) != manyBoxes {
			err = fmt.Errorf("%d of %d are listed", len(all), manyBoxes)
		}
		if err != nil {
			return nil, err
		}
		listed.millis(time.Since(began))
		began = time.Now()
		if _, err := k.kubectl(ctx, nil, "get", "pods", "-o", "name", "-l", runtime.LabelInstallation+"="+installation); err != nil {
			return nil, err
		}
		kubectl.millis(time.Since(began))
		k.say("kubernetes %d/%d: %d listed in %.0f ms, by kubectl %.0f ms", i+1, k.rounds, manyBoxes, listed[i], kubectl[i])
	}
	for i := range min(k.rounds, 5) {
		took, err := k.reconciles(ctx, p, names[i])
		if err != nil {
			return nil, err
		}
		found.add(took.Seconds())
		k.say("kubernetes: reconciled %.2f s after its start", found[i])
	}
	rest, err := gate.rest(ctx)
	if err != nil {
		return nil, err
	}
	with := fmt.Sprintf("on a cluster, %d sandboxes: ", manyBoxes)
	return []row{
		measured(with+"a look at all", "ms", listed).against("kubectl get", kubectl),
		measured(with+"daemon start → reconciled", "s", found).atMost(5),
		measured(with+"API calls at rest", "/min", series{rest}),
	}, nil
}

// reconciles takes a sandbox away while no daemon runs, and tells how long a new
// one takes until it knows.
func (k *kube) reconciles(ctx context.Context, p *product, name string) (time.Duration, error) {
	if err := p.stop(); err != nil {
		return 0, err
	}
	if err := k.ask(ctx, "DELETE", podsAt+"/"+name+"?gracePeriodSeconds=0", "application/json", nil, nil); err != nil {
		return 0, err
	}
	began := time.Now()
	if _, err := p.start(ctx); err != nil {
		return 0, err
	}
	err := poll(ctx, time.Minute, 10*time.Millisecond, "the sandbox is known to be gone", func() (bool, error) {
		all, err := p.api.Sandboxes(ctx)
		if err != nil {
			return false, err
		}
		for _, one := range all {
			if one.ID == name {
				return false, nil
			}
		}
		return true, nil
	})
	return time.Since(began), err
}
