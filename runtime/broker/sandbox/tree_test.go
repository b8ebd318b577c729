package sandbox_test

import (
	"context"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"volundr/daemon/sandbox/inner"
	"volundr/runtime/broker/wire"
)

// hidden leaves a process in each way that there is to get away: orphaned, in a
// session of its own, without its environment, without its output.
func hidden(word string) string {
	return strings.ReplaceAll(`
		(setsid sleep 60WORD &)
		(nohup sleep 60WORD >/dev/null 2>&1 &)
		(env -i PATH=$PATH setsid sh -c '(sleep 60WORD >/dev/null 2>&1 </dev/null &) ; sleep 60WORD & sleep 60WORD' &)
		env -i setsid "$(command -v sleep)" 60WORD &
		sleep 60WORD &
		until [ $(pgrep -fc '[s]leep 60WORD') -ge 7 ]; do sleep 0.01; done; echo up; sleep 60WORD`, "WORD", word)
}

func unique() string { return fmt.Sprintf("%d%d", os.Getpid(), time.Now().UnixNano()%1e9) }

// However a command must end, all that came of it is dead with it.
func TestTheWholeTreeDies(t *testing.T) {
	for name, end := range map[string]func(t *testing.T, c *inner.Client, cancel func()){
		"time out": nil,
		"cancel": func(t *testing.T, c *inner.Client, _ func()) {
			if err := c.Cancel(t.Context(), "tree"); err != nil {
				t.Error(err)
			}
		},
		"hang up":     func(_ *testing.T, _ *inner.Client, cancel func()) { cancel() },
		"its own end": func(t *testing.T, c *inner.Client, _ func()) { c.End(t.Context()) },
	} {
		t.Run(name, func(t *testing.T) {
			c, _ := world(t)
			word := "." + unique()
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			r := wire.Run{ID: "tree", Argv: inner.Bash(hidden(word))}
			if end == nil {
				r.TimeoutMS = 3000
			}
			up, done := make(chan bool, 1), make(chan wire.SandboxResult, 1)
			go func() {
				res, _ := c.Run(ctx, r, nil, func(bool, []byte) error {
					select {
					case up <- true:
					default:
					}
					return nil
				})
				done <- res
			}()
			select {
			case <-up:
			case res := <-done:
				if end != nil {
					t.Fatalf("it ended at once: %+v", res)
				}
				done <- res // a slow machine: its time was over before all were up
			}
			if end != nil {
				end(t, c, cancel)
			}
			res := <-done
			if name == "time out" && !res.TimedOut || name == "cancel" && !res.Cancelled {
				t.Errorf("%+v", res)
			}
			if name == "hang up" {
				until(t, "the tree to be dead", func() bool { return alive(word) == 0 })
			}
			if n := alive(word); n != 0 {
				t.Errorf("%d processes live on", n)
			}
		})
	}
}

// One command's end does not touch another's processes, hidden ones neither.
func TestOtherCommandsLiveOn(t *testing.T) {
	c, _ := world(t)
	mine, other := "."+unique(), "."+unique()+"7"
	up := make(chan bool, 2)
	first := make(chan wire.SandboxResult, 1)
	report := func(bool, []byte) error { up <- true; return nil }
	go func() {
		res, _ := c.Run(t.Context(), wire.Run{ID: "first", Argv: inner.Bash(hidden(mine))}, nil, report)
		first <- res
	}()
	second := make(chan wire.SandboxResult, 1)
	go func() {
		res, _ := c.Run(t.Context(), wire.Run{ID: "second", Argv: inner.Bash(hidden(other))}, nil, report)
		second <- res
	}()
	<-up
	<-up
	for _, word := range []string{mine, other} {
		until(t, "all of its processes", func() bool { return sleeping(word) == 8 })
	}
	if err := c.Cancel(t.Context(), "first"); err != nil {
		t.Fatal(err)
	}
	<-first
	if n := alive(mine); n != 0 {
		t.Errorf("%d of the cancelled ones live on", n)
	}
	if n := sleeping(other); n != 8 {
		t.Errorf("%d of 8 others live", n)
	}
	c.Cancel(t.Context(), "second")
	<-second
}

// A tree that grows while it is cut is cut all the same.
func TestAForkBombDies(t *testing.T) {
	c, _ := world(t)
	word := "bomb" + unique()
	// Each of at most some hundred processes starts others and ends.
	script := fmt.Sprintf(`ulimit -u 400 2>/dev/null; exec -a %[1]s bash -c 'f() { [ $(ls -d /proc/[0-9]* | wc -l) -gt 600 ] || { f & f & }; sleep 0.0$((RANDOM %% 5)); f; }; f' %[1]s`, word)
	began := time.Now()
	out := bash(t, c, script, func(r *wire.Run) { r.TimeoutMS, r.Limit = 300, 1000 })
	if !out.TimedOut {
		t.Errorf("%+v", out.SandboxResult)
	}
	t.Logf("dead after %v", time.Since(began)-300*time.Millisecond)
	if n := alive(word); n != 0 {
		t.Errorf("%d processes live on", n)
	}
}
