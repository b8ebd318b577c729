package e2e

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// inAgent runs a shell command in the agent's container, as Docker sees it.
func (p *product) inAgent(id, script string) string {
	p.t.Helper()
	return p.inPart(id, "agent", script)
}

func (p *product) inPart(id, part, script string) string {
	p.t.Helper()
	name, err := exec.Command("docker", "ps", "-q", "--filter", "label=volundr.session="+id, "--filter", "label=volundr.part="+part).Output()
	if err != nil {
		p.t.Fatal(err)
	}
	out, err := exec.Command("docker", "exec", strings.TrimSpace(string(name)), "sh", "-c", script).CombinedOutput()
	if err != nil {
		p.t.Fatalf("%s: %v\n%s", script, err, out)
	}
	return string(out)
}

// noSecret looks for the key wherever an agent, or somebody with the engine,
// could read it.
func (p *product) noSecret(id string) {
	p.t.Helper()
	ids, err := exec.Command("docker", "ps", "-aq", "--filter", "label=volundr.session="+id).Output()
	if err != nil {
		p.t.Fatal(err)
	}
	inspect, err := exec.Command("docker", append([]string{"inspect"}, strings.Fields(string(ids))...)...).Output()
	if err != nil {
		p.t.Fatal(err)
	}
	if strings.Contains(string(inspect), secret) {
		p.t.Error("the key stands in docker inspect")
	}
	for _, c := range strings.Fields(string(ids)) {
		// The pattern comes by standard input, so that the search does not find
		// itself.
		search := exec.Command("docker", "exec", "-i", c, "sh", "-c",
			"grep -lsF -f /dev/stdin /proc/[0-9]*/environ /proc/[0-9]*/cmdline; true")
		search.Stdin = strings.NewReader(secret)
		if out, err := search.CombinedOutput(); err != nil || len(out) > 0 {
			p.t.Errorf("a process of container %s knows the key: %v %s", c, err, out)
		}
		search = exec.Command("docker", "exec", "-i", c, "sh", "-c",
			"grep -rlsF -f /dev/stdin /home/volundr /workspace /tmp /run /journal /etc; true")
		search.Stdin = strings.NewReader(secret)
		if out, err := search.CombinedOutput(); err != nil || len(out) > 0 {
			p.t.Errorf("files in container %s hold the key: %v %s", c, err, out)
		}
	}
	for _, file := range []string{"volundr.db", "volundr.db-wal", filepath.Join("log", "daemon.log")} {
		if raw, err := os.ReadFile(filepath.Join(p.dir, file)); err == nil && strings.Contains(string(raw), secret) {
			p.t.Errorf("the key stands in %s", file)
		}
	}
}

// leftovers names containers and volumes of a session that still exist.
func leftovers(t *testing.T, id string) string {
	t.Helper()
	var left string
	for _, args := range [][]string{
		{"ps", "-aq", "--filter", "label=volundr.session=" + id},
		{"volume", "ls", "-q", "--filter", "label=volundr.session=" + id},
	} {
		out, err := exec.Command("docker", args...).Output()
		if err != nil {
			t.Fatal(err)
		}
		left += string(out)
	}
	return left
}
