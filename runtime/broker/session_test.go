package broker_test

import (
	"crypto/ed25519"
	"crypto/rand"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"volundr/daemon/e2e/model"
	"volundr/runtime/broker/wire"
)

// A session on a repository with all its parts.
func TestSession(t *testing.T) {
	dir := t.TempDir()
	repository(t, dir)
	config := claude("")
	config.Source = wire.Source{Remote: "r1.git", URL: "https://git.example/team/project.git", Branch: "work", Base: "main", UserName: "Ada", UserEmail: "ada@example.org"}
	p := newPod(t, config)
	d := newDaemon(t, p)
	base, err := d.model.Start()
	if err != nil {
		t.Fatal(err)
	}
	d.outside = proxies(t, base, dir)
	p.up("editor", "terminal")
	d.connect()
	until(t, 90*time.Second, "all parts to answer", func() bool {
		var h wire.Health
		status := d.get("/v1/health", &h)
		if h.Failed {
			t.Fatal(h.Detail)
		}
		if (status == http.StatusOK) != h.Ready() {
			t.Errorf("status %d with %+v", status, h)
		}
		return h.Ready()
	})

	t.Run("the workspace is a clone on the wanted branch", func(t *testing.T) {
		got := p.exec("cd /workspace && cat readme && git branch --show-current && git remote get-url --push origin && git config remote.origin.url && git config user.name && ls -a")
		for _, want := range []string{"hello", "work", "https://git.example/team/project.git", "Ada"} {
			if !strings.Contains(got, want) {
				t.Errorf("workspace says %q, without %q", got, want)
			}
		}
		if strings.Contains(got, ".volundr-prepare") {
			t.Error("the staging folder is still there")
		}
	})
	t.Run("fetch and push go through the outside port", func(t *testing.T) {
		p.exec("cd /workspace && git fetch -q && date > new && git add . && git commit -q -m new && git push -q -u origin work")
		out, err := exec.Command("git", "-C", filepath.Join(dir, "r1.git"), "log", "--oneline", "work").CombinedOutput()
		if err != nil || !strings.Contains(string(out), "new") {
			t.Errorf("%v: %s", err, out)
		}
	})
	t.Run("a port appears with its process and is reached", func(t *testing.T) {
		p.docker("exec", "-d", p.name+"-agent", "python3", "-m", "http.server", "--bind", "127.0.0.1", "5000")
		port := await(d, "", wire.EntryPorts, func(list []wire.Port) bool { return len(list) > 0 && has(list, 5000) })
		if !strings.Contains(fmt.Sprint(port), "python") {
			t.Errorf("ports %+v name no process", port)
		}
		raw, err := net.Dial("tcp", net.JoinHostPort(p.ip, fmt.Sprint(wire.BrokerPort)))
		if err != nil {
			t.Fatal(err)
		}
		conn, err := wire.Client(raw, p.private, p.config.Session, 5000)
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		fmt.Fprint(conn, "GET /readme HTTP/1.0\r\n\r\n")
		b := make([]byte, 1<<16)
		n := 0
		for {
			m, err := conn.Read(b[n:])
			if n += m; err != nil {
				break
			}
		}
		if !strings.Contains(string(b[:n]), "hello") {
			t.Errorf("got %q", b[:n])
		}
	})
	t.Run("nobody else opens the port", func(t *testing.T) {
		raw, err := net.Dial("tcp", net.JoinHostPort(p.ip, fmt.Sprint(wire.BrokerPort)))
		if err != nil {
			t.Fatal(err)
		}
		_, stranger, _ := ed25519.GenerateKey(rand.Reader)
		if _, err := wire.Client(raw, stranger, p.config.Session, 0); !errors.Is(err, wire.ErrRefused) {
			t.Errorf("a foreign key: %v", err)
		}
		for _, port := range []int{wire.OutsidePort, wire.AgentPort, wire.EditorPort, wire.TerminalPort} {
			if c, err := net.DialTimeout("tcp", net.JoinHostPort(p.ip, fmt.Sprint(port)), time.Second); err == nil {
				c.Close()
				t.Errorf("port %d is reached from outside", port)
			}
		}
	})
	t.Run("a command runs as the agent's user, bounded", func(t *testing.T) {
		code, body := d.post("/v1/run", wire.Command{Argv: []string{"sh", "-c", "id -u; pwd; yes | head -c 100000"}, Limit: 1000})
		if code != 200 || !strings.Contains(body, `"truncated":true`) || !strings.Contains(body, "MTAwMAovd29ya3NwYWNl") { // 1000 /workspace
			t.Errorf("%d %s", code, body[:min(len(body), 300)])
		}
		began := time.Now()
		code, body = d.post("/v1/run", wire.Command{Argv: []string{"sh", "-c", "setsid sleep 77 & sleep 77"}, TimeoutMS: 300})
		if code != 200 || !strings.Contains(body, `"timed_out":true`) || time.Since(began) > 5*time.Second {
			t.Errorf("%d %s after %s", code, body, time.Since(began))
		}
		if got := p.exec("pgrep -fc '^sleep 77' || true"); got != "0" {
			t.Errorf("%s processes outlived the time-out", got)
		}
	})
	t.Run("nothing in the session is a secret", func(t *testing.T) {
		if got := p.exec("cat /proc/*/environ 2>/dev/null | tr '\\0' '\\n' | grep ANTHROPIC_API_KEY | sort -u"); got != "ANTHROPIC_API_KEY=held-by-volundr" {
			t.Errorf("environment holds %q", got)
		}
	})
	t.Run("a restart does not clone over the workspace", func(t *testing.T) {
		p.exec("cd /workspace && echo changed > readme")
		d.cut()
		p.down()
		p.up()
		d.connect()
		d.ready()
		if got := p.exec("cat /workspace/readme"); got != "changed" {
			t.Errorf("readme holds %q", got)
		}
	})
}

