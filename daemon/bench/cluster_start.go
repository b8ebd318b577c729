package main

import (
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net"
	"strings"
	"time"

	"volundr/runtime"
	"volundr/runtime/broker/wire"
	"volundr/runtime/kubernetes"
)

const floorInstallation = "benchfloor" // of the pods that kubectl applies

// applied is a session's objects, as kubectl is given them.
type applied struct {
	*kube
	session  string
	manifest []byte
	rt       *kubernetes.Runtime // reaches the brokers, and takes all away
	floor    *floor              // asks them
}

// starts: from the wish for a session on the cluster until the product says
// RUNNING, against the same Secret, claims and Pod by kubectl apply, until it is
// Ready and every part answers; and a new connection to a program in a session,
// against one through kubectl port-forward.
func (k *kube) starts(ctx context.Context) (rows []row, err error) {
	p, err := k.installAs(ctx, k.settings(k.kubeconfig))
	if err != nil {
		return nil, err
	}
	defer func() { err = first(err, p.remove(ctx)) }()
	s, _, err := p.run(ctx) // warms up, and is the pattern of the floor
	if err != nil {
		return nil, err
	}
	dials, err := k.dials(ctx, p, s.ID)
	if err != nil {
		return nil, err
	}
	floor, err := k.copyPod(ctx, s.ID)
	if err != nil {
		return dials, err
	}
	defer func() { err = first(err, floor.remove(ctx)) }()
	if err := p.end(ctx, s.ID); err != nil {
		return dials, err
	}
	var product, ready, plain series
	ours := func() error {
		s, took, err := p.run(ctx)
		if err != nil {
			return err
		}
		product.millis(took)
		return p.end(ctx, s.ID)
	}
	bare := func() error {
		up, answers, err := floor.run(ctx)
		if err != nil {
			return err
		}
		ready.millis(up)
		plain.millis(answers)
		return floor.remove(ctx)
	}
	for i := range k.rounds {
		turns := []func() error{ours, bare}
		if i%2 == 1 { // who comes second has warmer caches
			turns = []func() error{bare, ours}
		}
		for _, turn := range turns {
			if err := turn(); err != nil {
				return dials, err
			}
		}
		k.say("kubernetes %d/%d: product %.0f ms, kubectl apply until Ready %.0f ms, until it answers %.0f ms", i+1, k.rounds, product[i], ready[i], plain[i])
	}
	return append([]row{
		measured("on a cluster: create → RUNNING", "ms", product).against("kubectl apply until all answer", plain).atMostTimes(1.2),
		measured("on a cluster: create → RUNNING, beside containers that run", "ms", product).against("kubectl apply until Ready", ready),
	}, dials...), nil
}

// copyPod takes the pattern of a session that runs.
func (k *kube) copyPod(ctx context.Context, session string) (*applied, error) {
	public, private, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		return nil, err
	}
	raw, err := k.kubectl(ctx, nil, "get", "persistentvolumeclaims,secrets,pods", "-o", "json", "-l", "volundr.session="+session)
	if err != nil {
		return nil, err
	}
	var list struct {
		Items []struct {
			Kind       string            `json:"kind"`
			APIVersion string            `json:"apiVersion"`
			Metadata   map[string]any    `json:"metadata"`
			Spec       map[string]any    `json:"spec,omitempty"`
			Data       map[string]string `json:"data,omitempty"`
		} `json:"items"`
	}
	if err := json.Unmarshal(raw, &list); err != nil {
		return nil, err
	}
	var theirs string
	for i := range list.Items {
		item := &list.Items[i]
		labels, _ := item.Metadata["labels"].(map[string]any)
		theirs, _ = labels[runtime.LabelInstallation].(string)
		labels[runtime.LabelInstallation] = floorInstallation
		item.Metadata = map[string]any{"name": item.Metadata["name"], "namespace": item.Metadata["namespace"], "labels": labels}
		for _, own := range []string{"nodeName", "volumeName", "serviceAccount", "serviceAccountName"} { // the cluster's
			delete(item.Spec, own)
		}
		if item.Kind == "Secret" {
			if err := admit(item.Data, public); err != nil {
				return nil, err
			}
		}
	}
	if theirs == "" {
		return nil, fmt.Errorf("the cluster has nothing of session %s", session)
	}
	manifest, err := json.Marshal(map[string]any{"apiVersion": "v1", "kind": "List", "items": list.Items})
	if err != nil {
		return nil, err
	}
	a := &applied{kube: k, session: session, floor: &floor{model: k.model, pod: &pod{session: session}, key: private}}
	a.manifest = []byte(strings.ReplaceAll(string(manifest), "volundr-"+theirs+"-", "volundr-"+floorInstallation+"-"))
	a.rt, err = kubernetes.New(kubernetes.Options{Cluster: kubernetes.Cluster{Kubeconfig: k.kubeconfig}, Installation: floorInstallation, Key: private})
	return a, err
}

// admit puts another key into the broker's configuration.
func admit(data map[string]string, key ed25519.PublicKey) error {
	const where = runtime.PartBroker + "." + wire.EnvConfig
	raw, err := base64.StdEncoding.DecodeString(data[where])
	if err != nil {
		return err
	}
	var c wire.Config
	if err := json.Unmarshal(raw, &c); err != nil {
		return err
	}
	c.DaemonKey = base64.StdEncoding.EncodeToString(key)
	changed, err := json.Marshal(c)
	data[where] = base64.StdEncoding.EncodeToString(changed)
	return err
}

// run applies it and tells how long it took until the Pod was Ready, and until
// every part answered.
func (a *applied) run(ctx context.Context) (ready, answers time.Duration, err error) {
	ctx, cancel := context.WithTimeout(ctx, 2*time.Minute)
	defer cancel()
	began := time.Now()
	if _, err := a.kubectl(ctx, a.manifest, "apply", "-f", "-"); err != nil {
		return 0, 0, err
	}
	if _, err := a.kubectl(ctx, nil, "wait", "--for=condition=Ready", "--timeout=110s", "pod/volundr-"+floorInstallation+"-"+a.session); err != nil {
		return 0, 0, err
	}
	ready = time.Since(began)
	err = a.floor.answersOver(ctx, func(ctx context.Context) (net.Conn, error) { return a.rt.Dial(ctx, a.session, 0) })
	return ready, time.Since(began), err
}

func (a *applied) remove(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Minute)
	defer cancel()
	return a.rt.Remove(ctx, a.session)
}
