package docker

import (
	"context"
	"errors"
	"fmt"
	"io"
	"sync"
	"time"

	"github.com/containerd/errdefs"
	"github.com/docker/docker/api/types"
	"github.com/docker/docker/api/types/container"
	"github.com/docker/docker/pkg/stdcopy"
	"github.com/google/uuid"

	"volundr/runtime"
)

// Exec implements runtime.Runtime. When ctx ends, the command is killed with
// all it started that kept its environment.
func (r *Runtime) Exec(ctx context.Context, id string, o runtime.ExecOptions) (int, error) {
	if err := r.ready(ctx); err != nil {
		return 0, err
	}
	name, err := r.find(ctx, id, o.Part)
	if err != nil {
		return 0, fmt.Errorf("exec in %s: %w", id, err)
	}
	exit, err := r.exec(ctx, name, o)
	if err != nil {
		return 0, fmt.Errorf("exec in %s of %s: %w", o.Part, id, translate(err))
	}
	return exit, nil
}

func (r *Runtime) exec(ctx context.Context, name string, o runtime.ExecOptions) (int, error) {
	mark := uuid.NewString()
	e, err := r.api.ContainerExecCreate(ctx, name, container.ExecOptions{
		Cmd: o.Command, WorkingDir: o.Dir, Env: append([]string{envExec + "=" + mark}, o.Env...), Tty: o.TTY,
		AttachStdin: o.Stdin != nil, AttachStdout: true, AttachStderr: true,
	})
	if errdefs.IsNotFound(err) || errdefs.IsConflict(err) {
		return 0, fmt.Errorf("%w: it does not run", runtime.ErrNotFound)
	}
	if err != nil {
		return 0, err
	}
	h, err := r.api.ContainerExecAttach(ctx, e.ID, container.ExecAttachOptions{Tty: o.TTY})
	if err != nil {
		if ctx.Err() != nil { // it may have been started all the same
			r.kill(ctx, name, e.ID, mark)
		}
		return 0, err
	}
	defer h.Close()
	if o.TTY && o.Resize != nil {
		var resizing sync.WaitGroup
		defer resizing.Wait()
		done, cancel := context.WithCancel(ctx)
		defer cancel()
		resizing.Go(func() { r.resize(done, e.ID, o.Resize) })
	}
	if o.Stdin != nil {
		go func() { // ends with the hijacked connection, or else when its reader gives something
			_, _ = io.Copy(h.Conn, o.Stdin)
			_ = h.CloseWrite()
		}()
	}
	copied := make(chan error, 1)
	go func() { copied <- output(h, o) }() // ends with the hijacked connection
	select {
	case err = <-copied:
	case <-ctx.Done():
		h.Close()
		<-copied
		err = ctx.Err()
	}
	if err != nil {
		r.kill(ctx, name, e.ID, mark)
		return 0, err
	}
	return r.exitCode(ctx, e.ID)
}

func output(h types.HijackedResponse, o runtime.ExecOptions) (err error) {
	stdout, stderr := or(o.Stdout), or(o.Stderr)
	if o.TTY {
		_, err = io.Copy(stdout, h.Reader)
	} else {
		_, err = stdcopy.StdCopy(stdout, stderr, h.Reader)
	}
	return err
}

func or(w io.Writer) io.Writer {
	if w == nil {
		return io.Discard
	}
	return w
}

// exitCode reads how an exec ended; its output can end a moment before it.
func (r *Runtime) exitCode(ctx context.Context, exec string) (int, error) {
	for {
		in, err := r.api.ContainerExecInspect(ctx, exec)
		switch {
		case errdefs.IsNotFound(err):
			return 0, fmt.Errorf("%w: it ended meanwhile", runtime.ErrNotFound)
		case err != nil:
			return 0, err
		case !in.Running && in.Pid == 0 && (in.ExitCode == 126 || in.ExitCode == 127):
			return 0, fmt.Errorf("%w: no such program, or none that can be run there", runtime.ErrInvalid)
		case !in.Running:
			return in.ExitCode, nil
		}
		if err := wait(ctx, 5*time.Millisecond); err != nil {
			return 0, err
		}
	}
}

// resize passes on the terminal's size. The first one can come before there is
// a terminal.
func (r *Runtime) resize(ctx context.Context, exec string, sizes <-chan [2]uint) {
	for {
		select {
		case s, ok := <-sizes:
			if !ok {
				return
			}
			for try := range 50 {
				err := r.api.ContainerExecResize(ctx, exec, container.ResizeOptions{Width: s[0], Height: s[1]})
				if err == nil || wait(ctx, 10*time.Millisecond) != nil {
					break
				}
				if try == 49 {
					r.log.Debug("Terminal not resized", "error", err)
				}
			}
		case <-ctx.Done():
			return
		}
	}
}

// wait lets time pass, unless ctx ends.
func wait(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// envExec marks the processes of one Exec, so that they can be found and ended:
// the engine has no call for it, and forgets the command when its caller goes.
const envExec = runtime.EnvExec

// killMarked kills every process whose environment carries the mark, and fails
// if there was one: it may have had children meanwhile.
const killMarked = `n=0; for p in /proc/[0-9]*; do if grep -qs "` + envExec + `=$1" $p/environ; then kill -9 "${p#/proc/}" 2>/dev/null; n=1; fi; done; exit $n`

// killing bounds it: what is not gone by then is left to the end of the part.
const killing = 10 * time.Second

// kill ends a command, which perhaps is only about to start, whatever became of
// the caller.
func (r *Runtime) kill(ctx context.Context, name, exec, mark string) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), killing)
	defer cancel()
	for unborn := 0; ; {
		exit, err := r.quietly(ctx, name, []string{"sh", "-c", killMarked, "kill", mark})
		if err != nil {
			if !errdefs.IsNotFound(err) && !errdefs.IsConflict(err) && !errors.Is(err, runtime.ErrNotFound) {
				r.log.Warn("Command not killed", "container", name, "error", err)
			}
			return
		}
		in, err := r.api.ContainerExecInspect(ctx, exec)
		switch {
		case err != nil: // gone with its container
			return
		case exit == 0 && !in.Running && (in.Pid != 0 || unborn >= 10):
			return
		case in.Pid == 0:
			unborn++
		}
		if wait(ctx, 20*time.Millisecond) != nil {
			return
		}
	}
}

// quietly runs a command whose output nobody wants.
func (r *Runtime) quietly(ctx context.Context, name string, command []string) (int, error) {
	e, err := r.api.ContainerExecCreate(ctx, name, container.ExecOptions{Cmd: command})
	if err != nil {
		return 0, err
	}
	if err := r.api.ContainerExecStart(ctx, e.ID, container.ExecStartOptions{Detach: true}); err != nil {
		return 0, err
	}
	return r.exitCode(ctx, e.ID)
}
