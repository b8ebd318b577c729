package kubernetes

import (
	"bufio"
	"context"
	"errors"
	"io"
	"os"
	goruntime "runtime"
	"strings"
	"testing"
	"time"

	"volundr/runtime"
)

// Whatever way Dial, Exec, Logs and Watch end, when the runtime is closed
// nothing of them runs on.
func TestNoGoroutineOutlivesTheRuntime(t *testing.T) {
	named(t)
	s := session(t, os.Getenv(envImage))
	s.Parts[1].Command = []string{"sh", "-c", "while :; do echo line; sleep 0.1; done"}
	keeper := installation(t) // removes the session
	begin(t, keeper, s)
	links(t, keeper, s.ID)
	before := goruntime.NumGoroutine()
	r, err := New(keeper.opts)
	if err != nil {
		t.Fatal(err)
	}
	closed := false
	defer func() {
		if !closed {
			r.Close()
		}
	}()
	ctx := bounded(t)
	watching, stop := context.WithCancel(ctx)
	nudged, watched := make(chan struct{}, 1), make(chan error, 1)
	go func() {
		watched <- r.Watch(watching, func() {
			select {
			case nudged <- struct{}{}:
			default:
			}
		})
	}()
	<-nudged
	for range 5 {
		conn, err := r.Dial(ctx, s.ID, 0)
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close() // some are closed only after the runtime
	}
	if _, err := r.Dial(ctx, s.ID, 1); err == nil {
		t.Error("a port on which nobody listens was dialled")
	}
	for range 3 {
		if _, err := r.Exec(ctx, s.ID, runtime.ExecOptions{Command: []string{"echo", "hello"}, Stdout: io.Discard}); err != nil {
			t.Error(err)
		}
	}
	short, cancel := context.WithTimeout(ctx, 500*time.Millisecond)
	defer cancel()
	stdin, _ := io.Pipe() // never says anything
	if _, err := r.Exec(short, s.ID, runtime.ExecOptions{Command: []string{"sleep", "600"}, Stdin: stdin, Stdout: io.Discard}); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("a command that was cut off: %v", err)
	}
	stdin.Close()
	for _, read := range []bool{true, false} {
		logs, err := r.Logs(ctx, s.ID, runtime.LogOptions{Part: runtime.PartAgent, Follow: true})
		if err != nil {
			t.Fatal(err)
		}
		if read {
			if line, err := bufio.NewReader(logs).ReadString('\n'); err != nil || !strings.Contains(line, "line") {
				t.Errorf("%q %v", line, err)
			}
		}
		logs.Close()
	}
	stop()
	if err := <-watched; err == nil {
		t.Error("Watch has ended without a reason")
	}
	if err := r.Close(); err != nil {
		t.Error(err)
	}
	closed = true
	keeper.api.http.CloseIdleConnections() // ours, but of the tests
	until(t, "no goroutine more than before", func() (any, bool) {
		stacks := make([]byte, 1<<20)
		stacks = stacks[:goruntime.Stack(stacks, true)]
		return string(stacks), goruntime.NumGoroutine() <= before
	})
}
