package e2e

import (
	"context"
	"errors"
	"fmt"
	"os/exec"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"

	"volundr/ui/client"
)

// create makes a session over the API and waits until it runs.
func (p *product) create(in client.SessionCreate) client.Session {
	p.t.Helper()
	s, err := p.client().Create(p.t.Context(), in)
	if err != nil {
		p.t.Fatal(err)
	}
	if s.Status != client.Starting {
		p.t.Errorf("a created session is %s, want starting", s.Status)
	}
	return p.awaitState(s.ID, client.Running)
}

// ask sends a prompt and gives the whole answer of its turn.
func (p *product) ask(id, text string) string {
	p.t.Helper()
	out, err := p.run("sessions", "chat", id, text)
	if err != nil {
		p.t.Fatalf("chat: %v\n%s", err, out)
	}
	return out
}

func TestCodexWorksFromAFirstPrompt(t *testing.T) {
	_, env := provider(t)
	p := install(t, env...)
	s := p.create(client.SessionCreate{Name: "codex", Agent: "codex", Model: "gpt-5.5", InitialPrompt: "run echo from-codex > made.txt",
		Source: &client.Source{Type: client.SourceGit, Repo: repository(t), Branch: "volundr/new", BaseBranch: "main"}})
	p.eventually(90*time.Second, "the file that the agent made", func() bool {
		return strings.TrimSpace(p.inAgent(s.ID, "cat /workspace/made.txt 2>/dev/null || true")) == "from-codex"
	})
	if got := strings.TrimSpace(p.inAgent(s.ID, "git -C /workspace branch --show-current")); got != "volundr/new" {
		t.Errorf("the session works on branch %q", got)
	}
	if got := p.ask(s.ID, "say something"); !strings.Contains(got, "say something") {
		t.Errorf("codex answered %q", got)
	}
	p.noSecret(s.ID)
}

// TestEveryKill kills the daemon while sessions are in every state on their way
// up and down; what their owner wanted comes true all the same.
func TestEveryKill(t *testing.T) {
	_, env := provider(t)
	p := install(t, env...)
	s, err := p.client().Create(t.Context(), client.SessionCreate{Name: "killed"})
	if err != nil {
		t.Fatal(err)
	}
	for i := range 6 { // on its way up, later and later
		<-time.After(time.Duration(i) * 250 * time.Millisecond)
		p.kill()
		p.start()
	}
	p.awaitState(s.ID, client.Running)
	mark := "kept through kills"
	p.inAgent(s.ID, "echo '"+mark+"' > /workspace/mark")
	for i := range 5 { // on its way down, later and later
		if _, err := p.client().Start(t.Context(), s.ID); err != nil && i > 0 {
			t.Fatal(err)
		}
		p.awaitState(s.ID, client.Running)
		ctx, cancel := context.WithTimeout(t.Context(), time.Duration(i)*400*time.Millisecond+50*time.Millisecond)
		p.client().Stop(ctx, s.ID)
		cancel()
		p.kill()
		p.start()
		p.awaitState(s.ID, client.Stopped)
		if out, err := exec.Command("docker", "ps", "-q", "--filter", "label=volundr.session="+s.ID).Output(); err != nil || len(out) > 0 {
			t.Fatalf("a stopped session has running containers: %s %v", out, err)
		}
	}
	if _, err := p.client().Start(t.Context(), s.ID); err != nil {
		t.Fatal(err)
	}
	p.awaitState(s.ID, client.Running)
	if got := strings.TrimSpace(p.inAgent(s.ID, "cat /workspace/mark")); got != mark {
		t.Errorf("the workspace holds %q", got)
	}
}

