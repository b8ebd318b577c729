package sandbox

import (
	"context"
	"io"
	"sync"
	"time"

	"github.com/google/uuid"

	"volundr/daemon/sandbox/inner"
	"volundr/runtime/broker/wire"
	"volundr/store"
)

// Command is one command line for bash.
type Command struct {
	Cmd     string
	Timeout time.Duration
	Stdin   string
	// OpenStdin leaves the input open after Stdin, for Write.
	OpenStdin bool
}

// Output takes what a command prints, in order. Its error ends the command.
type Output func(stderr bool, data []byte) error

// Running is a command that was let in and not begun yet: Run it, then Close it.
type Running struct {
	ID    string // for Write and Cancel
	x     *Sandboxes
	p     store.Principal
	s     store.Session
	run   wire.Run
	leave func()
}

// A command costs most when it begins. Few do so side by side, so that whoever
// asks for something else beside many is answered at once.
const (
	abreast   = 8
	beginning = 20 * time.Millisecond // of a command; a short one ends in it
)

// begin waits for its turn, which is over soon, or with the call of done.
func (x *Sandboxes) begin(ctx context.Context) (done func(), err error) {
	select {
	case x.beginnings <- struct{}{}:
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	give := sync.OnceFunc(func() { <-x.beginnings })
	soon := time.AfterFunc(beginning, give)
	return func() { soon.Stop(); give() }, nil
}

// Command lets a command into p's sandbox.
func (x *Sandboxes) Command(ctx context.Context, p store.Principal, name string, c Command) (_ *Running, err error) {
	begun, err := x.begin(ctx)
	if err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			begun()
		}
	}()
	s, err := x.row(ctx, p, name)
	if err != nil {
		return nil, err
	}
	leave, err := x.commands.enter(ctx)
	if err != nil {
		return nil, err
	}
	r := &Running{ID: uuid.NewString(), x: x, p: p, s: s, leave: func() { leave(); begun() }}
	r.run = wire.Run{ID: r.ID, Argv: inner.Bash(c.Cmd), Stdin: []byte(c.Stdin), OpenStdin: c.OpenStdin,
		TimeoutMS: c.Timeout.Milliseconds(), Limit: x.Limits.MaxOutput}
	return r, nil
}

// Run runs it to its end. begun (nil: nobody asks) is called as soon as it can be
// written to and cancelled. When ctx ends, its whole process tree is killed.
func (r *Running) Run(ctx context.Context, begun func() error, out Output) (wire.SandboxResult, error) {
	res, err := r.x.guests.of(r.s).Run(ctx, r.run, begun, out)
	if err != nil {
		return res, r.x.trouble(ctx, r.p, r.s, err)
	}
	return res, nil
}

// Close makes room for another.
func (r *Running) Close() { r.leave() }

// Write writes to the open input of a command in p's sandbox, and closes it
// behind that if last. inner.ErrNotFound when no such command reads.
func (x *Sandboxes) Write(ctx context.Context, p store.Principal, name, run string, data io.Reader, last bool) error {
	s, err := x.row(ctx, p, name)
	if err != nil {
		return err
	}
	if err := x.guests.of(s).Stdin(ctx, run, data, last); err != nil {
		return x.trouble(ctx, p, s, err)
	}
	return nil
}

// Cancel kills a command in p's sandbox with all that it has started.
// inner.ErrNotFound when it is not running.
func (x *Sandboxes) Cancel(ctx context.Context, p store.Principal, name, run string) error {
	s, err := x.row(ctx, p, name)
	if err != nil {
		return err
	}
	if err := x.guests.of(s).Cancel(ctx, run); err != nil {
		return x.trouble(ctx, p, s, err)
	}
	return nil
}
