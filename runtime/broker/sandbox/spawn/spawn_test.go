package spawn

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"runtime"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// run runs a shell script and gives what it wrote and how it ended.
func run(t testing.TB, script string, change func(*Command)) (string, unix.WaitStatus) {
	t.Helper()
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	null, err := os.Open(os.DevNull)
	if err != nil {
		t.Fatal(err)
	}
	defer null.Close()
	c := Command{Path: "/bin/sh", Argv: []string{"sh", "-c", script}, Env: []string{"A=b", "PATH=" + os.Getenv("PATH")}, Dir: "/",
		Files: []int{int(null.Fd()), int(w.Fd()), int(w.Fd())}}
	if change != nil {
		change(&c)
	}
	pid, err := Start(c)
	w.Close()
	if err != nil {
		t.Fatal(err)
	}
	out, _ := io.ReadAll(r)
	var ws unix.WaitStatus
	if _, err := unix.Wait4(pid, &ws, 0, nil); err != nil {
		t.Fatal(err)
	}
	return string(out), ws
}

func TestAProcessHasWhatItWasGiven(t *testing.T) {
	out, ws := run(t, `echo $A; pwd; cat; echo err >&2; [ $$ = $(ps -o pgid= $$ | tr -d ' ') ] && echo group; exit 7`, func(c *Command) { c.Dir = "/usr" })
	if out != "b\n/usr\nerr\ngroup\n" || ws.ExitStatus() != 7 {
		t.Errorf("%q, exit %d", out, ws.ExitStatus())
	}
	out, _ = run(t, `ulimit -n; ulimit -f; ulimit -t; nice`, func(c *Command) {
		c.Nice = 19
		c.Limits = []Limit{{unix.RLIMIT_NOFILE, 77}, {unix.RLIMIT_FSIZE, 512 * 1024}, {unix.RLIMIT_CPU, 9}}
	})
	if out != "77\n1024\n9\n19\n" {
		t.Errorf("limits %q", out)
	}
}

// No signal is blocked or ignored in the new program.
func TestSignalsAreAsAtABirth(t *testing.T) {
	out, _ := run(t, `grep -E '^Sig(Blk|Ign)' /proc/self/status`, nil)
	for line := range strings.Lines(out) {
		if f := strings.Fields(line); f[1] != "0000000000000000" {
			t.Error(line)
		}
	}
	if strings.Count(out, "\n") != 2 {
		t.Errorf("%q", out)
	}
}

// Its parent gone, in another session and without its environment, a process
// has the first one as its parent.
func TestOrphansStayDescendants(t *testing.T) {
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	pid, err := Start(Command{Path: "/bin/sh", Dir: "/", Env: os.Environ(), Files: []int{int(r.Fd()), int(w.Fd()), int(w.Fd())}, Argv: []string{"sh", "-c",
		`(env -i PATH=$PATH setsid sh -c 'until [ "$(cut -d" " -f4 /proc/$$/stat)" = $0 ]; do :; done; echo adopted' $$ &); while :; do sleep 1; done`}})
	w.Close()
	if err != nil {
		t.Fatal(err)
	}
	r.SetReadDeadline(time.Now().Add(30 * time.Second))
	line := make([]byte, len("adopted\n"))
	if _, err := io.ReadFull(r, line); err != nil || string(line) != "adopted\n" {
		t.Errorf("%q %v", line, err)
	}
	unix.Kill(-pid, unix.SIGKILL)
	unix.Wait4(pid, nil, 0, nil)
}

func TestWhatCannotBeStartedIsAnError(t *testing.T) {
	for _, c := range []struct {
		path, dir string
		want      error
	}{
		{"/no/such", "/", fs.ErrNotExist},
		{"/etc/passwd", "/", fs.ErrPermission},
		{"/bin/sh", "/no/such", fs.ErrNotExist},
		{"/bin/sh\x00", "/", syscall.EINVAL},
	} {
		if pid, err := Start(Command{Path: c.path, Argv: []string{"x"}, Dir: c.dir}); !errors.Is(err, c.want) || pid != 0 {
			t.Errorf("%q in %q: pid %d, %v", c.path, c.dir, pid, err)
		}
	}
	if _, err := Start(Command{Path: "/bin/sh", Argv: []string{"sh"}, Files: []int{0, 1, 2}}); err == nil {
		t.Error("low descriptors are taken")
	}
}

// Start shares its memory with the child for a moment: the garbage collector
// and other goroutines go on meanwhile.
func TestManyAtOnce(t *testing.T) {
	stop := make(chan struct{})
	var busy, wg sync.WaitGroup
	busy.Go(func() {
		for {
			select {
			case <-stop:
				return
			default:
				runtime.GC()
			}
		}
	})
	for g := range 8 {
		wg.Go(func() {
			for i := range 25 {
				text := fmt.Sprint(g, "-", i)
				if out, ws := run(t, "echo "+text, nil); out != text+"\n" || ws.ExitStatus() != 0 {
					t.Errorf("%q, %d", out, ws)
				}
			}
		})
	}
	wg.Wait()
	close(stop)
	busy.Wait()
}

func BenchmarkTrue(b *testing.B) {
	for b.Loop() {
		run(b, "true", nil)
	}
}