func TestBadInputGetsASentence(t *testing.T) {
	p := install(t)
	repo := repository(t)
	b := openBrowser(t, p)
	for name, c := range map[string]struct {
		in   client.SessionCreate
		args []string          // the same in the shell
		form map[string]string // and in the browser
		says string
	}{
		"a malformed name": {client.SessionCreate{Name: "Not Good"}, []string{"Not Good"},
			map[string]string{"name": "Not Good", "source": "empty"}, "must be lowercase"},
		"no repository": {client.SessionCreate{Name: "x", Source: &client.Source{Type: client.SourceGit, Repo: repo + "-gone"}}, []string{"x", "--repo", repo + "-gone"},
			map[string]string{"name": "x", "source": "git", "repo": repo + "-gone"}, "was not found or needs a login; check the address"},
		"no branch": {client.SessionCreate{Name: "x", Source: &client.Source{Type: client.SourceGit, Repo: repo, Branch: "nope"}}, []string{"x", "--repo", repo, "--branch", "nope"},
			map[string]string{"name": "x", "source": "git", "repo": repo, "branch": "nope"}, "nope"},
		"the whole machine": {client.SessionCreate{Name: "x", Source: &client.Source{Type: client.SourceMount, LocalPath: "/"}}, []string{"x", "--mount", "/"},
			map[string]string{"name": "x", "source": "folder", "local_path": "/", "use": "live"}, "never given"},
		"an unknown agent": {client.SessionCreate{Name: "x", Agent: "hal"}, []string{"x", "--agent", "hal"},
			map[string]string{"name": "x", "source": "empty", "agent": "hal"}, "hal"},
	} {
		_, err := p.client().Create(t.Context(), c.in)
		var e *client.Error
		if !errors.As(err, &e) || e.Status != 422 || !strings.Contains(strings.ToLower(e.Detail), strings.ToLower(c.says)) {
			t.Errorf("%s: %v, want a 422 that says %q", name, err, c.says)
		}
		out, err := p.run(append([]string{"sessions", "create"}, c.args...)...)
		if err == nil || !strings.Contains(strings.ToLower(out), strings.ToLower(c.says)) || strings.Count(strings.TrimSpace(out), "\n") > 0 {
			t.Errorf("%s, in the shell: %v %s", name, err, out)
		}
		b.post("/sessions/new", c.form)
		b.is(name+", in the browser", fmt.Sprintf("document.querySelector('#new-session') && document.querySelector('main').innerText.toLowerCase().includes(%q)", strings.ToLower(c.says)))
	}
	if out, err := p.run("up", "--listen", p.addr, "--foreground"); err == nil || !strings.Contains(out, "another volundr daemon") {
		t.Errorf("a second daemon: %v %s", err, out)
	}

	// A container that is removed behind our back fails the session, loses no
	// volume, and the session starts again.
	s := p.create(client.SessionCreate{Name: "robbed", Source: &client.Source{Type: client.SourceGit, Repo: repo}})
	b.visit(b.ui + "/sessions/" + s.ID)
	p.inAgent(s.ID, "echo kept > /workspace/kept")
	out, err := exec.Command("sh", "-c", "docker rm -f $(docker ps -q --filter label=volundr.session="+s.ID+" --filter label=volundr.part=agent)").CombinedOutput()
	if err != nil {
		t.Fatal(err, string(out))
	}
	failed := p.awaitState(s.ID, client.Failed)
	if failed.Failure == nil || failed.Failure.Reason == "" {
		t.Errorf("failed without a reason: %+v", failed)
	}
	if out, err := p.run("sessions", "show", s.ID); err != nil || !strings.Contains(out, failed.Failure.Reason) {
		t.Errorf("why it failed, in the shell: %v %s", err, out)
	}
	b.is("why it failed", "document.querySelector('.failure').textContent.includes("+strconv.Quote(failed.Failure.Reason)+")")
	b.portraits("failed-gone")
	b.do(chromedp.Click(".session-actions button.primary"))
	b.is("that it runs again", "document.querySelector('#session-header').dataset.status === 'running' && !document.querySelector('.failure')")
	if got := strings.TrimSpace(p.inAgent(s.ID, "cat /workspace/kept")); got != "kept" {
		t.Errorf("the workspace holds %q", got)
	}

	// One that ends by itself says how, with the last lines of its log.
	if out, err := exec.Command("sh", "-c", "docker stop -t 5 $(docker ps -q --filter label=volundr.session="+s.ID+" --filter label=volundr.part=editor)").CombinedOutput(); err != nil {
		t.Fatal(err, string(out))
	}
	failed = p.awaitState(s.ID, client.Failed)
	if f := failed.Failure; f == nil || f.Part != "editor" || f.ExitCode == nil || len(f.Lines) == 0 {
		t.Errorf("the failure does not say what ended and how: %+v", f)
	}
	b.is("how it ended", "document.querySelector('.failure')?.textContent.includes('exit code')")
	b.portraits("failed")
	b.visit(b.ui + "/")
	b.sees("robbed")
	b.portraits("dashboard-failed")
}
