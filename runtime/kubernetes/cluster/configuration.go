package main

import (
	"fmt"
	"net"
	"os"

	"k8s.io/client-go/tools/clientcmd"
	"k8s.io/client-go/tools/clientcmd/api"

	"volundr/runtime/kubernetes/cluster/pki"
)

// configure writes what the programs of a new cluster read: keys, kubeconfigs
// and configuration. Paths in there are as seen inside. external is the API
// server's address on this machine.
func (c cluster) configure(external string) error {
	for _, d := range []string{"pki", "log", "etcd", "containerd", "kubelet", "pods", "volumes", "ended", "network"} {
		if err := os.MkdirAll(c.path(d), 0o700); err != nil {
			return err
		}
	}
	for name, text := range map[string]string{
		"containerd.toml":          containerdConfiguration,
		"network/10-pods.conflist": networkConfiguration,
		"kubelet.yaml":             fmt.Sprintf(kubeletConfiguration, groupName(c.name)),
		"proxy.yaml":               fmt.Sprintf(proxyConfiguration, c.node()),
		"resolv.conf":              "",
	} {
		if err := os.WriteFile(c.path(name), []byte(text), 0o644); err != nil {
			return err
		}
	}
	return c.identities(external)
}

func (c cluster) identities(external string) error {
	dir := c.path("pki")
	ca, err := pki.NewAuthority(dir, "ca")
	if err != nil {
		return err
	}
	if err := pki.SigningPair(dir, "accounts"); err != nil {
		return err
	}
	loopback, node := net.ParseIP("127.0.0.1"), net.ParseIP(nodeAddress)
	// The API server is its kubelet's client too.
	if _, _, err := ca.Issue("apiserver", pki.Subject{User: "kube-apiserver", Group: "system:masters",
		Hosts:     []string{"localhost", "kubernetes", "kubernetes.default", "kubernetes.default.svc", "kubernetes.default.svc.cluster.local"},
		Addresses: []net.IP{loopback, node, net.ParseIP(apiService)}}); err != nil {
		return err
	}
	for name, s := range map[string]pki.Subject{
		"admin":       {User: "kubernetes-admin", Group: "system:masters"},
		"controllers": {User: "system:kube-controller-manager"},
		"scheduler":   {User: "system:kube-scheduler"},
		"proxy":       {User: "system:kube-proxy"},
		"kubelet":     {User: "system:node:" + c.node(), Group: "system:nodes", Hosts: []string{c.node()}, Addresses: []net.IP{loopback, node}},
	} {
		cert, key, err := ca.Issue(name, s)
		if err != nil {
			return err
		}
		config := kubeconfig(c.name, "https://"+apiAddress, ca.PEM, cert, key)
		if err := clientcmd.WriteToFile(config, c.path("pki", name+".kubeconfig")); err != nil {
			return err
		}
		if name != "admin" {
			continue
		}
		config = kubeconfig(c.name, "https://"+external, ca.PEM, cert, key)
		if err := clientcmd.WriteToFile(config, c.path("kubeconfig")); err != nil {
			return err
		}
	}
	return nil
}

func kubeconfig(name, server string, ca, cert, key []byte) api.Config {
	return api.Config{
		Clusters:       map[string]*api.Cluster{name: {Server: server, CertificateAuthorityData: ca}},
		AuthInfos:      map[string]*api.AuthInfo{name: {ClientCertificateData: cert, ClientKeyData: key}},
		Contexts:       map[string]*api.Context{name: {Cluster: name, AuthInfo: name}},
		CurrentContext: name,
	}
}

const containerdConfiguration = `version = 2
root = "` + home + `/containerd"
state = "/run/containerd"
disabled_plugins = ["io.containerd.snapshotter.v1.aufs", "io.containerd.snapshotter.v1.btrfs", "io.containerd.snapshotter.v1.devmapper", "io.containerd.snapshotter.v1.zfs"]
[grpc]
  address = "` + containerd + `"
[plugins."io.containerd.grpc.v1.cri"]
  sandbox_image = "` + pauseImage + `"
  stream_server_address = "127.0.0.1"
  disable_apparmor = true
  restrict_oom_score_adj = true
  [plugins."io.containerd.grpc.v1.cri".cni]
    bin_dir = "/usr/lib/cni"
    conf_dir = "` + home + `/network"
  [plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc]
    runtime_type = "io.containerd.runc.v2"
    [plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc.options]
      SystemdCgroup = false
`

// A pair of devices for each pod and no bridge: all that pods send each other
// is routed by the node, where policies are enforced.
const networkConfiguration = `{"cniVersion": "0.4.0", "name": "pods", "plugins": [
  {"type": "ptp", "ipam": {"type": "host-local", "dataDir": "/run/addresses",
    "ranges": [[{"subnet": "` + podRange + `"}]], "routes": [{"dst": "0.0.0.0/0"}]}},
  {"type": "portmap", "capabilities": {"portMappings": true}}
]}
`

const kubeletConfiguration = `apiVersion: kubelet.config.k8s.io/v1beta1
kind: KubeletConfiguration
authentication: {anonymous: {enabled: false}, webhook: {enabled: true}, x509: {clientCAFile: ` + pkiFolder + `ca.crt}}
authorization: {mode: Webhook}
tlsCertFile: ` + pkiFolder + `kubelet.crt
tlsPrivateKeyFile: ` + pkiFolder + `kubelet.key
containerRuntimeEndpoint: unix://` + containerd + `
cgroupDriver: cgroupfs
cgroupRoot: /%s
failCgroupV1: false
failSwapOn: false
resolvConf: ` + home + `/resolv.conf
clusterDomain: cluster.local
volumePluginDir: /run/plugins
imageGCHighThresholdPercent: 100
imageGCLowThresholdPercent: 99
evictionHard: {memory.available: 50Mi, nodefs.available: 1%%, nodefs.inodesFree: 1%%, imagefs.available: 1%%}
serializeImagePulls: false
`

const proxyConfiguration = `apiVersion: kubeproxy.config.k8s.io/v1alpha1
kind: KubeProxyConfiguration
mode: nftables
clientConnection: {kubeconfig: ` + pkiFolder + `proxy.kubeconfig}
clusterCIDR: ` + podRange + `
hostnameOverride: %s
conntrack: {maxPerCore: 0, tcpEstablishedTimeout: 0s, tcpCloseWaitTimeout: 0s}
`
