package kubernetes

import (
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"volundr/runtime"
	"volundr/runtime/broker/wire"
	"volundr/runtime/runtimetest"
)

// What names the cluster for these tests, and the images that it has.
const (
	envKubeconfig   = "VOLUNDR_KUBECONFIG"
	envImage        = "VOLUNDR_KUBE_IMAGE"
	envSandboxImage = "VOLUNDR_KUBE_SANDBOX_IMAGE"
	envNamespace    = "VOLUNDR_KUBE_NAMESPACE"
	envStorage      = "VOLUNDR_KUBE_STORAGE_CLASS"
	envPolicies     = "VOLUNDR_KUBE_POLICIES" // "1": the cluster enforces network policies
	envRequire      = "VOLUNDR_REQUIRE_KUBERNETES"
)

// named skips a test where there is no cluster for it. Whether one must be there
// is said by a variable of its own: clusters are not on every machine.
func named(t testing.TB) {
	t.Helper()
	switch {
	case (os.Getenv(envKubeconfig) != "" || os.Getenv(envInside) == "1") && os.Getenv(envImage) != "":
	case os.Getenv(envRequire) == "1":
		t.Fatalf("no cluster is named by %s and %s", envKubeconfig, envImage)
	default:
		t.Skipf("no cluster is named by %s and %s: make test-kube runs this", envKubeconfig, envImage)
	}
}

// public and key open the test sessions' brokers.
var public, key, _ = ed25519.GenerateKey(rand.Reader)

func installation(t testing.TB) *Runtime { return installationIn(t, os.Getenv(envNamespace)) }

func installationIn(t testing.TB, namespace string) *Runtime {
	t.Helper()
	r, err := New(Options{Cluster: Cluster{Kubeconfig: os.Getenv(envKubeconfig), Namespace: namespace},
		Installation: "t" + strings.ToLower(rand.Text()[:8]), Key: key,
		Pods:   Pods{StorageClass: os.Getenv(envStorage), Sizes: map[string]int64{"workspace": 64 << 20, "home": 64 << 20, "journal": 64 << 20}, DaemonLabels: daemonLabels},
		Images: map[runtime.Kind]string{runtime.Session: os.Getenv(envImage), runtime.Sandbox: os.Getenv(envSandboxImage)}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		sweep(t, r)
		r.Close()
	})
	return r
}

// sweep removes everything of an installation.
func sweep(t testing.TB, r *Runtime) {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	all, err := r.List(ctx)
	if err != nil {
		t.Error(err)
	}
	for _, w := range all {
		if err := r.Remove(ctx, w.ID); err != nil {
			t.Error(err)
		}
	}
	for _, name := range []string{policyShut, policyOpen} {
		_ = r.api.policies.Delete(ctx, r.prefix()+"-"+name, metav1.DeleteOptions{}) // perhaps there is none
	}
}

func TestConformance(t *testing.T) {
	named(t)
	lacks := runtimetest.ProcessLimit | runtimetest.LoneParts | runtimetest.NoInterface
	if os.Getenv(envPolicies) != "1" {
		lacks |= runtimetest.Separation
	}
	runtimetest.Run(t, runtimetest.Backend{
		Processes: true, Broker: true, Lacks: lacks,
		New: func(t *testing.T) runtime.Runtime { return installation(t) },
		Again: func(t *testing.T, rt runtime.Runtime) runtime.Runtime {
			r, err := New(rt.(*Runtime).opts)
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { r.Close() })
			return r
		},
		Spec:    func(t *testing.T) runtime.Spec { return session(t, os.Getenv(envImage)) },
		Sandbox: func(t *testing.T, ttl time.Duration) runtime.Spec { return box(t, os.Getenv(envSandboxImage), ttl) },
		Lose: func(t *testing.T, rt runtime.Runtime, id, _ string) {
			lose(t, rt.(*Runtime), id)
		},
	})
}

// lose takes a workload's Pod away behind the runtime's back, if there is one.
func lose(t testing.TB, r *Runtime, id string) {
	t.Helper()
	pods, err := r.podsOf(t.Context(), id)
	if err != nil {
		t.Fatal(err)
	}
	var now int64
	for _, p := range pods {
		if err := r.api.pods.Delete(t.Context(), p.Name, metav1.DeleteOptions{GracePeriodSeconds: &now}); err != nil {
			t.Fatal(err)
		}
	}
}

// session is a small session whose broker is the real program.
func session(t testing.TB, image string) runtime.Spec {
	id := uuid.NewString()
	return runtime.Spec{
		ID: id, Kind: runtime.Session, Name: "test", Owner: "ann", Tenant: "default", Created: time.Now().UTC().Truncate(time.Second), Run: 1,
		Image: image, Network: runtime.NetworkOpen,
		Parts: []runtime.Part{
			{Name: runtime.PartBroker, Command: []string{wire.Program, "broker"}, UID: 900, GID: 900,
				Env:    configured(t, wire.Config{Session: id, Run: 1, Part: runtime.PartBroker, Agent: wire.Agent{Kind: "claude"}}),
				Mounts: []runtime.Mount{{Volume: runtime.VolumeJournal, Path: runtime.PathJournal, UID: 900, GID: 900}}},
			{Name: runtime.PartAgent, Command: []string{wire.Program, "keep"}, UID: 1000, GID: 1000, Dir: runtime.PathWorkspace,
				Mounts: []runtime.Mount{{Volume: runtime.VolumeWorkspace, Path: runtime.PathWorkspace, UID: 1000, GID: 1000},
					{Volume: runtime.VolumeHome, Path: runtime.PathHome, UID: 1000, GID: 1000}}},
		},
	}
}

// box is a small sandbox whose PID 1 is the real program.
func box(t testing.TB, image string, ttl time.Duration) runtime.Spec {
	id := uuid.NewString()
	return runtime.Spec{
		ID: id, Kind: runtime.Sandbox, Name: runtime.SandboxName(id), Owner: "ann", Tenant: "default", Created: time.Now().UTC().Truncate(time.Second), Run: 1,
		Image: image, Network: runtime.NetworkNone, Deadline: time.Now().Add(ttl).UTC().Truncate(time.Millisecond),
		Resources: runtime.Resources{Memory: 256 << 20, CPU: 1000, PIDs: 128},
		Parts: []runtime.Part{{Name: runtime.PartSandbox, Command: []string{wire.Program, "sandbox"}, Dir: runtime.PathWorkspace, UID: 65532, GID: 65532,
			Env:    configured(t, wire.Config{Session: id, Run: 1, Part: runtime.PartSandbox, Sandbox: &wire.Sandbox{LifetimeMS: ttl.Milliseconds()}}),
			Mounts: []runtime.Mount{{Size: 16 << 20, Path: runtime.PathWorkspace, UID: 65532, GID: 65532}, {Size: 16 << 20, Path: "/tmp", UID: 65532, GID: 65532}}}},
	}
}

func configured(t testing.TB, c wire.Config) map[string]string {
	t.Helper()
	c.DaemonKey = base64.StdEncoding.EncodeToString(public)
	conf, err := json.Marshal(c)
	if err != nil {
		t.Fatal(err)
	}
	return map[string]string{wire.EnvConfig: string(conf)}
}
