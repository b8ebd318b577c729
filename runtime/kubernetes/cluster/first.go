package main

import (
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// firstProgram is process 1 of the cluster's own process namespace: when it
// ends, the kernel ends everything in there, containers included.
const firstProgram = "cluster-first"

// listenerFile is a file it is started with: it listens on the machine's
// loopback, for the API server.
const listenerFile = 3

func first() {
	if err := keep(os.Args[1], os.Args[2]); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// keep lays out the namespaces of a cluster that has this name and folder, and
// keeps its daemons running until it is killed.
func keep(name, dir string) error {
	if err := enterGroup(name); err != nil {
		return fmt.Errorf("enter the cluster's cgroup: %w", err)
	}
	if err := ownMounts(dir); err != nil {
		return err
	}
	if err := ownNetwork(); err != nil {
		return fmt.Errorf("set up the cluster's network: %w", err)
	}
	listener, err := net.FileListener(os.NewFile(listenerFile, "listener"))
	if err != nil {
		return err
	}
	go forward(listener)

	ended := make(chan int)
	go reap(ended)
	running := map[string]int{}       // process ids
	started := map[string]time.Time{} // at most one start a second
	for {
		for _, d := range daemons(name) {
			if running[d.name] != 0 || time.Since(started[d.name]) < time.Second || keptDown(d.name) || d.after != nil && !d.after() {
				continue
			}
			started[d.name] = time.Now()
			pid, err := d.start()
			if err != nil {
				return fmt.Errorf("start %s: %w", d.name, err)
			}
			running[d.name] = pid
		}
		select {
		case pid := <-ended:
			for name, of := range running {
				if of == pid {
					fmt.Printf("%s %s has ended\n", time.Now().Format(time.TimeOnly), name)
					delete(running, name)
				}
			}
		case <-time.After(100 * time.Millisecond):
		}
	}
}

// keptDown says whether somebody ended a program and wants it so.
func keptDown(name string) bool {
	_, err := os.Stat(filepath.Join(home, "ended", name))
	return err == nil
}

// start runs it in the background, its output in a file of its own. It is
// waited for in reap.
func (d daemon) start() (pid int, err error) {
	file := "/proc/self/exe"
	if d.file != "" {
		file = filepath.Join("/usr/bin", d.file)
	}
	log, err := os.OpenFile(filepath.Join(home, "log", d.name), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o644)
	if err != nil {
		return 0, err
	}
	defer log.Close()
	nothing, err := os.Open(os.DevNull)
	if err != nil {
		return 0, err
	}
	defer nothing.Close()
	p, err := os.StartProcess(file, append([]string{d.name}, d.args...), &os.ProcAttr{
		Dir: "/", Env: os.Environ(), Files: []*os.File{nothing, log, log}, Sys: &syscall.SysProcAttr{Setsid: true}})
	if err != nil {
		return 0, err
	}
	pid = p.Pid
	return pid, p.Release()
}

// reap waits for children and for those that were left to process 1, such as
// containerd's shims.
func reap(ended chan<- int) {
	for {
		pid, err := unix.Wait4(-1, nil, 0, nil)
		if err == unix.ECHILD {
			time.Sleep(100 * time.Millisecond)
		}
		if pid > 0 {
			ended <- pid
		}
	}
}

// forward carries connections from the machine's loopback, where the listener
// was opened, to the API server in the namespace.
func forward(l net.Listener) {
	for {
		c, err := l.Accept()
		if err != nil {
			return
		}
		go func() {
			defer c.Close()
			d, err := net.Dial("tcp4", apiAddress)
			if err != nil {
				return
			}
			defer d.Close()
			end := make(chan struct{}, 2)
			half := func(to, from net.Conn) {
				io.Copy(to, from)
				to.(*net.TCPConn).CloseWrite()
				end <- struct{}{}
			}
			go half(d, c)
			go half(c, d)
			<-end
			<-end
		}()
	}
}
