package kubernetes

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/goccy/go-yaml"
	apierrors "k8s.io/apimachinery/pkg/api/errors"

	"volundr/runtime/broker/wire"
)

// envInside: these tests run in a Pod of the cluster, as a daemon would.
const envInside = "VOLUNDR_KUBE_INSIDE"

// daemonLabels are those of the daemon's Pod in assets/kubernetes.
var daemonLabels = map[string]string{"app.kubernetes.io/name": "volundr"}

// theRole is what the manifests let a daemon do.
const theRole = "../../assets/kubernetes/daemon/sessions.yaml"

// Pods in a namespace of the daemon's, and one of the same looks in that of the
// sessions. %[1]s: the daemon's namespace, %[2]s: the sessions', %[3]s: an image.
const insidePods = `
apiVersion: v1
kind: Namespace
metadata: {name: %[1]s, labels: {pod-security.kubernetes.io/enforce: restricted}}
---
apiVersion: v1
kind: ServiceAccount
metadata: {name: volundr, namespace: %[1]s}
---
apiVersion: v1
kind: Pod
metadata: {name: daemon, namespace: %[1]s, labels: {app.kubernetes.io/name: volundr}}
spec:
  serviceAccountName: volundr
  containers: [` + insideContainer + `]
  volumes: [{name: tmp, emptyDir: {}}]
---
apiVersion: v1
kind: Pod
metadata: {name: stranger, namespace: %[1]s, labels: {app.kubernetes.io/name: other}}
spec:
  automountServiceAccountToken: false
  containers: [` + insideContainer + `]
  volumes: [{name: tmp, emptyDir: {}}]
---
apiVersion: v1
kind: Pod
metadata: {name: namesake, namespace: %[2]s, labels: {app.kubernetes.io/name: volundr}}
spec:
  automountServiceAccountToken: false
  containers: [` + insideContainer + `]
  volumes: [{name: tmp, emptyDir: {}}]
`

const insideContainer = `{name: pod, image: "%[3]s", imagePullPolicy: IfNotPresent, command: [sh, -c, "trap exit TERM; sleep 3600 & wait"], volumeMounts: [{name: tmp, mountPath: /tmp}],
    securityContext: {runAsUser: 1000, runAsNonRoot: true, allowPrivilegeEscalation: false, capabilities: {drop: [ALL]}, seccompProfile: {type: RuntimeDefault}}}`

// severed are the cases about starts that are cut off: minutes, and the same
// from wherever one calls the API.
const severed = "TestConformance/./cut_off"

// A daemon in the cluster, with the rights of the manifests, passes the suite,
// goes straight to the sessions' Pods, and is the only one that gets in there.
func TestADaemonInsideTheCluster(t *testing.T) {
	controlled(t)
	if os.Getenv(envPolicies) != "1" {
		t.Skipf("the cluster does not enforce network policies (%s)", envPolicies)
	}
	own := installation(t).prefix()
	daemons, sessions := own+"-daemon", own+"-sessions"
	role, err := os.ReadFile(theRole)
	if err != nil {
		t.Fatal(err)
	}
	theirs := strings.NewReplacer("volundr-sessions", sessions, "namespace: volundr\n", "namespace: "+daemons+"\n").Replace(string(role))
	all := theirs + "---" + fmt.Sprintf(insidePods, daemons, sessions, os.Getenv(envImage))
	t.Cleanup(func() { kubectl(t, "", "delete", "namespace", daemons, sessions, "--ignore-not-found") })
	kubectl(t, all, "apply", "-f", "-")
	for _, pod := range []string{daemons + "/daemon", daemons + "/stranger", sessions + "/namesake"} {
		namespace, name, _ := strings.Cut(pod, "/")
		kubectl(t, "", "-n", namespace, "wait", "--for=condition=Ready", "--timeout=3m", "pod/"+name)
	}

	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	program, err := os.ReadFile(self)
	if err != nil {
		t.Fatal(err)
	}
	in := func(script string) []string {
		return []string{"-n", daemons, "exec", "-i", "daemon", "--", "sh", "-c", script}
	}
	kubectl(t, string(program), in("cat > /tmp/inside && chmod +x /tmp/inside")...)
	env := fmt.Sprintf("%s=1 %s=%q %s=%q %s=%q %s=%q %s=1 HOME=/tmp", envInside, envImage, os.Getenv(envImage), envSandboxImage, os.Getenv(envSandboxImage),
		envNamespace, sessions, envStorage, os.Getenv(envStorage), envPolicies)
	said, err := try("", 15*time.Minute, in("cd /tmp && "+env+" ./inside -test.v -test.timeout 14m -test.run '^(TestInside|TestConformance)$' -test.skip '"+severed+"'")...)
	t.Logf("inside:\n%s", said)
	for _, want := range []string{"--- PASS: TestInside", "--- PASS: TestConformance (", "\nPASS"} {
		if err != nil || !strings.Contains(said, want) {
			t.Errorf("inside it is not said %q (%v)", want, err)
		}
	}

	r := installationIn(t, sessions)
	r.api.home, r.opts.Pods.DaemonLabels = daemons, daemonLabels // as if we were there
	s := session(t, os.Getenv(envImage))
	begin(t, r, s)
	pods, err := r.podsOf(bounded(t), s.ID)
	if err != nil || len(pods) != 1 {
		t.Fatalf("%d Pods, %v", len(pods), err)
	}
	broker := fmt.Sprintf("%s/%d", pods[0].Status.PodIP, wire.BrokerPort)
	reaches := func(namespace, pod, address string) (any, bool) {
		said, err := try("", limit, "-n", namespace, "exec", pod, "--", "timeout", "2", "bash", "-c", "exec 3<>/dev/tcp/"+address)
		return fmt.Sprint(said, err), err == nil
	}
	until(t, "the daemon reaches the broker", func() (any, bool) { return reaches(daemons, "daemon", broker) })
	for _, pod := range []string{daemons + "/stranger", sessions + "/namesake"} {
		namespace, name, _ := strings.Cut(pod, "/")
		until(t, pod+" has a network", func() (any, bool) { return reaches(namespace, name, "10.96.0.1/443") })
		if _, open := reaches(namespace, name, broker); open {
			t.Errorf("%s reaches the broker", pod)
		}
	}
}

