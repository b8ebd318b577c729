package sandbox_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"volundr/daemon/sandbox/inner"
	"volundr/runtime/broker/sandbox"
	"volundr/runtime/broker/wire"
)

func TestACommandIsAnswered(t *testing.T) {
	c, s := world(t)
	for _, test := range []struct {
		name, cmd      string
		change         func(*wire.Run)
		stdout, stderr string
		exit           int
	}{
		{"output and code", "echo out; echo err >&2; exit 7", nil, "out\n", "err\n", 7},
		{"empty", "", nil, "", "", 0},
		{"no such command", "no-such-program-here", nil, "", "bash: line 1: no-such-program-here: command not found\n", 127},
		{"killed by itself", "kill -9 $$", nil, "", "", 137},
		{"no input", "cat; echo end", nil, "end\n", "", 0},
		{"input", "cat", func(r *wire.Run) { r.Stdin = []byte("in") }, "in", "", 0},
		{"input nobody reads", "exit 3", func(r *wire.Run) { r.Stdin = make([]byte, 1<<20) }, "", "", 3},
		{"folder and environment", "pwd; echo $A $B", func(r *wire.Run) { r.Dir = "/usr"; r.Env = []string{"A=1", "A=2", "B=x=y"} }, "/usr\n2 x=y\n", "", 0},
		{"the workspace", "pwd", nil, s.Workspace + "\n", "", 0},
		{"a program", "", func(r *wire.Run) { r.Argv = []string{"/bin/echo", "a b", "$A"} }, "a b $A\n", "", 0},
		{"a program in PATH", "", func(r *wire.Run) { r.Argv = []string{"echo", "x"} }, "x\n", "", 0},
		{"no such program", "", func(r *wire.Run) { r.Argv = []string{"nope"} }, "", "nope: command not found: file does not exist\n", 127},
		{"not a program", "", func(r *wire.Run) { r.Argv = []string{"/etc/passwd"} }, "", "start /etc/passwd: permission denied\n", 126},
		{"a long command line", "echo $((" + strings.Repeat("1+", 100_000) + "1)); exit 5", nil, "100001\n", "", 5},
	} {
		t.Run(test.name, func(t *testing.T) {
			out := bash(t, c, test.cmd, func(r *wire.Run) {
				if test.change != nil {
					test.change(r)
				}
			})
			if string(out.Stdout) != test.stdout || string(out.Stderr) != test.stderr || exit(out.SandboxResult) != test.exit || out.TimedOut || out.OOMKilled {
				t.Errorf("%q %q %+v, exit %d", out.Stdout, out.Stderr, out.SandboxResult, exit(out.SandboxResult))
			}
		})
	}
	if st, err := c.State(t.Context()); err != nil || st.Runs != 0 || st.Session != s.Session {
		t.Errorf("%+v %v", st, err)
	}
}

func TestOrdersThatAreNone(t *testing.T) {
	c, _ := world(t)
	for _, r := range []wire.Run{{ID: "a"}, {Argv: []string{"true"}}, {ID: "a/b", Argv: []string{"true"}}, {ID: "a", Argv: []string{"true"}, Python: &wire.Python{}},
		{ID: strings.Repeat("x", 65), Argv: []string{"true"}}, {ID: "nul", Argv: []string{"bash", "-c", "a\x00b"}}, {ID: "big", Argv: []string{"echo", strings.Repeat("x", 1<<20)}}} {
		if _, err := c.Collect(t.Context(), r); !errors.Is(err, inner.ErrInvalid) {
			t.Errorf("%.80q: %v", r.Argv, err)
		}
	}
}

func TestOutputBeyondTheLimitIsDropped(t *testing.T) {
	c, _ := world(t)
	out := bash(t, c, "head -c 3000000 /dev/zero; echo e >&2", func(r *wire.Run) { r.Limit = 1000 })
	if len(out.Stdout) != 1000 || !out.StdoutTruncated || out.StdoutBytes != 3_000_000 || out.StderrTruncated || string(out.Stderr) != "e\n" {
		t.Errorf("%d bytes, %+v", len(out.Stdout), out.SandboxResult)
	}
	out = bash(t, c, "head -c 1000 /dev/zero", func(r *wire.Run) { r.Limit = 1000 })
	if len(out.Stdout) != 1000 || out.StdoutTruncated {
		t.Errorf("as long as the limit: %d bytes, %+v", len(out.Stdout), out.SandboxResult)
	}
	if out = bash(t, c, "head -c 3000000 /dev/zero"); len(out.Stdout) != 1_000_000 {
		t.Errorf("%d bytes without a limit of its own", len(out.Stdout))
	}
}

// What a command leaves behind lives on and may write, and its answer does not
// wait for it.
func TestABackgroundJobOutlivesItsCommand(t *testing.T) {
	c, s := world(t)
	out := bash(t, c, "(while [ ! -e stop ]; do echo noise; sleep 0.01; done; echo over > over) & echo started")
	if !strings.Contains(string(out.Stdout), "started") || exit(out.SandboxResult) != 0 {
		t.Fatalf("%q %+v", out.Stdout, out.SandboxResult)
	}
	// Another command's end does not touch it.
	if out := bash(t, c, "sleep 60", func(r *wire.Run) { r.TimeoutMS = 50 }); !out.TimedOut || out.Exit != nil {
		t.Errorf("%+v", out.SandboxResult)
	}
	bash(t, c, "touch stop")
	until(t, "the job to end by itself", func() bool { _, err := os.Stat(filepath.Join(s.Workspace, "over")); return err == nil })
}

