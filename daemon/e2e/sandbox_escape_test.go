package e2e

import (
	"fmt"
	"net"
	"net/http"
	"os/exec"
	"strings"
	"testing"
	"time"

	"volundr/runtime/broker/wire"
	"volundr/ui/client"
)

// TestNothingGetsOutOfASandbox tries to, as the one who has it. After each
// attempt the sandbox still answers.
func TestNothingGetsOutOfASandbox(t *testing.T) {
	s := installSandboxes(t, "  limits:\n    memory_mb: 96\n    workspace_mb: 24\n    pids: 64\n")
	host, err := net.Listen("tcp", "0.0.0.0:0") // a service of this machine
	if err != nil {
		t.Fatal(err)
	}
	defer host.Close()
	_, port, err := net.SplitHostPort(host.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	id := s.sandbox(client.SandboxCreate{})
	other := s.sandbox(client.SandboxCreate{})
	alive := func(t *testing.T) {
		t.Helper()
		for _, one := range []string{id, other} {
			if out, code := s.sh(one, "echo alive"); out != "alive\n" || code != 0 {
				t.Errorf("%s answers %d %q afterwards", one, code, out)
			}
		}
	}
	for name, c := range map[string]struct {
		cmd  string
		fits func(client.BashResult) bool
	}{
		"what it is": {`grep -E '^(Uid|CapEff|CapBnd|NoNewPrivs|Seccomp):' /proc/1/status /proc/self/status | tr -s '\t' ' '`, func(r client.BashResult) bool {
			for _, who := range []string{"/proc/1/status:", "/proc/self/status:"} {
				for _, is := range []string{"Uid: 65532 65532 65532 65532", "CapEff: 0000000000000000", "CapBnd: 0000000000000000", "NoNewPrivs: 1", "Seccomp: 2"} {
					if !strings.Contains(r.Stdout, who+is) {
						return false
					}
				}
			}
			return true
		}},
		"write to the image": {`touch /x /etc/x /usr/bin/x /home/x /opt/x; echo >> /etc/passwd; ln -sf /tmp/x /usr/bin/python3`, func(r client.BashResult) bool {
			return strings.Count(r.Stderr, "Read-only file system")+strings.Count(r.Stderr, "Permission denied") == 7
		}},
		"become root": {`su -c id; sudo id; unshare -Ur id; mount -t tmpfs x /tmp; chroot / id`, func(r client.BashResult) bool { return !strings.Contains(r.Stdout, "uid=0") }},
		"read and stop its keeper": {`cat /proc/1/environ /proc/1/mem; ls -l /proc/1/fd; kill -9 1; kill -STOP 1; echo 1000 > /proc/1/oom_score_adj; echo end`, func(r client.BashResult) bool {
			return r.Stdout == "end\n" && strings.Contains(r.Stderr, "ermission denied")
		}},
		"speak as the daemon": {fmt.Sprintf(`exec 3<>/dev/tcp/127.0.0.1/%d || exit 0; printf 'GET /v1/sandbox HTTP/1.1\r\nHost: x\r\n\r\n' >&3; timeout 5 cat <&3 | tr -d '\0'`, wire.BrokerPort), func(r client.BashResult) bool {
			return !strings.Contains(r.Stdout, "HTTP/1.1") && !strings.Contains(r.Stdout, "session")
		}},
		"metadata": {`timeout 5 bash -c '</dev/tcp/169.254.169.254/80'; echo $?`, func(r client.BashResult) bool { return r.Stdout != "0\n" }},
		"this machine": {fmt.Sprintf(`for a in 127.0.0.1 172.17.0.1 172.18.0.1 host.docker.internal; do timeout 3 bash -c "</dev/tcp/$a/%s" && echo reached $a; done; true`, port), func(r client.BashResult) bool {
			return r.Stdout == ""
		}},
		"networks":      {`ls /sys/class/net`, func(r client.BashResult) bool { return r.Stdout == "lo\n" }},
		"other sandbox": {`ls -d /proc/[0-9]* | wc -l; cat /workspace/../workspace/* 2>/dev/null; hostname`, func(r client.BashResult) bool { return !strings.Contains(r.Stdout, "secret") }},
		"the engine":    {`ls /var/run/docker.sock /run/docker.sock 2>/dev/null; true`, func(r client.BashResult) bool { return r.Stdout == "" }},
		"many files":    {`python3 -c 'f=[open("/dev/null") for _ in range(2_000_000)]'`, func(r client.BashResult) bool { return strings.Contains(r.Stderr, "Too many open files") }},
		"loopback works": {`cd /tmp && echo here > page && (python3 -m http.server 8123 >/dev/null 2>&1 & echo $! > pid); python3 -c 'import time,urllib.request as u
for host in "127.0.0.1", "localhost":
  for i in range(200):
    try: print(u.urlopen(f"http://{host}:8123/page").read().decode(), end=""); break
    except OSError: time.sleep(.1)'; kill $(cat pid)`, func(r client.BashResult) bool { return r.Stdout == "here\nhere\n" }},
		"fill the memory": {`python3 -c 'x=[b"x"*(1<<20) for _ in range(4096)]'`, func(r client.BashResult) bool {
			return r.OOMKilled && r.ExitCode != nil && *r.ExitCode == 137
		}},
		"fill the disk": {`dd if=/dev/zero of=/workspace/fill bs=1M 2>&1; dd if=/dev/zero of=/tmp/fill bs=1M 2>&1; (echo more > /workspace/more) 2>&1; python3 -c 'print(6*7)'; rm -f /workspace/* /tmp/fill`, func(r client.BashResult) bool {
			return strings.Count(r.Stdout, "No space left on device") >= 3 && strings.HasSuffix(r.Stdout, "42\n") && !r.OOMKilled
		}},
		"a flood": {`yes | head -c 50000000; yes | head -c 3000000 >&2`, func(r client.BashResult) bool {
			return len(r.Stdout) <= 1_000_000 && strings.HasSuffix(strings.TrimSpace(r.Stdout), "[truncated]") && len(r.Stderr) <= 1_000_000
		}},
	} {
		t.Run(name, func(t *testing.T) {
			switch name {
			case "other sandbox":
				s.sh(other, "echo secret > /workspace/secret")
			case "networks":
				onlyInDocker(t, "a Pod always has an interface, which a policy closes")
			}
			if got := s.bash(id, c.cmd); !c.fits(got) {
				t.Errorf("it ended %v, out of memory %v:\n%.2000s\n%.2000s", exitOf(got), got.OOMKilled, got.Stdout, got.Stderr)
			}
			alive(t)
		})
	}
	t.Run("fork bomb", func(t *testing.T) {
		onlyInDocker(t, "how many processes a Pod may have is its node's setting")
		s.bomb(t, id, alive)
	})
	t.Run("kill everything", func(t *testing.T) { // what it runs over included
		_, _ = s.v1.Bash(t.Context(), id, client.Bash{Cmd: "kill -9 -1", TimeoutMS: 5000})
		s.eventually(60*time.Second, "it answers again", func() bool {
			got, err := s.v1.Bash(t.Context(), id, client.Bash{Cmd: "echo alive"})
			return err == nil && got.Stdout == "alive\n"
		})
	})
	t.Run("links", func(t *testing.T) { s.links(t, id); alive(t) })
	if onKubernetes() {
		return // the conformance suite looks at its Pod
	}
	if out, err := exec.Command("docker", "inspect", "--format", "{{.HostConfig.ReadonlyRootfs}} {{.HostConfig.NetworkMode}} {{.HostConfig.Memory}} {{.HostConfig.MemorySwap}} {{.HostConfig.Privileged}} {{.HostConfig.Binds}}", id).Output(); err != nil {
		t.Error(err)
	} else if f := strings.Fields(string(out)); f[0] != "true" || f[1] != "none" || f[2] == "0" || f[2] != f[3] || f[4] != "false" || f[5] != "[]" {
		t.Errorf("the container is %s", out)
	}
}

func exitOf(r client.BashResult) any {
	if r.ExitCode == nil {
		return nil
	}
	return *r.ExitCode
}

// bomb fills the sandbox with processes until its time is over; then all of them
// are dead, and there is room for others.
func (s *sandboxes) bomb(t *testing.T, id string, alive func(*testing.T)) {
	got, err := s.v1.Bash(t.Context(), id, client.Bash{TimeoutMS: 2000, Cmd: `python3 -c '
import os
while True:
  try: os.fork()
  except OSError: pass'`})
	if err != nil || !got.TimedOut {
		t.Errorf("the bomb ended with %v %+v", err, got)
	}
	s.eventually(60*time.Second, "no bomb is left", func() bool { return !s.runs(id, "os.fork") })
	alive(t)
}

// runs reports whether a process of the sandbox has text in its command line, as
// the engine sees it.
func (s *sandboxes) runs(id, text string) bool {
	s.t.Helper()
	out, err := s.place.processes(id)
	if err != nil {
		s.t.Fatal(err)
	}
	return strings.Contains(out, text)
}

// links lead nowhere: neither reading nor writing files follows one out of the
// workspace.
func (s *sandboxes) links(t *testing.T, id string) {
	if out, code := s.sh(id, `cd /workspace && ln -s /etc etc && ln -s /etc/passwd passwd && ln -s /tmp tmp && mkdir in && ln -s ../.. in/up && ln -s nowhere dangling`); code != 0 {
		t.Fatal(out)
	}
	s.sh(id, "echo outside > /tmp/outside")
	for _, path := range []string{"etc/passwd", "passwd", "tmp/outside", "in/up/etc/passwd", "..%2fetc%2fpasswd", "%2e%2e/etc/passwd", "/etc/passwd", "in/..%2f..%2fetc/passwd"} {
		at := "/v1/sessions/" + id + "/files/" + path
		if a := s.ask("GET", at, ""); a.status < 400 || a.status >= 500 || strings.Contains(a.body, "root:") {
			t.Errorf("read %s: %d %s", path, a.status, a.body)
		}
		if a := s.ask("PUT", at, "overwritten", func(r *http.Request) { r.Header.Set("Content-Type", "application/octet-stream") }); a.status < 400 && path != "passwd" {
			t.Errorf("write %s: %d %s", path, a.status, a.body)
		}
	}
	if out, _ := s.sh(id, "cat /tmp/outside"); out != "outside\n" {
		t.Errorf("a file outside the workspace holds %q", out)
	}
	if a := s.ask("DELETE", "/v1/sessions/"+id+"/files/tmp", ""); a.status >= 500 {
		t.Errorf("delete a link: %d %s", a.status, a.body)
	}
	if out, _ := s.sh(id, "cat /tmp/outside"); out != "outside\n" {
		t.Error("deleting a link deleted what it leads to")
	}
}
