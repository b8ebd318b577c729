package kubernetes

import (
	"context"
	"fmt"
	"os"
	"testing"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"volundr/runtime"
)

// Addresses of the test cluster's node: one stands for the internet, one is
// where clouds have their metadata, the others are the API server's.
var outside = map[string]bool{ // whether a session with a network reaches it
	"203.0.113.1/8080": true, "169.254.169.254/8080": false, "10.111.0.1/8080": false, "10.111.0.1/6443": false, "10.96.0.1/443": false,
}

// A session with a network reaches the internet, and neither the cluster nor its
// machines; one without reaches nothing.
func TestWhatSessionsReachOfTheOutside(t *testing.T) {
	controlled(t)
	if os.Getenv(envPolicies) != "1" {
		t.Skipf("the cluster does not enforce network policies (%s)", envPolicies)
	}
	r := installation(t)
	listener(t, r)
	open, none := session(t, os.Getenv(envImage)), session(t, os.Getenv(envImage))
	none.Network = runtime.NetworkNone
	begin(t, r, open)
	begin(t, r, none)
	reaches := func(id, address string) (string, bool) {
		out, exit, err := sh(t, r, id, "", "timeout 2 bash -c 'exec 3<>/dev/tcp/"+address+"'")
		return fmt.Sprint(out, err), exit == 0 && err == nil
	}
	until(t, "the internet is there", func() (any, bool) { return reaches(open.ID, "203.0.113.1/8080") })
	for address, want := range outside {
		if said, got := reaches(open.ID, address); got != want {
			t.Errorf("a session with a network reaches %s: %v, want %v (%s)", address, got, want, said)
		}
		if _, got := reaches(none.ID, address); got {
			t.Errorf("a session without a network reaches %s", address)
		}
	}
}

// listener runs a Pod that answers at the node's addresses.
func listener(t *testing.T, r *Runtime) {
	t.Helper()
	pod := &corev1.Pod{ObjectMeta: metav1.ObjectMeta{Name: r.prefix() + "-outside"}, Spec: corev1.PodSpec{HostNetwork: true, AutomountServiceAccountToken: new(bool),
		Containers: []corev1.Container{{Name: "pod", Image: "cluster.local/pod:1", Args: []string{"listen", "8080"}}}}}
	if _, err := r.api.pods.Create(bounded(t), pod, metav1.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), limit)
		defer cancel()
		if err := r.api.pods.Delete(ctx, pod.Name, metav1.DeleteOptions{GracePeriodSeconds: new(int64)}); err != nil {
			t.Error(err)
		}
	})
	until(t, "the outside is there", func() (any, bool) {
		now, err := r.api.pods.Get(bounded(t), pod.Name, metav1.GetOptions{})
		return err, err == nil && now.Status.Phase == corev1.PodRunning
	})
}
