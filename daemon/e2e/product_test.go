// Package e2e tells stories of users over the built executable: a real engine,
// real agents, a real editor and terminal, a real browser. Only the provider of
// models is scripted.
package e2e

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"volundr/ui/client"
)

// product is one installation: a data directory, a port and, while it runs, a
// daemon process that can be killed.
type product struct {
	t    *testing.T
	dir  string
	addr string
	env  []string
	args []string // of `up`, beside the address
	on   string   // what the configuration says of where sessions run
	own  string   // executable of the daemon; empty: the one that all use
	cmd  *exec.Cmd
	end  chan error // of cmd
	out  *printed
}

// printed is what a daemon prints; it can be read meanwhile.
type printed struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (s *printed) Write(b []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.text.Write(b)
}

func (s *printed) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.text.String()
}

var binary string // built once by TestMain

func TestMain(m *testing.M) {
	dir, err := os.MkdirTemp("", "volundr-e2e")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	binary = filepath.Join(dir, "volundr")
	build := exec.Command("go", "build", "-o", binary, "volundr")
	build.Stderr = os.Stderr
	if err := build.Run(); err != nil {
		os.Exit(1)
	}
	code := m.Run()
	os.RemoveAll(dir)
	os.Exit(code)
}

func freePort(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}

// install makes an installation and starts its daemon. At the end of the test
// every session is deleted and nothing of it may remain in the engine.
func install(t *testing.T, env ...string) *product {
	t.Helper()
	p := prepare(t, t.TempDir(), env...)
	p.start()
	return p
}

// prepare makes an installation in a folder whose daemon is not started yet.
func prepare(t *testing.T, dir string, env ...string) *product {
	t.Helper()
	p := &product{t: t, dir: dir, addr: freePort(t), env: append(os.Environ(), env...)}
	if onKubernetes() {
		p.on = "runtime: kubernetes\n" + clusterSettings(os.Getenv(envKubeconfig))
		p.configure("")
	}
	t.Cleanup(func() {
		if t.Failed() {
			log, _ := os.ReadFile(filepath.Join(p.dir, "log", "daemon.log"))
			t.Logf("daemon's log:\n%s\n%s", last(log, 8000), p.out)
		}
		if p.cmd == nil {
			p.start()
		}
		all, err := p.client().List(context.Background(), client.ListOptions{IncludeArchived: true})
		if err != nil {
			t.Error(err)
		}
		for _, s := range all {
			if err := p.client().Delete(context.Background(), s.ID); err != nil {
				t.Errorf("delete %s: %v", s.Name, err)
			}
			if left := p.leftovers(s.ID); left != "" {
				t.Errorf("left behind of %s: %s", s.Name, left)
			}
		}
		p.down()
	})
	return p
}

// configure writes the installation's config.yaml, beside where sessions run.
func (p *product) configure(text string) {
	p.t.Helper()
	if err := os.WriteFile(filepath.Join(p.dir, "config.yaml"), []byte(p.on+text), 0o600); err != nil {
		p.t.Fatal(err)
	}
}

func last(b []byte, n int) []byte { return b[max(0, len(b)-n):] }

func (p *product) start() {
	p.t.Helper()
	p.out = &printed{}
	p.cmd = exec.Command(cmp.Or(p.own, binary), append([]string{"--data-dir", p.dir, "up", "--foreground", "--listen", p.addr}, p.args...)...)
	p.cmd.Env = p.env
	p.cmd.Stdout, p.cmd.Stderr = p.out, p.out
	p.cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	if err := p.cmd.Start(); err != nil {
		p.t.Fatal(err)
	}
	p.end = make(chan error, 1)
	go func(cmd *exec.Cmd, end chan error) { end <- cmd.Wait() }(p.cmd, p.end) // ends with the process
	p.eventually(30*time.Second, "the daemon answers", func() bool {
		if _, err := os.Stat(filepath.Join(p.dir, "token")); err != nil {
			return false
		}
		_, err := p.client().Status(context.Background())
		return err == nil
	})
}

// kill is kill -9.
func (p *product) kill() {
	p.t.Helper()
	if err := p.cmd.Process.Kill(); err != nil {
		p.t.Fatal(err)
	}
	<-p.end
	p.cmd = nil
}

func (p *product) down() {
	p.t.Helper()
	if out, err := p.run("down"); err != nil {
		p.t.Errorf("down: %v\n%s", err, out)
	}
	if err := <-p.end; err != nil {
		p.t.Errorf("the daemon ended with %v", err)
	}
	p.cmd = nil
}

// run runs a command of the executable.
func (p *product) run(args ...string) (string, error) {
	cmd := exec.Command(binary, append([]string{"--data-dir", p.dir}, args...)...)
	cmd.Env = p.env
	out, err := cmd.CombinedOutput()
	return string(out), err
}

func (p *product) client() *client.Client {
	token, _ := os.ReadFile(filepath.Join(p.dir, "token"))
	return client.New("http://"+p.addr, strings.TrimSpace(string(token)))
}

// eventually polls a condition until it holds.
func (p *product) eventually(limit time.Duration, what string, cond func() bool) {
	p.t.Helper()
	eventually(p.t, limit, what, cond)
}

func eventually(t *testing.T, limit time.Duration, what string, cond func() bool) {
	t.Helper()
	deadline := time.Now().Add(limit)
	for !cond() {
		if time.Now().After(deadline) {
			t.Fatalf("not within %s: %s", limit, what)
		}
		<-time.After(50 * time.Millisecond)
	}
}

// limit is how long what a session does may take on a busy machine.
const limit = 150 * time.Second

// awaitState waits until a session is in a state; FAILED is fatal unless it is
// what is waited for.
func (p *product) awaitState(id, state string) client.Session {
	p.t.Helper()
	var s client.Session
	p.eventually(limit, "session is "+state, func() bool {
		var err error
		if s, err = p.client().Get(p.t.Context(), id); err != nil {
			p.t.Fatal(err)
		}
		if s.Status == client.Failed && state != client.Failed {
			raw, _ := json.MarshalIndent(s.Failure, "", " ")
			p.t.Fatalf("session failed: %s", raw)
		}
		return s.Status == state
	})
	return s
}

// repository makes a git repository with one commit on branch main.
func repository(t *testing.T) string {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "widgets")
	if err := os.Mkdir(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	git(t, dir, "init", "-q", "-b", "main")
	if err := os.WriteFile(filepath.Join(dir, "README.md"), []byte("# Example\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	git(t, dir, "add", ".")
	git(t, dir, "-c", "user.name=Ann", "-c", "user.email=ann@example.com", "commit", "-q", "-m", "First")
	return dir
}

func git(t *testing.T, dir string, args ...string) string {
	t.Helper()
	cmd := exec.Command("git", args...)
	cmd.Dir = dir
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("git %v: %v\n%s", args, err, out)
	}
	return strings.TrimSpace(string(out))
}
