package sandbox

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"

	"volundr/runtime/broker/sandbox/spawn"
	"volundr/runtime/broker/wire"
)

// longest is how long one argument of a program may be, its end included
// (MAX_ARG_STRLEN).
const longest = 128 << 10

// standBack is how nice commands are, to the runner: a sandbox full of them has
// to be ended at once. Beside other containers it makes no difference.
const standBack = 19

// pipes are the ends that a command gets and those that stay here.
type pipes struct {
	theirs         []int // descriptors for 0, 1, 2, and 3 for a long command line
	stdin          *os.File
	stdout, stderr *os.File
}

func (p *pipes) closeTheirs() {
	for _, fd := range p.theirs {
		unix.Close(fd)
	}
	p.theirs = nil
}

func (p *pipes) close() {
	p.closeTheirs()
	for _, f := range []*os.File{p.stdin, p.stdout, p.stderr} {
		if f != nil {
			f.Close()
		}
	}
}

// plumb makes the pipes of a command.
func plumb(stdin bool) (*pipes, error) {
	p := &pipes{}
	if stdin {
		var fd [2]int
		if err := unix.Pipe2(fd[:], unix.O_CLOEXEC); err != nil {
			return nil, err
		}
		p.theirs = append(p.theirs, fd[0])
		unix.SetNonblock(fd[1], true)
		p.stdin = os.NewFile(uintptr(fd[1]), "stdin")
	} else {
		fd, err := unix.Open(os.DevNull, unix.O_RDONLY|unix.O_CLOEXEC, 0)
		if err != nil {
			return nil, err
		}
		p.theirs = append(p.theirs, fd)
	}
	for _, end := range []**os.File{&p.stdout, &p.stderr} {
		var fd [2]int
		if err := unix.Pipe2(fd[:], unix.O_CLOEXEC); err != nil {
			p.close()
			return nil, err
		}
		p.theirs = append(p.theirs, fd[1])
		unix.SetNonblock(fd[0], true)
		*end = os.NewFile(uintptr(fd[0]), "output")
	}
	return p, nil
}

// command turns an order into what is started, apart from its files.
func (s *Sandbox) command(r wire.Run, mark string) (spawn.Command, error) {
	c := spawn.Command{Argv: r.Argv, Dir: r.Dir, Nice: standBack}
	if r.Python != nil {
		c.Argv = python(s.opts.Workspace, *r.Python)
	}
	if !filepath.IsAbs(c.Dir) {
		c.Dir = filepath.Join(s.opts.Workspace, c.Dir)
	}
	c.Env = environment(s.opts.Env, r.Env, []string{"PWD=" + c.Dir, markEnv + "=" + mark})
	l := s.opts.Config
	c.Limits = []spawn.Limit{{Resource: unix.RLIMIT_CORE}}
	for resource, value := range map[int]uint64{unix.RLIMIT_FSIZE: l.FileSize, unix.RLIMIT_NOFILE: l.OpenFiles, unix.RLIMIT_CPU: l.CPUSeconds} {
		if value > 0 {
			c.Limits = append(c.Limits, spawn.Limit{Resource: resource, Value: value})
		}
	}
	var err error
	c.Path, err = look(c.Argv[0], c.Dir, c.Env)
	return c, err
}

// lengthy hands the text of a bash -c over as a file where it is too long for
// an argument.
func (p *pipes) lengthy(argv []string) ([]string, error) {
	if len(argv) < 3 || argv[0] != "bash" || argv[1] != "-c" || len(argv[2]) < longest {
		return argv, nil
	}
	fd, err := unix.MemfdCreate("command", unix.MFD_CLOEXEC)
	if err != nil {
		return nil, err
	}
	p.theirs = append(p.theirs, fd)
	for text := argv[2]; text != ""; {
		n, err := unix.Write(fd, []byte(text))
		if err != nil {
			return nil, err
		}
		text = text[n:]
	}
	argv = slices.Clone(argv)
	argv[2] = fmt.Sprintf(". /proc/self/fd/%d", len(p.theirs)-1)
	return argv, nil
}

// environment merges lists of KEY=value; the later one counts.
func environment(lists ...[]string) []string {
	at := map[string]int{}
	var env []string
	for _, kv := range slices.Concat(lists...) {
		key, _, ok := strings.Cut(kv, "=")
		if !ok || key == "" {
			continue
		}
		if i, ok := at[key]; ok {
			env[i] = kv
			continue
		}
		at[key] = len(env)
		env = append(env, kv)
	}
	return env
}

// look finds a program as execvp does, in the PATH of env.
func look(name, dir string, env []string) (string, error) {
	if strings.Contains(name, "/") {
		return name, nil
	}
	path := ""
	for _, kv := range env {
		if v, ok := strings.CutPrefix(kv, "PATH="); ok {
			path = v
		}
	}
	for _, d := range filepath.SplitList(path) {
		file := filepath.Join(d, name)
		if !filepath.IsAbs(file) {
			file = filepath.Join(dir, file)
		}
		var st unix.Stat_t
		if unix.Stat(file, &st) == nil && st.Mode&unix.S_IFMT == unix.S_IFREG && unix.Access(file, unix.X_OK) == nil {
			return file, nil
		}
	}
	return "", fmt.Errorf("%s: command not found: %w", name, fs.ErrNotExist)
}

// unstartable gives the exit code that a shell gives for a program that cannot
// be started; ok is false where the fault is not the program's.
func unstartable(err error) (exit int, ok bool) {
	switch {
	case errors.Is(err, fs.ErrNotExist), errors.Is(err, syscall.ENOTDIR), errors.Is(err, syscall.ELOOP):
		return 127, true
	case errors.Is(err, fs.ErrPermission), errors.Is(err, syscall.ENOEXEC):
		return 126, true
	}
	return 0, false
}
