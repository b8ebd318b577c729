// Package spawn starts a process that is the reaper of its own descendants.
//
// Whatever a command starts, orphaned, in a session of its own, with a cleared
// environment, stays a descendant of it, so that the whole tree is found and
// killed, and nothing else. The kernel has a switch for that
// (PR_SET_CHILD_SUBREAPER) which a process sets for itself and which survives
// execve. syscall.SysProcAttr does not have it, and a program in between that
// sets it costs more than the command (5 ms for one in Go against 2 ms for
// bash). So the child between clone and execve is ours: it makes the system
// calls of a list and touches nothing else, neither memory nor stack.
package spawn

import (
	"errors"
	"fmt"
	"runtime"
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"
)

// Limit is a resource limit, soft and hard.
type Limit struct {
	Resource int // unix.RLIMIT_…
	Value    uint64
}

// Command is what to start.
type Command struct {
	Path   string // of the executable; PATH is not searched
	Argv   []string
	Env    []string
	Dir    string
	Files  []int // descriptors for 0, 1, 2, …; none of them below len(Files)
	Limits []Limit
	Nice   int // how much it stands back behind this process
}

// call is one system call of the child. On an error it ends, unless may is set.
type call struct {
	nr   uintptr
	args [6]uintptr
	may  uintptr
}

// failure is what the child leaves when a call fails.
type failure struct {
	errno uintptr // negative
	//lint:ignore U1000 written by the assembly: calls that were left, the failed one included
	left uintptr
}

// block holds all that the child reads, off the goroutine's stack, which moves.
type block struct {
	calls  []call
	fail   failure
	none   [8]byte  // an empty signal mask
	deflt  [64]byte // a zero sigaction: the default
	limits []unix.Rlimit
	keep   []any // what uintptrs point to
}

// current is the block in use, guarded by syscall.ForkLock; as a global it is
// surely on the heap.
//
//lint:ignore U1000 it is only there to be pointed from
var current *block

// spawn makes the child and returns its pid, or a negative errno, once it has
// ended or runs the new program.
//
//go:noescape
func spawn(calls *call, n uintptr, fail *failure) uintptr

// Start starts a process in a process group of its own and returns its pid. The
// caller waits for it. Descriptors without close-on-exec are inherited.
func Start(c Command) (pid int, err error) {
	for _, f := range c.Files {
		if f < len(c.Files) {
			return 0, fmt.Errorf("start %s: descriptor %d is too low to be passed on", c.Path, f)
		}
	}
	b := &block{}
	if err := b.fill(c); err != nil {
		return 0, fmt.Errorf("start %s: %w", c.Path, err)
	}
	syscall.ForkLock.Lock()
	defer syscall.ForkLock.Unlock()
	current = b
	defer func() { current = nil }()

	// No signal may run one of our handlers in the child.
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	var all, before unix.Sigset_t
	for i := range all.Val {
		all.Val[i] = ^all.Val[i]
	}
	if err := unix.PthreadSigmask(unix.SIG_SETMASK, &all, &before); err != nil {
		return 0, err
	}
	r := spawn(&b.calls[0], uintptr(len(b.calls)), &b.fail)
	unix.PthreadSigmask(unix.SIG_SETMASK, &before, nil)
	runtime.KeepAlive(b)

	if e := -int(r); e > 0 && e < 4096 {
		return 0, fmt.Errorf("start %s: %w", c.Path, syscall.Errno(e))
	}
	pid = int(r)
	if b.fail.errno != 0 {
		for {
			if _, err := unix.Wait4(pid, nil, 0, nil); !errors.Is(err, unix.EINTR) {
				break
			}
		}
		return 0, fmt.Errorf("start %s: %w", c.Path, syscall.Errno(-int(b.fail.errno)))
	}
	return pid, nil
}

func (b *block) add(nr uintptr, args ...uintptr) *call {
	c := call{nr: nr}
	copy(c.args[:], args)
	b.calls = append(b.calls, c)
	return &b.calls[len(b.calls)-1]
}

func (b *block) text(s string) (uintptr, error) {
	p, err := unix.BytePtrFromString(s)
	b.keep = append(b.keep, p)
	return uintptr(unsafe.Pointer(p)), err
}

func (b *block) vector(list []string) (uintptr, error) {
	v := make([]uintptr, len(list)+1)
	for i, s := range list {
		var err error
		if v[i], err = b.text(s); err != nil {
			return 0, err
		}
	}
	b.keep = append(b.keep, v)
	return uintptr(unsafe.Pointer(&v[0])), nil
}

// fill writes down what the child does.
func (b *block) fill(c Command) error {
	path, err := b.text(c.Path)
	if err != nil {
		return err
	}
	dir, err := b.text(c.Dir)
	if err != nil {
		return err
	}
	argv, err := b.vector(c.Argv)
	if err != nil {
		return err
	}
	env, err := b.vector(c.Env)
	if err != nil {
		return err
	}
	const sigsetSize = 8
	for sig := uintptr(1); sig <= 64; sig++ { // KILL and STOP refuse
		b.add(unix.SYS_RT_SIGACTION, sig, uintptr(unsafe.Pointer(&b.deflt)), 0, sigsetSize).may = 1
	}
	b.add(unix.SYS_SETPGID, 0, 0)
	// Emulators do not have it; then only those that hide are not found.
	b.add(unix.SYS_PRCTL, unix.PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0).may = 1
	if c.Nice > 0 {
		b.add(unix.SYS_SETPRIORITY, unix.PRIO_PROCESS, 0, uintptr(c.Nice)).may = 1
	}
	b.limits = make([]unix.Rlimit, len(c.Limits))
	for i, l := range c.Limits {
		b.limits[i] = unix.Rlimit{Cur: l.Value, Max: l.Value}
		// One above the container's own is refused, which then holds.
		b.add(unix.SYS_PRLIMIT64, 0, uintptr(l.Resource), uintptr(unsafe.Pointer(&b.limits[i])), 0).may = 1
	}
	if c.Dir != "" {
		b.add(unix.SYS_CHDIR, dir)
	}
	for i, f := range c.Files {
		b.add(unix.SYS_DUP3, uintptr(f), uintptr(i), 0)
	}
	b.add(unix.SYS_RT_SIGPROCMASK, unix.SIG_SETMASK, uintptr(unsafe.Pointer(&b.none)), 0, sigsetSize)
	b.add(unix.SYS_EXECVE, path, argv, env)
	return nil
}