func has(list []wire.Port, port int) bool {
	for _, p := range list {
		if p.Port == port {
			return true
		}
	}
	return false
}

// What is wrong with the source is said in a sentence.
func TestSourceFails(t *testing.T) {
	dir := t.TempDir()
	repository(t, dir)
	for name, c := range map[string]struct {
		source wire.Source
		want   string
	}{
		"no such branch":     {wire.Source{Remote: "r1.git", URL: "https://git.example/p.git", Branch: "nowhere"}, `There is no branch "nowhere"`},
		"no such repository": {wire.Source{Remote: "none.git", URL: "https://git.example/none.git"}, "https://git.example/none.git could not be cloned"},
	} {
		t.Run(name, func(t *testing.T) {
			config := claude("")
			config.Source = c.source
			p := newPod(t, config)
			d := newDaemon(t, p)
			d.outside = proxies(t, "http://127.0.0.1:1", dir)
			p.up()
			d.connect()
			var h wire.Health
			until(t, 30*time.Second, "the failure", func() bool { d.get("/v1/health", &h); return h.Failed })
			if !strings.Contains(h.Detail, c.want) || h.Workspace != "failed" {
				t.Errorf("health %+v, want %q", h, c.want)
			}
		})
	}
}

// A turn that ends in error because its answer was cut goes on by itself, once.
func TestContinuesAfterCut(t *testing.T) {
	p := newPod(t, claude(""))
	d := newDaemon(t, p)
	p.up()
	d.connect()
	d.ready()
	d.prompt("a1", "slow 150")
	await(d, "a1", wire.EntryText, func(x wire.Text) bool { return strings.Contains(d.text("a1"), "word10") })
	d.model.Rule(model.Rule{
		Match: func(c model.Call) bool {
			return strings.HasPrefix(c.Text, "slow")
		},
		Reply: func(model.Call) model.Reply { return model.Reply{Status: 400} },
	})
	d.cut()
	d.connect()
	if end := d.end("a1"); end.StopReason != "error" {
		t.Fatalf("turn ended as %+v", end)
	}
	start := await(d, "", wire.EntryTurnStart, func(s wire.TurnStart) bool { return s.Automatic })
	if start.Prompt != "auto-a1" || start.Text == "" {
		t.Errorf("automatic turn %+v", start)
	}
	if end := d.end("auto-a1"); end.StopReason != "end_turn" {
		t.Errorf("automatic turn ended as %+v", end)
	}
	if n := len(all[wire.TurnStart](d, "", wire.EntryTurnStart)); n != 2 {
		t.Errorf("%d turns, want 2", n)
	}
}

// A full disk under the journal stops the turn with a reason; when there is
// room again the session goes on.
func TestDiskFull(t *testing.T) {
	p := newPod(t, claude(""))
	p.journal = []string{"--tmpfs", "/journal:rw,size=3m,uid=900,gid=900,mode=700"}
	d := newDaemon(t, p)
	p.up()
	d.connect()
	d.ready()
	d.prompt("f1", "slow 3000")
	await(d, "f1", wire.EntryText, func(x wire.Text) bool { return strings.Contains(d.text("f1"), "word5") })
	exec.Command("docker", "exec", p.name+"-broker", "dd", "if=/dev/zero", "of=/journal/fill", "bs=4k").Run() // ends with the disk
	end := d.end("f1")
	if end.StopReason != "error" || !strings.Contains(end.Error, "full") {
		t.Errorf("turn ended as %+v", end)
	}
	code, body := d.post("/v1/prompts", wire.Prompt{ID: "f2", Blocks: []wire.Block{{Type: "text", Text: "more"}}})
	if code != http.StatusInsufficientStorage {
		t.Errorf("prompt on a full disk: %d %s, want 507", code, body)
	}
	p.docker("exec", p.name+"-broker", "rm", "/journal/fill")
	d.prompt("f2", "more")
	if end := d.end("f2"); end.StopReason != "end_turn" {
		t.Errorf("turn ended as %+v", end)
	}
}

// Prompts that were accepted run in order, also when everything is killed
// before their turn.
func TestQueueSurvives(t *testing.T) {
	p := newPod(t, claude(""))
	d := newDaemon(t, p)
	p.up()
	d.connect()
	d.ready()
	d.prompt("q1", "slow 2000")
	await(d, "q1", wire.EntryText, func(x wire.Text) bool { return true })
	d.prompt("q2", "second")
	d.prompt("q3", "third")
	d.cut()
	p.down() // kills
	p.up()
	d.connect()
	if end := d.end("q1"); end.StopReason != "error" || !strings.Contains(end.Error, "stopped") {
		t.Errorf("the interrupted turn ended as %+v", end)
	}
	d.end("q3")
	var order []string
	for _, s := range all[wire.TurnStart](d, "", wire.EntryTurnStart) {
		order = append(order, s.Prompt)
	}
	if got := strings.Join(order, " "); got != "q1 q2 q3" {
		t.Errorf("turns %s", got)
	}
	if code, body := d.post("/v1/end", nil); code != 204 {
		t.Errorf("end: %d %s", code, body)
	}
}

// repository makes a bare repository r1.git with one commit on main in dir.
func repository(t *testing.T, dir string) {
	t.Helper()
	script := `git init -q -b main src && cd src && echo hello > readme && git add . &&
git -c user.name=t -c user.email=t@example.org commit -q -m first && cd .. &&
git clone -q --bare src r1.git && git -C r1.git config http.receivepack true`
	cmd := exec.Command("sh", "-c", script)
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "GIT_CONFIG_GLOBAL=/dev/null")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
}
