package e2e

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"volundr/ui/client"
)

// tracker is an MCP server of one tool, which says what its key is, backwards.
const tracker = `const lines = require('readline').createInterface({ input: process.stdin });
const say = (id, result) => console.log(JSON.stringify({ jsonrpc: '2.0', id, result }));
lines.on('line', line => {
  const q = JSON.parse(line);
  if (q.method === 'initialize') say(q.id, { protocolVersion: q.params.protocolVersion, capabilities: { tools: {} }, serverInfo: { name: 'tracker', version: '1' } });
  else if (q.method === 'tools/list') say(q.id, { tools: [{ name: 'whisper', description: 'Says a word', inputSchema: { type: 'object', properties: { word: { type: 'string' } } } }] });
  else if (q.method === 'tools/call') say(q.id, { content: [{ type: 'text', text: 'whispered ' + q.params.arguments.word + ' ' + [...(process.env.TRACKER_KEY ?? 'nothing')].reverse().join('') + ' ' + process.env.PLAIN }] });
  else if (q.id !== undefined) say(q.id, {});
});
`

const trackerKey = "canary-tracker-90210f"

// hub is GitHub's API with the repository acme/app.
type hub struct {
	*httptest.Server
	mu   sync.Mutex
	made map[string]string // the pull request that was opened
}

func newHub(t *testing.T) *hub {
	h := &hub{}
	h.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h.mu.Lock()
		defer h.mu.Unlock()
		pr := func() string {
			title, _ := json.Marshal(h.made["title"])
			return fmt.Sprintf(`{"number":12,"title":%s,"html_url":"https://git.example/acme/app/pull/12","state":"open","mergeable":true,"head":{"ref":"%s","sha":"abc"},"base":{"ref":"%s"}}`, title, h.made["head"], h.made["base"])
		}
		if r.Header.Get("Authorization") != "Bearer tok-write" {
			w.WriteHeader(http.StatusUnauthorized)
			return
		}
		switch r.Method + " " + strings.TrimPrefix(r.URL.Path, "/repos/acme/app") {
		case "GET /pulls":
			if h.made == nil {
				io.WriteString(w, "[]")
			} else {
				io.WriteString(w, "["+pr()+"]")
			}
		case "POST /pulls":
			json.NewDecoder(r.Body).Decode(&h.made)
			w.WriteHeader(http.StatusCreated)
			io.WriteString(w, pr())
		case "GET /pulls/12":
			io.WriteString(w, pr())
		case "GET /commits/abc/check-runs":
			io.WriteString(w, `{"check_runs":[{"name":"unit tests","status":"completed","conclusion":"failure"}]}`)
		case "GET /commits/abc/status":
			io.WriteString(w, `{"statuses":[]}`)
		default:
			w.WriteHeader(http.StatusNotFound)
		}
	}))
	t.Cleanup(h.Close)
	return h
}