// TestInside is run by TestADaemonInsideTheCluster.
func TestInside(t *testing.T) {
	if os.Getenv(envInside) != "1" {
		return // and is nothing by itself
	}
	r := installation(t)
	if !r.straight() {
		t.Fatalf("it does not know that it is inside: namespace %q, our own %q", r.api.namespace, r.api.home)
	}
	for _, f := range r.Check(bounded(t)) {
		if f.Status == statusError || f.Name == "Rights" && f.Status != statusOK {
			t.Errorf("%+v", f)
		}
	}
	s := session(t, os.Getenv(envImage))
	begin(t, r, s)
	links(t, r, s.ID)
	// No other way is open to it, so this one was straight.
	pod, err := r.entrance(bounded(t), s.ID)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := r.forward(bounded(t), pod, s.ID); !notAllowed(err) {
		t.Errorf("it may forward: %v", err)
	}
	if len(r.ways.open) > 0 {
		t.Error("it has forwarded")
	}
	for _, path := range []string{
		"/api/v1/namespaces", "/api/v1/nodes", "/api/v1/pods", "/api/v1/secrets", "/api/v1/namespaces/default/pods", "/api/v1/namespaces/kube-system/secrets",
		"/api/v1/namespaces/" + r.api.home + "/secrets", "/api/v1/namespaces/" + r.api.home + "/pods", "/api/v1/namespaces/" + r.api.namespace + "/secrets",
		"/api/v1/namespaces/" + r.api.namespace + "/configmaps",
	} {
		if err := r.get(bounded(t), path, &struct{}{}); !notAllowed(err) {
			t.Errorf("%s: %v", path, err)
		}
	}
}

func notAllowed(err error) bool {
	return apierrors.IsForbidden(err) || err != nil && strings.Contains(err.Error(), "forbidden")
}

// The manifests give a daemon the rights that it asks for, and none beside.
func TestTheRoleIsWhatADaemonNeeds(t *testing.T) {
	file, err := os.Open(theRole)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	given := map[need]bool{}
	for documents := yaml.NewDecoder(file); ; {
		var d struct {
			Rules []struct {
				APIGroups []string `yaml:"apiGroups"`
				Resources []string `yaml:"resources"`
				Verbs     []string `yaml:"verbs"`
			} `yaml:"rules"`
		}
		if err := documents.Decode(&d); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			t.Fatal(err)
		}
		for _, rule := range d.Rules {
			for _, group := range rule.APIGroups {
				for _, resource := range rule.Resources {
					for _, verb := range rule.Verbs {
						given[need{group, resource, verb}] = true
					}
				}
			}
		}
	}
	r := unconnected()
	r.api.home, r.opts.Pods.DaemonLabels = "volundr", daemonLabels
	for _, n := range r.needs() {
		if !given[n] {
			t.Errorf("it lacks %+v", n)
		}
		delete(given, n)
	}
	for n := range given {
		t.Errorf("nobody needs %+v", n)
	}
}

// kubectl is the cluster's own, as its administrator; it must succeed.
func kubectl(t testing.TB, stdin string, args ...string) string {
	t.Helper()
	said, err := try(stdin, limit+2*time.Minute, args...)
	if err != nil {
		t.Fatalf("kubectl %v: %v\n%s", args, err, said)
	}
	return said
}

func try(stdin string, within time.Duration, args ...string) (string, error) {
	ctx, cancel := context.WithTimeout(context.Background(), within) // in cleanups too
	defer cancel()
	cmd := exec.CommandContext(ctx, os.Getenv(envProgram), append([]string{"--kubeconfig", os.Getenv(envKubeconfig)}, args...)...)
	cmd.Args[0] = "kubectl"
	cmd.Stdin = strings.NewReader(stdin)
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	err := cmd.Run()
	return out.String(), err
}
