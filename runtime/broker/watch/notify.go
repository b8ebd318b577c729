package watch

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"unsafe"

	"golang.org/x/sys/unix"
)

// errLimit: the machine lets no more folders be watched.
var errLimit = errors.New("the limit of watched folders is reached")

// maxWatched is how many folders one session watches. The machine's limit is
// shared by all sessions of a user, and by the editors.
const maxWatched = 32 << 10

// maxHeld is how many changed paths are held; beyond, everything is looked at.
const maxHeld = 2000

const watchMask = unix.IN_CREATE | unix.IN_MODIFY | unix.IN_ATTRIB | unix.IN_MOVED_FROM | unix.IN_MOVED_TO |
	unix.IN_DELETE | unix.IN_ONLYDIR | unix.IN_DONT_FOLLOW | unix.IN_EXCL_UNLINK

// purpose is what a folder is watched for.
type purpose int

const (
	forWork     purpose = iota // files of the workspace
	forGit                     // .git itself, where logs may appear
	forLogs                    // what git notes of a repository
	forCommands                // what shells write
)

// seen is what happened since it was last taken.
type seen struct {
	paths    map[string]bool // changed in the workspace, absolute; true: appeared, or a folder went
	logs     bool
	commands bool
	all      bool // more than can be told
}

func (s *seen) empty() bool { return len(s.paths) == 0 && !s.logs && !s.commands && !s.all }

// notifier gathers the kernel's word of what happens in folders. It costs
// nothing while nothing happens.
type notifier struct {
	file *os.File
	wake chan struct{}
	// add is unix.InotifyAddWatch, but for tests.
	add func(fd int, path string, mask uint32) (int, error)

	mu    sync.Mutex
	dirs  map[int]watched
	known map[string]int // by path
	now   seen
	quiet map[string]bool // files that git ignores: not worth waking for
	buf   [64 << 10]byte
}

type watched struct {
	dir string
	why purpose
}

func newNotifier() (*notifier, error) {
	fd, err := unix.InotifyInit1(unix.IN_CLOEXEC | unix.IN_NONBLOCK)
	if err != nil {
		return nil, fmt.Errorf("watch folders: %w", err)
	}
	return &notifier{
		file: os.NewFile(uintptr(fd), "inotify"), wake: make(chan struct{}, 1), add: unix.InotifyAddWatch,
		dirs: map[int]watched{}, known: map[string]int{}, now: seen{paths: map[string]bool{}}, quiet: map[string]bool{},
	}, nil
}

// watch begins to watch a folder; one that is gone is none. Of one that is known
// the kernel is asked again: it may be another by now, whose predecessor's end
// is not told as long as somebody holds it open.
func (n *notifier) watch(dir string, why purpose) error {
	n.mu.Lock()
	defer n.mu.Unlock()
	before, again := n.known[dir]
	if !again && len(n.known) >= maxWatched {
		return errLimit
	}
	raw, err := n.file.SyscallConn()
	if err != nil {
		return err
	}
	var wd int
	if cerr := raw.Control(func(fd uintptr) { wd, err = n.add(int(fd), dir, watchMask) }); cerr != nil {
		return cerr
	}
	if errors.Is(err, unix.ENOSPC) || errors.Is(err, unix.ENOMEM) {
		return errLimit
	}
	if err != nil {
		return nil
	}
	if again && before == wd {
		return nil
	}
	if old, ok := n.dirs[wd]; ok { // it was moved
		delete(n.known, old.dir)
	}
	if again {
		delete(n.dirs, before)
	}
	n.dirs[wd], n.known[dir] = watched{dir, why}, wd
	return nil
}

// keep ends the watching of all folders of the purpose that are not wanted.
func (n *notifier) keep(why purpose, wanted map[string]bool) {
	n.mu.Lock()
	defer n.mu.Unlock()
	for wd, w := range n.dirs {
		if w.why == why && !wanted[w.dir] {
			n.drop(wd)
		}
	}
	if why == forWork {
		clear(n.quiet) // the rules may have changed
	}
}

