package kubernetes

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"volundr/runtime"
)

// says checks an error: what kind, and words that people need.
func says(t *testing.T, what string, err, kind error, words ...string) {
	t.Helper()
	if err == nil || kind != nil && !errors.Is(err, kind) {
		t.Errorf("%s: %v, want %v", what, err, kind)
		return
	}
	for _, w := range words {
		if !strings.Contains(err.Error(), w) {
			t.Errorf("%s: %q does not say %q", what, err, w)
		}
	}
}

func TestAPodDeletedBehindOurBack(t *testing.T) {
	named(t)
	r, s := installation(t), session(t, os.Getenv(envImage))
	begin(t, r, s)
	if out, exit, err := sh(t, r, s.ID, "", "echo kept > /workspace/file"); exit != 0 || err != nil {
		t.Fatal(out, exit, err)
	}
	links(t, r, s.ID)
	lose(t, r, s.ID)
	w := awaitState(t, r, s.ID, runtime.Down)
	if len(w.Parts) > 0 || len(w.Volumes) != 3 {
		t.Errorf("without its Pod it is %+v", w)
	}
	var err error
	until(t, "its broker does not answer", func() (any, bool) { // its containers end a moment later
		conn, there := r.Dial(bounded(t), s.ID, 0)
		if err = there; err == nil {
			conn.Close()
		}
		return err, err != nil
	})
	says(t, "dial", err, runtime.ErrNotFound)
	_, _, err = sh(t, r, s.ID, "", "true")
	says(t, "exec", err, runtime.ErrNotFound, "does not run")
	begin(t, r, s)
	if out, _, err := sh(t, r, s.ID, "", "cat /workspace/file"); out != "kept\n" || err != nil {
		t.Errorf("started again, its file is %q, %v", out, err)
	}
	links(t, r, s.ID)
}

// While a machine's kubelet is dead nobody knows what runs there: nothing that
// ran is called ended, nothing that is asked for is called done.
func TestAKilledKubelet(t *testing.T) {
	controlled(t)
	r, s := installation(t), session(t, os.Getenv(envImage))
	begin(t, r, s)
	if out, exit, err := sh(t, r, s.ID, "", "echo kept > /tmp/file"); exit != 0 || err != nil {
		t.Fatal(out, exit, err)
	}
	control(t, "end", "kubelet")
	_, _, err := sh(t, r, s.ID, "", "true")
	says(t, "exec", err, runtime.ErrUnavailable, "machine of the cluster does not answer")
	_, err = r.Dial(bounded(t), s.ID, 0)
	says(t, "dial", err, runtime.ErrUnavailable, "machine of the cluster does not answer")
	_, err = r.Logs(bounded(t), s.ID, runtime.LogOptions{Part: runtime.PartAgent})
	says(t, "logs", err, runtime.ErrUnavailable, "machine of the cluster does not answer")
	if w := find(t, r, s.ID); w.State != runtime.Up {
		t.Errorf("it is %+v", w)
	}
	other := session(t, os.Getenv(envImage))
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	if err := r.Start(ctx, other); err == nil {
		t.Error("a session is said to be started where nothing starts")
	}
	control(t, "up")
	links(t, r, s.ID)
	if out, _, err := sh(t, r, s.ID, "", "cat /tmp/file"); out != "kept\n" || err != nil {
		t.Errorf("it has not run on: %q, %v", out, err)
	}
	begin(t, r, other)
}

// A stop is not done before the machine says so.
func TestAStopWhileTheKubeletIsDead(t *testing.T) {
	controlled(t)
	r, s := installation(t), session(t, os.Getenv(envImage))
	begin(t, r, s)
	control(t, "end", "kubelet")
	says(t, "stop", r.Stop(bounded(t), s.ID), runtime.ErrUnavailable, "does not say that the session has ended")
	control(t, "up")
	if err := r.Stop(bounded(t), s.ID); err != nil {
		t.Error(err)
	}
	if w := find(t, r, s.ID); w.State != runtime.Down || len(w.Volumes) != 3 {
		t.Errorf("stopped, it is %+v", w)
	}
}

