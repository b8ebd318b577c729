package kubernetes

import (
	"context"
	"fmt"
	"time"

	"golang.org/x/sync/errgroup"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"volundr/runtime"
)

// making bounds the calls that make something. They are not cut off by the end
// of the caller: what became of them would not be known.
const making = 20 * time.Second

// Start implements runtime.Runtime. A Pod's containers cannot be started again:
// where one ended, all of them are replaced.
func (r *Runtime) Start(ctx context.Context, s runtime.Spec) error {
	if err := s.Validate(); err != nil {
		return err
	}
	if err := fits(s); err != nil {
		return err
	}
	if err := r.start(ctx, s); err != nil {
		return fmt.Errorf("start %s: %w", s.ID, r.said(ctx, err))
	}
	return nil
}

func (r *Runtime) start(ctx context.Context, s runtime.Spec) error {
	name := r.podName(s.Kind, s.ID)
	for {
		pod, err := r.standing(ctx, s, name)
		if err != nil {
			return err
		}
		made := true
		if pod == nil {
			if pod, made, err = r.create(ctx, s); apierrors.IsAlreadyExists(err) {
				continue
			}
		}
		if err != nil {
			return err
		}
		if ctx.Err() != nil {
			return ctx.Err()
		}
		// Perhaps an earlier call was cut off before this.
		whole, cancel := context.WithTimeout(context.WithoutCancel(ctx), making)
		err = r.environment(whole, s, pod)
		cancel()
		if err != nil {
			return err
		}
		if err := r.awaitStarted(ctx, name, pod); err != nil || made {
			return err
		}
		return r.remember(ctx, s)
	}
}

// standing gives the Pod that may stay, or nil when there is none (any more):
// one of another run, of a helper or the other way round, in which something has
// ended, or which no machine has taken for long, is taken away.
func (r *Runtime) standing(ctx context.Context, s runtime.Spec, name string) (*corev1.Pod, error) {
	pod, err := r.api.pods.Get(ctx, name, metav1.GetOptions{})
	if apierrors.IsNotFound(err) {
		return nil, nil
	}
	if err != nil {
		return nil, wrap(err, "look at the Pod")
	}
	if !r.known(pod.ObjectMeta) {
		return nil, fmt.Errorf("a Pod has the name %s: %w", name, errNotOurs)
	}
	run := runOf(pod.ObjectMeta)
	switch {
	case run > s.Run:
		return nil, fmt.Errorf("run %d is there already: %w", run, runtime.ErrInvalid)
	case run == s.Run && (pod.Labels[runtime.LabelHelper] != "") == s.Helper && pod.DeletionTimestamp == nil && !ended(pod) && !stuck(pod) && !forgotten(pod, time.Now()):
		return pod, nil
	}
	return nil, r.deletePod(ctx, pod, grace)
}

// create makes what a Pod needs, and then the Pod. made: the volumes' folders
// are known to be there.
func (r *Runtime) create(ctx context.Context, s runtime.Spec) (pod *corev1.Pod, made bool, err error) {
	if ctx.Err() != nil {
		return nil, false, ctx.Err()
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), making)
	defer cancel()
	g, gctx := errgroup.WithContext(ctx)
	g.Go(func() error { return r.apply(gctx, s.Network) })
	g.Go(func() (err error) {
		made, err = r.claims(gctx, s)
		return err
	})
	if err := g.Wait(); err != nil {
		return nil, false, err
	}
	pod, err = r.api.pods.Create(ctx, r.pod(s, !made), metav1.CreateOptions{})
	if apierrors.IsAlreadyExists(err) {
		return nil, false, err
	}
	return pod, made, wrap(err, "make the Pod")
}

// awaitStarted waits until every container has been started, or it is known
// that this will not be. Of that, nothing is taken away: it can be looked at.
func (r *Runtime) awaitStarted(ctx context.Context, name string, made *corev1.Pod) error {
	began := time.Now()
	return r.follow(ctx, name, func(pod *corev1.Pod) (bool, error) {
		if pod == nil || pod.UID != made.UID {
			return false, fmt.Errorf("the Pod was taken away by somebody else")
		}
		if started(pod) {
			return true, nil
		}
		v := judge(pod, nil)
		waited := time.Since(began)
		if !v.bad() && waited < unclear || v.bad() && !v.final && waited < v.patience() {
			return false, nil
		}
		if events := r.eventsOf(ctx, pod); len(events) > 0 {
			v = judge(pod, events)
		}
		switch {
		case v.final, v.tried && waited >= v.patience():
			return false, fmt.Errorf("%w: %s", runtime.ErrInvalid, v.says)
		case v.bad() && waited >= v.patience():
			return false, fmt.Errorf("%s", v.says)
		}
		return false, nil
	})
}

// eventsOf gives what the cluster said about a Pod, or nothing.
func (r *Runtime) eventsOf(ctx context.Context, pod *corev1.Pod) []corev1.Event {
	ctx, cancel := context.WithTimeout(ctx, making)
	defer cancel()
	list, err := r.api.events.List(ctx, metav1.ListOptions{FieldSelector: "involvedObject.uid=" + string(pod.UID)})
	if err != nil {
		r.log.Debug("Events of a Pod not read", "pod", pod.Name, "error", err)
		return nil
	}
	return list.Items
}

// said translates, unless it is the caller who went.
func (r *Runtime) said(ctx context.Context, err error) error {
	if err != nil && ctx.Err() != nil {
		return ctx.Err()
	}
	return translate(err)
}
