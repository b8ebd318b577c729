package kubernetes

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"volundr/runtime"
)

// answers is an API server that says the same every time; what it has no answer
// to, it forbids.
type answers map[string]string

func (a answers) runtime(t *testing.T, change func(*Options), denied ...string) *Runtime {
	t.Helper()
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		if strings.HasSuffix(r.URL.Path, "/selfsubjectaccessreviews") {
			var ask struct {
				Spec struct{ ResourceAttributes map[string]string }
			}
			raw, _ := io.ReadAll(r.Body)
			if err := json.Unmarshal(raw, &ask); err != nil || ask.Spec.ResourceAttributes["namespace"] != "agents" {
				t.Errorf("asked %s: %v", raw, err)
			}
			at := ask.Spec.ResourceAttributes
			fmt.Fprintf(w, `{"status":{"allowed":%t}}`, !slices.Contains(denied, at["verb"]+" "+at["resource"]+at["subresource"]))
			return
		}
		text, ok := a[r.URL.Path]
		switch {
		case text == "gone":
			w.WriteHeader(http.StatusNotFound)
			fmt.Fprint(w, `{"kind":"Status","apiVersion":"v1","status":"Failure","reason":"NotFound","code":404,"message":"not found"}`)
		case !ok:
			w.WriteHeader(http.StatusForbidden)
			fmt.Fprint(w, `{"kind":"Status","apiVersion":"v1","status":"Failure","reason":"Forbidden","code":403,"message":"forbidden"}`)
		default:
			fmt.Fprint(w, text)
		}
	}))
	t.Cleanup(srv.Close)
	file := filepath.Join(t.TempDir(), "kubeconfig")
	if err := os.WriteFile(file, fmt.Appendf(nil, `{apiVersion: v1, kind: Config, current-context: c, clusters: [{name: c, cluster: {server: %q}}],
contexts: [{name: c, context: {cluster: c, user: u, namespace: agents}}], users: [{name: u, user: {token: t}}]}`, srv.URL), 0o600); err != nil {
		t.Fatal(err)
	}
	o := Options{Cluster: Cluster{Kubeconfig: file}, Installation: "check", Images: map[runtime.Kind]string{runtime.Session: "reg.example/s:1", runtime.Sandbox: "reg.example/b:1"}}
	if change != nil {
		change(&o)
	}
	r, err := New(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { r.Close() })
	return r
}

const (
	pathVersion = "/version"
	pathSpace   = "/api/v1/namespaces/agents"
	pathClasses = "/apis/storage.k8s.io/v1/storageclasses"
	pathQuotas  = "/api/v1/namespaces/agents/resourcequotas"
	pathNodes   = "/api/v1/nodes"
	pathDaemons = "/apis/apps/v1/daemonsets"
)

func fit() answers {
	return answers{
		pathVersion: `{"gitVersion":"v1.34.1","minor":"34"}`,
		pathSpace:   `{"metadata":{"labels":{"pod-security.kubernetes.io/enforce":"restricted"}}}`,
		pathClasses: `{"items":[{"metadata":{"name":"slow"},"provisioner":"p"},{"metadata":{"name":"fast","annotations":{"storageclass.kubernetes.io/is-default-class":"true"}},"provisioner":"q"}]}`,
		pathQuotas:  `{"items":[]}`,
		pathNodes:   `{"items":[{"status":{"images":[{"names":["reg.example/s@sha256:1","reg.example/s:1"]}]}}]}`,
		pathDaemons: `{"items":[{"metadata":{"name":"calico-node"},"status":{"numberReady":3}}]}`,
	}
}

func TestAFitClusterIsCalledSo(t *testing.T) {
	for _, f := range fit().runtime(t, nil).Check(t.Context()) {
		if f.Status != statusOK || f.Advice != "" || f.Detail == "" {
			t.Errorf("%+v", f)
		}
	}
}

