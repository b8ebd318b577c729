package main

import (
	"crypto/tls"
	"net"
	"net/http"
	"time"
)

// daemon is one program that the cluster keeps running.
type daemon struct {
	name string
	file string // "": this executable
	args []string
	// after says whether what it needs is there; nil: it needs nothing. Most
	// would come right by being started again and again; this is quicker.
	after func() bool
}

const pkiFolder = home + "/pki/"

func daemons(node string) []daemon {
	kubeconfig := func(of string) string { return "--kubeconfig=" + pkiFolder + of + ".kubeconfig" }
	return []daemon{
		{name: "etcd", args: []string{
			"--name=" + node, "--data-dir=" + home + "/etcd", "--unsafe-no-fsync", "--log-level=warn",
			"--listen-client-urls=http://" + etcdAddress, "--advertise-client-urls=http://" + etcdAddress,
			"--listen-peer-urls=http://127.0.0.1:2380"}},
		{name: "containerd", file: "containerd", args: []string{"--config", home + "/containerd.toml"}},
		{name: "kube-apiserver", after: answers("tcp", etcdAddress), args: []string{
			"--etcd-servers=http://" + etcdAddress, "--bind-address=0.0.0.0", "--secure-port=6443",
			"--advertise-address=" + nodeAddress, "--service-cluster-ip-range=" + serviceRange, "--allow-privileged=true",
			"--client-ca-file=" + pkiFolder + "ca.crt",
			"--tls-cert-file=" + pkiFolder + "apiserver.crt", "--tls-private-key-file=" + pkiFolder + "apiserver.key",
			"--kubelet-client-certificate=" + pkiFolder + "apiserver.crt", "--kubelet-client-key=" + pkiFolder + "apiserver.key",
			"--kubelet-certificate-authority=" + pkiFolder + "ca.crt", "--kubelet-preferred-address-types=InternalIP",
			"--service-account-issuer=https://kubernetes.default.svc.cluster.local",
			"--service-account-key-file=" + pkiFolder + "accounts.pub", "--service-account-signing-key-file=" + pkiFolder + "accounts.key",
			"--authorization-mode=Node,RBAC", "--enable-admission-plugins=NodeRestriction", "--cert-dir=/run/apiserver"}},
		{name: "kube-controller-manager", after: apiReady, args: []string{
			kubeconfig("controllers"), "--use-service-account-credentials", "--leader-elect=false", "--bind-address=127.0.0.1",
			"--cluster-signing-cert-file=" + pkiFolder + "ca.crt", "--cluster-signing-key-file=" + pkiFolder + "ca.key",
			"--root-ca-file=" + pkiFolder + "ca.crt", "--service-account-private-key-file=" + pkiFolder + "accounts.key",
			"--cert-dir=/run/controllers", "--kube-api-qps=500", "--kube-api-burst=1000"}},
		{name: "kube-scheduler", after: apiReady, args: []string{
			kubeconfig("scheduler"), "--leader-elect=false", "--bind-address=127.0.0.1", "--cert-dir=/run/scheduler",
			"--kube-api-qps=500", "--kube-api-burst=1000"}},
		{name: "kubelet", after: all(apiReady, answers("unix", containerd)), args: []string{
			kubeconfig("kubelet"), "--config=" + home + "/kubelet.yaml", "--hostname-override=" + node,
			"--node-ip=" + nodeAddress, "--cert-dir=/run/kubelet"}},
		{name: "kube-proxy", after: apiReady, args: []string{"--config=" + home + "/proxy.yaml"}},
		{name: "network-policy", after: apiReady, args: []string{pkiFolder + "admin.kubeconfig", podRange}},
		{name: "volumes", after: apiReady, args: []string{pkiFolder + "admin.kubeconfig", node, home + "/volumes"}},
	}
}

// answers says whether something accepts connections at the address.
func answers(network, address string) func() bool {
	return func() bool {
		c, err := net.DialTimeout(network, address, time.Second)
		if err != nil {
			return false
		}
		c.Close()
		return true
	}
}

// apiReady asks as nobody, which the API server allows for this one path.
func apiReady() bool {
	client := &http.Client{Timeout: time.Second, Transport: &http.Transport{
		TLSClientConfig: &tls.Config{InsecureSkipVerify: true}, DisableKeepAlives: true}}
	answer, err := client.Get("https://" + apiAddress + "/readyz")
	if err != nil {
		return false
	}
	answer.Body.Close()
	return answer.StatusCode == http.StatusOK
}

func all(of ...func() bool) func() bool {
	return func() bool {
		for _, f := range of {
			if !f() {
				return false
			}
		}
		return true
	}
}
