package broker_test

import (
	"crypto/ed25519"
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"volundr/runtime/broker/wire"
)

// image gives the session image to test with, or skips. The skip is counted by
// its message and is a failure with VOLUNDR_REQUIRE_DOCKER=1.
func image(t *testing.T) string {
	t.Helper()
	lack := func(why string) string {
		if os.Getenv("VOLUNDR_REQUIRE_DOCKER") == "1" {
			t.Fatal(why)
		}
		t.Skip("layer not run: " + why)
		return ""
	}
	if testing.Short() {
		return lack("real agents (-short)")
	}
	if out, err := exec.Command("docker", "version", "--format", "{{.Server.Version}}").CombinedOutput(); err != nil {
		return lack("real agents: no Docker engine answers: " + string(out))
	}
	if i := os.Getenv("VOLUNDR_TEST_IMAGE"); i != "" {
		return i
	}
	for _, name := range []string{"volundr-session", "volundr-sketch"} {
		out, err := exec.Command("docker", "images", "-q", name).Output()
		if err != nil {
			continue
		}
		for _, id := range strings.Fields(string(out)) {
			// Tests of others make small images of that name.
			if exec.Command("docker", "run", "--rm", "--network", "none", "--entrypoint", "/bin/sh", id, "-c", "command -v claude-agent-acp && command -v codex-acp").Run() == nil {
				return id
			}
		}
	}
	return lack("real agents: there is no session image; build it or set VOLUNDR_TEST_IMAGE")
}

var program = sync.OnceValues(func() (string, error) {
	dir, err := os.MkdirTemp("", "volundr-session-")
	if err != nil {
		return "", err
	}
	path := filepath.Join(dir, "volundr-session")
	cmd := exec.Command("go", "build", "-trimpath", "-ldflags", "-s -w", "-o", path, "./cmd")
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	out, err := cmd.CombinedOutput()
	if err != nil {
		err = fmt.Errorf("%w: %s", err, out)
	}
	return path, errors.Join(err, os.Chmod(dir, 0o755))
})

func TestMain(m *testing.M) {
	code := m.Run()
	if path, err := program(); err == nil && !testing.Short() {
		os.RemoveAll(filepath.Dir(path))
	}
	os.Exit(code)
}

// pod is a session's containers, made by plain engine calls.
type pod struct {
	t       *testing.T
	image   string
	name    string
	bin     string
	config  wire.Config
	private ed25519.PrivateKey
	journal []string // docker arguments that mount the journal
	agent   []string // further docker arguments of the agent
	run     int
	running []string
	ip      string
}

func newPod(t *testing.T, config wire.Config) *pod {
	t.Helper()
	img := image(t)
	bin, err := program()
	if err != nil {
		t.Fatal(err)
	}
	public, private, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	p := &pod{t: t, image: img, name: "volundr-brokertest-" + strings.ToLower(rand.Text()[:8]), bin: bin, private: private, config: config}
	p.config.Session = rand.Text()
	p.config.DaemonKey = base64.StdEncoding.EncodeToString(public)
	p.journal = []string{"-v", p.name + "-journal:/journal"}
	t.Cleanup(func() {
		if t.Failed() {
			for _, n := range p.running {
				out, _ := exec.Command("docker", "logs", "--tail", "40", n).CombinedOutput()
				t.Logf("%s printed:\n%s", n, out)
			}
		}
		p.down()
		exec.Command("docker", "network", "rm", p.name).Run()
		for _, v := range []string{"journal", "workspace", "home"} {
			exec.Command("docker", "volume", "rm", "-f", p.name+"-"+v).Run()
		}
	})
	p.docker("network", "create", "-o", "com.docker.network.bridge.enable_icc=false", p.name)
	return p
}

func (p *pod) docker(args ...string) string {
	p.t.Helper()
	out, err := exec.Command("docker", args...).CombinedOutput()
	if err != nil {
		p.t.Fatalf("docker %s: %v\n%s", strings.Join(args, " "), err, out)
	}
	return strings.TrimSpace(string(out))
}

// up starts broker and agent, as the next run, and the other parts named.
func (p *pod) up(parts ...string) {
	p.t.Helper()
	p.run++
	p.part("broker", append([]string{"-u", "900:900", "--network", p.name}, p.journal...), "broker")
	p.ip = p.docker("inspect", "-f", "{{range .NetworkSettings.Networks}}{{.IPAddress}}{{end}}", p.name+"-broker")
	join := append([]string{"-u", "1000:1000", "--network", "container:" + p.name + "-broker",
		"-v", p.name + "-workspace:/workspace", "-v", p.name + "-home:/home/volundr", "-w", "/workspace"}, p.agent...)
	p.part("agent", join, "runner")
	for _, part := range parts {
		argv := []string{"runner", "--", "code-server", "--auth", "none", "--bind-addr", "127.0.0.1:7430", "--disable-telemetry", "--disable-update-check", "/workspace"}
		if part == "terminal" {
			argv = []string{"runner", "--", "ttyd", "-W", "-i", "lo", "-p", "7431", "tmux", "new", "-A", "-s", "main"}
		}
		p.part(part, join, argv...)
	}
}

func (p *pod) part(part string, args []string, argv ...string) {
	p.t.Helper()
	c := p.config
	c.Part, c.Run = part, p.run
	b, err := json.Marshal(c)
	if err != nil {
		p.t.Fatal(err)
	}
	all := []string{"run", "-d", "--name", p.name + "-" + part, "--read-only", "--tmpfs", "/tmp:rw,exec,mode=1777",
		"--cap-drop", "ALL", "--security-opt", "no-new-privileges:true", "-e", wire.EnvConfig + "=" + string(b),
		"-v", p.bin + ":" + wire.Program + ":ro"}
	all = append(all, args...)
	all = append(all, p.image, wire.Program)
	p.running = append(p.running, p.name+"-"+part)
	p.docker(append(all, argv...)...)
}

// down removes the containers and keeps the volumes.
func (p *pod) down() {
	if len(p.running) > 0 {
		slices.Reverse(p.running)
		exec.Command("docker", append([]string{"rm", "-f"}, p.running...)...).Run()
		p.running = nil
	}
}

func (p *pod) exec(script string) string {
	p.t.Helper()
	return p.docker("exec", p.name+"-agent", "bash", "-c", script)
}
