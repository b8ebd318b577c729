package kubernetes

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/url"
	"strings"
	"sync"
	"time"

	"github.com/google/uuid"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/util/httpstream"
	"k8s.io/client-go/tools/remotecommand"
	"k8s.io/client-go/util/exec"

	"volundr/runtime"
)

// Exec implements runtime.Runtime. When ctx ends, the command is killed with
// all it started that kept its environment.
func (r *Runtime) Exec(ctx context.Context, id string, o runtime.ExecOptions) (int, error) {
	pod, part, err := r.running(ctx, id, o.Part, false)
	if err != nil {
		return 0, fmt.Errorf("exec in %s: %w", id, r.said(ctx, err))
	}
	mark := uuid.NewString()
	exit, err := r.exec(ctx, pod, part, marked(o, mark))
	if err != nil {
		r.kill(ctx, pod, part, mark)
		return 0, fmt.Errorf("exec in %s of %s: %w", part, id, r.said(ctx, err))
	}
	return exit, nil
}

// envExec marks the processes of one Exec, so that they can be found and ended:
// the cluster forgets a command when its caller goes.
const envExec = runtime.EnvExec

// marked makes a command that sets what the API has no place for: the folder,
// the environment, the mark.
func marked(o runtime.ExecOptions, mark string) runtime.ExecOptions {
	const in = `cd -- "$1" || exit 126; shift; exec "$@"`
	command := append([]string{"env", envExec + "=" + mark}, o.Env...)
	if o.Dir != "" {
		command = append(command, "sh", "-c", in, "exec", o.Dir)
	}
	o.Command = append(command, o.Command...)
	return o
}

// exec runs a command and returns when it has ended, or ctx. The streams are
// not touched any more then.
func (r *Runtime) exec(ctx context.Context, pod *corev1.Pod, part string, o runtime.ExecOptions) (int, error) {
	query := url.Values{"container": {part}, "command": o.Command, "stdout": {"true"}}
	streams := remotecommand.StreamOptions{Tty: o.TTY}
	var open gates
	defer open.close()
	streams.Stdout = open.writer(o.Stdout)
	if o.Stdin != nil {
		query.Set("stdin", "true")
		streams.Stdin = o.Stdin
	}
	if o.TTY {
		query.Set("tty", "true")
		if o.Resize != nil {
			done, cancel := context.WithCancel(ctx)
			defer cancel()
			streams.TerminalSizeQueue = sizes{done, o.Resize}
		}
	} else {
		query.Set("stderr", "true")
		streams.Stderr = open.writer(o.Stderr)
	}
	e, err := r.executor(r.subresource(pod, "exec", query))
	if err != nil {
		return 0, err
	}
	err = e.StreamWithContext(ctx, streams)
	var exit exec.CodeExitError
	switch {
	case ctx.Err() != nil:
		return 0, ctx.Err()
	case errors.As(err, &exit):
		return exit.Code, nil
	case err != nil && (strings.Contains(err.Error(), "container not found") || strings.Contains(err.Error(), "not running")):
		return 0, fmt.Errorf("%w: it does not run: %w", runtime.ErrNotFound, err)
	}
	return 0, err
}

// subresource is the address of one of a Pod's.
func (r *Runtime) subresource(pod *corev1.Pod, name string, query url.Values) *url.URL {
	u := r.api.core.Get().Namespace(r.api.namespace).Resource("pods").Name(pod.Name).SubResource(name).URL()
	u.RawQuery = query.Encode()
	return u
}

// executor speaks WebSocket, and SPDY to servers and through proxies that do
// not.
func (r *Runtime) executor(u *url.URL) (remotecommand.Executor, error) {
	spdy, err := remotecommand.NewSPDYExecutor(r.api.config, "POST", u)
	if err != nil {
		return nil, err
	}
	socket, err := remotecommand.NewWebSocketExecutor(r.api.config, "GET", u.String())
	if err != nil {
		return nil, err
	}
	return remotecommand.NewFallbackExecutor(socket, spdy, refused)
}

// refused reports whether a server does not speak WebSocket.
func refused(err error) bool {
	return httpstream.IsUpgradeFailure(err) || httpstream.IsHTTPSProxyError(err)
}

// gates let writes through until they are closed: a command that was left is
// not yet silent.
type gates struct {
	mu     sync.RWMutex
	closed bool
}

func (g *gates) close() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.closed = true
}

func (g *gates) writer(to io.Writer) io.Writer {
	if to == nil {
		to = io.Discard
	}
	return gate{g, to}
}

type gate struct {
	*gates
	to io.Writer
}

func (g gate) Write(p []byte) (int, error) {
	g.mu.RLock()
	defer g.mu.RUnlock()
	if g.closed {
		return 0, io.ErrClosedPipe
	}
	return g.to.Write(p)
}

// sizes gives a terminal's sizes until there are no more.
type sizes struct {
	ctx  context.Context
	from <-chan [2]uint
}

func (s sizes) Next() *remotecommand.TerminalSize {
	select {
	case size, ok := <-s.from:
		if ok {
			return &remotecommand.TerminalSize{Width: uint16(min(size[0], 1<<16-1)), Height: uint16(min(size[1], 1<<16-1))}
		}
	case <-s.ctx.Done():
	}
	return nil
}

// killMarked kills every process whose environment carries the mark, and fails
// if there was one: it may have had children meanwhile.
const killMarked = `n=0; for p in /proc/[0-9]*; do if grep -qs "` + envExec + `=$1" $p/environ; then kill -9 "${p#/proc/}" 2>/dev/null; n=1; fi; done; exit $n`

const (
	// killing bounds it: what is not gone by then is left to the end of the part.
	killing = 10 * time.Second
	// unborn is how often nothing is found before it is believed: a command may
	// only be about to start.
	unborn = 4
)

// kill ends a command, whatever became of the caller.
func (r *Runtime) kill(ctx context.Context, pod *corev1.Pod, part, mark string) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), killing)
	defer cancel()
	for clean := 0; clean < unborn; {
		exit, err := r.exec(ctx, pod, part, runtime.ExecOptions{Command: []string{"sh", "-c", killMarked, "kill", mark}})
		if err != nil {
			if !errors.Is(err, runtime.ErrNotFound) {
				r.log.Warn("Command not killed", "pod", pod.Name, "part", part, "error", err)
			}
			return
		}
		if clean++; exit != 0 {
			clean = 0
		}
		if pause(ctx, looking) != nil {
			return
		}
	}
}
