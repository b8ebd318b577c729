package main

import (
	"fmt"
	"os"
	"path/filepath"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"
)

// ownMounts lays out the file system that the cluster's programs see, in this
// process's own mount namespace: the machine's, with folders of its own where
// they would write. dir is the cluster's folder, on the machine.
func ownMounts(dir string) error {
	if err := unix.Mount("", "/", "", unix.MS_REC|unix.MS_SLAVE, ""); err != nil {
		return fmt.Errorf("keep mounts to ourselves: %w", err)
	}
	if err := unix.Mount("proc", "/proc", "proc", 0, ""); err != nil {
		return fmt.Errorf("mount /proc: %w", err)
	}
	folder, err := os.Open(dir) // a path that may lie under what is hidden next
	if err != nil {
		return err
	}
	defer folder.Close()
	for _, path := range []string{"/run", "/tmp", "/var/lib", "/var/log"} {
		if err := unix.Mount("tmpfs", path, "tmpfs", 0, "mode=755"); err != nil {
			return fmt.Errorf("mount %s: %w", path, err)
		}
	}
	if err := bind(fmt.Sprintf("/proc/self/fd/%d", folder.Fd()), home); err != nil {
		return err
	}
	for from, to := range map[string]string{"kubelet": "/var/lib/kubelet", "pods": "/var/log/pods"} {
		if err := bind(filepath.Join(home, from), to); err != nil {
			return err
		}
	}
	// The kubelet sets these for the whole machine unless they are so already:
	// it is shown that they are.
	for key, value := range map[string]string{
		"vm/overcommit_memory":      "1",
		"vm/panic_on_oom":           "0",
		"kernel/panic":              "10",
		"kernel/panic_on_oops":      "1",
		"kernel/keys/root_maxkeys":  "1000000",
		"kernel/keys/root_maxbytes": "25000000",
	} {
		shown := filepath.Join("/run/sysctl", key)
		if err := os.MkdirAll(filepath.Dir(shown), 0o755); err != nil {
			return err
		}
		if err := os.WriteFile(shown, []byte(value+"\n"), 0o644); err != nil {
			return err
		}
		if err := unix.Mount(shown, filepath.Join("/proc/sys", key), "", unix.MS_BIND, ""); err != nil {
			return fmt.Errorf("show %s: %w", key, err)
		}
	}
	return unix.Mount("", "/", "", unix.MS_REC|unix.MS_SHARED, "")
}

func bind(from, to string) error {
	if err := os.MkdirAll(to, 0o755); err != nil {
		return err
	}
	if err := unix.Mount(from, to, "", unix.MS_BIND, ""); err != nil {
		return fmt.Errorf("mount %s: %w", to, err)
	}
	return nil
}

// ownNetwork gives this process's own network namespace the node's addresses,
// and lets it carry packets between pods.
func ownNetwork() error {
	lo, err := netlink.LinkByName("lo")
	if err != nil {
		return err
	}
	if err := netlink.LinkSetUp(lo); err != nil {
		return err
	}
	for _, address := range []string{nodeAddress, internetAddress, metadataAddress} {
		a, err := netlink.ParseAddr(address + "/32")
		if err != nil {
			return err
		}
		if err := netlink.AddrReplace(lo, a); err != nil {
			return fmt.Errorf("give the node %s: %w", address, err)
		}
	}
	// A service's address leads somewhere before kube-proxy turns it into a pod's.
	services, err := netlink.ParseIPNet(serviceRange)
	if err != nil {
		return err
	}
	node, err := netlink.ParseIPNet(nodeAddress + "/32")
	if err != nil {
		return err
	}
	if err := netlink.RouteReplace(&netlink.Route{LinkIndex: lo.Attrs().Index, Dst: services, Src: node.IP}); err != nil {
		return fmt.Errorf("route %s: %w", serviceRange, err)
	}
	for key, value := range map[string]string{
		"net/ipv4/ip_forward":                "1",
		"net/ipv6/conf/all/disable_ipv6":     "1", // policies are enforced for the one family there is
		"net/ipv6/conf/default/disable_ipv6": "1",
	} {
		if err := os.WriteFile(filepath.Join("/proc/sys", key), []byte(value), 0o644); err != nil && !os.IsNotExist(err) {
			return err
		}
	}
	return nil
}
