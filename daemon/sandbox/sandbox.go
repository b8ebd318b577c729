// Package sandbox is the sandbox API without its HTTP: sandboxes for programs,
// commands and files in them, one-shot runs, and the files that go in and come
// out. A sandbox is a row that the engine drives; this package makes the row,
// speaks to the runner inside, and keeps some sandboxes ready ahead.
package sandbox

import (
	"context"
	"log/slog"
	"net"
	"os"
	"sync"
	"time"

	"volundr/daemon/launch"
	"volundr/store"
)

// Limits of the whole API; all must be set but Pool and Queue.
type Limits struct {
	Sandboxes  int // alive at a time, everybody's
	Executions int // one-shot runs at a time
	Commands   int // at a time
	Queue      int // that wait for a place among either

	MaxTimeout  time.Duration // of a command
	MaxOutput   int64         // bytes kept of each of its outputs
	MaxLifetime time.Duration // of a sandbox

	MaxFile   int64 // bytes of one file
	FilesTTL  time.Duration
	FilesSize int64 // bytes of all files

	Pool       int  // sandboxes ahead
	PoolAlways bool // also while the API is not used
}

// Options are what Sandboxes stand on. All must be set.
type Options struct {
	DB      *store.DB
	Runtime string // the name of the runtime of new sandboxes
	// Standard is a sandbox for which nothing else is asked. The pool is of these.
	Standard launch.SandboxRequest
	// Dial opens a connection to port 0 of a sandbox.
	Dial func(ctx context.Context, s store.Session) (net.Conn, error)
	// Make stores the row of a sandbox, starts it and returns when it runs. When
	// that fails, the row goes.
	Make func(ctx context.Context, s store.Session) (store.Session, error)
	// Ended tells the engine that a sandbox was ended, or may have.
	Ended func()
	// Ready returns when a sandbox can be started at once, or a *Busy that says
	// what is waited for.
	Ready  func(ctx context.Context) error
	Dir    string // of files
	Limits Limits
	Log    *slog.Logger
}

// Sandboxes is the API. Run looks after what nobody asks for; the other methods
// may be called while it runs.
type Sandboxes struct {
	Options
	guests     *guests
	executions *gate
	commands   *gate
	beginnings chan struct{} // commands that have just begun
	pool       pool
	admission  sync.Mutex
	making     map[string]bool // ids that are admitted and may have no row yet
	ending     sync.WaitGroup  // of sandboxes in the background
}

// patience is how long who is over a limit waits for a place.
const patience = 10 * time.Second

// New makes the folder of files. Run looks after the rest.
func New(o Options) (*Sandboxes, error) {
	if err := os.MkdirAll(o.Dir, 0o700); err != nil {
		return nil, err
	}
	return &Sandboxes{
		Options:    o,
		guests:     newGuests(o.Dial),
		executions: newGate("executions", o.Limits.Executions, o.Limits.Queue, patience),
		commands:   newGate("commands", o.Limits.Commands, o.Limits.Queue, patience),
		beginnings: make(chan struct{}, abreast),
		pool:       newPool(),
		making:     map[string]bool{},
	}, nil
}

// round is how often files and connections of no more use are looked for.
const round = 30 * time.Second

// Run keeps the pool filled and takes away what has expired, until ctx ends. It
// begins with the sandboxes of one-shot runs that a daemon before it has left.
func (x *Sandboxes) Run(ctx context.Context) error {
	var work sync.WaitGroup
	defer x.guests.close()
	defer x.ending.Wait()
	defer work.Wait()
	x.endOneShots(ctx)
	work.Go(func() { x.keepPool(ctx) })
	tick := time.NewTicker(round)
	defer tick.Stop()
	for {
		x.sweepFiles(ctx)
		x.guests.sweep(time.Now())
		select {
		case <-tick.C:
		case <-ctx.Done():
			return nil
		}
	}
}