// drop must be called with the lock held.
func (n *notifier) drop(wd int) {
	w := n.dirs[wd]
	delete(n.dirs, wd)
	if n.known[w.dir] == wd {
		delete(n.known, w.dir)
	}
	if raw, err := n.file.SyscallConn(); err == nil {
		raw.Control(func(fd uintptr) { unix.InotifyRmWatch(int(fd), uint32(wd)) })
	}
}

// take gives what happened until now and begins anew.
func (n *notifier) take() seen {
	n.mu.Lock()
	defer n.mu.Unlock()
	if raw, err := n.file.SyscallConn(); err == nil {
		raw.Control(func(fd uintptr) { n.gather(int(fd)) })
	}
	s := n.now
	n.now = seen{paths: map[string]bool{}}
	return s
}

// ignore has changes of these files pass unnoticed until keep is called.
func (n *notifier) ignore(paths []string) {
	n.mu.Lock()
	defer n.mu.Unlock()
	for _, p := range paths {
		if len(n.quiet) < maxHeld {
			n.quiet[p] = true
		}
	}
}

// read gathers until the notifier is closed.
func (n *notifier) read() {
	raw, err := n.file.SyscallConn()
	if err != nil {
		return
	}
	raw.Read(func(fd uintptr) (ended bool) {
		n.mu.Lock()
		n.gather(int(fd))
		something := !n.now.empty()
		n.mu.Unlock()
		if something {
			select {
			case n.wake <- struct{}{}:
			default:
			}
		}
		return false // until there is more
	})
}

// gather notes what the kernel has to tell at this moment: all that was done
// before. It must be called with the lock held.
func (n *notifier) gather(fd int) {
	for {
		k, err := unix.Read(fd, n.buf[:])
		if errors.Is(err, unix.EINTR) {
			continue
		}
		if err != nil || k <= 0 {
			return // there is no more
		}
		for b := n.buf[:k]; len(b) >= unix.SizeofInotifyEvent; {
			e := (*unix.InotifyEvent)(unsafe.Pointer(&b[0]))
			end := unix.SizeofInotifyEvent + int(e.Len)
			if end > len(b) {
				break
			}
			n.note(e, string(bytes.TrimRight(b[unix.SizeofInotifyEvent:end], "\x00")))
			b = b[end:]
		}
	}
}

func (n *notifier) note(e *unix.InotifyEvent, name string) {
	if e.Mask&unix.IN_Q_OVERFLOW != 0 {
		n.now.all, n.now.logs, n.now.commands = true, true, true
		return
	}
	w, ok := n.dirs[int(e.Wd)]
	if !ok {
		return
	}
	if e.Mask&(unix.IN_IGNORED|unix.IN_UNMOUNT) != 0 {
		delete(n.dirs, int(e.Wd))
		if n.known[w.dir] == int(e.Wd) {
			delete(n.known, w.dir)
		}
		return
	}
	if name == "" {
		return
	}
	path := filepath.Join(w.dir, name)
	folder := e.Mask&unix.IN_ISDIR != 0
	switch {
	case w.why == forGit:
		n.now.logs = n.now.logs || name == "logs"
	case w.why == forLogs:
		n.now.logs = true
	case w.why == forCommands:
		n.now.commands = n.now.commands || name == commandsFile
	case n.quiet[path] || (folder && e.Mask&(unix.IN_MODIFY|unix.IN_ATTRIB) != 0):
	case n.now.all:
	case len(n.now.paths) >= maxHeld:
		n.now.all = true
	default:
		n.now.paths[path] = n.now.paths[path] || e.Mask&(unix.IN_CREATE|unix.IN_MOVED_TO) != 0 || folder
	}
	if folder && e.Mask&unix.IN_MOVED_FROM != 0 {
		prefix := path + "/"
		for wd, o := range n.dirs {
			if o.dir == path || len(o.dir) > len(prefix) && o.dir[:len(prefix)] == prefix {
				n.drop(wd)
			}
		}
	}
}

func (n *notifier) close() { n.file.Close() }
