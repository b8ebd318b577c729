// Package runtime is what Volundr asks of the thing that runs sessions: eight
// idempotent methods keyed by our own id, and the data they take and give.
//
// A Runtime remembers nothing. All that it knows is what its backend shows
// under our labels, so a daemon that was killed at any moment finds by List
// what is there and goes on from it.
package runtime

import (
	"context"
	"errors"
	"io"
	"net"
	"time"
)

// Runtime runs workloads: coding sessions and sandboxes. Every method may be
// called again with the same arguments, after any error and after a crash of
// the caller in the middle of it, and then completes what is missing.
//
// Errors wrap one of the sentinels below where one fits. Everything else is a
// failure of this one call, to be tried again.
type Runtime interface {
	// Start brings the workload up to spec and returns when every part of it
	// has been started (not: answers). It may take minutes. A part that ended
	// is started again with its volumes. If spec.Run is greater than the run on
	// the existing containers, those are replaced and the volumes are kept.
	Start(ctx context.Context, spec Spec) error
	// Stop ends the workload's processes and keeps its volumes. Stopping what
	// does not exist is no error.
	Stop(ctx context.Context, id string) error
	// Remove takes away everything of the workload, volumes included. Removing
	// what does not exist is no error.
	Remove(ctx context.Context, id string) error
	// List shows everything of ours of which anything remains, a lone volume
	// included. It is the health check too: an error says that nothing is
	// known, never that nothing is there.
	List(ctx context.Context) ([]Workload, error)
	// Watch calls changed whenever List may answer differently, until ctx ends
	// or the backend's stream breaks. It is only a nudge: calls may be merged,
	// repeated or missing.
	Watch(ctx context.Context, changed func()) error
	// Dial opens a connection to a port on the workload's loopback. Port 0 is
	// the broker itself (its link, package wire). ErrNotFound when the workload
	// is not there or not up.
	Dial(ctx context.Context, id string, port int) (net.Conn, error)
	// Exec runs a command in one part and returns its exit code. The error is
	// for what kept it from running.
	Exec(ctx context.Context, id string, opts ExecOptions) (exit int, err error)
	// Logs gives what a part printed, each line with an RFC 3339 time before
	// it. The caller closes it. It works on ended parts too.
	Logs(ctx context.Context, id string, opts LogOptions) (io.ReadCloser, error)
}

// Images is implemented by runtimes that build or fetch the image themselves.
type Images interface {
	// EnsureImage makes sure that the image is there and returns the reference
	// to put into Spec.Image. progress is called with one short line for people
	// as the work goes on ("code-server 3/7", a build's output line). Calls for
	// the same image share one build. ErrInvalid with the failing step and its
	// last lines when the recipe itself fails.
	EnsureImage(ctx context.Context, kind Kind, progress func(Progress)) (ref string, err error)
}

// Fitter is implemented by runtimes whose sessions can have an image that a user
// names in place of ours. Their broker never does.
type Fitter interface {
	// Fit makes sure that ref, an image that was made from our session image, is
	// there, and returns what to put into Part.Image. Nothing in it is run.
	// ErrInvalid, as a sentence, where it cannot be had or is no such image.
	Fit(ctx context.Context, ref string, progress func(Progress)) (string, error)
	// Pull makes sure that ref, an image for a service, is there, and returns what
	// to put into Part.Image. Errors are those of Fit.
	Pull(ctx context.Context, ref string, progress func(Progress)) (string, error)
}

// Progress is one step of a long preparation.
type Progress struct {
	Step, Steps int    // 1-based; 0 when not known
	Text        string // one line for people
	Log         string // one line of the tool's output, or empty
}

// Pauser is implemented by runtimes that can freeze a session. What is frozen
// still is Up, and Workload.Paused. Start wakes it, Stop and Remove end it.
type Pauser interface {
	// Pause freezes every part that runs but the broker, which goes on to answer
	// for the session.
	Pause(ctx context.Context, id string) error
	// Resume has every part that is frozen go on.
	Resume(ctx context.Context, id string) error
	// Used is the processor time that the parts which Pause would freeze have
	// used since they were started.
	Used(ctx context.Context, id string) (time.Duration, error)
}

// Distant is implemented by runtimes whose machines are not this one.
type Distant interface {
	// NoFolders says, as a sentence, why this machine's folders cannot be
	// mounted there.
	NoFolders() string
}

// Checker is implemented by runtimes that can say what they stand on.
type Checker interface {
	// Check answers at once and never fails as a whole.
	Check(ctx context.Context) []Finding
}

// Finding is one line of `volundr doctor`.
type Finding struct {
	Name   string `json:"name"`             // "Docker engine"
	Status string `json:"status"`           // "ok", "warning", "error"
	Detail string `json:"detail"`           // what was found, and why that one
	Advice string `json:"advice,omitempty"` // the next step, when there is one
}

// Sentinels. The text is never shown alone: wrap it with what was tried.
var (
	// ErrNotFound: no such workload, or it is not running.
	ErrNotFound = errors.New("not found")
	// ErrUnavailable: the backend did not answer. Try later, blame nobody.
	ErrUnavailable = errors.New("unavailable")
	// ErrInvalid: the same call will fail for ever. Do not retry.
	ErrInvalid = errors.New("invalid")
	// ErrUnsupported: this runtime cannot do that.
	ErrUnsupported = errors.New("not supported")
)

// State of a workload as the backend shows it.
type State string

const (
	// Down: nothing of it runs (volumes or ended containers remain).
	Down State = "down"
	// Partial: some parts run, some do not.
	Partial State = "partial"
	// Up: every part of the spec it was started with runs.
	Up State = "up"
)

// Workload is one session or sandbox as the backend shows it.
type Workload struct {
	ID      string
	Kind    Kind
	Name    string // from the labels, like all that Adopt needs
	Owner   string
	Tenant  string
	Run     int  // of the containers; the last one when there are only volumes: 0
	Helper  bool // of the containers: Spec.Helper
	Created time.Time
	Expires time.Time // sandboxes: the label's deadline; zero otherwise
	State   State
	Paused  bool         // a part of it is frozen
	Parts   []PartStatus // sorted by name; empty when there are only volumes
	Volumes []string     // sorted volume names (VolumeWorkspace, …)
}

// PartStatus is one container as the backend shows it.
type PartStatus struct {
	Name      string
	Running   bool
	Started   time.Time
	Finished  time.Time // zero while it runs or before it ran
	ExitCode  int       // valid when Finished is set
	OOMKilled bool
	// Error is why it does not run, where the backend knows more than an exit
	// code: in its own words, or as a sentence for people with a next step.
	Error string
}

// EnvExec is set for a command of Exec, and so marks all that it starts: that is
// killed with it when its caller goes. What is to outlive that is started
// without it.
const EnvExec = "VOLUNDR_EXEC"

// ExecOptions is a command for Exec. Nil streams are /dev/null.
type ExecOptions struct {
	Part    string // "agent" unless set
	Command []string
	Dir     string
	Env     []string
	Stdin   io.Reader
	Stdout  io.Writer
	Stderr  io.Writer      // with TTY everything goes to Stdout
	TTY     bool           // allocate a terminal
	Resize  <-chan [2]uint // columns, rows; read until closed; only with TTY
}

// LogOptions says which lines Logs gives.
type LogOptions struct {
	Part   string // "agent" unless set
	Tail   int    // last lines only; 0 is all
	Follow bool   // go on until the part ends or the reader is closed
}
