package proof

import (
	"net"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

func TestWhatIsKilledComesBackAndNothingIsLeft(t *testing.T) {
	program(t)
	before := machine(t)
	c := up(t, "life")
	start := time.Now()
	c.run(t, "up")
	t.Logf("up again took %v", time.Since(start))

	kubelet := c.process(t, "kubelet")
	if err := syscall.Kill(kubelet, syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	eventually(t, "a killed kubelet comes back", func() (string, bool) {
		now := c.process(t, "kubelet")
		return strconv.Itoa(now), now != 0 && now != kubelet
	})
	c.run(t, "end", "kube-scheduler")
	eventually(t, "an ended scheduler is down", func() (string, bool) { return "", c.process(t, "kube-scheduler") == 0 })
	c.run(t, "up")
	eventually(t, "up brings it back", func() (string, bool) { return "", c.process(t, "kube-scheduler") != 0 })

	c.kubectl(t, pod("busy", "", "listen", "80"), "apply", "-f", "-")
	c.kubectl(t, "", "wait", "--for=condition=Ready", "--timeout=3m", "pod/busy")

	first, err := os.ReadFile("/var/tmp/volundr-cluster/" + c.name + "/first.pid")
	if err != nil {
		t.Fatal(err)
	}
	pid, err := strconv.Atoi(string(first))
	if err != nil {
		t.Fatal(err)
	}
	if err := syscall.Kill(pid, syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	eventually(t, "with the first process all end", func() (string, bool) {
		left := slices.DeleteFunc(machine(t), func(s string) bool { return !strings.HasPrefix(s, "process") || !strings.Contains(s, c.name) })
		return strings.Join(left, "\n"), len(left) == 0
	})
	c.kubeconfig = strings.TrimSpace(c.run(t, "up")) // a new one, over what the killed one left
	c.kubectl(t, pod("busy", "", "listen", "80"), "apply", "-f", "-")
	c.kubectl(t, "", "wait", "--for=condition=Ready", "--timeout=3m", "pod/busy")

	start = time.Now()
	c.run(t, "down")
	t.Logf("down took %v", time.Since(start))
	c.run(t, "down") // again
	for _, thing := range machine(t) {
		if !slices.Contains(before, thing) && strings.Contains(thing, c.name) {
			t.Errorf("left behind: %s", thing)
		}
	}
}

// process is the id of one of the cluster's programs; 0: it does not run.
func (c *cluster) process(t *testing.T, name string) int {
	t.Helper()
	for line := range strings.Lines(c.run(t, "status")) {
		if f := strings.Fields(line); len(f) == 3 && f[0] == name {
			pid, err := strconv.Atoi(f[2])
			if err != nil {
				t.Fatalf("status says %q", line)
			}
			return pid
		}
	}
	return 0
}

// machine is what a cluster could leave on it: processes, mounts, network
// devices, cgroups, folders.
func machine(t *testing.T) (all []string) {
	t.Helper()
	lines, _ := filepath.Glob("/proc/[0-9]*/cmdline")
	for _, path := range lines {
		line, _ := os.ReadFile(path)
		if len(line) == 0 {
			continue // it has ended; whoever adopted it has not looked yet
		}
		group, _ := os.ReadFile(filepath.Join(filepath.Dir(path), "cgroup"))
		all = append(all, "process "+strings.ReplaceAll(string(line), "\x00", " ")+" in "+string(group))
	}
	mounts, err := os.ReadFile("/proc/self/mounts")
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(mounts)) {
		all = append(all, "mount "+line)
	}
	devices, err := net.Interfaces()
	if err != nil {
		t.Fatal(err)
	}
	for _, device := range devices {
		all = append(all, "device "+device.Name)
	}
	for _, pattern := range []string{"/sys/fs/cgroup/*", "/sys/fs/cgroup/*/*", "/var/tmp/*", "/var/tmp/volundr-cluster/*", "/var/lib/*", "/run/*", "/var/log/*"} {
		paths, _ := filepath.Glob(pattern)
		for _, path := range paths {
			all = append(all, "file "+path)
		}
	}
	return all
}
