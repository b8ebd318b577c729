package main

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"path/filepath"
	"time"

	"github.com/google/uuid"
	"golang.org/x/sync/errgroup"

	"volundr/daemon/auth"
	"volundr/runtime"
	"volundr/store"
	"volundr/ui/client"
)

// fillWithBoxes makes them after the pattern of a real one, rows included, while
// the daemon is stopped, and starts it again.
func (k *kube) fillWithBoxes(ctx context.Context, p *product) (names []string, installation string, err error) {
	made, err := p.api.CreateSandbox(ctx, client.SandboxCreate{TTL: 3600})
	if err != nil {
		return nil, "", err
	}
	var pattern struct {
		Metadata struct {
			Labels, Annotations map[string]string
		}
		Spec map[string]any
	}
	if err := k.ask(ctx, "GET", podsAt+"/"+made.ID, "application/json", nil, &pattern); err != nil {
		return nil, "", err
	}
	installation = pattern.Metadata.Labels[runtime.LabelInstallation]
	if err := p.api.DeleteSandbox(ctx, made.ID); err != nil {
		return nil, installation, err
	}
	err = poll(ctx, time.Minute, between, "the pattern is gone", func() (bool, error) {
		var left struct{ Items []any }
		err := k.ask(ctx, "GET", podsAt+"?labelSelector="+runtime.LabelInstallation+"%3D"+installation, "application/json", nil, &left)
		return len(left.Items) == 0, err
	})
	if err = first(err, p.stop()); err != nil {
		return nil, installation, err
	}
	delete(pattern.Spec, "nodeName")
	pattern.Spec["schedulerName"] = "nobody"
	db, err := store.Open(filepath.Join(p.dir, "volundr.db"))
	if err != nil {
		return nil, installation, err
	}
	defer db.Close()
	var g errgroup.Group
	g.SetLimit(abreast)
	for range manyBoxes {
		id := uuid.NewString()
		names = append(names, runtime.SandboxName(id))
		if err := addBox(ctx, db, id); err != nil {
			return nil, installation, err
		}
		labels := maps.Clone(pattern.Metadata.Labels)
		labels[runtime.LabelSession] = id
		g.Go(func() error {
			return k.pretend(ctx, runtime.SandboxName(id), labels, pattern.Metadata.Annotations, pattern.Spec)
		})
	}
	if err := g.Wait(); err != nil {
		return nil, installation, err
	}
	_, err = p.start(ctx)
	return names, installation, err
}

// addBox stores a sandbox that runs.
func addBox(ctx context.Context, db *store.DB, id string) error {
	ends := time.Now().Add(time.Hour)
	s, err := db.CreateSandbox(ctx, store.Session{ID: id, Name: runtime.SandboxName(id), OwnerID: auth.Local.UserID, TenantID: auth.Local.TenantID,
		Runtime: "kubernetes", ExpiresAt: ends, LatestAt: ends})
	if err != nil {
		return err
	}
	runs := s
	runs.State, runs.ReadyAt, runs.Attempts, runs.RetryAt = store.Running, time.Now(), 0, time.Time{}
	_, err = db.Conclude(ctx, s, runs)
	return err
}

// pretend makes a Pod of which its status says that it runs.
func (k *kube) pretend(ctx context.Context, name string, labels, annotations map[string]string, spec map[string]any) error {
	err := k.ask(ctx, "POST", podsAt, "application/json", map[string]any{"apiVersion": "v1", "kind": "Pod",
		"metadata": map[string]any{"name": name, "labels": labels, "annotations": annotations}, "spec": spec}, nil)
	if err != nil {
		return err
	}
	status := json.RawMessage(fmt.Sprintf(`{"status":{"phase":"Running","containerStatuses":[{"name":%q,"image":"x","imageID":"x","ready":true,"started":true,"restartCount":0,"state":{"running":{"startedAt":%q}}}]}}`,
		runtime.PartSandbox, time.Now().UTC().Format(time.RFC3339)))
	return k.ask(ctx, "PATCH", podsAt+"/"+name+"/status", "application/merge-patch+json", status, nil)
}

// emptyOfBoxes takes all Pods away at once.
func (k *kube) emptyOfBoxes(ctx context.Context, installation string) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Minute)
	defer cancel()
	return k.ask(ctx, "DELETE", podsAt+"?gracePeriodSeconds=0&labelSelector="+runtime.LabelInstallation+"%3D"+installation, "application/json", nil, nil)
}
