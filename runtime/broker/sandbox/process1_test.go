package sandbox_test

import (
	"context"
	"crypto/ed25519"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"volundr/daemon/sandbox/inner"
	"volundr/runtime/broker/wire"
)

// process1 starts a runner as process 1 of a name space, as a user that may
// have limit processes, its own threads included. ended is closed when it is
// gone, and all that was in there with it.
func process1(t *testing.T, limit int) (c *inner.Client, ended <-chan struct{}) {
	t.Helper()
	if os.Getuid() != 0 {
		t.Skip("layer not run: a name space of processes and a user in it need root")
	}
	pub, key, err := ed25519.GenerateKey(nil)
	if err != nil {
		t.Fatal(err)
	}
	// Outside of the test's own folder, which only this user may enter.
	dir, err := os.MkdirTemp("/tmp", "sandbox-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	uid := 1_000_000 + os.Getpid()
	for _, d := range []string{dir, filepath.Join(dir, "workspace")} {
		os.Mkdir(d, 0o755)
		if err := os.Chown(d, uid, uid); err != nil {
			t.Fatal(err)
		}
	}
	program := filepath.Join(dir, "program")
	if out, err := exec.Command("cp", os.Args[0], program).CombinedOutput(); err != nil {
		t.Fatalf("%v %s", err, out)
	}
	os.Chmod(dir, 0o755)
	socket := filepath.Join(dir, "socket")
	cmd := exec.Command(program)
	cmd.Env = []string{"PATH=" + os.Getenv("PATH"), "HOME=/", "VOLUNDR_TEST_PROCESS_1=root", fmt.Sprint("UID=", uid), fmt.Sprint("LIMIT=", limit),
		"KEY=" + base64.StdEncoding.EncodeToString(pub), "ADDRESS=" + socket, "WORKSPACE=" + filepath.Join(dir, "workspace")}
	cmd.SysProcAttr = &syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWPID | syscall.CLONE_NEWNS, Pdeathsig: syscall.SIGKILL}
	var log strings.Builder
	cmd.Stderr = &log
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	gone := make(chan struct{})
	go func() { defer close(gone); cmd.Wait() }()
	t.Cleanup(func() {
		cmd.Process.Kill()
		<-gone
		if log.Len() > 0 {
			t.Errorf("process 1 says:\n%.4000s", log.String())
		}
	})
	c = inner.New(func(ctx context.Context) (net.Conn, error) {
		conn, err := (&net.Dialer{}).DialContext(ctx, "unix", socket)
		if err != nil {
			return nil, err
		}
		return wire.Client(conn, key, "s", 0)
	})
	t.Cleanup(c.Close)
	until(t, "process 1 to answer", func() bool { _, err := c.State(t.Context()); return err == nil })
	return c, gone
}

// Commands are of the same user, and have nothing on process 1.
func TestCommandsCannotTouchProcess1(t *testing.T) {
	c, _ := process1(t, 200)
	out := bash(t, c, `for s in KILL STOP SEGV QUIT ABRT TRAP HUP USR1 FPE PIPE SYS TSTP; do kill -$s 1; done
		for f in environ mem maps fd auxv; do head -c 1 /proc/1/$f 2>/dev/null && echo "read $f"; ls /proc/1/$f/ 2>/dev/null; done
		echo -100 > /proc/self/oom_score_adj; echo 1000 > /proc/1/oom_score_adj
		echo $(cat /proc/1/oom_score_adj) $(cat /proc/self/oom_score_adj) $(nice) $HOME`)
	if got := strings.TrimSpace(string(out.Stdout)); got != "0 500 19 /tmp" {
		t.Errorf("%q\n%s", got, out.Stderr)
	}
	if st, err := c.State(t.Context()); err != nil || st.Runs != 0 {
		t.Errorf("%+v %v", st, err)
	}
}

