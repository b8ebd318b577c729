package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
)

// status prints whether the cluster runs and its programs.
func (c cluster) status() error {
	if c.first() == 0 {
		return fmt.Errorf("cluster %s does not run", c.name)
	}
	running, err := c.running()
	if err != nil {
		return err
	}
	fmt.Printf("cluster %s runs; export KUBECONFIG=%s\n", c.name, c.path("kubeconfig"))
	for _, d := range daemons(c.name) {
		state := "down"
		if pid := running[d.name]; pid != 0 {
			state = "process " + strconv.Itoa(pid)
		}
		fmt.Printf("  %-24s%s\n", d.name, state)
	}
	return nil
}

// running are the process ids of the cluster's programs, as this machine
// counts them: the children of its first process.
func (c cluster) running() (map[string]int, error) {
	first := c.first()
	tasks, err := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/children", first))
	if err != nil {
		return nil, err
	}
	all := map[string]int{}
	for _, task := range tasks {
		children, _ := os.ReadFile(task)
		for _, child := range strings.Fields(string(children)) {
			line, _ := os.ReadFile("/proc/" + child + "/cmdline")
			name, _, _ := strings.Cut(string(line), "\x00")
			if pid, err := strconv.Atoi(child); err == nil {
				all[name] = pid
			}
		}
	}
	return all, nil
}

// end kills programs and keeps them down until up brings them back.
func (c cluster) end(names []string) error {
	if len(names) == 0 {
		return errors.New("name the programs to end; status lists them")
	}
	if c.first() == 0 {
		return fmt.Errorf("cluster %s does not run", c.name)
	}
	for _, name := range names {
		if !slices.ContainsFunc(daemons(c.name), func(d daemon) bool { return d.name == name }) {
			return fmt.Errorf("%q is none of the cluster's programs; status lists them", name)
		}
		if err := os.WriteFile(c.path("ended", name), nil, 0o644); err != nil {
			return err
		}
		running, err := c.running()
		if err != nil {
			return err
		}
		if pid := running[name]; pid != 0 {
			if err := syscall.Kill(pid, syscall.SIGKILL); err != nil && err != syscall.ESRCH {
				return err
			}
		}
	}
	return nil
}