// The whole way in a real session: its own branch, a tool of an MCP server with
// a secret, a push that is refused and one that is not, a pull request and its
// checks.
func TestTheWorkOfASessionReachesItsForge(t *testing.T) {
	r, h := newRemote(t), newHub(t)
	at := filepath.Join(t.TempDir(), "at")
	git(t, r.root, "clone", "-q", r.url, at)
	if err := os.WriteFile(filepath.Join(at, "mcp.js"), []byte(tracker), 0o644); err != nil {
		t.Fatal(err)
	}
	git(t, at, "add", ".")
	git(t, at, "-c", "user.name=Ann", "-c", "user.email=ann@example.com", "commit", "-q", "-m", "Tools")
	git(t, at, "push", "-q", "origin", "HEAD:main")
	r.login("x-access-token:tok-write", "")

	m, env := provider(t)
	p := prepare(t, t.TempDir(), env...)
	p.configure(fmt.Sprintf("git:\n  forges:\n    %q: {type: github, api: %q, credential: work}\n", strings.TrimPrefix(r.url[:strings.Index(r.url, "/acme")], "http://"), h.URL))
	p.start()
	for name, key := range map[string]string{"work": "tok-write", "tracker": trackerKey} {
		if err := p.client().Do(t.Context(), "POST", "/credentials", map[string]any{"name": name, "secret_type": "api_key", "data": map[string]string{"api_key": key}}, nil); err != nil {
			t.Fatal(err)
		}
	}
	s := p.create(client.SessionCreate{Name: "worker", Mode: "bypassPermissions", Source: &client.Source{Type: client.SourceGit, Repo: r.url},
		MCPServers: []client.MCPServer{{Name: "tracker", Command: "node", Args: []string{"/workspace/mcp.js"}, Env: map[string]string{"PLAIN": "plainly"}, EnvFrom: map[string]string{"TRACKER_KEY": "tracker"}}}})
	if s.Branch != "volundr/session/worker" || strings.TrimSpace(p.inAgent(s.ID, "git -C /workspace branch --show-current")) != s.Branch {
		t.Errorf("it works on %q", s.Branch)
	}

	p.ask(s.ID, `tool mcp__tracker__whisper {"word":"hello"}`)
	backwards := []byte(trackerKey)
	for i, j := 0, len(backwards)-1; i < j; i, j = i+1, j-1 {
		backwards[i], backwards[j] = backwards[j], backwards[i]
	}
	var heard strings.Builder
	for _, q := range m.Requests() {
		heard.Write(q.Body)
	}
	if text := heard.String(); !strings.Contains(text, `"mcp__tracker__whisper"`) || !strings.Contains(text, "whispered hello "+string(backwards)+" plainly") {
		t.Error("the tool was not offered, or not called with its key")
	}
	for what, text := range map[string]string{"the agent's environment": p.inAgent(s.ID, "env; tr '\\0' '\\n' < /proc/1/environ"), "docker inspect": p.engineSays(s.ID), "what the model heard": heard.String()} {
		if strings.Contains(text, trackerKey) || strings.Contains(text, "tok-write") {
			t.Errorf("%s holds a secret", what)
		}
	}

	main := r.at("main")
	p.ask(s.ID, "run echo work > work.txt && git add work.txt && "+identity+"commit -qm 'Do the work' && git push origin HEAD:main")
	if r.at("main") != main {
		t.Error("the agent pushed to main")
	}
	if out, err := p.run("sessions", "push", "worker", "--branch", "main"); err == nil || !strings.Contains(out, "volundr/session/worker") {
		t.Errorf("push to main: %v %s", err, out)
	}
	if out, err := p.run("sessions", "push", "worker"); err != nil || r.at("volundr/session/worker") == "" {
		t.Errorf("push: %v %s", err, out)
	}
	if out, err := p.run("sessions", "pr", "worker", "--create"); err != nil || !strings.Contains(out, "#12 Do the work\nvolundr/session/worker → main\nhttps://git.example/acme/app/pull/12") {
		t.Errorf("pull request: %v %s", err, out)
	}
	h.mu.Lock()
	if !strings.Contains(h.made["body"], "Made in the Volundr session `worker`.") || !strings.Contains(h.made["body"], "Do the work") {
		t.Errorf("it says %q", h.made["body"])
	}
	h.mu.Unlock()
	if out, err := p.run("sessions", "pr", "worker", "--create"); err == nil || !strings.Contains(out, "has a pull request already: https://git.example/acme/app/pull/12") {
		t.Errorf("a second one: %v %s", err, out)
	}
	if out, err := p.run("sessions", "pr", "worker"); err != nil || !strings.Contains(out, "(open)") || !strings.Contains(out, "unit tests") {
		t.Errorf("its checks: %v %s", err, out)
	}

	p.inAgent(s.ID, "cd /workspace && echo more >> work.txt && "+identity+"commit -qam More")
	b := openBrowser(t, p)
	b.visit(b.ui + "/sessions/" + s.ID + "/diffs")
	b.sees("#12 Do the work")
	b.sees("1 of 1 check failed")
	b.sees("1 commit to push")
	b.portraits("work")
	b.press("Push", "[data-push]")
	b.sees("is pushed")
	if head := strings.TrimSpace(p.inAgent(s.ID, "git -C /workspace rev-parse HEAD")); r.at("volundr/session/worker") != head {
		t.Error("the browser's push did not arrive")
	}
}
