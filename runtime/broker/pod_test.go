package broker_test

import (
	"bufio"
	"bytes"
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/cgi"
	"net/http/httputil"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/hashicorp/yamux"

	"volundr/daemon/e2e/model"
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
	return path, errors2(err, os.Chmod(dir, 0o755))
})

func errors2(a, b error) error {
	if a != nil {
		return a
	}
	return b
}

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
	p.docker("run", "--rm", "--network", "none", "-u", "0", "-v", p.name+"-journal:/journal", img, "sh", "-c", "touch /journal/.made; chown -R 1001:1001 /journal")
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
	p.part("broker", append([]string{"-u", "1001:1001", "--network", p.name}, p.journal...), "broker")
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

// daemon is the other side of a link.
type daemon struct {
	t       *testing.T
	pod     *pod
	model   *model.Server
	outside http.Handler

	mu      sync.Mutex
	changed chan struct{}
	entries []wire.Entry
	epoch   string

	session *yamux.Session
	http    *http.Client
	wg      sync.WaitGroup
	stop    context.CancelFunc
}

func newDaemon(t *testing.T, p *pod) *daemon {
	m := model.New()
	url, err := m.Start()
	if err != nil {
		t.Fatal(err)
	}
	d := &daemon{t: t, pod: p, model: m, changed: make(chan struct{}), outside: proxies(t, url, "")}
	t.Cleanup(func() { d.cut(); m.Close() })
	return d
}

// proxies answers the session's requests as a daemon does: models from the
// scripted one, git from bare repositories below dir.
func proxies(t *testing.T, base, dir string) http.Handler {
	target, err := url.Parse(base)
	if err != nil {
		t.Fatal(err)
	}
	models := &httputil.ReverseProxy{FlushInterval: -1, Rewrite: func(r *httputil.ProxyRequest) {
		r.SetURL(target)
		for _, provider := range wire.Providers {
			if rest, ok := strings.CutPrefix(r.In.URL.Path, wire.OutsideModels+provider); ok {
				r.Out.URL.Path = rest
			}
		}
	}}
	mux := http.NewServeMux()
	mux.Handle(wire.OutsideModels, models)
	if dir != "" {
		git, err := exec.LookPath("git")
		if err != nil {
			t.Fatal(err)
		}
		mux.Handle(wire.OutsideGit, http.StripPrefix("/git", &cgi.Handler{Path: git, Args: []string{"http-backend"},
			Env: []string{"GIT_PROJECT_ROOT=" + dir, "GIT_HTTP_EXPORT_ALL=1", "REMOTE_USER=test"}}))
	}
	return mux
}

// connect opens the link and follows the journal; it tries until the broker
// answers.
func (d *daemon) connect() {
	d.t.Helper()
	var conn net.Conn
	until(d.t, 20*time.Second, "the broker to answer", func() bool {
		raw, err := net.DialTimeout("tcp", net.JoinHostPort(d.pod.ip, fmt.Sprint(wire.BrokerPort)), time.Second)
		if err != nil {
			return false
		}
		conn, err = wire.Client(raw, d.pod.private, d.pod.config.Session, 0)
		return err == nil
	})
	config := yamux.DefaultConfig()
	config.LogOutput = io.Discard
	session, err := yamux.Client(conn, config)
	if err != nil {
		d.t.Fatal(err)
	}
	d.session = session
	d.http = &http.Client{Transport: &http.Transport{DialContext: func(context.Context, string, string) (net.Conn, error) { return session.Open() }}}
	d.wg.Go(func() { http.Serve(session, d.outside) })
	ctx, stop := context.WithCancel(context.Background())
	d.stop = stop
	var hello wire.Hello
	d.get("/v1/hello", &hello)
	d.mu.Lock()
	if d.epoch != "" && d.epoch != hello.Epoch {
		d.t.Errorf("journal's epoch changed from %s to %s", d.epoch, hello.Epoch)
	}
	d.epoch = hello.Epoch
	after := len(d.entries)
	d.mu.Unlock()
	d.wg.Go(func() { d.follow(ctx, after) })
}

func (d *daemon) follow(ctx context.Context, after int) {
	req, _ := http.NewRequestWithContext(ctx, "GET", fmt.Sprintf("http://session/v1/journal?after=%d", after), nil)
	res, err := d.http.Do(req)
	if err != nil {
		return
	}
	defer res.Body.Close()
	sc := bufio.NewScanner(res.Body)
	sc.Buffer(nil, wire.MaxEntry+4096)
	for sc.Scan() {
		var e wire.Entry
		if err := json.Unmarshal(sc.Bytes(), &e); err != nil {
			d.t.Errorf("journal line %q: %v", sc.Text(), err)
			return
		}
		d.mu.Lock()
		if e.Seq != int64(len(d.entries))+1 {
			d.t.Errorf("entry %d after %d", e.Seq, len(d.entries))
		}
		d.entries = append(d.entries, e)
		close(d.changed)
		d.changed = make(chan struct{})
		d.mu.Unlock()
	}
}

