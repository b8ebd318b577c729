package runner

import (
	"bytes"
	"context"
	"sync"
	"time"

	"volundr/runtime/broker/wire"
)

const (
	defaultTimeout = 30 * time.Second
	defaultLimit   = 1 << 20
	defaultDir     = "/workspace"
)

// run runs a command to its end, its time-out or the end of ctx; in the last
// two cases its whole tree is killed.
func (r *Runner) run(ctx context.Context, c wire.Command) (wire.RunResult, error) {
	timeout, limit, dir := defaultTimeout, defaultLimit, defaultDir
	if c.TimeoutMS > 0 {
		timeout = time.Duration(c.TimeoutMS) * time.Millisecond
	}
	if c.Limit > 0 {
		limit = c.Limit
	}
	if c.Dir != "" {
		dir = c.Dir
	}
	t, cmd := r.newTree(c.Argv, dir, c.Env)
	stdout, stderr := &head{limit: limit}, &head{limit: limit}
	cmd.Stdin, cmd.Stdout, cmd.Stderr = bytes.NewReader(c.Stdin), stdout, stderr
	if err := r.start(t, cmd); err != nil {
		return wire.RunResult{}, err
	}
	defer r.forget(t)
	late := make(chan bool, 1)
	var wg sync.WaitGroup
	wg.Go(func() {
		timer := time.NewTimer(timeout)
		defer timer.Stop()
		select {
		case <-t.done:
			late <- false
		case <-timer.C:
			late <- true
			t.kill()
		case <-ctx.Done():
			late <- false
			t.kill()
		}
	})
	exit := r.wait(t, cmd)
	wg.Wait()
	return wire.RunResult{
		Exit: exit, Stdout: stdout.buf.Bytes(), Stderr: stderr.buf.Bytes(),
		Truncated: stdout.over || stderr.over, TimedOut: <-late,
	}, ctx.Err()
}

// head keeps the first bytes written to it.
type head struct {
	limit int
	buf   bytes.Buffer
	over  bool
}

func (h *head) Write(p []byte) (int, error) {
	n := min(len(p), h.limit-h.buf.Len())
	h.buf.Write(p[:n])
	h.over = h.over || n < len(p)
	return len(p), nil
}

// ring keeps the last bytes written to it.
type ring struct {
	mu    sync.Mutex
	limit int
	buf   []byte
}

func (r *ring) Write(p []byte) (int, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.buf = append(r.buf, p...)
	if over := len(r.buf) - r.limit; over > 0 {
		r.buf = append(r.buf[:0], r.buf[over:]...)
	}
	return len(p), nil
}

func (r *ring) String() string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return string(r.buf)
}
