package sandbox

import (
	"os"
	"path/filepath"
	"testing"
)

func TestMemoryKillsAreFound(t *testing.T) {
	for name, test := range map[string]struct {
		files map[string]string
		want  int64
	}{
		"version 2, own name space": {map[string]string{"proc/self/cgroup": "0::/\n", "sys/fs/cgroup/memory.events": "low 0\noom 3\noom_kill 2\noom_group_kill 0\n"}, 2},
		"version 2, the host's":     {map[string]string{"proc/self/cgroup": "0::/docker/abc\n", "sys/fs/cgroup/docker/abc/memory.events": "oom_kill 4\n", "sys/fs/cgroup/memory.events": "oom_kill 9\n"}, 4},
		"version 1":                 {map[string]string{"proc/self/cgroup": "12:pids:/docker/abc\n4:memory:/docker/abc\n0::/docker/abc\n", "sys/fs/cgroup/memory/memory.oom_control": "oom_kill_disable 0\nunder_oom 0\noom_kill 5\n"}, 5},
		"none":                      {map[string]string{"proc/self/cgroup": "0::/\n"}, 0},
		"not to be seen":            {nil, 0},
	} {
		dir := t.TempDir()
		for file, text := range test.files {
			file = filepath.Join(dir, file)
			os.MkdirAll(filepath.Dir(file), 0o755)
			if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		m := memory{root: dir}
		if got := m.kills(); got != test.want {
			t.Errorf("%s: %d, not %d", name, got, test.want)
		}
	}
}

func TestDescendants(t *testing.T) {
	all := []proc{{10, 1, 'S'}, {12, 11, 'Z'}, {11, 10, 'T'}, {13, 12, 'R'}, {20, 1, 'S'}, {21, 20, 'S'}, {14, 13, 'X'}}
	var got []int
	for _, p := range descendants(all, 10) {
		got = append(got, p.pid)
	}
	if len(got) != 2 || got[0] != 11 || got[1] != 13 {
		t.Errorf("%v", got)
	}
	for line, want := range map[string]proc{"7 (a) b) S) R 5 7 7": {7, 5, 'R'}, "7 (x) S": {}, "": {}, "7 (x) S y": {7, 0, 'S'}} {
		if p, ok := parseStat(7, []byte(line)); ok && p != want || !ok && want.parent != 0 {
			t.Errorf("%q: %+v %v", line, p, ok)
		}
	}
}
