package kubernetes

import (
	"context"
	"fmt"
	"io"
	"time"

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
		informer(&corev1.Pod{}, ours, cancel, r.api.pods),
		informer(&corev1.PersistentVolumeClaim{}, ours, cancel, r.api.claims),
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

var errBroken = fmt.Errorf("the stream broke: %w", io.ErrUnexpectedEOF)

// informer shows what is chosen. It ends with a stream that breaks: by itself it
// would go on as if nothing had been, and nobody would know that nobody looked
// meanwhile.
func informer[L kruntime.Object](kind kruntime.Object, choose func(*metav1.ListOptions), end context.CancelCauseFunc, of lister[L]) cache.SharedIndexInformer {
	var over time.Time // when the stream that is open ends by agreement
	check := func(err error) error {
		if err == nil && time.Until(over) > time.Second {
			err = errBroken
		}
		if err != nil {
			end(err)
		}
		return err
	}
	return cache.NewSharedIndexInformer(&cache.ListWatch{
		ListWithContextFunc: func(ctx context.Context, o metav1.ListOptions) (kruntime.Object, error) {
			choose(&o)
			list, err := of.List(ctx, o)
			return list, check(err)
		},
		WatchFuncWithContext: func(ctx context.Context, o metav1.ListOptions) (watch.Interface, error) {
			if err := check(nil); err != nil {
				return nil, err
			}
			choose(&o)
			w, err := of.Watch(ctx, o)
			if o.TimeoutSeconds != nil {
				over = time.Now().Add(time.Duration(*o.TimeoutSeconds) * time.Second)
			}
			if err != nil {
				end(err)
			}
			return w, err
		},
	}, kind, 0, cache.Indexers{})
}

var (
	_ runtime.Runtime = (*Runtime)(nil)
	_ runtime.Distant = (*Runtime)(nil)
)
