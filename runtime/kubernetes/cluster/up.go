package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"syscall"
	"time"

	core "k8s.io/api/core/v1"
	storage "k8s.io/api/storage/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	meta "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/tools/clientcmd"

	"volundr/runtime/kubernetes/cluster/volume"
)

// startLimit bounds the wait until the node is ready: seconds on an idle
// machine, a minute on a busy one.
const startLimit = 4 * time.Minute

// up starts the cluster, or brings back what of it was ended, and waits until
// it takes pods. It prints the kubeconfig's path.
func (c cluster) up(ctx context.Context, port int) error {
	ctx, cancel := context.WithTimeout(ctx, startLimit)
	defer cancel()
	ctx, over := context.WithCancelCause(ctx)
	defer over(nil)
	if c.first() == 0 {
		if err := c.needs(); err != nil {
			return err
		}
		if err := c.down(ctx); err != nil { // what a killed one has left
			return err
		}
		if err := c.begin(port, over); err != nil {
			return errors.Join(err, c.down(ctx))
		}
	}
	if err := os.RemoveAll(c.path("ended")); err != nil {
		return err
	}
	if err := os.MkdirAll(c.path("ended"), 0o700); err != nil {
		return err
	}
	if err := c.ready(ctx); err != nil {
		return fmt.Errorf("cluster %s does not get ready; its programs' logs are in %s: %w (%w)", c.name, c.path("log"), err, context.Cause(ctx))
	}
	fmt.Println(c.path("kubeconfig"))
	return nil
}

// needs says what the machine lacks.
func (c cluster) needs() error {
	for file, pkg := range map[string]string{
		"/usr/bin/containerd": "containerd", "/usr/sbin/runc": "runc", "/usr/lib/cni/ptp": "containernetworking-plugins", "/usr/sbin/nft": "nftables",
	} {
		if _, err := os.Stat(file); err != nil {
			return fmt.Errorf("%s is missing: install the package %s", file, pkg)
		}
	}
	return nil
}

// begin starts the first process, in new namespaces; over is called if it ends
// while we are here.
func (c cluster) begin(port int, over context.CancelCauseFunc) error {
	listener, err := net.ListenTCP("tcp4", &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: port})
	if err != nil {
		return err
	}
	defer listener.Close()
	if err := c.configure(listener.Addr().String()); err != nil {
		return err
	}
	listening, err := listener.File()
	if err != nil {
		return err
	}
	defer listening.Close()
	log, err := os.Create(c.path("log", "cluster"))
	if err != nil {
		return err
	}
	defer log.Close()
	process := &exec.Cmd{
		Path: "/proc/self/exe", Args: []string{firstProgram, c.name, c.dir}, Dir: "/",
		Env:    []string{"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "HOME=/root"},
		Stdout: log, Stderr: log, ExtraFiles: []*os.File{listening},
		SysProcAttr: &syscall.SysProcAttr{Setsid: true, Cloneflags: syscall.CLONE_NEWPID | syscall.CLONE_NEWNS | syscall.CLONE_NEWNET},
	}
	if err := process.Start(); err != nil {
		return fmt.Errorf("make namespaces: %w", err)
	}
	if err := os.WriteFile(c.path("first.pid"), []byte(strconv.Itoa(process.Process.Pid)), 0o644); err != nil {
		return errors.Join(err, process.Process.Kill())
	}
	go func() { over(fmt.Errorf("its first process has ended: %v", process.Wait())) }()
	return nil
}

// ready waits until the cluster takes pods.
func (c cluster) ready(ctx context.Context) error {
	socket := func() error {
		_, err := os.Stat(c.seen(containerd))
		return err
	}
	if err := eventually(ctx, socket); err != nil {
		return err
	}
	if err := eventually(ctx, func() error { return c.loadPause(ctx) }); err != nil {
		return err
	}
	config, err := clientcmd.BuildConfigFromFlags("", c.path("kubeconfig"))
	if err != nil {
		return err
	}
	config.Timeout = 10 * time.Second
	client, err := kubernetes.NewForConfig(config)
	if err != nil {
		return err
	}
	for _, class := range volume.Classes() {
		if err := eventually(ctx, func() error { return ensureClass(ctx, client, class) }); err != nil {
			return err
		}
	}
	return eventually(ctx, func() error { return takesPods(ctx, client, c.node()) })
}

func ensureClass(ctx context.Context, client kubernetes.Interface, class *storage.StorageClass) error {
	_, err := client.StorageV1().StorageClasses().Create(ctx, class, meta.CreateOptions{})
	if apierrors.IsAlreadyExists(err) {
		return nil
	}
	return err
}

func takesPods(ctx context.Context, client kubernetes.Interface, node string) error {
	if _, err := client.CoreV1().ServiceAccounts("default").Get(ctx, "default", meta.GetOptions{}); err != nil {
		return err
	}
	n, err := client.CoreV1().Nodes().Get(ctx, node, meta.GetOptions{})
	if err != nil {
		return err
	}
	for _, condition := range n.Status.Conditions {
		if condition.Type == core.NodeReady && condition.Status == core.ConditionTrue {
			return nil
		}
	}
	return fmt.Errorf("node %s is not ready", node)
}

// eventually tries until it succeeds; the error is the last one.
func eventually(ctx context.Context, try func() error) error {
	for {
		err := try()
		if err == nil {
			return nil
		}
		select {
		case <-ctx.Done():
			return err
		case <-time.After(100 * time.Millisecond):
		}
	}
}

// seen is a path inside the cluster's mount namespace, from outside.
func (c cluster) seen(path string) string {
	return filepath.Join(fmt.Sprintf("/proc/%d/root", c.first()), path)
}
