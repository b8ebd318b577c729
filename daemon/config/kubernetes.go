package config

import (
	"fmt"
	"net/netip"
	"slices"
)

// Kubernetes sets where and how sessions run on a cluster. Where the section
// is, sessions can run there, whatever runtime new ones get.
type Kubernetes struct {
	// Kubeconfig is a file; empty: the one that kubectl takes.
	Kubeconfig string `yaml:"kubeconfig"`
	Context    string `yaml:"context"`   // of it; empty: its current one
	Namespace  string `yaml:"namespace"` // empty: the context's
	// Images that the cluster can pull.
	Images KubernetesImages `yaml:"images"`

	NodeSelector map[string]string `yaml:"node_selector"`
	Tolerations  []Toleration      `yaml:"tolerations"`
	RuntimeClass string            `yaml:"runtime_class"`
	PullSecrets  []string          `yaml:"pull_secrets"` // names of Secrets in the namespace
	// StorageClass of the volumes; empty: the cluster's default.
	StorageClass string `yaml:"storage_class"`
	// VolumeGB is the size of volumes by name (workspace, home, journal); 10
	// where nothing is said.
	VolumeGB map[string]int `yaml:"volume_gb"`
	GPU      string         `yaml:"gpu"` // the resource that a GPU is; empty: nvidia.com/gpu
	// DaemonLabels pick the Pod of a daemon that runs in the cluster itself: it
	// alone may reach the sessions' ports.
	DaemonLabels map[string]string `yaml:"daemon_labels"`
	// Closed are address ranges (CIDR) that sessions do not reach, beside the
	// private ones.
	Closed []string `yaml:"closed"`
}

// KubernetesImages are references.
type KubernetesImages struct {
	Session string `yaml:"session"`
	Sandbox string `yaml:"sandbox"`
}

// Toleration lets sessions onto nodes with a taint; an empty value is any.
type Toleration struct {
	Key    string `yaml:"key"`
	Value  string `yaml:"value"`
	Effect string `yaml:"effect"`
}

const maxVolumeGB = 16 << 10

func (k *Kubernetes) check() *problem {
	if k == nil {
		return nil
	}
	bad := func(path, format string, args ...any) *problem {
		return &problem{path: "$.kubernetes." + path, msg: fmt.Sprintf(format, args...)}
	}
	for name, size := range k.VolumeGB {
		switch {
		case !slices.Contains([]string{"workspace", "home", "journal"}, name):
			return bad("volume_gb."+name, "volume %q is not known: there are workspace, home and journal", name)
		case size < 1 || size > maxVolumeGB:
			return bad("volume_gb."+name, "a volume of %d GB is out of range: give at least 1 and at most %d", size, maxVolumeGB)
		}
	}
	for i, block := range k.Closed {
		if _, err := netip.ParsePrefix(block); err != nil {
			return bad(fmt.Sprintf("closed[%d]", i), "%q is no range of addresses such as 203.0.113.0/24", block)
		}
	}
	for i, t := range k.Tolerations {
		if !slices.Contains([]string{"", "NoSchedule", "PreferNoSchedule", "NoExecute"}, t.Effect) {
			return bad(fmt.Sprintf("tolerations[%d].effect", i), "effect %q is not known: there are NoSchedule, PreferNoSchedule and NoExecute", t.Effect)
		}
	}
	return nil
}
