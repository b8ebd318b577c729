package sandbox

import (
	"bytes"
	"os"
	"strconv"

	"golang.org/x/sys/unix"
)

// proc is a process as /proc shows it.
type proc struct {
	pid, parent int
	state       byte // R, S, D, T, t, Z, X, …
}

func (p proc) dead() bool    { return p.state == 'Z' || p.state == 'X' }
func (p proc) stopped() bool { return p.state == 'T' || p.state == 't' }

// processes lists all but us.
func processes() []proc {
	dir, err := os.Open("/proc")
	if err != nil {
		return nil
	}
	defer dir.Close()
	names, _ := dir.Readdirnames(-1)
	self := os.Getpid()
	all := make([]proc, 0, len(names))
	var buf [512]byte
	for _, name := range names {
		if name[0] < '0' || name[0] > '9' {
			continue
		}
		pid, err := strconv.Atoi(name)
		if err != nil || pid == self {
			continue
		}
		fd, err := unix.Open("/proc/"+name+"/stat", unix.O_RDONLY|unix.O_CLOEXEC, 0)
		if err != nil {
			continue
		}
		n, err := unix.Read(fd, buf[:])
		unix.Close(fd)
		if err != nil || n <= 0 {
			continue
		}
		if p, ok := parseStat(pid, buf[:n]); ok {
			all = append(all, p)
		}
	}
	return all
}

// parseStat reads a line of /proc/<pid>/stat. The name in parentheses may hold
// anything; what follows its end does not.
func parseStat(pid int, line []byte) (proc, bool) {
	i := bytes.LastIndexByte(line, ')')
	if i < 0 {
		return proc{}, false
	}
	f := bytes.Fields(line[i+1:])
	if len(f) < 2 || len(f[0]) != 1 {
		return proc{}, false
	}
	parent, err := strconv.Atoi(string(f[1]))
	return proc{pid, parent, f[0][0]}, err == nil
}

// descendants gives the living ones of root, itself left out. Whose ancestors
// are dead but not yet waited for is one too.
func descendants(all []proc, root int) []proc {
	in := map[int]bool{root: true}
	for grown := true; grown; {
		grown = false
		for _, p := range all {
			if !in[p.pid] && in[p.parent] {
				in[p.pid], grown = true, true
			}
		}
	}
	var out []proc
	for _, p := range all {
		if in[p.pid] && p.pid != root && !p.dead() {
			out = append(out, p)
		}
	}
	return out
}

// markEnv is in the environment of every command. It finds what descent does
// not: a process whose first one was killed by another hand than ours.
const markEnv = "VOLUNDR_RUN"

// marked gives the living processes that carry the mark.
func marked(all []proc, id string) []proc {
	want := []byte(markEnv + "=" + id)
	var out []proc
	for _, p := range all {
		if p.dead() {
			continue
		}
		env, err := os.ReadFile("/proc/" + strconv.Itoa(p.pid) + "/environ")
		if err != nil {
			continue
		}
		if at := bytes.Index(env, want); at == 0 || at > 0 && env[at-1] == 0 {
			out = append(out, p)
		}
	}
	return out
}
