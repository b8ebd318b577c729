package sandbox

import (
	"errors"
	"io"
	"net/http"
	"os"
	"regexp"
	"sync"

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
	dead  chan struct{} // closed when its tree is dead; its answer may not be read yet
	death sync.Once
}

// stop ends the run and returns when its tree is dead.
func (r *run) stop() {
	r.told()
	<-r.dead
}

func (r *run) told() { r.once.Do(func() { close(r.halt) }) }

func (r *run) died() { r.death.Do(func() { close(r.dead) }) }

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
	r.died()
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
