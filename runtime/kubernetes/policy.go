package kubernetes

import (
	"context"
	"encoding/json"
	"net/netip"

	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/intstr"

	"volundr/runtime"
	"volundr/runtime/broker/wire"
)

// closed are ranges that no session reaches: private ones, in which clusters,
// their nodes and their services live, and the link's own, with the clouds'
// metadata.
var (
	closed = []string{"10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "100.64.0.0/10", "169.254.0.0/16", "127.0.0.0/8", "0.0.0.0/8", "224.0.0.0/4"}
	// Of IPv6 the public addresses are open, without those that stand for IPv4 ones.
	public6 = netip.MustParsePrefix("2000::/3")
	closed6 = []string{"2001::/32", "2002::/16"}
)

const (
	policyShut = "shut" // for every Pod of ours: nothing in, nothing out
	policyOpen = "open" // for those that have a network: the internet
)

// apply makes the installation's policies what they should be. They stay: with
// the last session gone they are for nothing.
func (r *Runtime) apply(ctx context.Context, network runtime.Network) error {
	if err := r.applyPolicy(ctx, r.shut()); err != nil || network != runtime.NetworkOpen {
		return err
	}
	return r.applyPolicy(ctx, r.open())
}

func (r *Runtime) applyPolicy(ctx context.Context, p *networkingv1.NetworkPolicy) error {
	data, err := json.Marshal(p)
	if err != nil {
		return err
	}
	force := true
	_, err = r.api.policies.Patch(ctx, p.Name, types.ApplyPatchType, data, metav1.PatchOptions{FieldManager: "volundr", Force: &force})
	return wrap(err, "close the network")
}

func (r *Runtime) policy(name string, pods map[string]string) *networkingv1.NetworkPolicy {
	pods[runtime.LabelInstallation] = r.opts.Installation
	return &networkingv1.NetworkPolicy{TypeMeta: metav1.TypeMeta{APIVersion: "networking.k8s.io/v1", Kind: "NetworkPolicy"},
		ObjectMeta: metav1.ObjectMeta{Name: r.prefix() + "-" + name, Namespace: r.api.namespace,
			Labels: map[string]string{runtime.LabelApp: "volundr", runtime.LabelInstallation: r.opts.Installation}},
		Spec: networkingv1.NetworkPolicySpec{PodSelector: metav1.LabelSelector{MatchLabels: pods}}}
}

// shut lets nobody in but the daemon to the brokers' port, and nothing out.
func (r *Runtime) shut() *networkingv1.NetworkPolicy {
	p := r.policy(policyShut, map[string]string{})
	p.Spec.PolicyTypes = []networkingv1.PolicyType{networkingv1.PolicyTypeIngress, networkingv1.PolicyTypeEgress}
	if r.straight() {
		p.Spec.Ingress = []networkingv1.NetworkPolicyIngressRule{{
			From: []networkingv1.NetworkPolicyPeer{{PodSelector: &metav1.LabelSelector{MatchLabels: r.opts.Pods.DaemonLabels},
				NamespaceSelector: &metav1.LabelSelector{MatchLabels: map[string]string{corev1.LabelMetadataName: r.api.home}}}},
			Ports: []networkingv1.NetworkPolicyPort{port(corev1.ProtocolTCP, wire.BrokerPort)}}}
	}
	return p
}

// open lets Pods with a network reach the internet and the cluster's names.
func (r *Runtime) open() *networkingv1.NetworkPolicy {
	p := r.policy(policyOpen, map[string]string{labelNetwork: string(runtime.NetworkOpen)})
	p.Spec.PolicyTypes = []networkingv1.PolicyType{networkingv1.PolicyTypeEgress}
	four, six := append([]string{}, closed...), append([]string{}, closed6...)
	for _, block := range r.opts.Pods.Closed {
		switch p, err := netip.ParsePrefix(block); {
		case err == nil && p.Addr().Is4():
			four = append(four, block)
		case err == nil && public6.Overlaps(p): // the others are closed already
			six = append(six, block)
		}
	}
	p.Spec.Egress = []networkingv1.NetworkPolicyEgressRule{
		{To: []networkingv1.NetworkPolicyPeer{
			{IPBlock: &networkingv1.IPBlock{CIDR: "0.0.0.0/0", Except: four}},
			{IPBlock: &networkingv1.IPBlock{CIDR: public6.String(), Except: six}}}},
		{To: []networkingv1.NetworkPolicyPeer{{
			NamespaceSelector: &metav1.LabelSelector{MatchLabels: map[string]string{corev1.LabelMetadataName: metav1.NamespaceSystem}},
			PodSelector:       &metav1.LabelSelector{MatchLabels: map[string]string{"k8s-app": "kube-dns"}}}},
			Ports: []networkingv1.NetworkPolicyPort{port(corev1.ProtocolUDP, 53), port(corev1.ProtocolTCP, 53)}},
	}
	return p
}

func port(protocol corev1.Protocol, number int) networkingv1.NetworkPolicyPort {
	n := intstr.FromInt32(int32(number))
	return networkingv1.NetworkPolicyPort{Protocol: &protocol, Port: &n}
}
