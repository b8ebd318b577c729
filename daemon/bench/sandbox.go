package main

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"time"

	"github.com/containerd/errdefs"
	"github.com/docker/docker/api/types/container"
	"github.com/docker/docker/api/types/filters"
	"golang.org/x/sync/errgroup"

	"volundr/runtime"
	"volundr/ui/client"
)

const abreast = 10 // sandboxes of a burst

// house is an installation whose sandboxes are measured.
type house struct {
	*product
	installation string
	waiting      int // sandboxes that are made ahead
}

// openHouse makes one with so many sandboxes ahead, and waits for them.
func (b *bench) openHouse(ctx context.Context, ahead int) (*house, error) {
	p, err := b.installAs(ctx, fmt.Sprintf("sandbox:\n  pool:\n    size: %d\n    always: true\n    memory_mb: 100000\n  limits:\n    sandboxes: 1100\n    executions: 64\n    commands: 512\n    queue: 512\n", ahead))
	if err != nil {
		return nil, err
	}
	h := &house{product: p, waiting: ahead}
	st, err := p.api.Status(ctx)
	if err != nil {
		return h, err
	}
	name := regexp.MustCompile(`volundr-([a-z0-9]{8})\.localhost`).FindStringSubmatch(st.UIURL)
	if name == nil {
		return h, fmt.Errorf("no installation in %q", st.UIURL)
	}
	h.installation = name[1]
	made, err := p.api.CreateSandbox(ctx, client.SandboxCreate{}) // makes the image, the first time
	if err != nil {
		return h, err
	}
	return h, errors.Join(p.api.DeleteSandbox(ctx, made.ID), h.ready(ctx))
}

// close takes the installation away with all that it left in the engine.
func (h *house) close(ctx context.Context) error {
	errs := []error{h.remove(ctx)}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 2*time.Minute)
	defer cancel()
	left, err := h.containers(ctx)
	errs = append(errs, err)
	var g errgroup.Group
	g.SetLimit(abreast)
	for _, c := range left {
		g.Go(func() error {
			return h.bench.discard(ctx, c.ID)
		})
	}
	return errors.Join(append(errs, g.Wait())...)
}

// discard removes a container, which may be on its way already.
func (b *bench) discard(ctx context.Context, id string) error {
	err := b.engine.ContainerRemove(ctx, id, container.RemoveOptions{Force: true})
	if errdefs.IsConflict(err) || errdefs.IsNotFound(err) {
		return nil
	}
	return err
}

// containers are those of the installation's sandboxes, ended ones too.
func (h *house) containers(ctx context.Context) ([]container.Summary, error) {
	if h.installation == "" {
		return nil, nil
	}
	return h.bench.engine.ContainerList(ctx, container.ListOptions{All: true, Filters: filters.NewArgs(
		filters.Arg("label", runtime.LabelInstallation+"="+h.installation), filters.Arg("label", "app=code-interpreter"))})
}

// ready waits until there is nothing but what waits for its first use, all of
// it, and the engine has nothing to do.
func (h *house) ready(ctx context.Context) error {
	calm := time.Now()
	return poll(ctx, 3*time.Minute, 50*time.Millisecond, "the sandboxes ahead are there", func() (bool, error) {
		all, err := h.containers(ctx)
		if len(all) != h.waiting {
			calm = time.Now()
		}
		for _, c := range all {
			if c.State != container.StateRunning {
				calm = time.Now()
			}
		}
		return time.Since(calm) > 500*time.Millisecond, err
	})
}

// create makes a sandbox and tells how long that took.
func (h *house) create(ctx context.Context, in client.SandboxCreate) (id string, took time.Duration, err error) {
	began := time.Now()
	s, err := h.api.CreateSandbox(ctx, in)
	return s.ID, time.Since(began), err
}

// burst does something with so many sandboxes at once, and tells how long it took
// until the last had done.
func burst(ctx context.Context, n int, do func(ctx context.Context, i int) error) (time.Duration, error) {
	began := time.Now()
	g, ctx := errgroup.WithContext(ctx)
	for i := range n {
		g.Go(func() error { return do(ctx, i) })
	}
	err := g.Wait()
	return time.Since(began), err
}

// clear deletes all sandboxes.
func (h *house) clear(ctx context.Context) error {
	all, err := h.api.Sandboxes(ctx)
	if err != nil {
		return err
	}
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(abreast)
	for _, s := range all {
		g.Go(func() error { return h.api.DeleteSandbox(ctx, s.ID) })
	}
	return g.Wait()
}