// cut breaks the link as a killed daemon does.
func (d *daemon) cut() {
	if d.session == nil {
		return
	}
	d.stop()
	d.session.Close()
	d.http.CloseIdleConnections()
	d.wg.Wait()
	d.session = nil
}

func (d *daemon) get(path string, v any) int {
	d.t.Helper()
	res, err := d.http.Get("http://session" + path)
	if err != nil {
		d.t.Fatal(err)
	}
	defer res.Body.Close()
	if err := json.NewDecoder(res.Body).Decode(v); err != nil {
		d.t.Fatal(err)
	}
	return res.StatusCode
}

func (d *daemon) post(path string, v any) (int, string) {
	d.t.Helper()
	b, err := json.Marshal(v)
	if err != nil {
		d.t.Fatal(err)
	}
	res, err := d.http.Post("http://session"+path, "application/json", bytes.NewReader(b))
	if err != nil {
		d.t.Fatal(err)
	}
	defer res.Body.Close()
	out, _ := io.ReadAll(res.Body)
	return res.StatusCode, string(out)
}

func (d *daemon) prompt(id, text string) {
	d.t.Helper()
	d.send(wire.Prompt{ID: id, Blocks: []wire.Block{{Type: "text", Text: text}}})
}

func (d *daemon) send(p wire.Prompt) {
	d.t.Helper()
	if code, body := d.post("/v1/prompts", p); code != http.StatusAccepted {
		d.t.Fatalf("prompt %s: status %d, want 202: %s", p.ID, code, body)
	}
}

// all gives the entries of a turn (of all turns: empty) and type.
func all[T any](d *daemon, turn, typ string) []T {
	d.mu.Lock()
	defer d.mu.Unlock()
	var out []T
	for _, e := range d.entries {
		if e.Type == typ && (turn == "" || e.Turn == turn) {
			var v T
			if err := json.Unmarshal(e.Data, &v); err != nil {
				d.t.Errorf("entry %d: %v", e.Seq, err)
			}
			out = append(out, v)
		}
	}
	return out
}

// await waits for an entry that ok accepts.
func await[T any](d *daemon, turn, typ string, ok func(T) bool) T {
	d.t.Helper()
	limit := time.After(60 * time.Second)
	for {
		d.mu.Lock()
		changed := d.changed
		d.mu.Unlock()
		for _, v := range all[T](d, turn, typ) {
			if ok(v) {
				return v
			}
		}
		select {
		case <-changed:
		case <-limit:
			d.dump()
			d.t.Fatalf("no %s entry as wanted in turn %q", typ, turn)
		}
	}
}

func (d *daemon) end(turn string) wire.TurnEnd {
	d.t.Helper()
	return await(d, turn, wire.EntryTurnEnd, func(wire.TurnEnd) bool { return true })
}

// text is what a turn's answer looks like to a person.
func (d *daemon) text(turn string) string {
	var order []string
	said := map[string]string{}
	for _, t := range all[wire.Text](d, turn, wire.EntryText) {
		if t.Replaces != "" {
			said[t.Replaces] = ""
		}
		if _, ok := said[t.Block]; !ok {
			order = append(order, t.Block)
		}
		said[t.Block] += t.Text
	}
	var b strings.Builder
	for _, o := range order {
		b.WriteString(said[o])
	}
	return b.String()
}

func (d *daemon) dump() {
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, e := range d.entries {
		d.t.Logf("%d %s %s %.300s", e.Seq, e.Turn, e.Type, e.Data)
	}
}

func (d *daemon) ready() {
	d.t.Helper()
	until(d.t, 60*time.Second, "the agent to be ready", func() bool {
		var h wire.Health
		d.get("/v1/health", &h)
		if h.Failed {
			d.t.Fatalf("session failed: %s", h.Detail)
		}
		return h.Agent
	})
}

// until polls a condition.
func until(t *testing.T, limit time.Duration, what string, ok func() bool) {
	t.Helper()
	deadline := time.After(limit)
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for !ok() {
		select {
		case <-tick.C:
		case <-deadline:
			t.Fatalf("waited %s for %s", limit, what)
		}
	}
}
