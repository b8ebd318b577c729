package docker

import (
	"bufio"
	"bytes"
	"context"
	"encoding/binary"
	"errors"
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
	if err := r.ready(ctx); err != nil {
		return nil, err
	}
	part := o.Part
	name, err := r.find(ctx, id, part)
	if err != nil {
		return nil, fmt.Errorf("logs of %s of %s: %w", part, id, err)
	}
	tail := "all"
	if o.Tail > 0 {
		tail = strconv.Itoa(o.Tail)
	}
	raw, err := r.api.ContainerLogs(ctx, name, container.LogsOptions{
		ShowStdout: true, ShowStderr: true, Timestamps: true, Follow: o.Follow, Tail: tail})
	if errdefs.IsNotFound(err) {
		return nil, fmt.Errorf("logs of %s of %s: %w", part, id, runtime.ErrNotFound)
	}
	if err != nil {
		return nil, fmt.Errorf("logs of %s of %s: %w", part, id, translate(err))
	}
	return &lines{raw: raw, from: bufio.NewReader(raw)}, nil
}

// longest is how much of a line without an end is kept back for the rest.
const longest = 1 << 20

// lines reads the engine's framed log as whole lines, each with its time. The
// engine cuts long lines into frames with a time each, and mixes the frames of
// stdout and stderr.
type lines struct {
	raw  io.Closer
	from *bufio.Reader

	open  [3][]byte // a line that has begun, by stream
	ready []byte
	err   error
}

func (l *lines) Close() error { return l.raw.Close() }

func (l *lines) Read(p []byte) (int, error) {
	for len(l.ready) == 0 {
		if l.err != nil {
			return 0, l.err
		}
		if l.err = l.frame(); l.err != nil { // what has no end is the end
			for _, line := range l.open {
				if len(line) > 0 {
					l.ready = append(append(l.ready, line...), '\n')
				}
			}
		}
	}
	n := copy(p, l.ready)
	l.ready = l.ready[n:]
	return n, nil
}

// frame reads one: a stream's number, three zero bytes, the length, a time, a
// space and a line or a piece of one.
func (l *lines) frame() error {
	var head [8]byte
	if _, err := io.ReadFull(l.from, head[:]); err != nil {
		return err
	}
	stream, size := head[0], binary.BigEndian.Uint32(head[4:])
	if stream == byte(stdcopy.Systemerr) || int(stream) >= len(l.open) || size > longest {
		return fmt.Errorf("the engine's log has a frame of stream %d with %d bytes", stream, size)
	}
	text := make([]byte, size)
	if _, err := io.ReadFull(l.from, text); err != nil {
		return errors.Join(io.ErrUnexpectedEOF, err)
	}
	line := l.open[stream]
	if len(line) > 0 {
		_, text, _ = bytes.Cut(text, []byte(" ")) // one time a line
	}
	line = append(line, text...)
	switch {
	case bytes.HasSuffix(line, []byte("\n")):
		l.ready, line = line, nil
	case len(line) > longest:
		l.ready, line = append(line, '\n'), nil
	}
	l.open[stream] = line
	return nil
}
