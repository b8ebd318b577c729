package runner

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"sync"
	"time"

	"volundr/runtime/broker/wire"
)

// process is the order to start a process whose input and output are the
// connection.
type process struct {
	Argv []string `json:"argv"`
	Dir  string   `json:"dir"`
	Env  []string `json:"env"`
}

// ending says how a process ended.
type ending struct {
	Exit int    `json:"exit"`
	Tail string `json:"tail"` // last of its stderr
}

const (
	pathRun    = "POST /v1/run"
	pathStart  = "POST /v1/start" // process → 101, then bytes
	pathEnding = "GET /v1/endings/{tree}"
	pathPorts  = "GET /v1/ports"
	upgrade    = "volundr-process"
	treeHeader = "Volundr-Tree"
)

// Handler is the runner's service for the broker.
func (r *Runner) Handler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc(pathRun, r.serveRun)
	mux.HandleFunc(pathStart, r.serveStart)
	mux.HandleFunc(pathEnding, r.serveEnding)
	mux.HandleFunc(pathPorts, func(w http.ResponseWriter, _ *http.Request) { answer(w, Ports()) })
	return mux
}

func (r *Runner) serveRun(w http.ResponseWriter, req *http.Request) {
	var c wire.Command
	if err := json.NewDecoder(req.Body).Decode(&c); err != nil || len(c.Argv) == 0 {
		refuse(w, http.StatusBadRequest, "a command has an argv")
		return
	}
	res, err := r.run(req.Context(), c)
	if err != nil {
		refuse(w, http.StatusUnprocessableEntity, err.Error())
		return
	}
	answer(w, res)
}

// serveStart starts a process and makes the connection its input and output.
// When the connection goes, the whole tree is killed, with its input still
// open: an agent that sees the end of its input would write down a refusal.
func (r *Runner) serveStart(w http.ResponseWriter, req *http.Request) {
	var p process
	if err := json.NewDecoder(req.Body).Decode(&p); err != nil || len(p.Argv) == 0 {
		refuse(w, http.StatusBadRequest, "a process has an argv")
		return
	}
	t, cmd := r.newTree(p.Argv, p.Dir, p.Env)
	stdin, err := cmd.StdinPipe()
	if err != nil {
		refuse(w, http.StatusInternalServerError, err.Error())
		return
	}
	stdout, outw, err := os.Pipe()
	if err != nil {
		refuse(w, http.StatusInternalServerError, err.Error())
		return
	}
	defer stdout.Close()
	cmd.Stdout = outw
	cmd.Stderr = io.MultiWriter(t.tail, os.Stderr)
	err = r.start(t, cmd)
	outw.Close()
	if err != nil {
		stdin.Close()
		refuse(w, http.StatusUnprocessableEntity, err.Error())
		return
	}
	waited := make(chan struct{})
	var wg sync.WaitGroup
	wg.Go(func() {
		r.wait(t, cmd)
		time.AfterFunc(time.Minute, func() { r.forget(t) }) // if nobody asks how it ended
		close(waited)
	})
	defer wg.Wait()
	defer t.kill()

	conn, rw, err := http.NewResponseController(w).Hijack()
	if err != nil {
		return
	}
	defer conn.Close()
	fmt.Fprintf(rw, "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: %s\r\n%s: %s\r\n\r\n", upgrade, treeHeader, t.id)
	if rw.Flush() != nil {
		return
	}
	gone := make(chan struct{})
	wg.Go(func() { io.Copy(stdin, rw); close(gone) })
	drained := make(chan struct{})
	wg.Go(func() { io.Copy(conn, stdout); close(drained) })
	select {
	case <-gone:
	case <-waited:
		// Its last words may still be in the pipe; a grandchild that holds the
		// pipe open is killed, which ends the copy.
		t.kill()
		<-drained
	}
	t.kill()
	conn.Close()
}

func (r *Runner) serveEnding(w http.ResponseWriter, req *http.Request) {
	r.mu.Lock()
	t := r.trees[req.PathValue("tree")]
	r.mu.Unlock()
	if t == nil {
		refuse(w, http.StatusNotFound, "no such process")
		return
	}
	select {
	case <-t.done:
		r.forget(t)
		answer(w, ending{t.exit, t.tail.String()})
	case <-req.Context().Done():
	}
}

func answer(w http.ResponseWriter, v any) {
	w.Header().Set("Content-Type", "application/json")
	json.NewEncoder(w).Encode(v)
}

func refuse(w http.ResponseWriter, status int, detail string) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	json.NewEncoder(w).Encode(wire.Problem{Detail: detail})
}
