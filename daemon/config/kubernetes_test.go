package config

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestACluster(t *testing.T) {
	dir := write(t, `runtime: docker
kubernetes:
  kubeconfig: cluster.conf
  namespace: agents
  images: {session: reg.example/volundr-session:1}
  storage_class: fast
  volume_gb: {workspace: 20}
  node_selector: {pool: agents}
  tolerations: [{key: agents, effect: NoSchedule}]
  closed: [203.0.113.0/24]
`)
	c, err := Load(Flags{DataDir: dir, Context: "prod"})
	if err != nil {
		t.Fatal(err)
	}
	want := &Kubernetes{Kubeconfig: filepath.Join(dir, "cluster.conf"), Context: "prod", Namespace: "agents",
		Images: KubernetesImages{Session: "reg.example/volundr-session:1"}, StorageClass: "fast", VolumeGB: map[string]int{"workspace": 20},
		NodeSelector: map[string]string{"pool": "agents"}, Tolerations: []Toleration{{Key: "agents", Effect: "NoSchedule"}}, Closed: []string{"203.0.113.0/24"}}
	if diff := cmp.Diff(want, c.Kubernetes); diff != "" || c.Runtime != "docker" {
		t.Errorf("%s %s", c.Runtime, diff)
	}
}

func TestNobodyAskedForACluster(t *testing.T) {
	for _, flags := range []Flags{{}, {Runtime: "docker"}} {
		flags.DataDir = t.TempDir()
		if c, err := Load(flags); err != nil || c.Kubernetes != nil {
			t.Errorf("%+v: %+v, %v", flags, c.Kubernetes, err)
		}
	}
	for _, flags := range []Flags{{Runtime: "kubernetes"}, {Context: "x"}, {Namespace: "y"}} {
		flags.DataDir = t.TempDir()
		if c, err := Load(flags); err != nil || c.Kubernetes == nil || c.Kubernetes.Context != flags.Context || c.Kubernetes.Namespace != flags.Namespace {
			t.Errorf("%+v: %+v, %v", flags, c.Kubernetes, err)
		}
	}
}

func TestWhatIsWrongOfACluster(t *testing.T) {
	for text, says := range map[string]string{
		"runtime: podman\n":                           `runtime "podman" is not known: sessions run on docker or kubernetes`,
		"kubernetes:\n  volume_gb: {cache: 2}\n":      `volume "cache" is not known`,
		"kubernetes:\n  volume_gb: {home: 0}\n":       "out of range",
		"kubernetes:\n  closed: [everywhere]\n":       `"everywhere" is no range of addresses`,
		"kubernetes:\n  tolerations: [{effect: x}]\n": `effect "x" is not known`,
		"kubernetes:\n  kubeconfg: a\n":               "kubeconfg",
	} {
		if _, err := Load(Flags{DataDir: write(t, text)}); err == nil || !strings.Contains(err.Error(), says) || !strings.Contains(err.Error(), "config.yaml") {
			t.Errorf("%s: %v", text, err)
		}
	}
}

// The configurations of the manifests are ones, and tell the sessions' network
// the labels that the daemon's Pod has.
func TestTheManifestsConfigurations(t *testing.T) {
	for name, public := range map[string]bool{"daemon": false, "public": true} {
		text, err := os.ReadFile(filepath.Join("..", "..", "assets", "kubernetes", name, "config.yaml"))
		if err != nil {
			t.Fatal(err)
		}
		dir := write(t, string(text))
		if err := os.WriteFile(filepath.Join(dir, "oidc-secret"), []byte("secret"), 0o600); err != nil {
			t.Fatal(err)
		}
		c, err := Load(Flags{DataDir: dir})
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if (c.Public != nil) != public || (c.OIDC != nil) != public || c.Runtime != "kubernetes" || c.Kubernetes.DaemonLabels["app.kubernetes.io/name"] != "volundr" {
			t.Errorf("%s: %+v", name, c)
		}
		if public && c.Public.Apart() == OfOneSite {
			t.Error("what runs in sessions is on the site of the UI")
		}
	}
}
