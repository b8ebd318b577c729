package broker_test

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/cgi"
	"net/http/httputil"
	"net/url"
	"os/exec"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/hashicorp/yamux"

	"volundr/daemon/e2e/model"
	"volundr/runtime/broker/wire"
)

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
	if d.pod.config.Helper {
		return // it has no journal
	}
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
