package docker

import (
	"context"
	"fmt"
	"io"
	"time"

	"github.com/containerd/errdefs"
	"github.com/docker/docker/api/types/container"
	"github.com/docker/docker/pkg/stdcopy"
	"github.com/google/uuid"

	"volundr/runtime"
)

// envExec marks the processes of one Exec, so that they can be found and ended.
const envExec = "VOLUNDR_EXEC"

// Exec implements runtime.Runtime. When ctx ends, the command is killed with
// all it started that kept its environment.
func (r *Runtime) Exec(ctx context.Context, id string, o runtime.ExecOptions) (int, error) {
	part := o.Part
	if part == "" {
		part = runtime.PartAgent
	}
	name := r.containerName(id, part)
	mark := uuid.NewString()
	e, err := r.api.ContainerExecCreate(ctx, name, container.ExecOptions{
		Cmd: o.Command, WorkingDir: o.Dir, Env: append([]string{envExec + "=" + mark}, o.Env...), Tty: o.TTY,
		AttachStdin: o.Stdin != nil, AttachStdout: true, AttachStderr: true,
	})
	if errdefs.IsNotFound(err) || errdefs.IsConflict(err) {
		return 0, fmt.Errorf("exec in %s of %s: %w: it does not run", part, id, runtime.ErrNotFound)
	}
	if err != nil {
		return 0, fmt.Errorf("exec in %s of %s: %w", part, id, translate(err))
	}
	h, err := r.api.ContainerExecAttach(ctx, e.ID, container.ExecAttachOptions{Tty: o.TTY})
	if err != nil {
		return 0, fmt.Errorf("exec in %s of %s: %w", part, id, translate(err))
	}
	defer h.Close()
	if o.TTY && o.Resize != nil {
		go r.resize(ctx, e.ID, o.Resize)
	}
	if o.Stdin != nil {
		go func() { // ends with the hijacked connection, or with the reader
			io.Copy(h.Conn, o.Stdin)
			h.CloseWrite()
		}()
	}
	copied := make(chan error, 1)
	go func() { // ends with the hijacked connection
		stdout, stderr := or(o.Stdout), or(o.Stderr)
		var err error
		if o.TTY {
			_, err = io.Copy(stdout, h.Reader)
		} else {
			_, err = stdcopy.StdCopy(stdout, stderr, h.Reader)
		}
		copied <- err
	}()
	select {
	case err := <-copied:
		if err != nil {
			return 0, fmt.Errorf("exec in %s of %s: %w", part, id, err)
		}
	case <-ctx.Done():
		h.Close()
		<-copied
		r.kill(context.WithoutCancel(ctx), name, mark)
		return 0, ctx.Err()
	}
	return r.exitCode(ctx, e.ID)
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
		if err != nil {
			return 0, translate(err)
		}
		if !in.Running {
			return in.ExitCode, nil
		}
		select {
		case <-time.After(5 * time.Millisecond):
		case <-ctx.Done():
			return 0, ctx.Err()
		}
	}
}

func (r *Runtime) resize(ctx context.Context, exec string, sizes <-chan [2]uint) {
	for {
		select {
		case s, ok := <-sizes:
			if !ok {
				return
			}
			if err := r.api.ContainerExecResize(ctx, exec, container.ResizeOptions{Width: s[0], Height: s[1]}); err != nil {
				r.log.Debug("Terminal not resized", "error", err)
			}
		case <-ctx.Done():
			return
		}
	}
}

// killMarked kills every process whose environment carries the mark.
const killMarked = `for p in /proc/[0-9]*; do if grep -qs "` + envExec + `=$1" $p/environ; then kill -9 "${p#/proc/}" 2>/dev/null; fi; done`

func (r *Runtime) kill(ctx context.Context, name, mark string) {
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	e, err := r.api.ContainerExecCreate(ctx, name, container.ExecOptions{Cmd: []string{"sh", "-c", killMarked, "kill", mark}})
	if err == nil {
		err = r.api.ContainerExecStart(ctx, e.ID, container.ExecStartOptions{})
	}
	if err == nil {
		_, err = r.exitCode(ctx, e.ID)
	}
	if err != nil && !errdefs.IsNotFound(err) {
		r.log.Warn("Command not killed", "container", name, "error", err)
	}
}
