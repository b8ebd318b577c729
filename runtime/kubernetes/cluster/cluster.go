package main

import (
	"context"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"time"
)

// Addresses. All of them exist in the cluster's network namespace only.
const (
	nodeAddress  = "10.111.0.1"
	podRange     = "10.244.0.0/16"
	serviceRange = "10.96.0.0/16"
	apiService   = "10.96.0.1" // the first of serviceRange
	apiAddress   = "127.0.0.1:6443"
	etcdAddress  = "127.0.0.1:2379"
	// Two more addresses of the node, so that rules about what lies outside
	// can be tried: one stands for the internet, one for a cloud's metadata.
	internetAddress = "203.0.113.1"
	metadataAddress = "169.254.169.254"
)

const (
	base       = "/var/tmp/volundr-cluster" // on a disk; a folder per cluster under it
	pauseImage = "cluster.local/pod:1"
)

// As seen inside the cluster's mount namespace.
const (
	home       = "/run/cluster" // the cluster's folder
	containerd = "/run/containerd/containerd.sock"
)

// cluster is one by its name. What it is stands in its folder and in its
// cgroup; nothing is remembered elsewhere.
type cluster struct {
	name string
	dir  string
}

var nameRule = regexp.MustCompile(`^[a-z0-9][a-z0-9-]{0,30}$`)

func named(name string) (cluster, error) {
	if !nameRule.MatchString(name) {
		return cluster{}, fmt.Errorf("%q is no name for a cluster: use up to 31 of a-z, 0-9 and -", name)
	}
	return cluster{name: name, dir: filepath.Join(base, name)}, nil
}

func (c cluster) node() string { return c.name }

func (c cluster) path(elements ...string) string {
	return filepath.Join(append([]string{c.dir}, elements...)...)
}

// locked runs f while nobody else brings this cluster up or down. The lock is
// an abstract socket: it ends with its holder and leaves no file.
func (c cluster) locked(ctx context.Context, f func() error) error {
	for {
		lock, err := net.Listen("unix", "@volundr-cluster-"+c.name)
		if err == nil {
			defer lock.Close()
			return f()
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("wait for whoever else starts or stops cluster %s: %w", c.name, ctx.Err())
		case <-time.After(100 * time.Millisecond):
		}
	}
}

// first is the process id of the cluster's first process; 0: it does not run.
func (c cluster) first() int {
	b, err := os.ReadFile(c.path("first.pid"))
	if err != nil {
		return 0
	}
	pid, err := strconv.Atoi(string(b))
	if err != nil {
		return 0
	}
	// A number can belong to another process by now: ours is in our cgroup.
	groups, err := os.ReadFile(fmt.Sprintf("/proc/%d/cgroup", pid))
	if err != nil || !strings.Contains(string(groups), "/"+groupName(c.name)+"/programs") {
		return 0
	}
	// One that has ended keeps its number and group until whoever adopted it
	// looks, but has no program any more.
	if _, err := os.Readlink(fmt.Sprintf("/proc/%d/exe", pid)); err != nil {
		return 0
	}
	return pid
}
