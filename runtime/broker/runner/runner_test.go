package runner

import (
	"context"
	"io"
	"log/slog"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"volundr/runtime/broker/wire"
)

func serve(t *testing.T) *Client {
	t.Helper()
	r := New(slog.New(slog.DiscardHandler))
	srv := httptest.NewServer(r.Handler())
	t.Cleanup(func() { r.killAll(); srv.Close(); r.running.Wait() })
	return NewClient(srv.Listener.Addr().String())
}

func sh(script string) wire.Command {
	return wire.Command{Argv: []string{"sh", "-c", script}, Dir: os.TempDir()}
}

func TestRun(t *testing.T) {
	c := serve(t)
	res, err := c.Run(t.Context(), wire.Command{Argv: []string{"sh", "-c", "cat; echo err >&2; exit 3"}, Dir: "/", Stdin: []byte("in")})
	if err != nil || res.Exit != 3 || string(res.Stdout) != "in" || string(res.Stderr) != "err\n" || res.Truncated || res.TimedOut {
		t.Errorf("%+v %v", res, err)
	}
	cmd := sh("yes | head -c 5000")
	cmd.Limit = 100
	if res, err = c.Run(t.Context(), cmd); err != nil || len(res.Stdout) != 100 || !res.Truncated {
		t.Errorf("%d bytes, truncated %v %v", len(res.Stdout), res.Truncated, err)
	}
	if res, err = c.Run(t.Context(), sh("kill -9 $$")); err != nil || res.Exit != 128+int(syscall.SIGKILL) {
		t.Errorf("killed: %+v %v", res, err)
	}
	if _, err = c.Run(t.Context(), wire.Command{Argv: []string{"/no/such/program"}, Dir: "/"}); err == nil || !strings.Contains(err.Error(), "no such file") {
		t.Errorf("missing program: %v", err)
	}
}

// alive counts the processes that run with the argument.
func alive(arg string) int {
	n := 0
	list, _ := filepath.Glob("/proc/[0-9]*")
	for _, dir := range list {
		b, err := os.ReadFile(dir + "/cmdline")
		state, _, ok := stat(dir)
		if err == nil && ok && state != 'Z' && strings.Contains(string(b), arg) && strings.HasPrefix(string(b), "sleep") {
			n++
		}
	}
	return n
}

func until(t *testing.T, what string, ok func() bool) {
	t.Helper()
	deadline := time.After(10 * time.Second)
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for !ok() {
		select {
		case <-tick.C:
		case <-deadline:
			t.Fatalf("waited for %s", what)
		}
	}
}

// Orphans, other sessions and a cleared environment do not outlive their tree.
func TestATimeOutKillsTheWholeTree(t *testing.T) {
	c := serve(t)
	cmd := sh(`(setsid sleep 4711 &) ; (nohup sleep 4711 >/dev/null 2>&1 &) ; env -i setsid sleep 4711 & sleep 4711`)
	cmd.TimeoutMS = 300
	res, err := c.Run(t.Context(), cmd)
	if err != nil || !res.TimedOut {
		t.Errorf("%+v %v", res, err)
	}
	until(t, "the tree to be gone", func() bool { return alive("4711") == 0 })
}

func TestAProcessIsAConnection(t *testing.T) {
	c := serve(t)
	p, err := c.Start(t.Context(), []string{"sh", "-c", "read x; echo got $x; echo bad >&2; exit 4"}, "/", nil)
	if err != nil {
		t.Fatal(err)
	}
	io.WriteString(p, "line\n")
	out, err := io.ReadAll(p)
	if err != nil || string(out) != "got line\n" {
		t.Errorf("read %q %v", out, err)
	}
	exit, tail, err := p.Ending(t.Context())
	if err != nil || exit != 4 || tail != "bad\n" {
		t.Errorf("ended %d %q %v", exit, tail, err)
	}
	p.Close()
}

// The agent must not see its input end before it is killed.
func TestClosingAProcessKillsItsTree(t *testing.T) {
	c := serve(t)
	mark := filepath.Join(t.TempDir(), "saw-end")
	p, err := c.Start(t.Context(), []string{"sh", "-c", "sleep 4712 & echo up; cat; echo > " + mark}, "/", nil)
	if err != nil {
		t.Fatal(err)
	}
	io.ReadFull(p, make([]byte, 3))
	p.Close()
	until(t, "the tree to be gone", func() bool { return alive("4712") == 0 })
	if _, err := os.Stat(mark); err == nil {
		t.Error("the process saw the end of its input")
	}
}

func TestASupervisedProcessIsStartedAgain(t *testing.T) {
	log := filepath.Join(t.TempDir(), "log")
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error)
	go func() {
		done <- Run(ctx, Options{Command: []string{"sh", "-c", "echo x >> " + log + "; [ $(wc -l < " + log + ") -ge 3 ] && exec sleep 4713; exit 1"}, Log: slog.New(slog.DiscardHandler)})
	}()
	until(t, "the third start", func() bool { return alive("4713") == 1 })
	cancel()
	if err := <-done; err != nil {
		t.Error(err)
	}
	if alive("4713") != 0 {
		t.Error("the process outlived its runner")
	}
}

func TestOrphansAreReaped(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	c := children{ours: map[int]bool{}}
	done := make(chan bool)
	go func() { c.reap(ctx); close(done) }()
	cmd := exec.Command("sh", "-c", "(sh -c 'sleep 0.2; exit 0' & ) ; exit 5")
	if err := c.start(cmd); err != nil {
		t.Fatal(err)
	}
	if err := cmd.Wait(); cmd.ProcessState.ExitCode() != 5 {
		t.Errorf("our own child: %v: its end was taken by the reaper", err)
	}
	c.ended(cmd.Process.Pid)
	until(t, "no zombie", func() bool {
		list, _ := filepath.Glob("/proc/[0-9]*")
		for _, dir := range list {
			if state, parent, ok := stat(dir); ok && parent == os.Getpid() && state == 'Z' {
				return false
			}
		}
		return true
	})
	cancel()
	<-done
}

func TestListener(t *testing.T) {
	for line, want := range map[string]int{
		"   0: 0100007F:1388 00000000:0000 0A 00000000:00000000 00:00000000 00000000  1000        0 12345 1":                                      5000,
		"   0: 00000000:1388 00000000:0000 0A 00000000:00000000 00:00000000 00000000  1000        0 12345 1":                                      5000,
		"   0: 0B00007F:1388 00000000:0000 0A 00000000:00000000 00:00000000 00000000  1000        0 12345 1":                                      0, // Docker's name server
		"   0: 0100007F:1388 0100007F:9999 01 00000000:00000000 00:00000000 00000000  1000        0 12345 1":                                      0, // a connection
		"   0: 00000000000000000000000001000000:1388 00000000000000000000000000000000:0000 0A 00000000:00000000 00:00000000 00000000 1000 0 12 1": 5000,
		"  sl  local_address rem_address   st": 0,
		"":                                     0,
	} {
		port, _, ok := listener(line)
		if ok != (want != 0) || (ok && port != want) {
			t.Errorf("%q: %d %v, want %d", line, port, ok, want)
		}
	}
}
