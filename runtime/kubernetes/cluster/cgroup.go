package main

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
)

const cgroups = "/sys/fs/cgroup"

func groupName(cluster string) string { return "volundr-cluster-" + cluster }

// hierarchies are the cgroup file systems of this machine: one of version 2,
// or those of version 1 (with version 2 beside them, where runc leaves a
// folder too).
func hierarchies() ([]string, error) {
	if version2() {
		return []string{cgroups}, nil
	}
	mounts, err := os.ReadFile("/proc/self/mounts")
	if err != nil {
		return nil, err
	}
	var all []string
	for line := range strings.Lines(string(mounts)) {
		if f := strings.Fields(line); len(f) > 2 && (f[2] == "cgroup" || f[2] == "cgroup2") {
			all = append(all, f[1])
		}
	}
	slices.Sort(all)
	return slices.Compact(all), nil
}

func version2() bool {
	_, err := os.Stat(filepath.Join(cgroups, "cgroup.controllers"))
	return err == nil
}

// enterGroup puts this process, and what it will start, into the cluster's
// cgroup: programs beside the kubelet's own kubepods.
func enterGroup(cluster string) error {
	roots, err := hierarchies()
	if err != nil {
		return err
	}
	for _, root := range roots {
		group := filepath.Join(root, groupName(cluster))
		programs := filepath.Join(group, "programs")
		if err := os.MkdirAll(programs, 0o755); err != nil {
			return err
		}
		if version2() {
			for _, d := range []string{root, group} {
				if err := os.WriteFile(filepath.Join(d, "cgroup.subtree_control"), []byte("+cpu +memory +pids"), 0o644); err != nil {
					return err
				}
			}
		}
		// A cpuset of version 1 takes no process before it has these.
		for _, d := range []string{group, programs} {
			for _, f := range []string{"cpuset.cpus", "cpuset.mems"} {
				if err := inherit(filepath.Join(filepath.Dir(d), f), filepath.Join(d, f)); err != nil {
					return err
				}
			}
		}
		if err := os.WriteFile(filepath.Join(programs, "cgroup.procs"), []byte("0"), 0o644); err != nil {
			return err
		}
	}
	return nil
}

func inherit(from, to string) error {
	if now, err := os.ReadFile(to); version2() || err != nil || len(strings.TrimSpace(string(now))) > 0 {
		return nil
	}
	value, err := os.ReadFile(from)
	if err != nil {
		return err
	}
	return os.WriteFile(to, value, 0o644)
}

// groupProcesses are the processes in the cluster's cgroup, of whatever depth.
func groupProcesses(cluster string) ([]int, error) {
	roots, err := hierarchies()
	if err != nil {
		return nil, err
	}
	var all []int
	for _, root := range roots {
		filepath.WalkDir(filepath.Join(root, groupName(cluster)), func(path string, d fs.DirEntry, err error) error {
			if err != nil || d.Name() != "cgroup.procs" {
				return nil // groups may go away while they are read
			}
			b, _ := os.ReadFile(path)
			for line := range strings.Lines(string(b)) {
				if pid, err := strconv.Atoi(strings.TrimSpace(line)); err == nil && pid > 0 {
					all = append(all, pid)
				}
			}
			return nil
		})
	}
	slices.Sort(all)
	return slices.Compact(all), nil
}

// removeGroups removes the cluster's cgroup, in which no process is left.
func removeGroups(cluster string) error {
	roots, err := hierarchies()
	if err != nil {
		return err
	}
	var left []error
	for _, root := range roots {
		var folders []string
		filepath.WalkDir(filepath.Join(root, groupName(cluster)), func(path string, d fs.DirEntry, err error) error {
			if err == nil && d.IsDir() {
				folders = append(folders, path)
			}
			return nil
		})
		for _, d := range slices.Backward(folders) {
			if err := os.Remove(d); err != nil && !errors.Is(err, fs.ErrNotExist) {
				left = append(left, err)
			}
		}
	}
	return errors.Join(left...)
}
