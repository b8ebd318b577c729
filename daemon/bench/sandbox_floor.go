package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"sync/atomic"
	"time"

	"github.com/docker/docker/api/types/container"
	"github.com/docker/docker/api/types/filters"
	"github.com/docker/docker/pkg/stdcopy"
	"golang.org/x/sync/errgroup"
)

// plain does by calls to the engine what the product does for a client: the same
// containers, whose first process only waits.
type plain struct {
	house   *house
	pattern container.InspectResponse
	n       atomic.Int64
	mark    string // of this run's containers
}

// copySandbox takes the pattern of a sandbox that runs.
func copySandbox(ctx context.Context, h *house, id string) (*plain, error) {
	in, err := h.bench.engine.ContainerInspect(ctx, id)
	if err != nil {
		return nil, err
	}
	p := &plain{house: h, pattern: in, mark: fmt.Sprintf("sandbox-%d", time.Now().UnixNano())}
	in.Config.Labels = map[string]string{label: p.mark}
	in.Config.Entrypoint, in.Config.Cmd, in.Config.Hostname = []string{"sleep", "3600"}, nil, ""
	return p, nil
}

// create creates and starts one.
func (p *plain) create(ctx context.Context) (string, error) {
	engine := p.house.bench.engine
	c, err := engine.ContainerCreate(ctx, p.pattern.Config, p.pattern.HostConfig, nil, nil, fmt.Sprintf("volundr-bench-%s-%d", p.mark, p.n.Add(1)))
	if err != nil {
		return "", err
	}
	return c.ID, engine.ContainerStart(ctx, c.ID, container.StartOptions{})
}

// run runs a command in one, with that input, as its user.
func (p *plain) run(ctx context.Context, id string, in []byte, argv ...string) (string, error) {
	engine := p.house.bench.engine
	e, err := engine.ContainerExecCreate(ctx, id, container.ExecOptions{Cmd: argv, AttachStdin: in != nil, AttachStdout: true, AttachStderr: true})
	if err != nil {
		return "", err
	}
	conn, err := engine.ContainerExecAttach(ctx, e.ID, container.ExecAttachOptions{})
	if err != nil {
		return "", err
	}
	defer conn.Close()
	if in != nil {
		if _, err := io.Copy(conn.Conn, bytes.NewReader(in)); err != nil {
			return "", err
		}
		if err := conn.CloseWrite(); err != nil {
			return "", err
		}
	}
	var out, wrong bytes.Buffer
	if _, err := stdcopy.StdCopy(&out, &wrong, conn.Reader); err != nil {
		return "", err
	}
	end, err := engine.ContainerExecInspect(ctx, e.ID)
	if err == nil && end.ExitCode != 0 {
		err = fmt.Errorf("%v ended with %d: %s", argv, end.ExitCode, wrong.String())
	}
	return out.String(), err
}

func (p *plain) remove(ctx context.Context, id string) error {
	return p.house.bench.engine.ContainerRemove(ctx, id, container.RemoveOptions{Force: true})
}

// clear removes all that are left, even after ctx.
func (p *plain) clear(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Minute)
	defer cancel()
	all, err := p.house.bench.engine.ContainerList(ctx, container.ListOptions{All: true, Filters: filters.NewArgs(filters.Arg("label", label+"="+p.mark))})
	var g errgroup.Group
	for _, c := range all {
		g.Go(func() error { return p.house.bench.discard(ctx, c.ID) })
	}
	return errors.Join(err, g.Wait())
}