// What has begun can be written to, and cancelled, from then on.
func TestARunThatHasBegun(t *testing.T) {
	c, _ := world(t)
	for range 20 {
		var said string
		_, err := c.Run(t.Context(), wire.Run{ID: "asked", Argv: inner.Bash("read line; echo got $line"), OpenStdin: true},
			func() error { return c.Stdin(t.Context(), "asked", strings.NewReader("it\n"), true) },
			func(_ bool, data []byte) error { said += string(data); return nil })
		if err != nil || said != "got it\n" {
			t.Fatalf("%q %v", said, err)
		}
		res, err := c.Run(t.Context(), wire.Run{ID: "cancelled", Argv: inner.Bash("sleep 600")},
			func() error { return c.Cancel(t.Context(), "cancelled") }, func(bool, []byte) error { return nil })
		if err != nil || !res.Cancelled {
			t.Fatalf("%+v %v", res, err)
		}
	}
}

func TestInputThatStaysOpen(t *testing.T) {
	c, _ := world(t)
	got, done := make(chan string, 16), make(chan inner.Output, 1)
	go func() {
		var out inner.Output
		out.SandboxResult, _ = c.Run(t.Context(), wire.Run{ID: "talk", Argv: inner.Bash("echo ready; while read line; do echo got $line; done; echo end"), OpenStdin: true, Stdin: []byte("first\n")}, nil,
			func(_ bool, data []byte) error { got <- string(data); return nil })
		done <- out
	}()
	var heard string
	hear := func(want string) {
		t.Helper()
		for !strings.Contains(heard, want) {
			select {
			case s := <-got:
				heard += s
			case out := <-done:
				t.Fatalf("it ended: %+v after %q", out, heard)
			}
		}
	}
	hear("ready\ngot first\n")
	if err := c.Stdin(t.Context(), "talk", strings.NewReader("second\n"), false); err != nil {
		t.Fatal(err)
	}
	hear("got second\n")
	if err := c.Stdin(t.Context(), "talk", strings.NewReader("last\n"), true); err != nil {
		t.Fatal(err)
	}
	hear("got last\nend\n")
	if out := <-done; exit(out.SandboxResult) != 0 {
		t.Errorf("%+v", out)
	}
	if err := c.Stdin(t.Context(), "talk", strings.NewReader("late"), false); !errors.Is(err, inner.ErrNotFound) {
		t.Errorf("after its end: %v", err)
	}
}

func TestAnIDNamesOneRun(t *testing.T) {
	c, _ := world(t)
	started, done := make(chan bool, 1), make(chan wire.SandboxResult, 1)
	go func() {
		res, _ := c.Run(t.Context(), wire.Run{ID: "one", Argv: inner.Bash("echo up; sleep 60")}, nil, func(bool, []byte) error { started <- true; return nil })
		done <- res
	}()
	<-started
	if _, err := c.Collect(t.Context(), wire.Run{ID: "one", Argv: inner.Bash("true")}); !errors.Is(err, inner.ErrConflict) {
		t.Errorf("a second one: %v", err)
	}
	if err := c.Cancel(t.Context(), "one"); err != nil {
		t.Error(err)
	}
	if res := <-done; !res.Cancelled || res.Exit != nil {
		t.Errorf("%+v", res)
	}
	if err := c.Cancel(t.Context(), "one"); !errors.Is(err, inner.ErrNotFound) {
		t.Errorf("cancelled twice: %v", err)
	}
}

func TestLimitsOfACommand(t *testing.T) {
	c, _ := world(t, func(o *sandbox.Options) {
		o.Config.FileSize, o.Config.OpenFiles, o.Config.CPUSeconds = 64<<10, 50, 1
	})
	if out := bash(t, c, "ulimit -n; ulimit -c; ulimit -f; ulimit -t"); string(out.Stdout) != "50\n0\n64\n1\n" {
		t.Errorf("%q", out.Stdout)
	}
	if out := bash(t, c, "head -c 1000000 /dev/zero > f; wc -c < f"); !strings.HasSuffix(string(out.Stdout), "65536\n") {
		t.Errorf("%q %q", out.Stdout, out.Stderr)
	}
	if out := bash(t, c, "while :; do :; done"); exit(out.SandboxResult) != 128+int(unix.SIGKILL) && exit(out.SandboxResult) != 128+int(unix.SIGXCPU) {
		t.Errorf("%+v %d", out.SandboxResult, exit(out.SandboxResult))
	}
}

func BenchmarkBashTrue(b *testing.B) {
	c, _ := world(b)
	for b.Loop() {
		if _, err := c.Collect(context.Background(), wire.Run{ID: "b", Argv: inner.Bash("true")}); err != nil {
			b.Fatal(err)
		}
	}
}
