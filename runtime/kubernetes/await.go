package kubernetes

import (
	"context"
	"errors"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/fields"
	"k8s.io/apimachinery/pkg/watch"
)

const (
	// looking is how long to wait before looking again at what cannot be
	// watched well.
	looking = 50 * time.Millisecond
	// glance is how often a Pod that does not change is judged again.
	glance = time.Second
)

var errNotOurs = errors.New("it is not ours: rename or remove it")

// follow calls seen with a Pod as it is, nil when it is not there, at first and
// whenever it changes and at every glance, until seen says done, fails or ctx
// ends.
func (r *Runtime) follow(ctx context.Context, name string, seen func(*corev1.Pod) (done bool, err error)) error {
	for {
		done, err := r.followOnce(ctx, name, seen)
		if done || err != nil {
			return err
		}
	}
}

// followOnce does it for as long as the server watches.
func (r *Runtime) followOnce(ctx context.Context, name string, seen func(*corev1.Pod) (bool, error)) (bool, error) {
	one := fields.OneTermEqualSelector(metav1.ObjectNameField, name).String()
	list, err := r.api.pods.List(ctx, metav1.ListOptions{FieldSelector: one})
	if err != nil {
		return false, wrap(err, "look at the Pod")
	}
	var pod *corev1.Pod
	if len(list.Items) > 0 {
		pod = &list.Items[0]
	}
	if done, err := seen(pod); done || err != nil {
		return done, err
	}
	w, err := r.api.pods.Watch(ctx, metav1.ListOptions{FieldSelector: one, ResourceVersion: list.ResourceVersion})
	if err != nil {
		return false, wrap(err, "watch the Pod")
	}
	defer w.Stop()
	again := time.NewTicker(glance)
	defer again.Stop()
	for {
		select {
		case e, ok := <-w.ResultChan():
			if !ok || e.Type == watch.Error {
				return false, pause(ctx, looking)
			}
			changed, is := e.Object.(*corev1.Pod)
			switch {
			case e.Type == watch.Deleted:
				pod = nil
			case is && e.Type != watch.Bookmark:
				pod = changed
			}
		case <-again.C:
		case <-ctx.Done():
			return false, ctx.Err()
		}
		if done, err := seen(pod); done || err != nil {
			return done, err
		}
	}
}

// pause lets time pass, unless ctx ends.
func pause(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
