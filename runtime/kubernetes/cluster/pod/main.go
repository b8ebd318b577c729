// Command pod is what runs in the test cluster's own pods: it holds a pod's
// namespaces (the pause container), or tries a pod's network and volumes from inside.
//
//	pod                   wait, reap orphans, end on SIGTERM
//	pod listen PORT...    accept connections on every address, else the same
//	pod dial HOST:PORT    status 0 when somebody accepts within a second
//	pod write FILE BYTES  status 0 when they are written
package main

import (
	"fmt"
	"net"
	"os"
	"os/signal"
	"strconv"
	"syscall"
	"time"
)

func main() {
	if err := run(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run(args []string) error {
	switch {
	case len(args) == 2 && args[0] == "dial":
		c, err := net.DialTimeout("tcp4", args[1], time.Second)
		if err != nil {
			return err
		}
		return c.Close()
	case len(args) == 3 && args[0] == "write":
		n, err := strconv.Atoi(args[2])
		if err != nil {
			return err
		}
		return os.WriteFile(args[1], make([]byte, n), 0o600)
	case len(args) > 1 && args[0] == "listen":
		for _, port := range args[1:] {
			if err := listen(port); err != nil {
				return err
			}
		}
	}
	wait()
	return nil
}

func listen(port string) error {
	l, err := net.Listen("tcp4", ":"+port)
	if err != nil {
		return err
	}
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			c.Close()
		}
	}()
	return nil
}

func wait() {
	signals := make(chan os.Signal, 8)
	signal.Notify(signals, syscall.SIGINT, syscall.SIGTERM, syscall.SIGCHLD)
	for s := range signals {
		if s != syscall.SIGCHLD {
			return
		}
		for {
			if pid, err := syscall.Wait4(-1, nil, syscall.WNOHANG, nil); err != nil || pid <= 0 {
				break
			}
		}
	}
}
