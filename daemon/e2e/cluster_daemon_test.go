package e2e

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"volundr/ui/client"
)

// Where the manifests put things.
const (
	daemonSpace   = "volundr"
	sessionSpace  = "volundr-sessions"
	daemonPod     = "volundr-0"
	daemonAccount = "system:serviceaccount:volundr:volundr"
)

// installed is a daemon in the test cluster, as the manifests put it there.
type installed struct {
	t      *testing.T
	folder string // of the kustomization
	at     string // this machine's end of a forward to its port
}

// ask runs kubectl, as the cluster's administrator.
func ask(args ...string) (string, error) {
	out, err := kubectl(args...).CombinedOutput()
	return string(out), err
}

func (i *installed) kubectl(args ...string) string {
	i.t.Helper()
	out, err := ask(args...)
	if err != nil {
		i.t.Fatalf("kubectl %v: %v\n%s", args, err, out)
	}
	return out
}

// volundr runs a command in the daemon's Pod.
func (i *installed) volundr(args ...string) (string, error) {
	return ask(append([]string{"-n", daemonSpace, "exec", daemonPod, "--", "volundr"}, args...)...)
}

// kustomization is what somebody who installs the manifests writes: the images,
// the secret, and what their cluster has of storage.
const kustomization = `apiVersion: kustomize.config.k8s.io/v1beta1
kind: Kustomization
resources: [%q]
images: [{name: registry.example.com/team/volundr, newName: %s, newTag: %q}]
configMapGenerator: [{name: volundr, namespace: volundr, behavior: merge, files: [config.yaml]}]
secretGenerator: [{name: volundr, namespace: volundr, literals: [oidc-secret=of-the-provider]}]
patches:
  - target: {kind: StatefulSet, name: volundr}
    patch: |
      - {op: add, path: /spec/volumeClaimTemplates/0/spec/storageClassName, value: %q}
      - {op: replace, path: /spec/volumeClaimTemplates/0/spec/resources/requests/storage, value: 1Gi}
`

