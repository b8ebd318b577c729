// Package watch notices what happens in a session's workspace, whoever does it:
// files that change, what git does, commands that end in a terminal. It runs in
// the agent's container as the agent's user, and may be killed at any point:
// what was told is kept in the home folder, so that nothing is told twice and
// what changed meanwhile is told later.
//
// The kernel's notifications only say where to look. What changed is found by
// git, in a repository of our own beside the workspace: it knows what to
// ignore, which lines changed, and what was renamed. What git did is read from
// its reflogs.
package watch

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"sync"
	"time"

	"golang.org/x/sys/unix"

	"volundr/runtime/broker/wire"
)

// Options say where and how a watcher looks.
type Options struct {
	Workspace string
	Home      string
	Log       *slog.Logger
	// Quiet is how long nothing must change before it is looked; zero: 300 ms.
	Quiet time.Duration
	// Poll is how often it is looked where the kernel does not tell; zero: 10 s.
	Poll time.Duration

	add func(fd int, path string, mask uint32) (int, error) // in tests
}

const (
	longestWait = 2 * time.Second // that changes are gathered before it is looked
	longestBusy = 5 * time.Second // that git is given to finish what it does
)

// Watcher is made by New and works in Run.
type Watcher struct {
	o       Options
	folder  string // of what is kept
	box     string // where shells write
	notify  *notifier
	limited bool
	remote  bool // a file system that others change unnoticed
	scopes  map[string]*scope
	kept    kept
	turn    string
	out     *json.Encoder

	timer   *time.Timer
	pending time.Time // since when something waits to be looked at
	ended   time.Time // when it was looked last
	took    time.Duration
	failed  int
	since   int64 // unix seconds: what git did before is no news
	half    int   // how often a repository was found that is not whole yet
}

// kept is on the disk beside the memories.
type kept struct {
	Commands mark `json:"commands"`
	Noted    bool `json:"noted,omitempty"` // that the limit was reached
}

// Main is the role of the program: orders on in, events on out.
func Main(ctx context.Context, in io.Reader, out io.Writer, log *slog.Logger) error {
	home, err := os.UserHomeDir()
	if err != nil {
		return err
	}
	return Run(ctx, Options{Workspace: "/workspace", Home: home, Log: log}, in, out)
}

// Run works until ctx or in ends.
func Run(ctx context.Context, o Options, in io.Reader, out io.Writer) error {
	if o.Quiet == 0 {
		o.Quiet = 300 * time.Millisecond
	}
	if o.Poll == 0 {
		o.Poll = 10 * time.Second
	}
	w := &Watcher{o: o, box: filepath.Join(o.Home, ".volundr"), scopes: map[string]*scope{}, out: json.NewEncoder(out), timer: time.NewTimer(0)}
	w.folder = filepath.Join(w.box, "watch")
	w.out.SetEscapeHTML(false)
	if err := os.MkdirAll(w.folder, 0o700); err != nil {
		return fmt.Errorf("The home folder cannot be written: %w", err)
	}
	release, err := alone(ctx, w.folder)
	if err != nil {
		return err
	}
	defer release()
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	orders := make(chan Order)
	go func() { // ends with in
		defer cancel()
		sc := bufio.NewScanner(in)
		for sc.Scan() {
			var order Order
			if json.Unmarshal(sc.Bytes(), &order) != nil {
				continue
			}
			select {
			case orders <- order:
			case <-ctx.Done():
				return
			}
		}
	}()
	return w.run(ctx, orders)
}

// alone waits until no other watcher works here.
func alone(ctx context.Context, folder string) (func() error, error) {
	f, err := os.OpenFile(filepath.Join(folder, "lock"), os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, err
	}
	for {
		if err = unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB); err == nil {
			return f.Close, nil
		}
		select {
		case <-ctx.Done():
			f.Close()
			return nil, ctx.Err()
		case <-time.After(100 * time.Millisecond):
		}
	}
}

