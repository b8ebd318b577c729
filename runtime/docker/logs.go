package docker

import (
	"context"
	"fmt"
	"io"
	"strconv"

	"github.com/containerd/errdefs"
	"github.com/docker/docker/api/types/container"
	"github.com/docker/docker/pkg/stdcopy"

	"volundr/runtime"
)

// Logs implements runtime.Runtime.
func (r *Runtime) Logs(ctx context.Context, id string, o runtime.LogOptions) (io.ReadCloser, error) {
	part := o.Part
	if part == "" {
		part = runtime.PartAgent
	}
	tail := "all"
	if o.Tail > 0 {
		tail = strconv.Itoa(o.Tail)
	}
	raw, err := r.api.ContainerLogs(ctx, r.containerName(id, part), container.LogsOptions{
		ShowStdout: true, ShowStderr: true, Timestamps: true, Follow: o.Follow, Tail: tail})
	if errdefs.IsNotFound(err) {
		return nil, fmt.Errorf("logs of %s of %s: %w", part, id, runtime.ErrNotFound)
	}
	if err != nil {
		return nil, fmt.Errorf("logs of %s of %s: %w", part, id, translate(err))
	}
	out, in := io.Pipe()
	go func() { // ends when raw is closed or read to its end
		_, err := stdcopy.StdCopy(in, in, raw)
		in.CloseWithError(err)
	}()
	return &logReader{out, raw}, nil
}

type logReader struct {
	*io.PipeReader
	raw io.Closer
}

func (l *logReader) Close() error {
	l.PipeReader.Close()
	return l.raw.Close()
}