func TestAnExhaustedQuota(t *testing.T) {
	named(t)
	for what, hard := range map[string]corev1.ResourceName{"of Pods": corev1.ResourcePods, "of volumes": corev1.ResourcePersistentVolumeClaims} {
		t.Run(what, func(t *testing.T) {
			room := map[corev1.ResourceName]int64{corev1.ResourcePods: 1, corev1.ResourcePersistentVolumeClaims: 3}
			r := installationIn(t, quota(t, corev1.ResourceList{hard: *resource.NewQuantity(room[hard], resource.DecimalSI)}))
			one, two := session(t, os.Getenv(envImage)), session(t, os.Getenv(envImage))
			begin(t, r, one)
			err := r.Start(bounded(t), two)
			says(t, "a second session", err, nil, "quota has no room", "exceeded quota")
			if errors.Is(err, runtime.ErrInvalid) || errors.Is(err, runtime.ErrUnavailable) {
				t.Errorf("%v: it is neither wrong nor out of reach", err)
			}
			if w := find(t, r, two.ID); w.State == runtime.Up || len(w.Parts) > 0 {
				t.Errorf("refused, it is %+v", w)
			}
			if err := r.Remove(bounded(t), one.ID); err != nil {
				t.Fatal(err)
			}
			until(t, "there is room again", func() (any, bool) { // the cluster counts now and then
				err := r.Start(bounded(t), two)
				return err, err == nil
			})
		})
	}
}

// restricted has a namespace let in only what the strictest profile of Pod
// Security does.
var restricted = map[string]string{"pod-security.kubernetes.io/enforce": "restricted"}

func TestTheStrictestNamespaceTakesThem(t *testing.T) {
	named(t)
	r := installationIn(t, quota(t, corev1.ResourceList{corev1.ResourcePods: resource.MustParse("2")}))
	begin(t, r, session(t, os.Getenv(envImage)))
	begin(t, r, box(t, os.Getenv(envSandboxImage), time.Minute))
}

// quota makes a namespace of which no more is to be had than that.
func quota(t *testing.T, hard corev1.ResourceList) string {
	t.Helper()
	r := installation(t)
	name := r.prefix()
	where := r.api.core.Post().Resource("namespaces")
	if err := where.Body(&corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: name, Labels: restricted}}).Do(bounded(t)).Error(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), limit)
		defer cancel()
		if err := r.api.core.Delete().Resource("namespaces").Name(name).Do(ctx).Error(); err != nil {
			t.Error(err)
		}
	})
	one := &corev1.ResourceQuota{ObjectMeta: metav1.ObjectMeta{Name: "most"}, Spec: corev1.ResourceQuotaSpec{Hard: hard}}
	if err := r.api.core.Post().Namespace(name).Resource("resourcequotas").Body(one).Do(bounded(t)).Error(); err != nil {
		t.Fatal(err)
	}
	until(t, "the quota counts", func() (any, bool) {
		var now corev1.ResourceQuota
		err := r.api.core.Get().Namespace(name).Resource("resourcequotas").Name("most").Do(bounded(t)).Into(&now)
		return err, err == nil && len(now.Status.Hard) > 0
	})
	return name
}

func TestAnImageThatDoesNotExist(t *testing.T) {
	named(t)
	r := installation(t)
	for image, words := range map[string][]string{
		"registry.invalid/nothing:1": {"cannot pull the image registry.invalid/nothing:1", "volundr image push"},
		"no/Such:Name":               {"is no name of an image", "kubernetes.images"},
	} {
		s := session(t, image)
		says(t, image, r.Start(bounded(t), s), runtime.ErrInvalid, words...)
		w := find(t, r, s.ID)
		if w.State != runtime.Down || len(w.Parts) != 2 || !strings.Contains(w.Parts[0].Error+w.Parts[1].Error, words[0]) {
			t.Errorf("%s: it is %+v", image, w)
		}
		s.Image, s.Run = os.Getenv(envImage), 2
		begin(t, r, s) // mended, it starts
		if err := r.Remove(bounded(t), s.ID); err != nil {
			t.Error(err)
		}
	}
}

