package runtimetest

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"io"
	"strconv"
	"strings"
	"testing"

	"volundr/runtime"
)

var execCases = []test{
	{"Exec/in a running part", processes, func(t *testing.T, s *suite) {
		spec := s.spec(t)
		spec.Parts[0].Env = merged(spec.Parts[0].Env, "WHICH", "broker")
		a := agent(t, &spec)
		a.Env = merged(a.Env, "WHICH", "agent")
		s.start(t, spec)
		for _, c := range []struct {
			name     string
			opts     runtime.ExecOptions
			stdin    string
			exit     int
			out, err string
		}{
			{name: "success", opts: runtime.ExecOptions{Command: []string{"true"}}},
			{name: "exit code", opts: shell("exit 42"), exit: 42},
			{name: "killed by a signal", opts: shell("kill -KILL $$"), exit: 137},
			{name: "streams apart", opts: shell("echo out; echo err >&2"), out: "out\n", err: "err\n"},
			{name: "stdin to its end", opts: shell("cat; echo end"), stdin: "in\n", out: "in\nend\n"},
			{name: "no stdin is /dev/null", opts: shell("cat; echo end"), out: "end\n"},
			{name: "arguments are not a shell's", opts: runtime.ExecOptions{Command: []string{"printf", "%s|", "a b", "$HOME", "*", ""}}, out: "a b|$HOME|*||"},
			{name: "directory", opts: in("/tmp", "pwd"), out: "/tmp\n"},
			{name: "environment", opts: withEnv("echo $ONE:$TWO", "ONE=1", "TWO=a=b c"), out: "1:a=b c\n"},
			{name: "the part's environment", opts: shell("echo $WHICH"), out: "agent\n"},
			{name: "another part", opts: runtime.ExecOptions{Part: runtime.PartBroker, Command: []string{"sh", "-c", "echo $WHICH"}}, out: "broker\n"},
			{name: "the part's user", opts: shell("id -u"), out: itoa(agent(t, &spec).UID) + "\n"},
		} {
			t.Run(c.name, func(t *testing.T) {
				var out, errs bytes.Buffer
				c.opts.Stdout, c.opts.Stderr = &out, &errs
				if c.stdin != "" {
					c.opts.Stdin = strings.NewReader(c.stdin)
				}
				exit, err := s.rt.Exec(s.ctx(t), spec.ID, c.opts)
				if err != nil || exit != c.exit || out.String() != c.out || errs.String() != c.err {
					t.Errorf("exit %d %v, out %q, err %q; want %d, %q, %q", exit, err, out.String(), errs.String(), c.exit, c.out, c.err)
				}
			})
		}
		t.Run("no such program", func(t *testing.T) {
			exit, err := s.rt.Exec(s.ctx(t), spec.ID, runtime.ExecOptions{Command: []string{"/no/such/program"}})
			if err == nil && exit < 126 {
				t.Errorf("exit %d and no error", exit)
			}
		})
		t.Run("no such part", func(t *testing.T) {
			if _, err := s.rt.Exec(s.ctx(t), spec.ID, runtime.ExecOptions{Part: "nobody", Command: []string{"true"}}); !errors.Is(err, runtime.ErrNotFound) {
				t.Errorf("%v, want ErrNotFound", err)
			}
		})
		t.Run("much in, much out, unchanged", func(t *testing.T) {
			data := bytes.Repeat([]byte("0123456789abcde\n"), 4<<16) // 4 MiB
			var out bytes.Buffer
			exit, err := s.rt.Exec(s.ctx(t), spec.ID, runtime.ExecOptions{Command: []string{"cat"}, Stdin: bytes.NewReader(data), Stdout: &out})
			if err != nil || exit != 0 || sha256.Sum256(out.Bytes()) != sha256.Sum256(data) {
				t.Errorf("exit %d %v, %d of %d bytes", exit, err, out.Len(), len(data))
			}
		})
		t.Run("returns though stdin never ends", func(t *testing.T) {
			r, w := io.Pipe()
			defer w.Close()
			if exit, err := s.rt.Exec(s.ctx(t), spec.ID, runtime.ExecOptions{Command: []string{"true"}, Stdin: r}); err != nil || exit != 0 {
				t.Errorf("exit %d %v", exit, err)
			}
		})
		t.Run("the end of its context kills the command", func(t *testing.T) { s.killed(t, spec.ID) })
		t.Run("on a terminal", func(t *testing.T) {
			var out bytes.Buffer
			size := make(chan [2]uint, 1)
			size <- [2]uint{91, 33}
			close(size)
			// The size may arrive after the start: wait for it, not for long.
			script := `test -t 0 && test -t 1 && echo terminal; n=0; while [ "$(stty size)" != "33 91" ] && [ $n -lt 100 ]; do n=$((n+1)); sleep 0.1; done; stty size; echo err >&2; exit 3`
			exit, err := s.rt.Exec(s.ctx(t), spec.ID, runtime.ExecOptions{Command: []string{"sh", "-c", script}, Stdout: &out, TTY: true, Resize: size})
			if err != nil || exit != 3 || out.String() != "terminal\r\n33 91\r\nerr\r\n" {
				t.Errorf("exit %d %v, %q", exit, err, out.String())
			}
		})
	}},
	{"Exec/in what does not run is ErrNotFound", 0, func(t *testing.T, s *suite) {
		spec := s.spec(t)
		opts := runtime.ExecOptions{Command: []string{"true"}}
		if _, err := s.rt.Exec(s.ctx(t), spec.ID, opts); !errors.Is(err, runtime.ErrNotFound) {
			t.Errorf("absent: %v, want ErrNotFound", err)
		}
		s.start(t, spec)
		s.end(t, spec.ID, runtime.PartAgent, 0)
		s.await(t, spec.ID, "partial", func(w runtime.Workload) bool { return w.State == runtime.Partial })
		if _, err := s.rt.Exec(s.ctx(t), spec.ID, opts); !errors.Is(err, runtime.ErrNotFound) {
			t.Errorf("ended: %v, want ErrNotFound", err)
		}
		s.stop(t, spec.ID)
		if _, err := s.rt.Exec(s.ctx(t), spec.ID, opts); !errors.Is(err, runtime.ErrNotFound) {
			t.Errorf("stopped: %v, want ErrNotFound", err)
		}
	}},
}

