package policy

import (
	"os/exec"
	"strings"
	"testing"
	"time"

	core "k8s.io/api/core/v1"
	networking "k8s.io/api/networking/v1"
	meta "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/intstr"
)

func pod(name, address string, labels map[string]string) *core.Pod {
	return &core.Pod{
		ObjectMeta: meta.ObjectMeta{Namespace: "a", Name: name, Labels: labels},
		Spec:       core.PodSpec{Containers: []core.Container{{Ports: []core.ContainerPort{{Name: "web", ContainerPort: 8080}}}}},
		Status:     core.PodStatus{PodIP: address, Phase: core.PodRunning},
	}
}

func policy(ways []networking.PolicyType, in []networking.NetworkPolicyIngressRule, out []networking.NetworkPolicyEgressRule) *networking.NetworkPolicy {
	return &networking.NetworkPolicy{
		ObjectMeta: meta.ObjectMeta{Namespace: "a", Name: "p"},
		Spec: networking.NetworkPolicySpec{
			PodSelector: meta.LabelSelector{MatchLabels: map[string]string{"role": "server"}},
			PolicyTypes: ways, Ingress: in, Egress: out,
		},
	}
}

var (
	inward  = []networking.PolicyType{networking.PolicyTypeIngress}
	outward = []networking.PolicyType{networking.PolicyTypeEgress}
	web     = intstr.FromString("web")
	eighty  = intstr.FromInt32(80)
	ninety  = int32(90)
	udp     = core.ProtocolUDP
	clients = &meta.LabelSelector{MatchLabels: map[string]string{"role": "client"}}
	teamB   = &meta.LabelSelector{MatchLabels: map[string]string{"team": "b"}}
)

