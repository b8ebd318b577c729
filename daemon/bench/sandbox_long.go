package main

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"volundr/ui/client"
)

// inARow: a thousand are created and deleted. None is lost, none is left, and
// the daemon holds no more than before.
func (h *house) inARow(ctx context.Context) ([]row, error) {
	round := func(n int) error {
		g, gctx := errgroup.WithContext(ctx)
		g.SetLimit(4)
		for i := range n {
			g.Go(func() error {
				id, _, err := h.create(gctx, client.SandboxCreate{})
				if err != nil {
					return err
				}
				r, err := h.api.Bash(gctx, id, client.Bash{Cmd: fmt.Sprintf("echo %d", i)})
				if err := first(err, said(r, fmt.Sprint(i))); err != nil {
					return err
				}
				return h.api.DeleteSandbox(gctx, id)
			})
		}
		return first(g.Wait(), h.ready(ctx)) // which waits until nothing is left
	}
	if err := round(inARow / 10); err != nil { // whatever is made once
		return nil, err
	}
	memory, open, err := h.rest(ctx)
	if err != nil {
		return nil, err
	}
	began := time.Now()
	if err := round(inARow); err != nil {
		return nil, err
	}
	took := time.Since(began)
	after, openAfter, err := h.rest(ctx)
	if err != nil {
		return nil, err
	}
	h.bench.say("%d sandboxes in a row: %s, %+.1f MB, %+d descriptors", inARow, took.Round(time.Second), after-memory, openAfter-open)
	return []row{
		measured(fmt.Sprintf("%d sandboxes created, used and deleted, each", inARow), "ms", series{float64(took.Milliseconds()) / inARow}),
		measured("memory more after them", "MB", series{after - memory}).atMost(16),
		measured("descriptors more after them", "open", series{float64(openAfter - open)}).atMost(4),
	}, nil
}

// tally counts what a mixed load was answered.
type tally struct {
	mu                     sync.Mutex
	each                   series
	refused, late, strange int
	wrong                  error // the first of the strange
}

func (t *tally) count(took time.Duration, err error) {
	var e *client.Error
	t.mu.Lock()
	defer t.mu.Unlock()
	switch {
	case err == nil:
		t.each.millis(took)
	case errors.As(err, &e) && e.Status == 429 && e.RetryAfter > 0:
		t.refused++
	default:
		t.strange++
		t.wrong = first(t.wrong, err)
	}
	if took > 30*time.Second {
		t.late++
	}
}

// mixed: many clients do all that there is for a minute. No answer is a server's
// error, and none is waited for in vain.
func (h *house) mixed(ctx context.Context) ([]row, error) {
	until := time.Now().Add(mixedTime)
	var t tally
	var g errgroup.Group
	for i := range clients {
		g.Go(func() error {
			random := rand.New(rand.NewPCG(1, uint64(i)))
			for time.Now().Before(until) && ctx.Err() == nil {
				h.session(ctx, random, &t)
			}
			return ctx.Err()
		})
	}
	if err := g.Wait(); err != nil {
		return nil, err
	}
	h.bench.say("%d clients for %s: %d answers, %d refused with a time to come again, %d others", clients, mixedTime, len(t.each), t.refused, t.strange)
	if t.strange > 0 || t.late > 0 {
		return nil, fmt.Errorf("%d answers of the mixed load were wrong and %d late: %w", t.strange, t.late, t.wrong)
	}
	return []row{
		measured(fmt.Sprintf("%d clients, mixed calls, each", clients), "ms", t.each),
		measured("answers a second", "", series{float64(len(t.each)) / mixedTime.Seconds()}),
	}, nil
}

// session is one client's work with one sandbox.
func (h *house) session(ctx context.Context, random *rand.Rand, t *tally) {
	do := func(call func() error) bool {
		began := time.Now()
		err := call()
		t.count(time.Since(began), err)
		var refused *client.Error
		if errors.As(err, &refused) && refused.RetryAfter > 0 {
			select {
			case <-ctx.Done():
			case <-time.After(refused.RetryAfter):
			}
		}
		return err == nil
	}
	if random.IntN(4) == 0 {
		do(func() error {
			r, err := h.api.Execute(ctx, client.Execute{Code: "print(1)", TimeoutMS: 30_000})
			return first(err, said(r.BashResult, "1"))
		})
		return
	}
	var id string
	if !do(func() (err error) { id, _, err = h.create(ctx, client.SandboxCreate{TTL: 300}); return err }) {
		return
	}
	for range 1 + random.IntN(6) {
		switch random.IntN(5) {
		case 0:
			do(func() error { return h.api.PutSandboxFile(ctx, id, "dir/file", strings.NewReader("content")) })
		case 1:
			do(func() error { _, err := h.api.SandboxFiles(ctx, id, ""); return err })
		case 2:
			do(func() error { _, err := h.api.Sandbox(ctx, id); return err })
		default:
			do(func() error {
				r, err := h.api.Bash(ctx, id, client.Bash{Cmd: "echo $((6*7))"})
				return first(err, said(r, "42"))
			})
		}
	}
	do(func() error { return h.api.DeleteSandbox(ctx, id) })
}
