package kubernetes

import (
	"context"
	"fmt"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"volundr/runtime"
)

// Stop implements runtime.Runtime: a Pod cannot be stopped, so it goes; the
// claims stay.
func (r *Runtime) Stop(ctx context.Context, id string) error {
	if err := r.endPods(ctx, id, grace); err != nil {
		return fmt.Errorf("stop %s: %w", id, r.said(ctx, err))
	}
	return nil
}

// Remove implements runtime.Runtime. It looks until nothing is left. The
// Secret goes with its Pod.
func (r *Runtime) Remove(ctx context.Context, id string) error {
	if err := r.remove(ctx, id); err != nil {
		return fmt.Errorf("remove %s: %w", id, r.said(ctx, err))
	}
	return nil
}

func (r *Runtime) remove(ctx context.Context, id string) error {
	for {
		if err := r.endPods(ctx, id, 1); err != nil {
			return err
		}
		claims, err := r.claimsOf(ctx, id)
		if err != nil {
			return err
		}
		if len(claims) == 0 {
			return nil
		}
		for _, c := range claims {
			if c.DeletionTimestamp != nil {
				continue
			}
			err := r.api.claims.Delete(ctx, c.Name, metav1.DeleteOptions{Preconditions: &metav1.Preconditions{UID: &c.UID}})
			if err != nil && !apierrors.IsNotFound(err) && !apierrors.IsConflict(err) {
				return wrap(err, "remove the volume %s", c.Labels[runtime.LabelPart])
			}
		}
		if err := pause(ctx, looking); err != nil {
			return fmt.Errorf("volumes are still in use: %w", err)
		}
	}
}

// endPods takes a workload's Pods away and waits until they are gone.
func (r *Runtime) endPods(ctx context.Context, id string, seconds int64) error {
	r.ways.forget(id)
	pods, err := r.podsOf(ctx, id)
	if err != nil {
		return err
	}
	for _, p := range pods {
		if err := r.deletePod(ctx, &p, seconds); err != nil {
			return err
		}
	}
	return nil
}

// silent is how long after its time a machine may take to say that a Pod is
// gone.
const silent = 40 * time.Second

// deletePod takes one away and waits until it is gone. A sandbox keeps nothing:
// the cluster forgets it at once, and the machine ends it right after.
func (r *Runtime) deletePod(ctx context.Context, pod *corev1.Pod, seconds int64) error {
	if runtime.Kind(pod.Labels[runtime.LabelKind]) == runtime.Sandbox {
		seconds = 0
	}
	err := r.api.pods.Delete(ctx, pod.Name, metav1.DeleteOptions{GracePeriodSeconds: &seconds, Preconditions: &metav1.Preconditions{UID: &pod.UID}})
	switch {
	case apierrors.IsNotFound(err), apierrors.IsConflict(err): // it is another one by now
		return nil
	case err != nil:
		return wrap(err, "end the Pod")
	}
	began := time.Now()
	return r.follow(ctx, pod.Name, func(now *corev1.Pod) (bool, error) {
		switch {
		case now == nil || now.UID != pod.UID:
			return true, nil
		case time.Since(began) > silent+time.Duration(seconds)*time.Second:
			return false, fmt.Errorf("the machine %s of the cluster does not say that the session has ended: look whether it is well: %w", now.Spec.NodeName, runtime.ErrUnavailable)
		}
		return false, nil
	})
}
