package kubernetes

import (
	"context"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"volundr/runtime"
)

// secretKey is where a part's variable stands in the Pod's Secret.
func secretKey(part, variable string) string { return part + "." + variable }

// environment puts the variables of all parts into a Secret that goes with the
// Pod: Pods are shown to many. The node waits for it before it makes the
// containers.
func (r *Runtime) environment(ctx context.Context, s runtime.Spec, pod *corev1.Pod) error {
	secret := &corev1.Secret{ObjectMeta: r.meta(s, pod.Name), Data: map[string][]byte{}, Immutable: yes()}
	secret.OwnerReferences = []metav1.OwnerReference{{APIVersion: "v1", Kind: "Pod", Name: pod.Name, UID: pod.UID}}
	for _, p := range s.Parts {
		for name, value := range p.Env {
			secret.Data[secretKey(p.Name, name)] = []byte(value)
		}
	}
	for {
		_, err := r.api.secrets.Create(ctx, secret, metav1.CreateOptions{})
		if !apierrors.IsAlreadyExists(err) {
			return wrap(err, "keep the environment")
		}
		there, err := r.api.secrets.Get(ctx, pod.Name, metav1.GetOptions{})
		switch {
		case apierrors.IsNotFound(err):
			continue
		case err != nil:
			return wrap(err, "keep the environment")
		case len(there.OwnerReferences) == 1 && there.OwnerReferences[0].UID == pod.UID:
			return nil
		case !r.known(there.ObjectMeta):
			return wrap(errNotOurs, "a Secret has the name %s", pod.Name)
		}
		// An earlier Pod's, which the cluster has not swept yet.
		err = r.api.secrets.Delete(ctx, pod.Name, metav1.DeleteOptions{Preconditions: &metav1.Preconditions{UID: &there.UID}})
		if err != nil && !apierrors.IsNotFound(err) && !apierrors.IsConflict(err) {
			return wrap(err, "keep the environment")
		}
	}
}
