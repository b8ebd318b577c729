// Package policy enforces NetworkPolicy on a node whose pods' packets are
// routed by the node: it writes the rules of all policies as one nftables
// table, and anew whenever policies, pods or namespaces change.
//
// As the API defines them: policies add up, a pod that none selects is open,
// answers to what was allowed pass, the node itself always reaches its pods.
// Stricter than it must be in one thing: what comes from or goes to an address
// of the pods' range that the agent does not know yet is dropped, so that a
// new pod is never open before its rules stand. Connections that exist when a
// rule changes go on.
package policy

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	core "k8s.io/api/core/v1"
	networking "k8s.io/api/networking/v1"
	meta "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/util/intstr"
)

// State is what the rules are made of.
type State struct {
	Policies   []*networking.NetworkPolicy
	Pods       []*core.Pod
	Namespaces []*core.Namespace
}

const table = "volundr_policy"

// Rules is the table for s, to be given to nft whole. podRange is the range
// (CIDR) that pods' addresses are from.
func Rules(s State, podRange string) (string, error) {
	pods := addressed(s.Pods)
	var known, from, to []string
	var chains strings.Builder
	for _, pod := range pods {
		known = append(known, address(pod))
		for _, way := range []networking.PolicyType{networking.PolicyTypeEgress, networking.PolicyTypeIngress} {
			lines, isolated, err := s.podRules(pod, way, pods)
			if err != nil {
				return "", err
			}
			if !isolated {
				continue
			}
			name := fmt.Sprintf("%s_%s", strings.ToLower(string(way)), strings.ReplaceAll(address(pod), ".", "_"))
			fmt.Fprintf(&chains, "\tchain %s { # %s/%s\n%s\t\tdrop\n\t}\n", name, pod.Namespace, pod.Name, strings.Join(lines, ""))
			verdict := address(pod) + " : jump " + name
			if way == networking.PolicyTypeEgress {
				from = append(from, verdict)
			} else {
				to = append(to, verdict)
			}
		}
	}
	var b strings.Builder
	fmt.Fprintf(&b, "table inet %s\ndelete table inet %s\ntable inet %s {\n", table, table, table)
	fmt.Fprintf(&b, "\tset known {\n\t\ttype ipv4_addr\n%s\t}\n", elements(known))
	fmt.Fprintf(&b, "\tmap from {\n\t\ttype ipv4_addr : verdict\n%s\t}\n", elements(from))
	fmt.Fprintf(&b, "\tmap to {\n\t\ttype ipv4_addr : verdict\n%s\t}\n", elements(to))
	b.WriteString(chains.String())
	fmt.Fprintf(&b, `	chain forward {
		type filter hook forward priority filter; policy accept;
		ct state established,related accept
		ip saddr %[1]s ip saddr != @known drop
		ip daddr %[1]s ip daddr != @known drop
		ip saddr vmap @from
		ip daddr vmap @to
	}
	chain input {
		type filter hook input priority filter; policy accept;
		ct state established,related accept
		iif lo accept
		ip saddr %[1]s ip saddr != @known drop
		ip saddr vmap @from
	}
}
`, podRange)
	return b.String(), nil
}

func elements(all []string) string {
	if len(all) == 0 {
		return ""
	}
	return "\t\telements = { " + strings.Join(all, ", ") + " }\n"
}

// addressed are the pods that have an address, in its order. Where a pod that
// is being deleted shows one that a newer pod has already, it is the newer's.
func addressed(pods []*core.Pod) []*core.Pod {
	pods = slices.DeleteFunc(slices.Clone(pods), func(p *core.Pod) bool { return address(p) == "" })
	slices.SortFunc(pods, func(a, b *core.Pod) int {
		return cmp.Or(cmp.Compare(address(a), address(b)), b.CreationTimestamp.Compare(a.CreationTimestamp.Time))
	})
	return slices.CompactFunc(pods, func(a, b *core.Pod) bool { return address(a) == address(b) })
}

// address is a pod's own address; "": it has none (yet, or any more).
func address(p *core.Pod) string {
	if p.Spec.HostNetwork || p.Status.Phase == core.PodSucceeded || p.Status.Phase == core.PodFailed {
		return ""
	}
	return p.Status.PodIP
}

// podRules are the lines that let traffic of one way pass, and whether any
// policy isolates the pod that way.
func (s State) podRules(pod *core.Pod, way networking.PolicyType, pods []*core.Pod) (lines []string, isolated bool, err error) {
	for _, p := range s.Policies {
		if p.Namespace != pod.Namespace || !slices.Contains(p.Spec.PolicyTypes, way) {
			continue
		}
		selected, err := matches(&p.Spec.PodSelector, pod.Labels)
		if err != nil {
			return nil, false, fmt.Errorf("policy %s/%s: %w", p.Namespace, p.Name, err)
		}
		if !selected {
			continue
		}
		isolated = true
		for _, r := range rulesOf(p, way) {
			more, err := s.allow(p.Namespace, pod, r, way, pods)
			if err != nil {
				return nil, false, fmt.Errorf("policy %s/%s: %w", p.Namespace, p.Name, err)
			}
			lines = append(lines, more...)
		}
	}
	return lines, isolated, nil
}

