package fake

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"net"
	"slices"
	"strings"
	"sync"
	"time"

	"volundr/runtime"
)

// Handler serves one connection to a port of a workload.
type Handler func(net.Conn)

// ExecHandler plays a command.
type ExecHandler func(ctx context.Context, id string, o runtime.ExecOptions) (exit int, err error)

// Listen has h serve connections to a port of a workload, 0 being the broker's
// link, for as long as the workload runs. Nil ends it.
func (r *Runtime) Listen(id string, port int, h Handler) {
	r.mu.Lock()
	defer r.mu.Unlock()
	k := key{r.installation, id}
	if r.listeners[k] == nil {
		r.listeners[k] = map[int]Handler{}
	}
	r.listeners[k][port] = h
}

// OnExec has h play the commands of Exec. Without it every command exits with 0.
func (r *Runtime) OnExec(h ExecHandler) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.onExec = h
}

// Dial implements runtime.Runtime.
func (r *Runtime) Dial(ctx context.Context, id string, port int) (net.Conn, error) {
	var h Handler
	err := r.step(ctx, Call{Op: "dial", ID: id}, func() error {
		k := key{r.installation, id}
		if w := r.workloads[k]; w == nil || !w.answers() {
			return fmt.Errorf("dial %s: %w", id, runtime.ErrNotFound)
		}
		if h = r.listeners[k][port]; h == nil {
			return fmt.Errorf("dial %s port %d: connection refused", id, port)
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	ours, theirs := net.Pipe()
	go h(theirs)
	return ours, nil
}

// answers reports whether the part that owns the network runs.
func (w *workload) answers() bool {
	if c := w.parts[runtime.PartBroker]; c != nil || w.spec.Kind == runtime.Session {
		return c != nil && c.Running
	}
	for _, c := range w.parts {
		return c.Running
	}
	return false
}

// Exec implements runtime.Runtime.
func (r *Runtime) Exec(ctx context.Context, id string, o runtime.ExecOptions) (int, error) {
	var h ExecHandler
	o.Part = cmp.Or(o.Part, runtime.PartAgent)
	err := r.step(ctx, Call{Op: "exec", ID: id, Step: strings.Join(o.Command, " ")}, func() error {
		if c := r.part(id, o.Part); c == nil || !c.Running {
			return fmt.Errorf("exec in %s of %s: %w", o.Part, id, runtime.ErrNotFound)
		}
		h = r.onExec
		return nil
	})
	if err != nil || h == nil {
		return 0, err
	}
	return h(ctx, id, o)
}

// Log has a part print a line.
func (r *Runtime) Log(id, part, line string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if c := r.part(id, part); c != nil {
		c.lines = append(c.lines, time.Now().UTC().Format(time.RFC3339Nano)+" "+line+"\n")
		close(r.changed)
		r.changed = make(chan struct{})
	}
}

// Logs implements runtime.Runtime.
func (r *Runtime) Logs(ctx context.Context, id string, o runtime.LogOptions) (io.ReadCloser, error) {
	o.Part = cmp.Or(o.Part, runtime.PartAgent)
	lg := &logReader{r: r, closed: make(chan struct{})}
	err := r.step(ctx, Call{Op: "logs", ID: id, Step: "part " + o.Part}, func() error {
		c := r.part(id, o.Part)
		if c == nil {
			return fmt.Errorf("logs of %s of %s: %w", o.Part, id, runtime.ErrNotFound)
		}
		lines := c.lines
		if o.Tail > 0 {
			lines = lines[max(0, len(lines)-o.Tail):]
		}
		lg.rest, lg.next = strings.Join(lines, ""), len(c.lines)
		if o.Follow {
			lg.follow = func() (*container, bool) { n := r.part(id, o.Part); return c, n == c && c.Running }
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.readers++
	return lg, nil
}

type logReader struct {
	r      *Runtime
	rest   string
	next   int
	follow func() (c *container, alive bool)
	closed chan struct{}
	once   sync.Once
}

// Read implements io.Reader: what is there, then, when following, what comes.
func (l *logReader) Read(p []byte) (int, error) {
	for l.rest == "" {
		select {
		case <-l.closed:
			return 0, io.ErrClosedPipe
		default:
		}
		if l.follow == nil {
			return 0, io.EOF
		}
		l.r.mu.Lock()
		c, alive := l.follow()
		l.rest = strings.Join(slices.Clone(c.lines[l.next:]), "")
		l.next = len(c.lines)
		changed := l.r.changed
		l.r.mu.Unlock()
		if l.rest != "" {
			break
		}
		if !alive {
			return 0, io.EOF
		}
		select {
		case <-changed:
		case <-l.closed:
		}
	}
	n := copy(p, l.rest)
	l.rest = l.rest[n:]
	return n, nil
}

// Close implements io.Closer.
func (l *logReader) Close() error {
	l.once.Do(func() {
		close(l.closed)
		l.r.mu.Lock()
		defer l.r.mu.Unlock()
		l.r.readers--
	})
	return nil
}