// A volume that is full fails what writes to it, and nothing else.
func TestAFullVolume(t *testing.T) {
	controlled(t)
	r := installation(t)
	const size = 12 << 20
	r.opts.Pods.StorageClass = "sized"
	r.opts.Pods.Sizes = map[string]int64{runtime.VolumeWorkspace: size, runtime.VolumeHome: size, runtime.VolumeJournal: size}
	s := session(t, os.Getenv(envImage))
	begin(t, r, s)
	links(t, r, s.ID)
	for part, folder := range map[string]string{runtime.PartAgent: runtime.PathWorkspace, runtime.PartBroker: runtime.PathJournal} {
		out, exit, err := sh(t, r, s.ID, part, "head -c 40000000 /dev/zero > "+folder+"/filler")
		if exit == 0 || err != nil || !strings.Contains(out, "No space left on device") {
			t.Errorf("%s: %q, exit code %d, %v", folder, out, exit, err)
		}
	}
	if w := find(t, r, s.ID); w.State != runtime.Up {
		t.Errorf("it is %+v", w)
	}
	links(t, r, s.ID)
	if err := r.Stop(bounded(t), s.ID); err != nil {
		t.Error(err)
	}
	s.Run = 2
	begin(t, r, s) // it starts with full volumes too, or nobody could make room
	for part, folder := range map[string]string{runtime.PartAgent: runtime.PathWorkspace, runtime.PartBroker: runtime.PathJournal} {
		if out, exit, err := sh(t, r, s.ID, part, "rm "+folder+"/filler && echo room > "+folder+"/file"); exit != 0 || err != nil {
			t.Errorf("%s: %q, exit code %d, %v", folder, out, exit, err)
		}
	}
	links(t, r, s.ID)
}

// The API server goes at any step of a start: what was begun is found and
// finished, once.
func TestTheAPIServerRestartsWhileASessionStarts(t *testing.T) {
	controlled(t)
	r := installation(t)
	ended := make(chan error, 1)
	ctx := bounded(t)
	go func() { ended <- r.Watch(ctx, func() {}) }()
	for what, reached := range map[string]func(id string) bool{
		"with the first volume": func(id string) bool {
			claims, err := r.claimsOf(bounded(t), id)
			return err == nil && len(claims) > 0
		},
		"with the Pod": func(id string) bool {
			pods, err := r.podsOf(bounded(t), id)
			return err == nil && len(pods) > 0
		},
	} {
		s := session(t, os.Getenv(envImage))
		first := make(chan error, 1)
		go func() { first <- r.Start(ctx, s) }()
		until(t, what, func() (any, bool) { return nil, reached(s.ID) })
		control(t, "end", "kube-apiserver")
		_, err := r.List(bounded(t))
		says(t, what+": list", err, runtime.ErrUnavailable, "the cluster does not answer")
		control(t, "up")
		if err := <-first; err != nil && !errors.Is(err, runtime.ErrUnavailable) {
			t.Errorf("%s: the start that was cut off: %v", what, err)
		}
		until(t, "it starts", func() (any, bool) {
			err := r.Start(bounded(t), s)
			return err, err == nil
		})
		w := awaitState(t, r, s.ID, runtime.Up)
		if len(w.Parts) != 2 || len(w.Volumes) != 3 {
			t.Errorf("%s: it is %+v", what, w)
		}
		links(t, r, s.ID)
	}
	select {
	case err := <-ended:
		says(t, "watch", err, nil, "watch")
	case <-ctx.Done():
		t.Error("Watch has not noticed that the server was gone")
	}
}

func TestExpiredCredentials(t *testing.T) {
	controlled(t)
	r := installation(t)
	s := session(t, os.Getenv(envImage))
	begin(t, r, s)
	opts := r.opts
	opts.Cluster.Kubeconfig = expired(t, filepath.Dir(opts.Cluster.Kubeconfig))
	late, err := New(opts)
	if err != nil {
		t.Fatal(err)
	}
	defer late.Close()
	_, err = late.List(bounded(t))
	says(t, "list", err, runtime.ErrUnavailable, "credentials", "expired", "log in")
	_, _, err = sh(t, late, s.ID, "", "true")
	says(t, "exec", err, runtime.ErrUnavailable, "credentials", "expired", "log in")
	says(t, "start", late.Start(bounded(t), session(t, s.Image)), runtime.ErrUnavailable, "credentials", "expired", "log in")
	says(t, "stop", late.Stop(bounded(t), s.ID), runtime.ErrUnavailable, "credentials", "expired", "log in")
	says(t, "watch", late.Watch(bounded(t), func() {}), runtime.ErrUnavailable, "credentials", "expired", "log in")
	if w := find(t, r, s.ID); w.State != runtime.Up {
		t.Errorf("it is %+v", w)
	}
}
