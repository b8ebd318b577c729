package sandbox

import (
	"bytes"
	"context"
	"crypto/rand"
	"io"
	"net/http"
	"os"
	"sync"
	"time"

	"volundr/runtime/broker/wire"
)

// start starts the command of an order.
func (s *Sandbox) start(o wire.Run) (*tree, *pipes, <-chan ending, error) {
	p, err := plumb(o.OpenStdin || o.Stdin != nil)
	if err != nil {
		return nil, nil, nil, err
	}
	defer p.closeTheirs()
	t := &tree{children: &s.children, mark: rand.Text(), gone: make(chan struct{})}
	c, err := s.command(o, t.mark)
	if err == nil {
		c.Argv, err = p.lengthy(c.Argv)
	}
	var ended <-chan ending
	if err == nil {
		c.Files = p.theirs
		t.pid, ended, err = s.children.start(c)
	}
	if err != nil {
		p.close()
		return nil, nil, nil, err
	}
	return t, p, ended, nil
}

// execute runs the command and answers with what comes of it.
func (s *Sandbox) execute(w http.ResponseWriter, ctx context.Context, r *run, o wire.Run) {
	began, oom := time.Now(), s.memory.kills()
	t, p, ended, err := s.start(o)
	if exit, theirs := unstartable(err); theirs {
		said := err.Error() + "\n"
		out := newFrames(w)
		out.sendJSON(wire.FrameStart, wire.RunStarted{ID: o.ID}, false)
		out.send(wire.FrameStderr, []byte(said))
		out.sendJSON(wire.FrameResult, wire.SandboxResult{Exit: &exit, DurationMS: since(began), StderrBytes: int64(len(said))}, true)
		return
	}
	if err != nil {
		fail(w, err)
		return
	}
	defer p.close()
	out := newFrames(w)
	var feeding, reading sync.WaitGroup
	if p.stdin != nil {
		in := &input{to: p.stdin}
		in.mu.Lock() // whoever else writes waits behind the order's own
		if o.OpenStdin {
			s.mu.Lock()
			r.stdin = in
			s.mu.Unlock()
		}
		feeding.Go(func() {
			defer in.mu.Unlock()
			in.put(bytes.NewReader(o.Stdin), !o.OpenStdin)
		})
		defer feeding.Wait()
		defer in.close()
	}
	// Who may write to its input, or cancel it, must learn that it runs.
	out.sendJSON(wire.FrameStart, wire.RunStarted{ID: o.ID, PID: t.pid}, o.OpenStdin || o.Told)
	limit := o.Limit
	if limit <= 0 {
		limit = defaultLimit
	}
	streams := []*output{
		{from: p.stdout, kind: wire.FrameStdout, limit: limit, frames: out},
		{from: p.stderr, kind: wire.FrameStderr, limit: limit, frames: out},
	}
	open := make([]bool, len(streams))
	for i, one := range streams {
		reading.Go(func() { open[i] = one.read() })
	}

	res, hung := s.outcome(ctx, r, t, ended, time.Duration(o.TimeoutMS)*time.Millisecond)
	r.died()
	out.hurry()
	for _, one := range streams {
		one.wake()
	}
	res.DurationMS = since(began)
	reading.Wait()
	if open[0] {
		s.leave(&p.stdout)
	}
	if open[1] {
		s.leave(&p.stderr)
	}
	if hung {
		return
	}
	res.OOMKilled = s.memory.kills() > oom && res.Exit != nil && *res.Exit != 0
	res.StdoutBytes, res.StderrBytes = streams[0].seen, streams[1].seen
	res.StdoutTruncated, res.StderrTruncated = streams[0].seen > limit, streams[1].seen > limit
	// What is short goes with the end of the answer.
	out.sendJSON(wire.FrameResult, res, res.StdoutBytes+res.StderrBytes > short)
	out.rest()
}

// short is an output, in bytes, whose result fits beside it into what any
// connection takes at once.
const short = 32 << 10

// outcome waits until the command has ended or must end. hung: nobody waits for
// the answer.
func (s *Sandbox) outcome(ctx context.Context, r *run, t *tree, ended <-chan ending, timeout time.Duration) (res wire.SandboxResult, hung bool) {
	var late <-chan time.Time
	if timeout > 0 {
		timer := time.NewTimer(timeout)
		defer timer.Stop()
		late = timer.C
	}
	select {
	case ws := <-ended:
		exit := ws.ExitStatus()
		if ws.Signaled() {
			exit = 128 + int(ws.Signal())
		}
		res.Exit = &exit
		return res, false
	case <-late:
		res.TimedOut = true
	case <-r.halt:
		res.Cancelled = true
	case <-ctx.Done():
		hung = true
	}
	var wait sync.WaitGroup
	wait.Go(func() { <-ended; close(t.gone) }) // the kill sees to it
	t.kill()
	wait.Wait()
	return res, hung
}

// leave keeps reading, into nothing, what a command left in the background
// writes: it would die of a pipe that nobody reads.
func (s *Sandbox) leave(from **os.File) {
	f := *from
	*from = nil // nobody else closes it
	stop := context.AfterFunc(s.ctx, func() { f.Close() })
	s.background.Go(func() {
		defer stop()
		defer f.Close()
		io.Copy(io.Discard, f)
	})
}

func since(t time.Time) int64 { return time.Since(t).Milliseconds() }
