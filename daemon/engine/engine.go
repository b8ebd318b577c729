// Package engine drives every session to what its owner wants.
//
// What is wanted stands on the row, what is there is shown by the runtime, and
// next concludes from both what to say and what to do. One goroutine decides;
// actions run beside it, at most one per session; all of them are idempotent,
// and doing them again is the only recovery. Starting up is no special case.
package engine

import (
	"context"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"volundr/runtime"
	"volundr/runtime/broker/wire"
	"volundr/store"
)

const (
	resync      = 30 * time.Second      // look at everything at least this often
	merge       = 50 * time.Millisecond // nudges of a watch within this are one
	mergeMost   = time.Second           // while looks take long, nudges within more than that
	listTimeout = 15 * time.Second
	logTimeout  = 5 * time.Second // of reading logs
	endTimeout  = time.Hour       // of the polite end of a run: it bounds its own steps
	callTimeout = 2 * time.Minute // of Stop and Remove

	startTimeout = 15 * time.Minute // of Start, which may fetch an image
	unreachable  = 5 * time.Second  // until a runtime that was not there is asked again
)

// Options are what the engine stands on. DB, Runtimes, Spec, Opened and
// Completed are required.
type Options struct {
	DB       *store.DB
	Runtimes map[string]runtime.Runtime // by the name on the rows
	// Spec builds a run's spec from the stored request. image is what the
	// runtime made ready, empty when it makes none. ErrInvalid of package
	// runtime: the request itself is wrong.
	Spec func(ctx context.Context, s store.Session, image string) (runtime.Spec, error)
	// Opened and Completed keep the run's chronicle; both idempotent. A run
	// that was completed has its number on the row.
	Opened    func(ctx context.Context, s store.Session) error
	Completed func(ctx context.Context, s store.Session, reason string, at time.Time) error
	// Keep tells which sessions have a broker to connect to, by run. What was
	// heard of other runs is forgotten before it returns.
	Keep func(runs map[string]int)
	// Health is the last that the kept run of a session said of itself.
	Health func(id string) (wire.Health, bool)
	// End ends a run politely, before its containers are stopped: last turn,
	// snapshot, journal read to its end. Another wish of the owner cancels it.
	End func(ctx context.Context, s store.Session) error
	// Archive packs a session's volumes and returns the hash of what was
	// verified; Restore unpacks them. Nil: archiving is not supported.
	Archive func(ctx context.Context, s store.Session) (hash string, err error)
	Restore func(ctx context.Context, s store.Session) error
	// Timeout for a started session to answer. 0: 300 s.
	Timeout time.Duration
	// Redact takes what must not be read out of the reasons and last lines of
	// failures. Nil: nothing.
	Redact func(of store.Principal) func(string) string
	// Idle is how long nothing happens in a session until it is paused, on
	// runtimes that can. 0: it never is.
	Idle time.Duration
	// Active is when a session last told of anything. Nil: not known.
	Active func(id string) time.Time
	Log    *slog.Logger
}

// Engine drives sessions. Run does the work; the other methods may be called
// from anywhere while it runs.
type Engine struct {
	Options
	rules rules
	rests *rests

	eyes    map[string]*eye // by runtime
	glances chan glance
	done    chan outcome
	asides  chan aside
	births  chan birth
	over    atomic.Int64 // deeds that are over

	// Owned by Run's goroutine.
	busy   map[string]*deeds
	pause  map[string]pause
	views  map[string]*view
	looked map[string]int64 // how many deeds were over when a runtime was last looked at
	acted  map[string]int64 // the number of a session's last deed, until it was looked at
	kept   map[string]int

	mu      sync.Mutex
	found   map[string]leftover
	discard map[string][]chan error // who waits for a leftover to be gone
	trouble map[string]error
}

// New gives an engine that does nothing until Run.
func New(o Options) *Engine {
	if o.Timeout == 0 {
		o.Timeout = 300 * time.Second
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if o.Redact == nil {
		o.Redact = func(store.Principal) func(string) string { return func(text string) string { return text } }
	}
	if o.Keep == nil {
		o.Keep = func(map[string]int) {}
	}
	if o.Health == nil {
		o.Health = func(string) (wire.Health, bool) { return wire.Health{}, false }
	}
	if o.End == nil {
		o.End = func(context.Context, store.Session) error { return nil }
	}
	if o.Active == nil {
		o.Active = func(string) time.Time { return time.Time{} }
	}
	e := &Engine{
		Options: o,
		rules:   rules{timeout: o.Timeout, archives: o.Archive != nil && o.Restore != nil, idle: o.Idle},
		rests:   newRests(),
		eyes:    map[string]*eye{},
		glances: make(chan glance),
		done:    make(chan outcome),
		asides:  make(chan aside),
		births:  make(chan birth),
		busy:    map[string]*deeds{},
		pause:   map[string]pause{},
		views:   map[string]*view{},
		looked:  map[string]int64{},
		acted:   map[string]int64{},
		kept:    map[string]int{},
		found:   map[string]leftover{},
		discard: map[string][]chan error{},
		trouble: map[string]error{},
	}
	for name, rt := range o.Runtimes {
		e.eyes[name] = newEye(name, rt, o.Log)
	}
	return e
}

// Poke asks for a look now: a wish was written, a session was heard. It never
// blocks, and any number of pokes is one.
func (e *Engine) Poke() {
	for _, y := range e.eyes {
		signal(y.asked)
	}
}

func signal(ch chan struct{}) {
	select {
	case ch <- struct{}{}:
	default: // one waits already
	}
}

// Trouble gives the last error of each runtime that cannot be looked at now.
// Nothing is concluded of its sessions meanwhile.
func (e *Engine) Trouble() map[string]error {
	e.mu.Lock()
	defer e.mu.Unlock()
	out := map[string]error{}
	for name, err := range e.trouble {
		out[name] = err
	}
	return out
}

// Run drives sessions until ctx ends, and waits for what it began. Shutting
// down ends no session: what was under way is taken up by the next Run.
func (e *Engine) Run(ctx context.Context) error {
	var wg sync.WaitGroup
	defer wg.Wait()
	life, cancel := context.WithCancel(ctx)
	defer cancel()
	for _, y := range e.eyes {
		wg.Go(func() { y.watch(life) })
		wg.Go(func() { y.run(life, &e.over, e.glances) })
	}
	for {
		select {
		case <-ctx.Done():
			return nil
		case o := <-e.done:
			e.finish(o)
		case a := <-e.asides:
			e.beside(life, &wg, a)
		case b := <-e.births:
			e.deliver(life, &wg, b)
		case g := <-e.glances:
			wait, err := e.pass(life, &wg, g)
			if err != nil && ctx.Err() == nil {
				e.Log.Error("Looking after sessions failed", "error", err)
			}
			g.next <- wait
		}
	}
}