func (w *Watcher) run(ctx context.Context, orders <-chan Order) error {
	var wg sync.WaitGroup
	defer wg.Wait()
	if n, err := newNotifier(); err != nil {
		w.limit()
	} else {
		if w.o.add != nil {
			n.add = w.o.add
		}
		w.notify = n
		defer n.close()
		wg.Go(n.read)
	}
	w.remote = changedUnnoticed(w.o.Workspace)
	if err := w.open(ctx); err != nil {
		return err
	}
	poll := time.NewTimer(w.o.Poll)
	defer poll.Stop()
	for {
		var wake, tick <-chan time.Time
		var told <-chan struct{}
		wake = w.timer.C
		if w.notify != nil {
			told = w.notify.wake
		}
		if w.limited || w.remote {
			tick = poll.C
		}
		select {
		case <-ctx.Done():
			return nil
		case <-told:
			w.postpone()
		case <-wake:
			if w.busy() {
				w.timer.Reset(w.o.Quiet)
				continue
			}
			w.look(ctx, false)
		case <-tick:
			w.look(ctx, true)
			poll.Reset(max(w.o.Poll, 20*w.took))
		case o := <-orders:
			w.obey(ctx, o)
		}
	}
}

// postpone has it looked when things are quiet, or after a while; and not so
// often that looking is all that is done.
func (w *Watcher) postpone() {
	now := time.Now()
	if w.pending.IsZero() {
		w.pending = now
	}
	wait := min(w.o.Quiet, w.pending.Add(longestWait).Sub(now))
	w.timer.Reset(max(wait, w.ended.Add(4*w.took).Sub(now), 0))
}

// busy reports whether git is in the middle of something and may finish it.
func (w *Watcher) busy() bool {
	if w.pending.IsZero() || time.Since(w.pending) > longestBusy {
		return false
	}
	for _, s := range w.scopes {
		if s.busy() {
			return true
		}
	}
	return false
}

func (w *Watcher) obey(ctx context.Context, o Order) {
	w.look(ctx, w.limited || w.remote)
	w.turn = o.Turn
	if o.Settle != "" {
		w.say(Event{Settled: o.Settle})
	}
}

// say tells an event. Where nobody listens any more, in ends too.
func (w *Watcher) say(e Event) {
	if e.Files != nil || e.Git != nil {
		e.Turn = w.turn
	}
	if err := w.out.Encode(e); err != nil {
		w.o.Log.Debug("Event could not be told", "error", err)
	}
}

// tell tells changes in events of bounded size.
func (w *Watcher) tell(changes []wire.FileChange) {
	const most = 20 * maxChanges
	more := max(0, len(changes)-most)
	changes = changes[:len(changes)-more]
	for len(changes) > 0 {
		size, n := 0, 0
		for n < min(len(changes), maxChanges) && size < MaxLine/8 {
			size += len(changes[n].Path) + len(changes[n].From) + 40
			n++
		}
		files := &wire.Files{Changes: changes[:n:n]}
		if changes = changes[n:]; len(changes) == 0 {
			files.More = more
		}
		w.say(Event{Files: files})
	}
}

// limit gives up on notifications, and gives the folders back to others.
func (w *Watcher) limit() {
	w.limited = true
	if w.notify != nil {
		w.notify.close()
		w.notify = nil
	}
	if !w.kept.Noted {
		w.kept.Noted = true
		w.keep()
		w.say(Event{Note: &wire.Note{Source: "workspace", Message: "More folders than this machine lets be watched (fs.inotify.max_user_watches): changes in the workspace are now looked for every 10 seconds and at the end of each turn."}})
	}
}

func (w *Watcher) keep() {
	b, err := json.Marshal(w.kept)
	tmp := filepath.Join(w.folder, "kept.json.new")
	if err == nil {
		err = os.WriteFile(tmp, b, 0o600)
	}
	if err == nil {
		err = os.Rename(tmp, filepath.Join(w.folder, "kept.json"))
	}
	if err != nil {
		w.o.Log.Warn("What was told cannot be kept", "error", err)
	}
}

// changedUnnoticed reports whether a folder lies on a file system whose changes
// the kernel here may not see.
func changedUnnoticed(dir string) bool {
	var st unix.Statfs_t
	if unix.Statfs(dir, &st) != nil {
		return false
	}
	switch int64(st.Type) {
	case unix.FUSE_SUPER_MAGIC, unix.V9FS_MAGIC, unix.NFS_SUPER_MAGIC, unix.SMB_SUPER_MAGIC, unix.SMB2_SUPER_MAGIC, unix.CIFS_SUPER_MAGIC:
		return true
	}
	return false
}
