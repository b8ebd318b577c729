package main

import (
	"context"
	"fmt"
	"os"
	"syscall"
	"time"
)

// stopLimit bounds the wait for what was killed: the kernel has to take
// mounts and network down with it.
const stopLimit = time.Minute

// down ends every process of the cluster and removes what it had. Nothing of
// it need be there. With its first process go all the others and the
// namespaces, with these their mounts, devices and rules.
func (c cluster) down(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, stopLimit)
	defer cancel()
	err := eventually(ctx, func() error {
		left, err := groupProcesses(c.name)
		if err != nil || len(left) == 0 {
			return err
		}
		for _, pid := range left {
			syscall.Kill(pid, syscall.SIGKILL)
		}
		return fmt.Errorf("processes %v do not end", left)
	})
	if err != nil {
		return err
	}
	if err := eventually(ctx, func() error { return removeGroups(c.name) }); err != nil {
		return err
	}
	if err := os.RemoveAll(c.dir); err != nil {
		return err
	}
	os.Remove(base) // if no other cluster lives there
	return nil
}
