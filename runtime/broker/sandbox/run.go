package sandbox

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"io"
	"net/http"
	"os"
	"regexp"
	"sync"
	"time"

	"golang.org/x/sys/unix"

	"volundr/runtime/broker/wire"
)

const defaultLimit = 1_000_000 // bytes of each of stdout and stderr

var runID = regexp.MustCompile(`^[A-Za-z0-9_-]{1,64}$`)

var (
	errRunning = errors.New("a run with this id is under way")
	errCrowded = errors.New("too many commands run at once: wait for one to end")
	errEnded   = errors.New("the sandbox has ended")
)

// run is a command that is under way.
type run struct {
	stdin *input // nil: none that is open for more
	halt  chan struct{}
	once  sync.Once
	dead  chan struct{} // closed when it is over
}

// stop ends the run and returns when its tree is dead.
func (r *run) stop() {
	r.once.Do(func() { close(r.halt) })
	<-r.dead
}

// admit enters a run into the list.
func (s *Sandbox) admit(id string) (*run, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case s.ending:
		return nil, errEnded
	case s.runs[id] != nil:
		return nil, errRunning
	case len(s.runs) >= maxRuns:
		return nil, errCrowded
	}
	r := &run{halt: make(chan struct{}), dead: make(chan struct{})}
	s.runs[id] = r
	s.idle.Add(1)
	return r, nil
}

func (s *Sandbox) dismiss(id string, r *run) {
	s.mu.Lock()
	delete(s.runs, id)
	s.mu.Unlock()
	close(r.dead)
	s.idle.Done()
}

func (s *Sandbox) serveRun(w http.ResponseWriter, req *http.Request) {
	o, ok := read[wire.Run](w, req)
	if !ok {
		return
	}
	io.Copy(io.Discard, req.Body) // from its end on a hang-up is noticed
	if !runID.MatchString(o.ID) || (len(o.Argv) == 0) == (o.Python == nil) {
		refuse(w, http.StatusBadRequest, "A run has an id, and a command or a program.")
		return
	}
	r, err := s.admit(o.ID)
	if err != nil {
		fail(w, err)
		return
	}
	defer s.dismiss(o.ID, r)
	if o.Python != nil {
		if err := s.layProgram(o.Python.Code); err != nil {
			fail(w, err)
			return
		}
	}
	s.execute(w, req.Context(), r, o)
}

// execute runs the command and answers with what comes of it.
func (s *Sandbox) execute(w http.ResponseWriter, ctx context.Context, r *run, o wire.Run) {
	began, oom, mark := time.Now(), s.memory.kills(), rand.Text()
	p, err := plumb(o.OpenStdin || o.Stdin != nil)
	if err != nil {
		fail(w, err)
		return
	}
	defer p.close()
	c, err := s.command(o, mark)
	if err == nil {
		c.Argv, err = p.lengthy(c.Argv)
	}
	c.Files = p.theirs
	t := &tree{children: &s.children, mark: mark, gone: make(chan struct{})}
	var ended <-chan ending
	if err == nil {
		t.pid, ended, err = s.children.start(c)
	}
	p.closeTheirs()
	out := newFrames(w)
	if err != nil {
		if exit, theirs := unstartable(err); theirs {
			out.sendJSON(wire.FrameStart, wire.RunStarted{ID: o.ID}, false)
			out.send(wire.FrameStderr, []byte(err.Error()+"\n"))
			out.sendJSON(wire.FrameResult, wire.SandboxResult{Exit: &exit, DurationMS: since(began), StderrBytes: int64(len(err.Error()) + 1)}, true)
			return
		}
		w.Header().Del("Content-Type")
		fail(w, err)
		return
	}
	// Who may write to its input must learn that it runs.
	out.sendJSON(wire.FrameStart, wire.RunStarted{ID: o.ID, PID: t.pid}, o.OpenStdin)

	var feeding, reading sync.WaitGroup
	if p.stdin != nil {
		in := &input{to: p.stdin}
		if o.OpenStdin {
			s.mu.Lock()
			r.stdin = in
			s.mu.Unlock()
		}
		feeding.Go(func() { in.write(bytes.NewReader(o.Stdin), !o.OpenStdin) })
		defer feeding.Wait()
		defer in.close()
	}
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
	out.sendJSON(wire.FrameResult, res, true)
}

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

func (s *Sandbox) serveStdin(w http.ResponseWriter, req *http.Request) {
	s.mu.Lock()
	var in *input
	if r := s.runs[req.PathValue("id")]; r != nil {
		in = r.stdin
	}
	s.mu.Unlock()
	if in == nil {
		refuse(w, http.StatusNotFound, "No run with this id has its input open.")
		return
	}
	err := in.write(req.Body, req.FormValue("close") == "1")
	if errors.Is(err, os.ErrClosed) || errors.Is(err, unix.EPIPE) {
		refuse(w, http.StatusNotFound, "The command's input is closed.")
		return
	}
	finish(w, err)
}

func (s *Sandbox) serveCancel(w http.ResponseWriter, req *http.Request) {
	s.mu.Lock()
	r := s.runs[req.PathValue("id")]
	s.mu.Unlock()
	if r == nil {
		refuse(w, http.StatusNotFound, "No run with this id is under way.")
		return
	}
	r.stop()
	finish(w, nil)
}

func since(t time.Time) int64 { return time.Since(t).Milliseconds() }
