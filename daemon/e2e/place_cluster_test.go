package e2e

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"
)

// What names the cluster for these tests; make test-kube sets it.
const (
	envOn           = "VOLUNDR_E2E_ON" // "kubernetes": new sessions and sandboxes run there
	envKubeconfig   = "VOLUNDR_KUBECONFIG"
	envKubeImage    = "VOLUNDR_KUBE_IMAGE"
	envKubeSandbox  = "VOLUNDR_KUBE_SANDBOX_IMAGE"
	envStorageClass = "VOLUNDR_KUBE_STORAGE_CLASS"
	envCluster      = "VOLUNDR_CLUSTER" // the executable of the test cluster
	envClusterName  = "VOLUNDR_CLUSTER_NAME"
)

func onKubernetes() bool { return os.Getenv(envOn) == "kubernetes" }

// clusterSettings are the section of a daemon's configuration that names the
// cluster of a kubeconfig.
func clusterSettings(kubeconfig string) string {
	return fmt.Sprintf("kubernetes:\n  kubeconfig: %q\n  storage_class: %q\n  images: {session: %q, sandbox: %q}\n  volume_gb: {workspace: 1, home: 1, journal: 1}\n",
		kubeconfig, os.Getenv(envStorageClass), os.Getenv(envKubeImage), os.Getenv(envKubeSandbox))
}

// pods is the namespace default of a cluster whose processes are this machine's.
type pods struct {
	config *rest.Config
	api    *http.Client
	folder string // of kubeconfigs

	mu   sync.Mutex
	uids map[string]string // of Pods, also when they are gone
}

func newPods(t *testing.T) *pods {
	t.Helper()
	config, err := clientcmd.BuildConfigFromFlags("", os.Getenv(envKubeconfig))
	if err != nil {
		t.Fatal(err)
	}
	config.NextProtos = []string{"http/1.1"} // forwards pass the toll, which is not for HTTP/2
	api, err := rest.HTTPClientFor(config)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(api.CloseIdleConnections)
	return &pods{config: config, api: api, folder: t.TempDir(), uids: map[string]string{}}
}

const podsPath = "/api/v1/namespaces/default/pods"

// pod is what we look at of one.
type pod struct {
	Metadata struct {
		Name, UID           string
		Labels, Annotations map[string]string
	}
	Status struct {
		ContainerStatuses []struct {
			State map[string]any // by "running", "waiting" or "terminated"
		}
	}
}

var errGone = errors.New("there is no such Pod")

// ask calls the API server.
func (p *pods) ask(method, path string, body []byte, into any) error {
	req, err := http.NewRequest(method, p.config.Host+path, bytes.NewReader(body))
	if err != nil {
		return err
	}
	req.Header.Set("Content-Type", "application/json")
	res, err := p.api.Do(req)
	if err != nil {
		return err
	}
	defer res.Body.Close()
	raw, err := io.ReadAll(res.Body)
	switch {
	case err != nil:
		return err
	case res.StatusCode == http.StatusNotFound:
		return errGone
	case res.StatusCode >= 300:
		return fmt.Errorf("%s %s: %s: %s", method, path, res.Status, raw)
	case into == nil:
		return nil
	}
	return json.Unmarshal(raw, into)
}

func (p *pods) one(name string) (pod, error) {
	var got pod
	err := p.ask("GET", podsPath+"/"+name, nil, &got)
	if err == nil {
		p.know(got)
	}
	return got, err
}

func (p *pods) know(one pod) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.uids[one.Metadata.Name] = one.Metadata.UID
}

func (p *pods) away() string {
	return "runtime: kubernetes\n" + clusterSettings(p.kubeconfig("http://127.0.0.1:1"))
}

// kubeconfigOf names a server which asks for nothing.
func kubeconfigOf(server string) string {
	return fmt.Sprintf("{apiVersion: v1, kind: Config, current-context: c, clusters: [{name: c, cluster: {server: %q}}], contexts: [{name: c, context: {cluster: c, user: u}}], users: [{name: u, user: {}}]}", server)
}