func TestAPolicyBecomesTheChainOfEachPodItSelects(t *testing.T) {
	for _, c := range []struct {
		name   string
		policy *networking.NetworkPolicy
		chain  string // of the server; "": none
		lines  []string
	}{
		{"selects nobody", &networking.NetworkPolicy{ObjectMeta: meta.ObjectMeta{Namespace: "b"}, Spec: networking.NetworkPolicySpec{PolicyTypes: inward}}, "", nil},
		{"nothing allowed in", policy(inward, nil, nil), "ingress_10_0_0_1", []string{"drop"}},
		{"nothing allowed out", policy(outward, nil, nil), "egress_10_0_0_1", []string{"drop"}},
		{"all allowed", policy(inward, []networking.NetworkPolicyIngressRule{{}}, nil), "ingress_10_0_0_1", []string{"return", "drop"}},
		{"from pods of the namespace", policy(inward, []networking.NetworkPolicyIngressRule{{From: []networking.NetworkPolicyPeer{{PodSelector: clients}}}}, nil),
			"ingress_10_0_0_1", []string{"ip saddr { 10.0.0.2 } return", "drop"}},
		{"from pods of other namespaces", policy(inward, []networking.NetworkPolicyIngressRule{{From: []networking.NetworkPolicyPeer{{NamespaceSelector: teamB, PodSelector: clients}}}}, nil),
			"ingress_10_0_0_1", []string{"ip saddr { 10.0.0.4 } return", "drop"}},
		{"to the world but for a range, on a port range", policy(outward, nil, []networking.NetworkPolicyEgressRule{{
			To:    []networking.NetworkPolicyPeer{{IPBlock: &networking.IPBlock{CIDR: "0.0.0.0/0", Except: []string{"10.0.0.0/8"}}}},
			Ports: []networking.NetworkPolicyPort{{Port: &eighty, EndPort: &ninety}}}}),
			"egress_10_0_0_1", []string{"ip daddr 0.0.0.0/0 ip daddr != { 10.0.0.0/8 } tcp dport 80-90 return", "drop"}},
		{"a port by name, in", policy(inward, []networking.NetworkPolicyIngressRule{{Ports: []networking.NetworkPolicyPort{{Port: &web}}}}, nil),
			"ingress_10_0_0_1", []string{"tcp dport 8080 return", "drop"}},
		{"a port by name, out", policy(outward, nil, []networking.NetworkPolicyEgressRule{{To: []networking.NetworkPolicyPeer{{PodSelector: clients}}, Ports: []networking.NetworkPolicyPort{{Port: &web}}}}),
			"egress_10_0_0_1", []string{"ip daddr { 10.0.0.2 } ip daddr 10.0.0.1 tcp dport 8080 return", "ip daddr { 10.0.0.2 } ip daddr 10.0.0.2 tcp dport 8080 return",
				"ip daddr { 10.0.0.2 } ip daddr 10.0.0.4 tcp dport 8080 return", "drop"}},
		{"a protocol", policy(inward, []networking.NetworkPolicyIngressRule{{Ports: []networking.NetworkPolicyPort{{Protocol: &udp}}}}, nil),
			"ingress_10_0_0_1", []string{"meta l4proto udp return", "drop"}},
		{"peers that nobody is", policy(inward, []networking.NetworkPolicyIngressRule{{From: []networking.NetworkPolicyPeer{{PodSelector: teamB}}}}, nil),
			"ingress_10_0_0_1", []string{"drop"}},
		{"a range of the other family", policy(inward, []networking.NetworkPolicyIngressRule{{From: []networking.NetworkPolicyPeer{{IPBlock: &networking.IPBlock{CIDR: "::/0"}}}}}, nil),
			"ingress_10_0_0_1", []string{"drop"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			rules := rulesFor(t, c.policy)
			if c.chain == "" {
				if strings.Contains(rules, "10_0_0_1") {
					t.Errorf("the server has a chain:\n%s", rules)
				}
				return
			}
			_, rest, found := strings.Cut(rules, "chain "+c.chain+" { # a/server\n")
			want := "\t\t" + strings.Join(c.lines, "\n\t\t") + "\n\t"
			if got, _, _ := strings.Cut(rest, "}\n"); !found || got != want {
				t.Errorf("chain %s is\n%s\nwant\n%s", c.chain, got, want)
			}
			if !strings.Contains(rules, "10.0.0.1 : jump "+c.chain) {
				t.Errorf("nothing leads to %s:\n%s", c.chain, rules)
			}
		})
	}
}

// rulesFor are the rules with a server and a client in namespace a and another
// client in b; nft, where it is there, must understand them.
func rulesFor(t *testing.T, p *networking.NetworkPolicy) string {
	t.Helper()
	other := pod("client", "10.0.0.4", clients.MatchLabels)
	other.Namespace = "b"
	ended := pod("ended", "10.0.0.3", clients.MatchLabels)
	ended.Status.Phase = core.PodFailed
	going := pod("going", "10.0.0.2", nil) // its address has been given to the client
	now := meta.NewTime(time.Unix(1_700_000_000, 0))
	client := pod("client", "10.0.0.2", clients.MatchLabels)
	client.CreationTimestamp = now
	rules, err := Rules(State{
		Policies: []*networking.NetworkPolicy{p},
		Pods:     []*core.Pod{other, going, client, ended, pod("server", "10.0.0.1", map[string]string{"role": "server"})},
		Namespaces: []*core.Namespace{
			{ObjectMeta: meta.ObjectMeta{Name: "a"}},
			{ObjectMeta: meta.ObjectMeta{Name: "b", Labels: teamB.MatchLabels}},
		},
	}, "10.0.0.0/16")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := exec.LookPath("nft"); err == nil {
		nft := exec.Command("nft", "--check", "-f", "-")
		nft.Stdin = strings.NewReader(rules)
		if out, err := nft.CombinedOutput(); err != nil && !strings.Contains(string(out), "Operation not permitted") {
			t.Errorf("nft: %v: %s\n%s", err, out, rules)
		}
	}
	return rules
}
