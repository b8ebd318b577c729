// Package fake is a runtime in memory, for tests. It is stricter than the real
// ones: it reports calls that overlap on one workload, a start with a run that
// went backwards, log readers that nobody closed; it lists in no order, does
// its work step by step, and can be made to fail, wait or die at every step.
package fake

import (
	"context"
	"fmt"
	"sync"
	"time"

	"volundr/runtime"
)

// Options of New. The zero value is a machine on which everything works at
// once.
type Options struct {
	// Installation whose workloads are ours. Empty: "test".
	Installation string
	// Report is told about broken rules; t.Errorf fits. Nil: panic.
	Report func(format string, args ...any)
	// Delay of every step of Start, Stop and Remove.
	Delay time.Duration
	// Image is the only image that exists. Empty: "fake:image".
	Image string
	// ImageSteps is how many steps EnsureImage reports.
	ImageSteps int
	// Fits are the images of users that Fit takes.
	Fits []string
	// Services are the images that Pull takes.
	Services []string
	// KeepEnded leaves ended containers there after Stop, as Docker may;
	// otherwise they go, as on Kubernetes.
	KeepEnded bool
}

// Call is one step of a method, as Script sees it.
type Call struct {
	Op   string // start, stop, remove, pause, resume, list, watch, dial, exec, logs, image
	ID   string
	Step string // "volume home", "part agent", …; empty for the call as a whole
	// After: the step is done, and an error comes too late to prevent it.
	After bool
}

// Runtime is one daemon's view of a machine. Other and Again give more.
type Runtime struct {
	*machine
	installation string
}

var (
	_ runtime.Runtime = (*Runtime)(nil)
	_ runtime.Images  = (*Runtime)(nil)
	_ runtime.Pauser  = (*Runtime)(nil)
	_ runtime.Fitter  = (*Runtime)(nil)
)

// New gives a runtime on a machine of its own.
func New(o Options) *Runtime {
	if o.Installation == "" {
		o.Installation = "test"
	}
	if o.Image == "" {
		o.Image = "fake:image"
	}
	if o.Report == nil {
		o.Report = func(format string, args ...any) { panic(fmt.Sprintf(format, args...)) }
	}
	return &Runtime{machine: &machine{
		opts:      o,
		workloads: map[key]*workload{},
		busy:      map[key]string{},
		watchers:  map[*watcher]bool{},
		listeners: map[key]map[int]Handler{},
		usage:     map[key]time.Duration{},
		changed:   make(chan struct{}),
		fitted:    map[string]bool{},
	}, installation: o.Installation}
}

// Other gives the view of another installation on the same machine.
func (r *Runtime) Other(installation string) *Runtime { return &Runtime{r.machine, installation} }

// Again gives another view of the same installation, as a daemon has that was
// started after a crash.
func (r *Runtime) Again() *Runtime { return &Runtime{r.machine, r.installation} }

// Script has fn called before and after every step, without locks held: it may
// wait, return an error or call methods of the machine. Nil removes it.
func (r *Runtime) Script(fn func(context.Context, Call) error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.script = fn
}

// Check reports what should not be left at the end of a test.
func (r *Runtime) Check() {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.readers != 0 {
		r.opts.Report("%d log readers were never closed", r.readers)
	}
	for k, op := range r.busy {
		r.opts.Report("%s of %s never returned", op, k.id)
	}
}

// key of a workload on the machine.
type key struct{ installation, id string }

// machine is what outlives daemons.
type machine struct {
	opts Options

	mu        sync.Mutex
	script    func(context.Context, Call) error
	workloads map[key]*workload
	busy      map[key]string // the changing call that is under way
	watchers  map[*watcher]bool
	listeners map[key]map[int]Handler
	onExec    ExecHandler
	changed   chan struct{} // closed and replaced at every change
	nets      int           // counts network namespaces
	readers   int
	removed   []string
	fitted    map[string]bool       // images that Fit gave
	usage     map[key]time.Duration // of processor time
}

type workload struct {
	spec    runtime.Spec // labels
	volumes map[string]bool
	parts   map[string]*container
}

type container struct {
	runtime.PartStatus
	run    int
	helper bool
	parts  int // of the spec it was started with
	net    int // the network namespace it owns or joined
	frozen bool
	lines  []string
}

// step does one piece of a call under the lock, with the script around it and
// the machine's delay before it.
func (r *Runtime) step(ctx context.Context, c Call, do func() error) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	r.mu.Lock()
	script := r.script
	r.mu.Unlock()
	if script != nil {
		if err := script(ctx, c); err != nil {
			return err
		}
	}
	if c.Step != "" && r.opts.Delay > 0 {
		timer := time.NewTimer(r.opts.Delay)
		defer timer.Stop()
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-timer.C:
		}
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	r.mu.Lock()
	err := do()
	r.mu.Unlock()
	if err != nil || script == nil {
		return err
	}
	c.After = true
	return script(ctx, c)
}

// alone marks a changing call as under way and reports one that overlaps.
func (r *Runtime) alone(op, id string) (release func()) {
	k := key{r.installation, id}
	r.mu.Lock()
	defer r.mu.Unlock()
	if other, ok := r.busy[k]; ok {
		r.opts.Report("%s overlaps with %s on %s", op, other, id)
		return func() {}
	}
	r.busy[k] = op
	return func() {
		r.mu.Lock()
		defer r.mu.Unlock()
		delete(r.busy, k)
	}
}

// change tells watchers and followers. The lock is held.
func (m *machine) change() {
	close(m.changed)
	m.changed = make(chan struct{})
	for w := range m.watchers {
		w.nudge()
	}
}
