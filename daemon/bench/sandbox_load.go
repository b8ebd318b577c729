package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"

	"volundr/ui/client"
)

const (
	living    = 200  // sandboxes alive at a time
	inARow    = 1000 // created and deleted
	sleepers  = 200  // commands at a time
	clients   = 32   // of the mixed load
	mixedTime = time.Minute
	floodTime = 5 * time.Second
)

// sandboxLoad: what the daemon does while much is asked of it. None of it may
// fail, so the figures are what it costs.
func sandboxLoad(ctx context.Context, b *bench) (rows []row, err error) {
	h, err := b.openHouse(ctx, abreast)
	if h != nil {
		defer func() { err = errors.Join(err, h.close(ctx)) }()
	}
	if err != nil {
		return nil, err
	}
	for _, load := range []func(context.Context) ([]row, error){h.flood, h.sleepers, h.alive, h.inARow, h.mixed} {
		more, err := load(ctx)
		rows = append(rows, more...)
		if err != nil {
			return rows, err
		}
		if err := first(h.clear(ctx), h.ready(ctx)); err != nil {
			return rows, err
		}
	}
	return rows, nil
}

// memory is the daemon's resident memory in MB, and how many descriptors it has.
func (h *house) memory() (mb float64, fds int, err error) {
	dir := "/proc/" + strconv.Itoa(h.cmd.Process.Pid)
	raw, err := os.ReadFile(dir + "/statm")
	if err != nil {
		return 0, 0, err
	}
	pages, err := strconv.Atoi(strings.Fields(string(raw))[1])
	if err != nil {
		return 0, 0, err
	}
	open, err := os.ReadDir(dir + "/fd")
	return float64(pages*os.Getpagesize()) / 1e6, len(open), err
}

// rest waits, and gives the memory afterwards.
func (h *house) rest(ctx context.Context) (mb float64, fds int, err error) {
	select {
	case <-ctx.Done():
		return 0, 0, ctx.Err()
	case <-time.After(5 * time.Second):
	}
	return h.memory()
}

// flood: memory of the daemon while a command prints as fast as it can.
func (h *house) flood(ctx context.Context) ([]row, error) {
	id, _, err := h.create(ctx, client.SandboxCreate{})
	if err != nil {
		return nil, err
	}
	before, _, err := h.rest(ctx)
	if err != nil {
		return nil, err
	}
	var more series
	for range 3 {
		ended := make(chan error, 1)
		go func() { // ends with the command
			_, err := h.api.Bash(ctx, id, client.Bash{Cmd: "cat /dev/zero", TimeoutMS: int(floodTime.Milliseconds())})
			ended <- err
		}()
		most := 0.0
		for done := false; !done; {
			select {
			case err := <-ended:
				if err != nil {
					return nil, err
				}
				done = true
			case <-time.After(10 * time.Millisecond):
			}
			mb, _, err := h.memory()
			if err != nil {
				return nil, err
			}
			most = max(most, mb-before)
		}
		more.add(most)
	}
	h.bench.say("a flood of output: %.1f MB more", more.median())
	return []row{measured("memory above idle, a command floods its output", "MB", more).atMost(64)}, nil
}

// sleepers: how long /health takes while many commands run.
func (h *house) sleepers(ctx context.Context) ([]row, error) {
	var ids []string
	for range abreast {
		id, _, err := h.create(ctx, client.SandboxCreate{})
		if err != nil {
			return nil, err
		}
		ids = append(ids, id)
	}
	running, end := context.WithCancel(ctx)
	defer end()
	var g errgroup.Group
	for i := range sleepers {
		g.Go(func() error {
			r, err := h.api.Bash(running, ids[i%len(ids)], client.Bash{Cmd: "sleep 8; echo slept", TimeoutMS: 60_000})
			return first(err, said(r, "slept"))
		})
	}
	ended := make(chan error, 1)
	go func() { ended <- g.Wait() }() // ends with running
	var health series
	for {
		began := time.Now()
		state, err := h.api.SandboxHealth(ctx)
		if err == nil && state.Status != "ok" {
			err = fmt.Errorf("the health is %s", state.Status)
		}
		if err != nil {
			return nil, err
		}
		health.millis(time.Since(began))
		select {
		case err := <-ended:
			h.bench.say("health while %d commands run: %.1f ms, at most %.1f ms", sleepers, health.median(), health.quantile(1))
			r := measured(fmt.Sprintf("/health while %d commands begin and run", sleepers), "ms", health)
			return []row{r.target(r.P95 <= 50, "p95 ≤ 50 ms")}, err
		case <-time.After(20 * time.Millisecond):
		}
	}
}

// alive: many sandboxes at a time, each of which answers.
func (h *house) alive(ctx context.Context) ([]row, error) {
	before, _, err := h.rest(ctx)
	if err != nil {
		return nil, err
	}
	began := time.Now()
	ids := make([]string, living)
	g, gctx := errgroup.WithContext(ctx)
	g.SetLimit(4)
	for i := range ids {
		g.Go(func() (err error) { ids[i], _, err = h.create(gctx, client.SandboxCreate{}); return err })
	}
	if err := g.Wait(); err != nil {
		return nil, err
	}
	h.bench.say("%d sandboxes are alive after %s", living, time.Since(began).Round(time.Second))
	after, _, err := h.rest(ctx)
	if err != nil {
		return nil, err
	}
	var bash series
	for i, id := range ids {
		began := time.Now()
		r, err := h.api.Bash(ctx, id, client.Bash{Cmd: fmt.Sprintf("echo %d", i)})
		if err := first(err, said(r, fmt.Sprint(i))); err != nil {
			return nil, err
		}
		bash.millis(time.Since(began))
	}
	return []row{
		measured(fmt.Sprintf("bash, in turn in %d living sandboxes", living), "ms", bash),
		measured(fmt.Sprintf("memory above idle, %d sandboxes alive", living), "MB", series{after - before}),
	}, nil
}