func (p *pods) kubeconfig(server string) string {
	path := filepath.Join(p.folder, url.PathEscape(server))
	if err := os.WriteFile(path, []byte(kubeconfigOf(server)), 0o600); err != nil {
		panic(err) // of a folder of ours
	}
	return path
}

func (p *pods) names(installation, name string) (names []string, err error) {
	var list struct{ Items []pod }
	err = p.ask("GET", podsPath+"?labelSelector="+url.QueryEscape("app=code-interpreter,volundr.installation="+installation), nil, &list)
	for _, one := range list.Items {
		p.know(one)
		if name == "" || name == one.Metadata.Name {
			names = append(names, one.Metadata.Name)
		}
	}
	return names, err
}

func (p *pods) alive(name string) (bool, error) {
	one, err := p.one(name)
	if errors.Is(err, errGone) {
		// The cluster may have forgotten what its machine still ends.
		running, _ := p.processes(name)
		return running != "", nil
	}
	for _, c := range one.Status.ContainerStatuses {
		if c.State["running"] != nil {
			return true, nil
		}
	}
	return false, err
}

// processes looks at this machine's, whose cgroups name their Pods.
func (p *pods) processes(name string) (string, error) {
	if _, err := p.one(name); err != nil && !errors.Is(err, errGone) {
		return "", err
	}
	p.mu.Lock()
	uid := p.uids[name]
	p.mu.Unlock()
	if uid == "" {
		return "", errGone
	}
	groups, err := filepath.Glob("/proc/[0-9]*/cgroup")
	if err != nil {
		return "", err
	}
	var out strings.Builder
	for _, group := range groups {
		if text, err := os.ReadFile(group); err != nil || !strings.Contains(string(text), "pod"+uid) {
			continue // or it has ended
		}
		line, _ := os.ReadFile(filepath.Join(filepath.Dir(group), "cmdline"))
		if text := strings.TrimSpace(strings.ReplaceAll(string(line), "\x00", " ")); text != "" && !strings.HasPrefix(text, "/pod") && !strings.HasPrefix(text, "/pause") {
			fmt.Fprintln(&out, text)
		}
	}
	return out.String(), nil
}

func (p *pods) marks(name string) (map[string]string, error) {
	one, err := p.one(name)
	all := map[string]string{}
	for _, some := range []map[string]string{one.Metadata.Labels, one.Metadata.Annotations} {
		for key, value := range some {
			all[key] = value
		}
	}
	return all, err
}

func (p *pods) foreign(name, _ string, labels map[string]string) error {
	body, err := json.Marshal(map[string]any{"apiVersion": "v1", "kind": "Pod", "metadata": map[string]any{"name": name, "labels": labels},
		"spec": map[string]any{"terminationGracePeriodSeconds": 1, "containers": []any{map[string]any{
			"name": "sleep", "image": os.Getenv(envKubeSandbox), "imagePullPolicy": "IfNotPresent", "command": []string{"sleep", "600"}}}}})
	if err != nil {
		return err
	}
	return p.ask("POST", podsPath, body, nil)
}

func (p *pods) discard(name string) error {
	if err := p.ask("DELETE", podsPath+"/"+name+"?gracePeriodSeconds=0", nil, nil); !errors.Is(err, errGone) {
		return err
	}
	return nil
}

func (p *pods) toll(t *testing.T) (*toll, string) {
	server, err := url.Parse(p.config.Host)
	if err != nil {
		t.Fatal(err)
	}
	x, at := tollTo(t, server, p.api.Transport)
	return x, "runtime: kubernetes\n" + clusterSettings(p.kubeconfig(at))
}

func (p *pods) making() []call {
	return []call{{"PATCH", "apis/networking.k8s.io/v1/namespaces/default/networkpolicies/", "-shut"}, {"POST", "api/v1/namespaces/default/pods", ""},
		{"POST", "api/v1/namespaces/default/secrets", ""}}
}

func (p *pods) looking() call { return call{"GET", "api/v1/namespaces/default/pods", "/pods"} }
