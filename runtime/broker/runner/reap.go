package runner

import (
	"context"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strconv"
	"sync"
	"syscall"
	"time"
)

// children knows which processes somebody here waits for; all other children
// were orphaned to us and are reaped.
type children struct {
	mu   sync.Mutex
	ours map[int]bool
}

// start starts cmd; under the lock, so that the reaper never sees a child of
// ours that is not noted yet.
func (c *children) start(cmd *exec.Cmd) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if err := cmd.Start(); err != nil {
		return err
	}
	c.ours[cmd.Process.Pid] = true
	return nil
}

func (c *children) ended(pid int) {
	c.mu.Lock()
	delete(c.ours, pid)
	c.mu.Unlock()
}

// prSetChildSubreaper makes orphans come to us when we are not process 1.
const prSetChildSubreaper = 36

// reap waits for orphans until ctx ends.
func (c *children) reap(ctx context.Context) {
	if os.Getpid() != 1 {
		syscall.RawSyscall(syscall.SYS_PRCTL, prSetChildSubreaper, 1, 0)
	}
	sig := make(chan os.Signal, 1)
	signal.Notify(sig, syscall.SIGCHLD)
	defer signal.Stop(sig)
	c.pass()
	for {
		select {
		case <-ctx.Done():
			return
		case <-sig:
		}
		select { // one pass over /proc for a burst of ends
		case <-ctx.Done():
			return
		case <-time.After(100 * time.Millisecond):
		}
		c.pass()
	}
}

func (c *children) pass() {
	self := os.Getpid()
	dirs, _ := filepath.Glob("/proc/[0-9]*")
	for _, dir := range dirs {
		state, parent, ok := stat(dir)
		if !ok || state != 'Z' || parent != self {
			continue
		}
		pid, err := strconv.Atoi(filepath.Base(dir))
		if err != nil {
			continue
		}
		c.mu.Lock()
		if !c.ours[pid] {
			syscall.Wait4(pid, nil, syscall.WNOHANG, nil)
		}
		c.mu.Unlock()
	}
}