// killed starts a command, ends its context once it speaks, and sees that its
// whole process tree is gone.
func (s *suite) killed(t *testing.T, id string) {
	ctx, cancel := context.WithCancel(s.ctx(t))
	defer cancel()
	r, w := io.Pipe()
	done := make(chan error, 1)
	go func() {
		_, err := s.rt.Exec(ctx, id, runtime.ExecOptions{Command: []string{"sh", "-c", "echo on; sleep 98765 & sleep 98766"}, Stdout: w})
		w.Close()
		done <- err
	}()
	if line := make([]byte, 3); true {
		if _, err := io.ReadFull(r, line); err != nil {
			t.Fatalf("the command said nothing: %v", err)
		}
	}
	go io.Copy(io.Discard, r)
	cancel()
	select {
	case err := <-done:
		if err == nil {
			t.Error("no error from an Exec that was cut off")
		}
	case <-s.ctx(t).Done():
		t.Fatal("Exec does not return when its context ends")
	}
	s.until(t, "no process of the command is left", func() bool {
		return s.sh(t, id, `for p in /proc/[0-9]*; do tr '\0' ' ' < $p/cmdline 2>/dev/null; echo; done | grep -c '^sleep 9876' || true`) == "0\n"
	}, func() any { return "still there" })
}

func shell(script string) runtime.ExecOptions {
	return runtime.ExecOptions{Command: []string{"sh", "-c", script}}
}

func in(dir, script string) runtime.ExecOptions {
	o := shell(script)
	o.Dir = dir
	return o
}

func withEnv(script string, env ...string) runtime.ExecOptions {
	o := shell(script)
	o.Env = env
	return o
}

// sh runs a script in the agent, fails the test unless it succeeds, and gives
// its output.
func (s *suite) sh(t *testing.T, id, script string) string {
	t.Helper()
	return s.shIn(t, id, runtime.PartAgent, script)
}

func (s *suite) shIn(t *testing.T, id, part, script string) string {
	t.Helper()
	var out, errs bytes.Buffer
	exit, err := s.rt.Exec(s.ctx(t), id, runtime.ExecOptions{Part: part, Command: []string{"sh", "-c", script}, Stdout: &out, Stderr: &errs})
	if err != nil || exit != 0 {
		t.Fatalf("%s in %s: exit %d %v\n%s%s", script, part, exit, err, out.String(), errs.String())
	}
	return out.String()
}

func merged(env map[string]string, key, value string) map[string]string {
	m := map[string]string{key: value}
	for k, v := range env {
		m[k] = v
	}
	return m
}

func itoa(n int) string { return strconv.Itoa(n) }
