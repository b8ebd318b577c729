package kubernetes

import (
	"context"
	"fmt"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	kruntime "k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/watch"
	"k8s.io/client-go/tools/cache"

	"volundr/runtime"
)

// Watch implements runtime.Runtime by an informer of Pods and one of claims. It
// ends when the server does not let it watch.
func (r *Runtime) Watch(ctx context.Context, changed func()) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	ours := func(o *metav1.ListOptions) { o.LabelSelector = r.ours("") }
	informers := []cache.SharedIndexInformer{
		informer(&corev1.Pod{}, ours, listWatch[*corev1.PodList]{r.api.pods}),
		informer(&corev1.PersistentVolumeClaim{}, ours, listWatch[*corev1.PersistentVolumeClaimList]{r.api.claims}),
	}
	done := make(chan struct{}, len(informers))
	for _, i := range informers {
		// What only is there to be compared needs no room.
		err := i.SetTransform(func(o any) (any, error) {
			if m, ok := o.(metav1.Object); ok {
				m.SetManagedFields(nil)
			}
			return o, nil
		})
		if err != nil {
			return fmt.Errorf("watch: %w", err)
		}
		err = i.SetWatchErrorHandlerWithContext(func(_ context.Context, _ *cache.Reflector, err error) { cancel(err) })
		if err != nil {
			return fmt.Errorf("watch: %w", err)
		}
		handler := cache.ResourceEventHandlerFuncs{AddFunc: func(any) { changed() }, UpdateFunc: func(any, any) { changed() }, DeleteFunc: func(any) { changed() }}
		if _, err := i.AddEventHandler(handler); err != nil {
			return fmt.Errorf("watch: %w", err)
		}
		go func() {
			i.RunWithContext(ctx)
			done <- struct{}{}
		}()
	}
	changed() // what happened before
	for range informers {
		<-done
	}
	return fmt.Errorf("watch: %w", translate(context.Cause(ctx)))
}

// lister is a client of one kind of object.
type lister[L kruntime.Object] interface {
	List(context.Context, metav1.ListOptions) (L, error)
	Watch(context.Context, metav1.ListOptions) (watch.Interface, error)
}

type listWatch[L kruntime.Object] struct{ of lister[L] }

func informer[L kruntime.Object](kind kruntime.Object, choose func(*metav1.ListOptions), of listWatch[L]) cache.SharedIndexInformer {
	return cache.NewSharedIndexInformer(&cache.ListWatch{
		ListWithContextFunc: func(ctx context.Context, o metav1.ListOptions) (kruntime.Object, error) {
			choose(&o)
			return of.of.List(ctx, o)
		},
		WatchFuncWithContext: func(ctx context.Context, o metav1.ListOptions) (watch.Interface, error) {
			choose(&o)
			return of.of.Watch(ctx, o)
		},
	}, kind, 0, cache.Indexers{})
}

var _ runtime.Runtime = (*Runtime)(nil)
