package sandbox

import (
	"context"
	"errors"
	"os"
	"os/signal"
	"sync"

	"golang.org/x/sys/unix"

	"volundr/runtime/broker/sandbox/spawn"
)

// ending is how a process ended.
type ending = unix.WaitStatus

// children starts processes and waits for them without holding a thread for
// each: threads count against the limit of processes.
type children struct {
	mu   sync.Mutex
	ours map[int]chan ending
	all  bool     // orphans come to us: reap them too
	oom  *os.File // our oom_score_adj
}

// Of a command and of us. A process inherits its value, and may lower it to
// ours but no further.
const (
	oomCommand = "500"
	oomOwn     = "0"
)

// start starts a process; its end comes over the channel once.
func (c *children) start(cmd spawn.Command) (pid int, ended <-chan ending, err error) {
	c.mu.Lock() // so that no end is looked for before it is noted
	defer c.mu.Unlock()
	if c.oom != nil {
		c.oom.WriteAt([]byte(oomCommand), 0)
		defer c.oom.WriteAt([]byte(oomOwn), 0)
	}
	if pid, err = spawn.Start(cmd); err != nil {
		return 0, nil, err
	}
	ch := make(chan ending, 1)
	c.ours[pid] = ch
	return pid, ch, nil
}

// signal sends sig to a process that start gave, unless it was waited for: then
// its number may be another's. group sends it to its process group.
func (c *children) signal(pid int, sig unix.Signal, group bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.ours[pid] == nil {
		return
	}
	if group {
		unix.Kill(-pid, sig)
	}
	unix.Kill(pid, sig)
}

// reap waits for processes as they end, until ctx ends.
func (c *children) reap(ctx context.Context) {
	sig := make(chan os.Signal, 1)
	signal.Notify(sig, unix.SIGCHLD)
	defer signal.Stop(sig)
	for {
		c.pass()
		select {
		case <-ctx.Done():
			return
		case <-sig:
		}
	}
}

func (c *children) pass() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.all {
		for c.wait(-1) {
		}
		return
	}
	for pid := range c.ours {
		c.wait(pid)
	}
}

// wait takes one end, if there is one; c.mu is held.
func (c *children) wait(pid int) bool {
	for {
		var ws ending
		got, err := unix.Wait4(pid, &ws, unix.WNOHANG, nil)
		if errors.Is(err, unix.EINTR) {
			continue
		}
		if got <= 0 {
			return false
		}
		if ch := c.ours[got]; ch != nil {
			delete(c.ours, got)
			ch <- ws
		}
		return true
	}
}
