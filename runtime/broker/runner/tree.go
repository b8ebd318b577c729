package runner

import (
	"bytes"
	"crypto/rand"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// mark is the environment variable that every process of a tree inherits. With
// it a tree is found again after its processes were orphaned or left their
// group; those that cleared their environment are found as descendants.
const mark = "VOLUNDR_TREE"

// tree is a process and all that came of it.
type tree struct {
	id   string
	argv []string
	pid  int
	exit int
	done chan struct{} // closed when the first process ended
	tail *ring         // last of its stderr
}

func (r *Runner) newTree(argv []string, dir string, env []string) (*tree, *exec.Cmd) {
	t := &tree{id: rand.Text(), argv: argv, done: make(chan struct{}), tail: &ring{limit: 8 << 10}}
	cmd := exec.Command(argv[0], argv[1:]...)
	cmd.Dir = dir
	cmd.Env = append(append(os.Environ(), env...), mark+"="+t.id)
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.WaitDelay = time.Second // for output that grandchildren hold open
	return t, cmd
}

// start starts the first process; wait must follow.
func (r *Runner) start(t *tree, cmd *exec.Cmd) error {
	if err := r.children.start(cmd); err != nil {
		return err
	}
	t.pid = cmd.Process.Pid
	r.mu.Lock()
	r.trees[t.id] = t
	r.mu.Unlock()
	r.running.Add(1)
	return nil
}

// wait returns how the first process ended: its code, or 128+n for signal n.
func (r *Runner) wait(t *tree, cmd *exec.Cmd) int {
	cmd.Wait() // the state below says it all
	r.children.ended(t.pid)
	t.exit = -1
	if st := cmd.ProcessState; st != nil {
		t.exit = st.ExitCode()
		if ws, ok := st.Sys().(syscall.WaitStatus); ok && ws.Signaled() {
			t.exit = 128 + int(ws.Signal())
		}
	}
	close(t.done)
	r.running.Done()
	return t.exit
}

func (r *Runner) forget(t *tree) {
	r.mu.Lock()
	delete(r.trees, t.id)
	r.mu.Unlock()
}

func (r *Runner) killAll() {
	r.mu.Lock()
	var all []*tree
	for _, t := range r.trees {
		all = append(all, t)
	}
	r.mu.Unlock()
	for _, t := range all {
		t.kill()
	}
}

// end asks the first process to end, and kills the tree when grace is over.
func (t *tree) end(grace time.Duration, ended <-chan struct{}) {
	syscall.Kill(t.pid, syscall.SIGTERM)
	select {
	case <-ended:
	case <-time.After(grace):
		t.kill()
	}
}

// kill ends every process of the tree. It repeats until none is left, for five
// seconds at most, because a tree may grow while it is cut and a large process
// on a busy machine takes its time to die.
func (t *tree) kill() {
	done := t.done
	for range 250 {
		pids := members(t.id)
		select {
		case <-t.done:
		default:
			if t.pid > 0 {
				pids = append(pids, t.pid)
			}
		}
		if len(pids) == 0 {
			return
		}
		for _, pid := range pids {
			syscall.Kill(pid, syscall.SIGKILL)
		}
		select {
		case <-done:
			done = nil // it hurries us once; from then on it would never pause
		case <-time.After(20 * time.Millisecond):
		}
	}
}

// members lists the living processes that carry the mark, and their living
// descendants.
func members(id string) []int {
	want := []byte(mark + "=" + id)
	parents := map[int]int{}
	in := map[int]bool{}
	procs, _ := filepath.Glob("/proc/[0-9]*")
	for _, dir := range procs {
		pid, err := strconv.Atoi(filepath.Base(dir))
		if err != nil || pid == os.Getpid() {
			continue
		}
		state, parent, ok := stat(dir)
		if !ok || state == 'Z' || state == 'X' {
			continue
		}
		parents[pid] = parent
		env, err := os.ReadFile(dir + "/environ")
		if err == nil && (bytes.HasPrefix(env, append(bytes.Clone(want), 0)) || bytes.Contains(env, append([]byte{0}, want...))) {
			in[pid] = true
		}
	}
	for grown := true; grown; {
		grown = false
		for pid, parent := range parents {
			if !in[pid] && in[parent] {
				in[pid], grown = true, true
			}
		}
	}
	var pids []int
	for pid := range in {
		pids = append(pids, pid)
	}
	return pids
}

// stat reads state and parent from a /proc directory.
func stat(dir string) (state byte, parent int, ok bool) {
	b, err := os.ReadFile(dir + "/stat")
	if err != nil {
		return 0, 0, false
	}
	// The name in parentheses may hold anything; what follows its end does not.
	i := strings.LastIndexByte(string(b), ')')
	if i < 0 {
		return 0, 0, false
	}
	f := strings.Fields(string(b[i+1:]))
	if len(f) < 2 {
		return 0, 0, false
	}
	parent, err = strconv.Atoi(f[1])
	return f[0][0], parent, err == nil
}
