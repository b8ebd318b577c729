package sandbox

import (
	"os"
	"time"

	"golang.org/x/sys/unix"
)

// tree is a command and all that comes of it while it lives: it is the reaper
// of its own descendants.
type tree struct {
	children *children
	pid      int
	mark     string
	gone     chan struct{} // closed when the first process was waited for
}

// patience bounds the kill of a tree: a process in the kernel's hands (a disk
// that does not answer) dies when it comes back.
const patience = 5 * time.Second

// kill ends every process of the tree and returns when they are dead.
//
// First all are stopped, from the top: a stopped process has no children, and
// at the limit of processes a fork bomb that is only stopped makes no room for
// the next fork. Then they are killed, the first one last, for with it the
// others would come to us and be nobody's.
func (t *tree) kill() {
	end := time.Now().Add(patience)
	t.children.signal(t.pid, unix.SIGSTOP, true)
	stop(t.pid, end)
	until(end, func() bool { return killed(descendants(processes(), t.pid)) })
	t.children.signal(t.pid, unix.SIGKILL, true)
	until(end, func() bool {
		select {
		case <-t.gone:
			return true
		default:
			return false
		}
	})
	until(end, func() bool { return killed(marked(processes(), t.mark)) })
}

// stop stops the descendants of root, until a look finds none that it did not
// stop.
func stop(root int, end time.Time) {
	done := map[int]bool{}
	for time.Now().Before(end) {
		fresh := 0
		for _, p := range descendants(processes(), root) {
			if !p.stopped() && !done[p.pid] {
				unix.Kill(p.pid, unix.SIGSTOP)
				done[p.pid] = true
				fresh++
			}
		}
		if fresh == 0 {
			return
		}
	}
}

// killed kills what there is and reports whether there was nothing.
func killed(list []proc) bool {
	for _, p := range list {
		unix.Kill(p.pid, unix.SIGKILL)
	}
	return len(list) == 0
}

// until repeats ok until it holds, with pauses that grow to 5 ms.
func until(end time.Time, ok func() bool) {
	for pause := 100 * time.Microsecond; !ok() && time.Now().Before(end); pause = min(2*pause, 5*time.Millisecond) {
		time.Sleep(pause)
	}
}

// killAll ends every process that came of us, process 1. What came into the
// container by another way, as the daemon's way in, is left.
func killAll() {
	end := time.Now().Add(patience)
	stop(os.Getpid(), end)
	until(end, func() bool { return killed(descendants(processes(), os.Getpid())) })
}
