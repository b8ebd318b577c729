package proof

import (
	"fmt"
	"strings"
	"testing"
)

// pod is one that runs the cluster's own program.
func pod(name, more string, args ...string) string {
	return fmt.Sprintf(`apiVersion: v1
kind: Pod
metadata: {name: %[1]s, labels: {name: %[1]s}}
spec:
  terminationGracePeriodSeconds: 1
  automountServiceAccountToken: false
  containers: [{name: pod, image: "cluster.local/pod:1", args: ["%[2]s"]%[3]s}]
`, name, strings.Join(args, `","`), more)
}

const internet, metadata, api, service = "203.0.113.1", "169.254.169.254", "10.111.0.1:6443", "10.96.0.1:443"

func TestNetworkPolicyIsEnforced(t *testing.T) {
	c := up(t, "network")
	all := strings.Join([]string{
		pod("server", "", "listen", "80", "81"), pod("client", "", "listen", "80"), pod("stranger", "", "listen", "80"),
		// Listens at the node's addresses: what stands for the internet and for a cloud's metadata service.
		strings.Replace(pod("outside", "", "listen", "8080"), "spec:\n", "spec:\n  hostNetwork: true\n", 1),
	}, "---\n")
	c.kubectl(t, all, "apply", "-f", "-")
	c.kubectl(t, "", "wait", "--for=condition=Ready", "--timeout=3m", "pod", "--all")
	server := c.kubectl(t, "", "get", "pod", "server", "-o", "jsonpath={.status.podIP}")
	stranger := c.kubectl(t, "", "get", "pod", "stranger", "-o", "jsonpath={.status.podIP}")

	everything := map[string]bool{
		"client " + server + ":80": true, "client " + server + ":81": true, "stranger " + server + ":80": true,
		"server " + internet + ":8080": true, "server " + metadata + ":8080": true, "server " + api: true, "server " + service: true,
		"server " + stranger + ":80": true, "outside " + server + ":80": true,
	}
	for _, step := range []struct {
		name, policy string
		closed       []string
	}{
		{"no policy", "", nil},
		{"one client, one port", `
  policyTypes: [Ingress]
  ingress: [{from: [{podSelector: {matchLabels: {name: client}}}], ports: [{port: 80}]}]
`, []string{"client " + server + ":81", "stranger " + server + ":80"}},
		{"nobody in", `
  policyTypes: [Ingress]
`, []string{"client " + server + ":80", "client " + server + ":81", "stranger " + server + ":80"}},
		{"nothing out", `
  policyTypes: [Egress]
`, []string{"server " + internet + ":8080", "server " + metadata + ":8080", "server " + api, "server " + service, "server " + stranger + ":80"}},
		{"out to the internet only", `
  policyTypes: [Egress]
  egress: [{to: [{ipBlock: {cidr: 0.0.0.0/0, except: [10.0.0.0/8, 169.254.0.0/16]}}]}]
`, []string{"server " + metadata + ":8080", "server " + api, "server " + service, "server " + stranger + ":80"}},
		{"open again", "", nil},
	} {
		t.Run(step.name, func(t *testing.T) {
			if step.policy == "" {
				c.kubectl(t, "", "delete", "networkpolicy", "--all")
			} else {
				c.kubectl(t, `apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {name: policy}
spec:
  podSelector: {matchLabels: {name: server}}`+step.policy, "apply", "-f", "-")
			}
			want := map[string]bool{}
			for way := range everything {
				want[way] = true
			}
			for _, way := range step.closed {
				want[way] = false
			}
			for way, open := range want {
				from, to, _ := strings.Cut(way, " ")
				// Rules follow a policy within moments, not at once.
				eventually(t, fmt.Sprintf("%s to %s open: %v", from, to, open), func() (string, bool) {
					out, err := c.ask("", "exec", from, "--", "/pod", "dial", to)
					return fmt.Sprint(out, err), (err == nil) == open
				})
			}
		})
	}
}
