package e2e

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// inAgent runs a shell command in the agent's container, by the means of where
// it runs.
func (p *product) inAgent(id, script string) string {
	p.t.Helper()
	return p.inPart(id, "agent", script)
}

func (p *product) inPart(id, part, script string) string {
	p.t.Helper()
	out, err := p.within(id, part, "sh", "-c", script).CombinedOutput()
	if err != nil {
		p.t.Fatalf("%s: %v\n%s", script, err, out)
	}
	return string(out)
}

// within is a command in a part of a session that runs.
func (p *product) within(id, part string, command ...string) *exec.Cmd {
	p.t.Helper()
	if pod := strings.TrimSpace(p.onCluster(id, "pods")); pod != "" {
		return kubectl(append([]string{"exec", "-i", pod, "-c", part, "--"}, command...)...)
	}
	name, err := exec.Command("docker", "ps", "-q", "--filter", "label=volundr.session="+id, "--filter", "label=volundr.part="+part).Output()
	if err != nil {
		p.t.Fatal(err)
	}
	return exec.Command("docker", append([]string{"exec", "-i", strings.TrimSpace(string(name))}, command...)...)
}

// described is all that the place where a session runs tells of it.
func (p *product) described(id string) string {
	p.t.Helper()
	ways := []*exec.Cmd{exec.Command("sh", "-c", "docker inspect $(docker ps -aq --filter label=volundr.session="+id+")")}
	if p.onCluster(id, "pods") != "" {
		ways = []*exec.Cmd{kubectl("get", "pods,persistentvolumeclaims,events", "-o", "json"),
			kubectl("get", "secrets", "-o", "go-template={{range .items}}{{range $name, $text := .data}}{{$text | base64decode}}{{end}}{{end}}")}
	}
	var all string
	for _, way := range ways {
		out, err := way.Output()
		if err != nil || len(out) == 0 {
			p.t.Fatalf("%v: %v", way.Args, err)
		}
		all += string(out)
	}
	return all
}

// noSecret looks for the key wherever an agent, or somebody with the engine,
// could read it.
func (p *product) noSecret(id string) {
	p.t.Helper()
	if strings.Contains(p.described(id), secret) {
		p.t.Error("the key stands where the session runs")
	}
	for _, part := range []string{"broker", "agent", "editor", "terminal"} {
		// The pattern comes by standard input, so that the search does not find
		// itself.
		for what, script := range map[string]string{
			"a process": "grep -lsF -f /dev/stdin /proc/[0-9]*/environ /proc/[0-9]*/cmdline; true",
			"a file":    "grep -rlsF -f /dev/stdin /home/volundr /workspace /tmp /run /journal /etc; true",
		} {
			search := p.within(id, part, "sh", "-c", script)
			search.Stdin = strings.NewReader(secret)
			if out, err := search.CombinedOutput(); err != nil || len(out) > 0 {
				p.t.Errorf("%s of the %s knows the key: %v %s", what, part, err, out)
			}
		}
	}
	for _, file := range []string{"volundr.db", "volundr.db-wal", filepath.Join("log", "daemon.log")} {
		if raw, err := os.ReadFile(filepath.Join(p.dir, file)); err == nil && strings.Contains(string(raw), secret) {
			p.t.Errorf("the key stands in %s", file)
		}
	}
}

// leftovers names containers and volumes of a session that still exist.
func (p *product) leftovers(id string) string {
	p.t.Helper()
	left := p.onCluster(id, "pods,persistentvolumeclaims,secrets")
	for _, args := range [][]string{
		{"ps", "-aq", "--filter", "label=volundr.session=" + id},
		{"volume", "ls", "-q", "--filter", "label=volundr.session=" + id},
	} {
		out, err := exec.Command("docker", args...).Output()
		if err != nil {
			p.t.Fatal(err)
		}
		left += string(out)
	}
	return left
}

// onCluster is what the cluster has of a session, of these kinds; empty where
// there is none.
func (p *product) onCluster(id, kinds string) string {
	p.t.Helper()
	if os.Getenv(envKubeconfig) == "" {
		return ""
	}
	out, err := kubectl("get", kinds, "-o", "name", "-l", "volundr.session="+id).Output()
	if err != nil {
		p.t.Fatal(err)
	}
	return string(out)
}

// kubectl is upstream's, in the test cluster's executable.
func kubectl(args ...string) *exec.Cmd {
	cmd := exec.Command(os.Getenv(envCluster))
	cmd.Args = append([]string{"kubectl", "--kubeconfig", os.Getenv(envKubeconfig)}, args...)
	return cmd
}