// newInstalled makes the daemon's image, gives it to the cluster and applies the
// manifests. At the end of the test nothing of it is left.
func newInstalled(t *testing.T) *installed {
	t.Helper()
	besideDocker(t)
	if os.Getenv(envCluster) == "" || os.Getenv(envClusterName) == "" {
		t.Skipf("the cluster is none of ours (%s, %s): make test-kube runs this", envCluster, envClusterName)
	}
	i := &installed{t: t, folder: t.TempDir()}
	out, err := exec.Command(binary, "--data-dir", t.TempDir(), "image", "build", "--daemon").CombinedOutput()
	image := regexp.MustCompile(`The daemon image is (\S+):(\S+)\.\n`).FindSubmatch(out)
	if err != nil || image == nil {
		t.Fatalf("%v\n%s", err, out)
	}
	ref := fmt.Sprintf("%s:%s", image[1], image[2])
	t.Cleanup(func() { _ = exec.Command("docker", "rmi", ref).Run() }) // there is one of every build of ours
	if out, err := exec.Command(os.Getenv(envCluster), "-name", os.Getenv(envClusterName), "load", ref).CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	manifests, err := filepath.Abs("../../assets/kubernetes/public")
	if err == nil {
		manifests, err = filepath.Rel(i.folder, manifests)
	}
	if err != nil {
		t.Fatal(err)
	}
	settings, err := os.ReadFile("../../assets/kubernetes/public/config.yaml")
	if err != nil {
		t.Fatal(err)
	}
	text := strings.NewReplacer("registry.example.com/team/volundr-session:TAG", os.Getenv(envKubeImage), "registry.example.com/team/volundr-sandbox:TAG", os.Getenv(envKubeSandbox)).Replace(string(settings))
	text = strings.Replace(text, "kubernetes:\n", fmt.Sprintf("kubernetes:\n  storage_class: %q\n  volume_gb: {workspace: 1, home: 1, journal: 1}\n", os.Getenv(envStorageClass)), 1)
	for name, text := range map[string]string{"config.yaml": text, "kustomization.yaml": fmt.Sprintf(kustomization, manifests, image[1], image[2], os.Getenv(envStorageClass))} {
		if err := os.WriteFile(filepath.Join(i.folder, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	t.Cleanup(func() {
		if t.Failed() {
			for _, args := range [][]string{{"logs", daemonPod, "--tail=100"}, {"describe", "pods"}, {"get", "all,events", "-o", "wide"}} {
				out, _ := ask(append([]string{"-n", daemonSpace}, args...)...)
				t.Logf("kubectl %v:\n%s", args, out)
			}
		}
		if out, err := ask("delete", "-k", i.folder, "--ignore-not-found", "--timeout=3m"); err != nil {
			t.Errorf("%v\n%s", err, out)
		}
	})
	i.kubectl("apply", "-k", i.folder)
	i.comes()
	return i
}

// comes waits until the daemon is ready, and reaches it.
func (i *installed) comes() {
	i.t.Helper()
	eventually(i.t, 2*limit, "the daemon is ready", func() bool {
		_, err := ask("-n", daemonSpace, "wait", "--for=condition=Ready", "--timeout=10s", "pod/"+daemonPod)
		return err == nil
	})
	cmd := kubectl("-n", daemonSpace, "port-forward", "pod/"+daemonPod, ":7420")
	out, err := cmd.StdoutPipe()
	if err == nil {
		err = cmd.Start()
	}
	if err != nil {
		i.t.Fatal(err)
	}
	i.t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	})
	line, err := bufio.NewReader(out).ReadString('\n')
	at := regexp.MustCompile(`from (127\.0\.0\.1:\d+)`).FindStringSubmatch(line)
	if at == nil {
		i.t.Fatalf("a forward says %q, %v", line, err)
	}
	i.at = at[1]
}

// client speaks to it as a program with the token does, by the forward.
func (i *installed) client() *client.Client {
	i.t.Helper()
	c := client.New("http://127.0.0.1:7420", strings.TrimSpace(i.kubectl("-n", daemonSpace, "exec", daemonPod, "--", "cat", "/data/volundr/token")))
	at := i.at
	c.HTTP.Transport = &http.Transport{DialContext: func(ctx context.Context, network, _ string) (net.Conn, error) {
		return (&net.Dialer{}).DialContext(ctx, network, at)
	}}
	i.t.Cleanup(c.HTTP.CloseIdleConnections)
	return c
}

func (i *installed) awaitState(id, state string) {
	i.t.Helper()
	c := i.client()
	eventually(i.t, limit, "the session is "+state, func() bool {
		s, err := c.Get(i.t.Context(), id)
		if err == nil && s.Status == client.Failed && state != client.Failed {
			raw, _ := json.MarshalIndent(s.Failure, "", " ")
			i.t.Fatalf("it failed: %s", raw)
		}
		return err == nil && s.Status == state
	})
}

// all that is there of sessions, by kind and name.
func (i *installed) all() []string {
	i.t.Helper()
	return strings.Fields(i.kubectl("-n", sessionSpace, "get", "pods,persistentvolumeclaims,secrets", "-o", "name"))
}

// TestTheDaemonRunsInTheCluster, as the manifests put it there: with rights in
// one namespace, keys in its volume, sessions that outlive its Pod; and all of
// it goes.
func TestTheDaemonRunsInTheCluster(t *testing.T) {
	i := newInstalled(t)
	i.mayLittle()
	// Of the example's provider nothing is there.
	if out, _ := i.volundr("doctor"); strings.Count(out, "error ") != 1 || !strings.Contains(out, "error    Identity provider") || !strings.Contains(out, "all that sessions need") {
		t.Errorf("volundr doctor says:\n%s", out)
	}
	link, err := i.volundr("open")
	if err != nil || !regexp.MustCompile(`^https://volundr\.example\.com/login/\w+\n$`).MatchString(link) {
		t.Errorf("no login: %q, %v", link, err)
	}
	if log := i.kubectl("-n", daemonSpace, "logs", daemonPod); !strings.Contains(log, "Daemon runs") {
		t.Errorf("its log: %s", log)
	}

	c := i.client()
	i.answersOthers()
	made, err := c.Create(t.Context(), client.SessionCreate{Name: "inside"})
	if err != nil {
		t.Fatal(err)
	}
	i.awaitState(made.ID, client.Running)
	if out, err := i.volundr("sandbox", "run", "echo $((6*7))"); err != nil || out != "42\n" {
		t.Errorf("a sandbox: %q, %v", out, err)
	}
	before, err := c.Status(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	pod := func() string {
		return i.kubectl("-n", sessionSpace, "get", "pods", "-l", "volundr.session="+made.ID, "-o", "jsonpath={.items[*].metadata.uid} {.items[*].status.containerStatuses[*].restartCount}")
	}
	ran := pod()

	// Its Pod goes; the next one has its state, and the session has not noticed.
	i.kubectl("-n", daemonSpace, "delete", "pod", daemonPod)
	i.comes()
	c = i.client()
	if now, err := c.Status(t.Context()); err != nil || now.UIURL != before.UIURL {
		t.Errorf("it came back as %+v, %v", now, err)
	}
	if out := i.kubectl("-n", daemonSpace, "exec", daemonPod, "--", "grep", "-o", "Daemon [a-z]*", "/data/volundr/log/daemon.log"); out != "Daemon runs\nDaemon ends\nDaemon runs\n" {
		t.Errorf("it was not ended in order: %q", out)
	}
	if out := i.kubectl("-n", daemonSpace, "exec", daemonPod, "--", "sh", "-c", "id -u; find /data/volundr -type f -perm /077; touch /etc/x /usr/x 2>&1 | grep -c Read-only"); out != "1000\n2\n" {
		t.Errorf("its user, files that others may read, places that it may write: %q", out)
	}
	i.awaitState(made.ID, client.Running)
	if now := pod(); now != ran {
		t.Errorf("the session's Pod was %q and is %q", ran, now)
	}
	eventually(t, limit, "the session's log is read", func() bool {
		out, err := i.volundr("sessions", "logs", "inside", "-n", "1")
		return err == nil && out != ""
	})

	if _, err := c.Stop(t.Context(), made.ID); err != nil {
		t.Fatal(err)
	}
	i.awaitState(made.ID, client.Stopped)
	if left := i.all(); slices.ContainsFunc(left, func(n string) bool {
		return strings.Contains(n, made.ID) && !strings.HasPrefix(n, "persistentvolumeclaim/")
	}) || len(left) == 0 {
		t.Errorf("stopped, there is %v", left)
	}
	if err := c.Delete(t.Context(), made.ID); err != nil {
		t.Fatal(err)
	}
	if left := i.all(); slices.ContainsFunc(left, func(n string) bool { return strings.Contains(n, made.ID) }) {
		t.Errorf("deleted, there is %v", left)
	}
}

// mayLittle: the daemon's account may do nothing outside of one namespace, and
// in it what it needs.
func (i *installed) mayLittle() {
	i.t.Helper()
	for what, want := range map[string]string{
		"create pods -n " + sessionSpace: "yes", "get secrets -n " + sessionSpace: "yes", "patch networkpolicies -n " + sessionSpace: "yes",
		"list secrets -n " + sessionSpace: "no", "create pods --subresource portforward -n " + sessionSpace: "no", "delete networkpolicies -n " + sessionSpace: "no",
		"update pods -n " + sessionSpace: "no", "create rolebindings -n " + sessionSpace: "no", "create serviceaccounts --subresource token -n " + sessionSpace: "no",
		"get secrets -n " + daemonSpace: "no", "get pods -n " + daemonSpace: "no", "get configmaps -n " + daemonSpace: "no", "get pods -n default": "no",
		"get secrets -n kube-system": "no", "list pods -A": "no", "list namespaces": "no", "get nodes": "no", "create pods -n default": "no",
	} {
		out, err := ask(append(append([]string{"auth", "can-i"}, strings.Fields(what)...), "--as", daemonAccount)...)
		var no *exec.ExitError // is the answer no
		if !strings.HasSuffix(out, want+"\n") || err != nil && !errors.As(err, &no) {
			i.t.Errorf("it may %s: %s, %v; want %s", what, out, err, want)
		}
	}
}

// front is a Pod where an Ingress controller would be, and one somewhere else.
const front = `
apiVersion: v1
kind: Namespace
metadata: {name: %[1]s}
---
apiVersion: v1
kind: Pod
metadata: {name: front, namespace: %[1]s}
spec:
  automountServiceAccountToken: false
  terminationGracePeriodSeconds: 1
  containers: [{name: front, image: %[2]q, imagePullPolicy: IfNotPresent, command: [sleep, "3600"]}]
`

// answersOthers: the public address is for the Ingress controller's Pods alone,
// and there for its own name alone, with a login.
func (i *installed) answersOthers() {
	i.t.Helper()
	service := i.kubectl("-n", daemonSpace, "get", "service", "volundr-public", "-o", "jsonpath={.spec.clusterIP}")
	for _, space := range []string{"ingress-nginx", "elsewhere"} {
		i.t.Cleanup(func() { i.kubectl("delete", "namespace", space) })
		apply := kubectl("apply", "-f", "-")
		apply.Stdin = strings.NewReader(fmt.Sprintf(front, space, os.Getenv(envKubeSandbox)))
		if out, err := apply.CombinedOutput(); err != nil {
			i.t.Fatalf("%v\n%s", err, out)
		}
		i.kubectl("-n", space, "wait", "--for=condition=Ready", "--timeout=3m", "pod/front")
	}
	get := func(space, host string, headers ...string) string {
		args := []string{"-n", space, "exec", "front", "--", "curl", "-sS", "-m", "3", "-o", "/dev/null", "-w", "%{http_code}", "-H", "Host: " + host}
		for _, h := range headers {
			args = append(args, "-H", h)
		}
		out, _ := ask(append(args, "http://"+service+"/api/v1/volundr/sessions")...)
		return out
	}
	const name, https = "volundr.example.com", "X-Forwarded-Proto: https"
	made, err := i.volundr("tokens", "create", "front", "--scope", "read", "--days", "1")
	word := regexp.MustCompile(`(?m)^\s*(\S{30,})$`).FindStringSubmatch(made)
	if err != nil || word == nil {
		i.t.Fatalf("no token: %v\n%s", err, made)
	}
	token := "Authorization: Bearer " + word[1]
	eventually(i.t, limit, "the public address answers", func() bool { return get("ingress-nginx", name, https, token) == "200" })
	if got := get("ingress-nginx", name, https); got != "401" {
		i.t.Errorf("without a login it answers %s", got)
	}
	if got := get("ingress-nginx", "other.example.com", https, token); got != "421" {
		i.t.Errorf("to another name it answers %s", got)
	}
	if got := get("ingress-nginx", name, token); got != "403" {
		i.t.Errorf("without TLS it answers %s", got)
	}
	if got := get("elsewhere", name, https, token); !strings.Contains(got, "000") {
		i.t.Errorf("to a Pod that is no Ingress controller it answers %s", got)
	}
}