// rule is an ingress or egress rule: both say peers and ports.
type rule struct {
	peers []networking.NetworkPolicyPeer
	ports []networking.NetworkPolicyPort
}

func rulesOf(p *networking.NetworkPolicy, way networking.PolicyType) (all []rule) {
	if way == networking.PolicyTypeEgress {
		for _, r := range p.Spec.Egress {
			all = append(all, rule{r.To, r.Ports})
		}
		return all
	}
	for _, r := range p.Spec.Ingress {
		all = append(all, rule{r.From, r.Ports})
	}
	return all
}

// allow is one rule of a policy in namespace, as lines of the pod's chain.
func (s State) allow(namespace string, pod *core.Pod, r rule, way networking.PolicyType, pods []*core.Pod) ([]string, error) {
	side := "saddr"
	if way == networking.PolicyTypeEgress {
		side = "daddr"
	}
	sources := []string{""} // anybody
	var addresses []string
	if len(r.peers) > 0 {
		sources = nil
		for _, peer := range r.peers {
			if peer.IPBlock != nil {
				if block := blockMatch(side, peer.IPBlock); block != "" {
					sources = append(sources, block)
				}
				continue
			}
			for _, other := range pods {
				is, err := s.isPeer(namespace, peer, other)
				if err != nil {
					return nil, err
				}
				if is {
					addresses = append(addresses, address(other))
				}
			}
		}
		slices.Sort(addresses)
		if addresses = slices.Compact(addresses); len(addresses) > 0 {
			sources = append(sources, fmt.Sprintf("ip %s { %s } ", side, strings.Join(addresses, ", ")))
		}
	}
	var lines []string
	for _, source := range sources {
		for _, port := range portMatches(r.ports, way, pod, pods) {
			lines = append(lines, "\t\t"+source+port+"return\n")
		}
	}
	return lines, nil
}

func (s State) isPeer(namespace string, peer networking.NetworkPolicyPeer, pod *core.Pod) (bool, error) {
	if peer.NamespaceSelector == nil && pod.Namespace != namespace {
		return false, nil
	}
	if peer.NamespaceSelector != nil {
		i := slices.IndexFunc(s.Namespaces, func(n *core.Namespace) bool { return n.Name == pod.Namespace })
		if i < 0 {
			return false, nil
		}
		if is, err := matches(peer.NamespaceSelector, s.Namespaces[i].Labels); err != nil || !is {
			return false, err
		}
	}
	if peer.PodSelector == nil {
		return true, nil
	}
	return matches(peer.PodSelector, pod.Labels)
}

func matches(selector *meta.LabelSelector, of map[string]string) (bool, error) {
	s, err := meta.LabelSelectorAsSelector(selector)
	if err != nil {
		return false, err
	}
	return s.Matches(labels.Set(of)), nil
}

// blockMatch: a cluster of one family has no use for the other's ranges.
func blockMatch(side string, block *networking.IPBlock) string {
	if strings.Contains(block.CIDR, ":") {
		return ""
	}
	match := fmt.Sprintf("ip %s %s ", side, block.CIDR)
	if len(block.Except) > 0 {
		match += fmt.Sprintf("ip %s != { %s } ", side, strings.Join(block.Except, ", "))
	}
	return match
}

// portMatches are the ports of a rule, one match each; no ports: any traffic.
func portMatches(ports []networking.NetworkPolicyPort, way networking.PolicyType, pod *core.Pod, pods []*core.Pod) []string {
	if len(ports) == 0 {
		return []string{""}
	}
	var all []string
	for _, p := range ports {
		protocol := core.ProtocolTCP
		if p.Protocol != nil {
			protocol = *p.Protocol
		}
		name := strings.ToLower(string(protocol))
		switch {
		case p.Port == nil:
			all = append(all, "meta l4proto "+name+" ")
		case p.Port.Type == intstr.Int && p.EndPort != nil:
			all = append(all, fmt.Sprintf("%s dport %d-%d ", name, p.Port.IntVal, *p.EndPort))
		case p.Port.Type == intstr.Int:
			all = append(all, fmt.Sprintf("%s dport %d ", name, p.Port.IntVal))
		case way == networking.PolicyTypeIngress:
			for _, n := range named(pod, p.Port.StrVal, protocol) {
				all = append(all, fmt.Sprintf("%s dport %d ", name, n))
			}
		default: // a name means what each pod that is spoken to calls so
			for _, other := range pods {
				for _, n := range named(other, p.Port.StrVal, protocol) {
					all = append(all, fmt.Sprintf("ip daddr %s %s dport %d ", address(other), name, n))
				}
			}
		}
	}
	return all
}

func named(pod *core.Pod, name string, protocol core.Protocol) (ports []int32) {
	for _, c := range pod.Spec.Containers {
		for _, p := range c.Ports {
			if p.Name == name && cmp.Or(p.Protocol, core.ProtocolTCP) == protocol {
				ports = append(ports, p.ContainerPort)
			}
		}
	}
	return ports
}
