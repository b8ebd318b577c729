package kubernetes

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"volundr/runtime"
)

// answering bounds a question that must be answered at once or not at all. It is
// less than what the engine waits for a list: that nothing answers is ours to say.
const answering = 10 * time.Second

// List implements runtime.Runtime by two calls.
func (r *Runtime) List(ctx context.Context) ([]runtime.Workload, error) {
	whole := ctx
	ctx, cancel := context.WithTimeout(ctx, answering)
	defer cancel()
	var claims []corev1.PersistentVolumeClaim
	var pods []corev1.Pod
	g, gctx := errgroup.WithContext(ctx)
	g.Go(func() (err error) {
		claims, err = r.claimsOf(gctx, "")
		return err
	})
	g.Go(func() (err error) {
		pods, err = r.podsOf(gctx, "")
		return err
	})
	if err := g.Wait(); err != nil {
		return nil, fmt.Errorf("list: %w", r.said(whole, err))
	}
	return workloads(pods, claims), nil
}

// podsOf gives our Pods, of one workload unless id is empty.
func (r *Runtime) podsOf(ctx context.Context, id string) ([]corev1.Pod, error) {
	list, err := r.api.pods.List(ctx, metav1.ListOptions{LabelSelector: r.ours(id)})
	if err != nil {
		return nil, wrap(err, "list Pods")
	}
	return slices.DeleteFunc(list.Items, func(p corev1.Pod) bool { return !r.known(p.ObjectMeta) }), nil
}

func (r *Runtime) claimsOf(ctx context.Context, id string) ([]corev1.PersistentVolumeClaim, error) {
	list, err := r.api.claims.List(ctx, metav1.ListOptions{LabelSelector: r.ours(id)})
	if err != nil {
		return nil, wrap(err, "list volumes")
	}
	return slices.DeleteFunc(list.Items, func(c corev1.PersistentVolumeClaim) bool { return !r.known(c.ObjectMeta) }), nil
}

// workloads puts Pods and claims of the same id together.
func workloads(pods []corev1.Pod, claims []corev1.PersistentVolumeClaim) []runtime.Workload {
	found := map[string]*runtime.Workload{}
	at := func(m metav1.ObjectMeta) *runtime.Workload {
		id := m.Labels[runtime.LabelSession]
		if found[id] == nil {
			found[id] = workload(m)
		}
		return found[id]
	}
	for i := range pods {
		p := &pods[i]
		w := at(p.ObjectMeta)
		w.Run, w.Helper = runOf(p.ObjectMeta), p.Labels[runtime.LabelHelper] != ""
		running := 0
		for _, c := range p.Spec.Containers {
			status := partOf(p, c.Name)
			if status.Running {
				running++
			}
			w.Parts = append(w.Parts, status)
		}
		switch running {
		case 0:
		case len(p.Spec.Containers):
			w.State = runtime.Up
		default:
			w.State = runtime.Partial
		}
	}
	for _, c := range claims {
		w := at(c.ObjectMeta)
		w.Volumes = append(w.Volumes, c.Labels[runtime.LabelPart])
	}
	out := make([]runtime.Workload, 0, len(found))
	for _, id := range slices.Sorted(maps.Keys(found)) {
		w := found[id]
		slices.SortFunc(w.Parts, func(a, b runtime.PartStatus) int { return strings.Compare(a.Name, b.Name) })
		slices.Sort(w.Volumes)
		out = append(out, *w)
	}
	return out
}

func workload(m metav1.ObjectMeta) *runtime.Workload {
	created, _ := time.Parse(time.RFC3339Nano, m.Annotations[runtime.LabelCreated])
	expires, _ := time.Parse(time.RFC3339Nano, m.Annotations[annotationExpires])
	return &runtime.Workload{ID: m.Labels[runtime.LabelSession], Kind: runtime.Kind(m.Labels[runtime.LabelKind]), State: runtime.Down,
		Name: m.Annotations[runtime.LabelName], Owner: m.Annotations[runtime.LabelOwner], Tenant: m.Annotations[runtime.LabelTenant],
		Created: created, Expires: expires}
}

// running gives a workload's Pod and the name of one of its containers, which
// runs unless over is allowed: the agent's, or a sandbox's only one, where none
// is named.
func (r *Runtime) running(ctx context.Context, id, part string, over bool) (*corev1.Pod, string, error) {
	pods, err := r.podsOf(ctx, id)
	if err != nil {
		return nil, "", err
	}
	for i := range pods {
		p := &pods[i]
		name := part
		if name == "" {
			name = runtime.PartAgent
			if runtime.Kind(p.Labels[runtime.LabelKind]) == runtime.Sandbox {
				name = p.Spec.Containers[0].Name
			}
		}
		if !slices.ContainsFunc(p.Spec.Containers, func(c corev1.Container) bool { return c.Name == name }) {
			continue
		}
		status := partOf(p, name)
		if status.Running || over && !status.Finished.IsZero() {
			return p, name, nil
		}
	}
	return nil, "", fmt.Errorf("%w: it does not run", runtime.ErrNotFound)
}