// Orphans are nobody's: they are reaped when they end, and live till then.
func TestOrphansOfEndedCommands(t *testing.T) {
	c, _ := process1(t, 200)
	bash(t, c, "for i in 1 2 3; do (setsid sleep 0.1 >/dev/null 2>&1 &); done; setsid sleep 600 >/dev/null 2>&1 &")
	until(t, "one orphan and no zombie", func() bool {
		out := bash(t, c, `cat /proc/[0-9]*/stat | grep -c ' Z 1 '; pgrep -fc '[s]leep 600'`)
		return string(out.Stdout) == "0\n1\n"
	})
}

// At the limit of processes the runner kills, answers and runs on.
func TestABombAtTheLimit(t *testing.T) {
	c, _ := process1(t, 100)
	for name, bomb := range map[string]string{
		"forks":             `f() { f | f & }; f; sleep 60`,
		"forks in sessions": "exec python3 -c 'import os\nwhile True:\n  try:\n    if os.fork() == 0: os.setsid()\n  except OSError: pass'",
		"threads":           "exec python3 -c 'import threading\ndef f():\n  while True: pass\nwhile True:\n  try: threading.Thread(target=f).start()\n  except Exception: pass'",
	} {
		t.Run(name, func(t *testing.T) {
			began := time.Now()
			out := bash(t, c, bomb, func(r *wire.Run) { r.TimeoutMS, r.Limit = 700, 1000 })
			if !out.TimedOut {
				t.Errorf("%+v %s", out.SandboxResult, out.Stderr)
			}
			t.Logf("dead %v after its time", time.Since(began)-700*time.Millisecond)
			until(t, "nothing but process 1 and the shell that looks", func() bool {
				return len(strings.Fields(string(bash(t, c, `echo /proc/[0-9]*`).Stdout))) == 2
			})
		})
	}
}

// What is unreadable by its mode is this user's all the same.
func TestUnreadableProducts(t *testing.T) {
	c, _ := process1(t, 200)
	bash(t, c, "echo 1 > none; chmod 0 none; mkdir -p d/e; echo 2 > d/e/f; chmod 0 d/e d; echo 3 > own; chmod 600 own")
	got, p := produced(t, c, 1000)
	if len(got) != 3 || got["none"] != "1\n" || got["d/e/f"] != "2\n" || got["own"] != "3\n" || len(p.Skipped) != 0 {
		t.Errorf("%v %+v", got, p)
	}
	bash(t, c, "mkdir full; echo x > full/x; chmod 0 full")
	if err := c.Delete(t.Context(), "full"); err != nil {
		t.Error(err)
	}
}

// With process 1 everything ends, whatever it is.
func TestTheEndOfProcess1(t *testing.T) {
	c, gone := process1(t, 200)
	word := "." + unique()
	bash(t, c, fmt.Sprintf("setsid sleep 60%s >/dev/null 2>&1 & env -i setsid sleep 60%[1]s >/dev/null 2>&1 &", word))
	until(t, "both live", func() bool { return alive(word) == 2 })
	began := time.Now()
	if err := c.End(t.Context()); err != nil {
		t.Fatal(err)
	}
	t.Logf("answered after %v", time.Since(began))
	if n := alive(word); n != 0 {
		t.Errorf("%d live on after the answer", n)
	}
	select {
	case <-gone:
	case <-time.After(30 * time.Second):
		t.Fatal("process 1 lives on")
	}
}

func TestAProcess1WithACommandIsEndedAtItsDeadline(t *testing.T) {
	c, gone := process1(t, 200)
	word := "." + unique()
	go c.Collect(t.Context(), wire.Run{ID: "x", Argv: inner.Bash("trap '' TERM; sleep 60" + word + "; sleep 60" + word)})
	until(t, "the command to run", func() bool { return alive(word) > 0 })
	st, err := c.SetDeadline(t.Context(), time.Now().Add(50*time.Millisecond))
	if b, _ := json.Marshal(st); err != nil {
		t.Fatalf("%s %v", b, err)
	}
	select {
	case <-gone:
	case <-time.After(30 * time.Second):
		t.Fatal("process 1 lives on")
	}
	if n := alive(word); n != 0 {
		t.Errorf("%d live on", n)
	}
}
