// Command cluster is a real single-node Kubernetes for tests, in one
// executable: etcd, API server, controllers, scheduler, kubelet and kube-proxy
// as upstream wrote them, on this machine's containerd, runc and CNI plugins,
// with an agent of ours that enforces NetworkPolicy and a provisioner of ours
// for volumes.
//
// It lives in namespaces of its own (processes, mounts, network) and in a
// cgroup of its own, so that ending its first process ends all of it. From
// outside only the API server is reached, on one port of 127.0.0.1.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"
)

const usage = `usage: cluster [-name NAME] [-port PORT] COMMAND

  up              start what does not run, wait until it is ready, print the kubeconfig's path
  down            end it and remove its state
  status          what runs
  load IMAGE...   copy images of the Docker engine into it
  end PROGRAM     kill one of its programs and keep it down, until up

`

func main() {
	if program, ok := programs[filepath.Base(os.Args[0])]; ok {
		program()
		return
	}
	name := flag.String("name", "volundr", "the cluster's name; several live side by side")
	port := flag.Int("port", 0, "the API server's port on 127.0.0.1 (0: any that is free)")
	flag.Usage = func() {
		fmt.Fprint(flag.CommandLine.Output(), usage)
		flag.PrintDefaults()
	}
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, *name, *port, flag.Args()); err != nil {
		fmt.Fprintln(os.Stderr, "cluster:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, name string, port int, args []string) error {
	if len(args) == 0 {
		flag.Usage()
		os.Exit(2)
	}
	if os.Geteuid() != 0 {
		return fmt.Errorf("a test cluster makes namespaces, cgroups and mounts: run it as root")
	}
	c, err := named(name)
	if err != nil {
		return err
	}
	switch args[0] {
	case "up":
		return c.locked(ctx, func() error { return c.up(ctx, port) })
	case "down":
		return c.locked(ctx, func() error { return c.down(ctx) })
	case "status":
		return c.status()
	case "load":
		return c.load(ctx, args[1:])
	case "end":
		return c.end(args[1:])
	}
	return fmt.Errorf("%q is no command; they are up, down, status, load and end", args[0])
}
