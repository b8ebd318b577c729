package sandbox

import (
	"bufio"
	"bytes"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
)

// memory counts the processes that the kernel killed because the container was
// at its limit of memory, from whichever version of control groups there is.
type memory struct {
	root string // "/", but for tests

	once sync.Once
	file *os.File // nil: it cannot be seen
	key  string
}

// kills gives the count so far; 0 where it cannot be seen.
func (m *memory) kills() int64 {
	m.once.Do(m.find)
	if m.file == nil {
		return 0
	}
	var b [1024]byte // it has some hundred bytes
	n, err := m.file.ReadAt(b[:], 0)
	if err != nil && err != io.EOF {
		return 0
	}
	for line := range bytes.Lines(b[:n]) {
		if name, value, ok := strings.Cut(strings.TrimSpace(string(line)), " "); ok && name == m.key {
			n, _ := strconv.ParseInt(value, 10, 64)
			return n
		}
	}
	return 0
}

// find looks for the file of our own group. Its path is relative to the root of
// the group's name space, or of the host where there is none; then the mount
// itself is the container's group.
func (m *memory) find() {
	f, err := os.Open(filepath.Join(m.root, "proc/self/cgroup"))
	if err != nil {
		return
	}
	defer f.Close()
	for lines := bufio.NewScanner(f); lines.Scan(); {
		part := strings.SplitN(lines.Text(), ":", 3) // number:controllers:path
		if len(part) != 3 {
			continue
		}
		mount, file := filepath.Join(m.root, "sys/fs/cgroup"), "memory.events"
		switch part[1] {
		case "":
		case "memory":
			mount, file = filepath.Join(mount, "memory"), "memory.oom_control"
		default:
			continue
		}
		for _, dir := range []string{filepath.Join(mount, part[2]), mount} {
			name := filepath.Join(dir, file)
			if f, err := os.Open(name); err == nil {
				m.file, m.key = f, "oom_kill"
				return
			}
		}
	}
}
