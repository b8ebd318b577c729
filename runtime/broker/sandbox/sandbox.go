// Package sandbox is the runner of a sandbox: its PID 1, which answers the
// daemon, and only the daemon, runs commands and keeps files for it, and ends
// the sandbox at its deadline whether a daemon lives or not.
//
// Commands run as the same user as the runner, which they cannot end, trace or
// starve: as process 1 of the namespace no signal of theirs stops it, it cannot
// be traced, the kernel's choice for want of memory falls on them, and what it
// needs of threads it has from the start, so that it works on at the limit of
// processes.
package sandbox

import (
	"context"
	"crypto/ed25519"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"volundr/runtime/broker/wire"
)

// Options say what a runner serves.
type Options struct {
	Session   string
	Key       ed25519.PublicKey // of the daemon
	Workspace string            // absolute path
	Env       []string          // of commands
	Config    wire.Sandbox
	Log       *slog.Logger

	init bool     // process 1: orphans come to it and are reaped
	oom  *os.File // its own oom_score_adj; nil leaves it alone
}

const (
	maxRuns = 48 // at once
	maxDisk = 4  // file operations at once: each may hold a thread
)

// Sandbox is a runner. New makes it.
type Sandbox struct {
	opts     Options
	log      *slog.Logger
	root     *os.Root // the workspace
	http     *http.Server
	inbox    *inbox
	children children
	memory   memory
	disk     chan struct{}
	born     time.Time

	ctx        context.Context // ends with the sandbox
	cancel     context.CancelFunc
	background sync.WaitGroup // readers of what commands left running

	mu       sync.Mutex
	claim    string
	deadline time.Time
	moved    chan struct{} // closed and replaced when deadline changes
	runs     map[string]*run
	ending   bool
	laid     mark

	idle sync.WaitGroup // runs
	over chan struct{}  // closed when it has been ended
	once sync.Once
	// polite: the daemon asked for the end and waits for the answer.
	polite atomic.Bool
}

// New makes a runner. Close it.
func New(o Options) (*Sandbox, error) {
	if len(o.Key) != ed25519.PublicKeySize {
		return nil, errors.New("the configuration has no valid daemon_key")
	}
	if o.Config.LifetimeMS <= 0 {
		return nil, errors.New("the configuration has no lifetime: a sandbox needs a deadline")
	}
	root, err := os.OpenRoot(o.Workspace)
	if err != nil {
		return nil, fmt.Errorf("open the workspace: %w", err)
	}
	s := &Sandbox{opts: o, log: o.Log, root: root, born: time.Now(), disk: make(chan struct{}, maxDisk),
		runs: map[string]*run{}, moved: make(chan struct{}), over: make(chan struct{}), laid: mark{}}
	s.ctx, s.cancel = context.WithCancel(context.Background())
	s.deadline = s.first()
	s.children = children{ours: map[int]chan ending{}, all: o.init, oom: o.oom}
	s.memory = memory{root: "/"}
	s.inbox = newInbox()
	s.http = &http.Server{Handler: s.routes(), ReadHeaderTimeout: 10 * time.Second, MaxHeaderBytes: 64 << 10, ErrorLog: slog.NewLogLogger(o.Log.Handler(), slog.LevelDebug)}
	return s, nil
}

// Serve answers on ln until the sandbox has ended, by its deadline, by the
// daemon's word or by ctx. When it returns no command lives.
func (s *Sandbox) Serve(ctx context.Context, ln net.Listener) {
	var wg sync.WaitGroup
	defer wg.Wait()
	wg.Go(func() { s.children.reap(s.ctx) })
	wg.Go(func() { s.http.Serve(s.inbox) })
	wg.Go(func() { s.servePort(s.ctx, ln) })
	wg.Go(func() { s.watchDeadline(s.ctx) })
	select {
	case <-ctx.Done():
		s.end()
	case <-s.over:
		if s.polite.Load() {
			s.part(time.Second)
		}
	}
	s.cancel()
	s.inbox.Close()
	s.http.Close() // an answer that nobody reads ends here
	s.idle.Wait()
	s.background.Wait()
	s.root.Close()
}

// end kills every process, refuses new ones, and makes Serve return. It may be
// called again.
func (s *Sandbox) end() {
	s.mu.Lock()
	s.ending = true
	all := make([]*run, 0, len(s.runs))
	for _, r := range s.runs {
		all = append(all, r)
		r.told()
	}
	s.mu.Unlock()
	for _, r := range all {
		r.stop()
	}
	if s.opts.init {
		killAll()
	}
	s.once.Do(func() { close(s.over) })
}

// part gives the daemon the time to read the last answer and hang up: the end of
// process 1 takes the way to it along.
func (s *Sandbox) part(grace time.Duration) {
	ctx, cancel := context.WithTimeout(context.Background(), grace)
	defer cancel()
	s.inbox.drained(ctx)
}

func (s *Sandbox) ended() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.ending
}

func (s *Sandbox) state() wire.SandboxState {
	s.mu.Lock()
	defer s.mu.Unlock()
	return wire.SandboxState{Session: s.opts.Session, Claim: s.claim, DeadlineMS: s.deadline.UnixMilli(), Runs: len(s.runs), OOMKills: s.memory.kills()}
}