func TestWhatIsMissingIsSaidWithTheCommandThatMendsIt(t *testing.T) {
	for name, c := range map[string]struct {
		about, status, says, do string // parts of the finding
		path, text              string // what the API server answers instead; empty text: nothing
		change                  func(*Options)
		denied                  []string
	}{
		"too old":             {about: "Kubernetes", status: statusError, says: "v1.19.0", do: "1.22 or newer", path: pathVersion, text: `{"gitVersion":"v1.19.0","minor":"19+"}`},
		"no namespace":        {about: "Namespace", status: statusError, says: "there is no namespace agents", do: "create namespace agents", path: pathSpace, text: "gone"},
		"namespace not shown": {about: "Namespace", status: statusOK, says: "cannot be known with our rights", path: pathSpace},
		"rights": {about: "Rights", status: statusError, says: "we may not create, delete pods; create pods/portforward; patch networkpolicies.networking.k8s.io",
			do:     "create role volundr --verb=get,list,watch,create,delete,patch --resource=pods,pods/exec,pods/portforward,pods/log,persistentvolumeclaims,secrets,events,networkpolicies.networking.k8s.io",
			denied: []string{"create pods", "delete pods", "create podsportforward", "patch networkpolicies"}},
		"no default class": {about: "Storage", status: statusError, says: "none of the classes is the default: there are a", do: "volundr config set kubernetes.storage_class a",
			path: pathClasses, text: `{"items":[{"metadata":{"name":"a"}}]}`},
		"no class":            {about: "Storage", status: statusError, says: "no storage class", path: pathClasses, text: `{"items":[]}`},
		"no such class":       {about: "Storage", status: statusError, says: "there is no class gold: there are slow, fast", change: func(o *Options) { o.Pods.StorageClass = "gold" }},
		"a named class":       {about: "Storage", status: statusOK, says: "class slow (p)", change: func(o *Options) { o.Pods.StorageClass = "slow" }},
		"classes not shown":   {about: "Storage", status: statusOK, says: "need not be", path: pathClasses},
		"a quota with room":   {about: "Quota", status: statusOK, says: "pods 3 of 10", path: pathQuotas, text: pods("3", "10")},
		"a quota without":     {about: "Quota", status: statusWarning, says: "pods 10 of 10", do: "-n agents edit resourcequota most", path: pathQuotas, text: pods("10", "10")},
		"no image":            {about: "Image of a session", status: statusError, says: "none is configured", do: "volundr image push", change: func(o *Options) { o.Images = nil }},
		"an image not there":  {about: "Image of a sandbox", status: statusOK, says: "shows with the first one"},
		"an image there":      {about: "Image of a session", status: statusOK, says: "reg.example/s:1 is on 1 of"},
		"machines not shown":  {about: "Image of a session", status: statusOK, says: "shows with the first one", path: pathNodes},
		"nothing enforces":    {about: "Network policies", status: statusWarning, says: "it does not say", do: "Calico", path: pathDaemons, text: `{"items":[{"metadata":{"name":"calico-node"},"status":{"numberReady":0}}]}`},
		"programs not shown":  {about: "Network policies", status: statusWarning, says: "it does not say", path: pathDaemons},
		"an answer of others": {about: "Quota", status: statusWarning, says: "no JSON", path: pathQuotas, text: "<html>"},
	} {
		t.Run(name, func(t *testing.T) {
			a := fit()
			if c.path != "" {
				delete(a, c.path)
				if c.text != "" {
					a[c.path] = c.text
				}
			}
			found := a.runtime(t, c.change, c.denied...).Check(t.Context())
			i := slices.IndexFunc(found, func(f runtime.Finding) bool { return f.Name == c.about })
			if i < 0 {
				t.Fatalf("nothing about %s: %+v", c.about, found)
			}
			if f := found[i]; f.Status != c.status || !strings.Contains(f.Detail, c.says) || !strings.Contains(f.Advice, c.do) {
				t.Errorf("%+v", f)
			}
		})
	}
}

func pods(used, hard string) string {
	return fmt.Sprintf(`{"items":[{"metadata":{"name":"most"},"status":{"hard":{"pods":%q},"used":{"pods":%q}}}]}`, hard, used)
}

func TestAClusterThatDoesNotAnswerIsOneFinding(t *testing.T) {
	r := fit().runtime(t, nil)
	broken := Options{Cluster: r.opts.Cluster, Installation: "check"}
	raw, err := os.ReadFile(broken.Cluster.Kubeconfig)
	if err != nil {
		t.Fatal(err)
	}
	_, rest, _ := strings.Cut(string(raw), "server: \"")
	url, _, _ := strings.Cut(rest, "\"")
	if err := os.WriteFile(broken.Cluster.Kubeconfig, []byte(strings.Replace(string(raw), url, "http://127.0.0.1:1", 1)), 0o600); err != nil {
		t.Fatal(err)
	}
	if r, err = New(broken); err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	found := r.Check(t.Context())
	if len(found) != 1 || found[0].Status != statusError || !strings.Contains(found[0].Detail, "does not answer") || !strings.Contains(found[0].Advice, "--context") {
		t.Errorf("%+v", found)
	}
}
