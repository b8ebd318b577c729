// Package runner is the first process of the agent, editor and terminal
// containers, and of sandboxes: it lays out the home, supervises one process,
// reaps what nobody waits for, and runs commands as the container's user on the
// broker's order. It knows no secret but those that its user gave to the session.
package runner

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os"
	"sync"
	"time"

	"volundr/runtime/broker/wire"
)

// Options say what a runner does. The zero value only reaps.
type Options struct {
	// Listen is the loopback address of its HTTP service; empty: none.
	Listen string
	// Command is supervised: started again, with back-off, when it ends.
	Command []string
	Log     *slog.Logger
}

// Runner runs and ends processes. Make it with New.
type Runner struct {
	log      *slog.Logger
	children children
	mu       sync.Mutex
	trees    map[string]*tree
	running  sync.WaitGroup
}

// New gives a runner that has started nothing yet.
func New(log *slog.Logger) *Runner {
	return &Runner{log: log, children: children{ours: map[int]bool{}}, trees: map[string]*tree{}}
}

// Run works until ctx ends, then ends all that it started.
func Run(ctx context.Context, o Options) error {
	r := New(o.Log)
	reaper, stop := context.WithCancel(context.Background())
	var wg sync.WaitGroup
	wg.Go(func() { r.children.reap(reaper) })
	defer wg.Wait()
	defer stop()

	if o.Listen != "" {
		ln, err := net.Listen("tcp", o.Listen)
		if err != nil {
			return fmt.Errorf("listen for the broker: %w", err)
		}
		srv := &http.Server{Handler: r.Handler(), ReadHeaderTimeout: 10 * time.Second}
		wg.Go(func() {
			if err := srv.Serve(ln); !errors.Is(err, http.ErrServerClosed) {
				o.Log.Error("Runner service ended", "error", err)
			}
		})
		defer srv.Close()
	}
	if len(o.Command) > 0 {
		r.supervise(ctx, o.Command)
	} else {
		<-ctx.Done()
	}
	r.killAll()
	r.running.Wait()
	return nil
}

// supervise keeps argv running until ctx ends.
func (r *Runner) supervise(ctx context.Context, argv []string) {
	pause := firstPause
	for ctx.Err() == nil {
		began := time.Now()
		exit, err := r.once(ctx, argv)
		if ctx.Err() != nil {
			return
		}
		if time.Since(began) > calm {
			pause = firstPause
		}
		r.log.Warn("Process ended and is started again", "command", argv[0], "exit", exit, "error", err, "pause", pause)
		select {
		case <-ctx.Done():
		case <-time.After(pause):
		}
		pause = min(2*pause, longestPause)
	}
}

const (
	firstPause   = 200 * time.Millisecond
	longestPause = 10 * time.Second
	calm         = 30 * time.Second // a process that lived this long starts afresh
	grace        = 5 * time.Second  // between asking a process to end and killing it
)

// once runs argv with our own output until it ends or ctx does.
func (r *Runner) once(ctx context.Context, argv []string) (int, error) {
	t, cmd := r.newTree(argv, "", nil)
	cmd.Stdout, cmd.Stderr = os.Stdout, os.Stderr
	if err := r.start(t, cmd); err != nil {
		return -1, err
	}
	ended := make(chan struct{})
	var wg sync.WaitGroup
	wg.Go(func() {
		select {
		case <-ctx.Done():
			t.end(grace, ended)
		case <-ended:
		}
	})
	exit := r.wait(t, cmd)
	close(ended)
	wg.Wait()
	t.kill() // what it left behind
	r.forget(t)
	return exit, nil
}

// Address gives where the runner of a part listens; empty when it has none.
func Address(part string) string {
	port := map[string]int{"agent": wire.AgentPort, "editor": wire.EditorRunner, "terminal": wire.TermRunner}[part]
	if port == 0 {
		return ""
	}
	return fmt.Sprintf("127.0.0.1:%d", port)
}
