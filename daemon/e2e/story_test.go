package e2e

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"

	"volundr/daemon/e2e/model"
	"volundr/ui/client"
)

// secret is the provider's key. It must be seen by the provider and by nobody
// in a session.
const secret = "sk-ant-canary-5b1f0c2d77"

// provider starts the scripted model and gives the environment of a daemon that
// uses it.
func provider(t *testing.T) (*model.Server, []string) {
	t.Helper()
	m := model.New()
	url, err := m.Start()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(m.Close)
	return m, []string{"ANTHROPIC_BASE_URL=" + url, "OPENAI_BASE_URL=" + url + "/v1",
		"ANTHROPIC_API_KEY=" + secret, "OPENAI_API_KEY=" + secret}
}

// say types a message into the chat and sends it.
func (b *browser) say(text string) {
	b.t.Helper()
	b.do(chromedp.SendKeys("#prompt", text), chromedp.Click("#send"))
}

func (b *browser) tab(name string) {
	b.t.Helper()
	b.do(chromedp.Click("[data-tab-link=" + name + "]"))
}

// TestStory is a developer's day with one session, in the browser.
func TestStory(t *testing.T) {
	m, env := provider(t)
	m.SetTick(10 * time.Millisecond)
	p := install(t, env...)
	b := openBrowser(t, p)
	b.sees("No sessions yet")
	b.portraits("dashboard-empty")

	// Create from a local repository, by the form.
	b.visit(b.ui + "/sessions/new")
	b.do(chromedp.SetValue("[name=name]", "hello"),
		chromedp.SetValue("[name=repo]", repository(t)))
	b.portraits("new")
	b.do(chromedp.Evaluate[chromedp.Void](`document.querySelector('[name=mode]') && (document.querySelector('[name=mode]').value = 'default')`),
		chromedp.Submit("form[action='/sessions/new']"))
	b.is("the session's page", "location.pathname.startsWith('/sessions/') && location.pathname !== '/sessions/new'")
	b.is("the session runs", "document.querySelector('#session-header')?.dataset.status === 'running'")
	all, err := p.client().List(t.Context(), client.ListOptions{})
	if err != nil || len(all) != 1 {
		t.Fatal(all, err)
	}
	id := all[0].ID

	// A prompt whose tool asks for permission; the diff in the tool call.
	b.say("write hello.txt")
	b.is("a permission question", "document.querySelector('.permission[data-open]')")
	b.portraits("chat-permission")
	if got := p.awaitActivity(id, client.Waiting); got.ActivityText == "" {
		t.Error("the session does not say what it waits for")
	}
	b.do(chromedp.Click(".permission[data-open] button.primary"))
	b.sees("Done.")
	b.is("the diff of the tool call", fmt.Sprintf("document.querySelector('.tool') && document.querySelector('.tool').textContent.includes(%q)", strings.TrimSpace(model.Content)))
	b.portraits("chat")

	// The file in the editor's frame, and by cat in the terminal's.
	b.tab("editor")
	editor := b.frame("http://editor--")
	b.isIn(editor, "hello.txt in the explorer", "document.body && document.body.innerText.includes('hello.txt')")
	b.portraits("editor")
	b.tab("terminal")
	terminal := b.frame("http://term--")
	b.isIn(terminal, "the shell's prompt", terminalHas("/workspace$"))
	b.typeIn(terminal, "cat hello.txt; MARK=$((40+2)); echo mark-$MARK\n")
	b.isIn(terminal, "what cat printed", terminalHas(strings.TrimSpace(model.Content)))
	b.isIn(terminal, "the shell's answer", terminalHas("mark-42"))
	b.portraits("terminal")

	// Reload: conversation and shell are as they were.
	b.do(chromedp.Reload())
	terminal = b.frame("http://term--")
	b.isIn(terminal, "the scrollback", terminalHas("mark-42"))
	b.typeIn(terminal, "echo again-$MARK\n")
	b.isIn(terminal, "the same shell", terminalHas("again-42"))
	b.tab("chat")
	b.sees("Done.")

	// kill -9 the daemon in the middle of a streamed answer.
	words := 300
	b.say(fmt.Sprintf("slow %d", words))
	b.sees(model.Words(20))
	p.kill()
	p.start()
	p.idle(id)
	answer := p.lastAnswer(id)
	if want := model.Words(words); strings.Count(answer, model.Words(20)) != 1 || !strings.Contains(answer, want) {
		t.Errorf("after the daemon was killed the answer is not there once and whole:\n%s", answer)
	}
	b.is("the page is back and whole", fmt.Sprintf("document.body.innerText.includes(%q)", lastWords(words)))

	// Kill the adapter: the session goes on.
	p.inAgent(id, "pkill -9 -f '[c]laude-agent-acp'")
	p.eventually(60*time.Second, "the agent is back", func() bool {
		err := p.client().Send(t.Context(), id, "still there?")
		return err == nil
	})
	b.is("an answer after the adapter was killed", "[...document.querySelectorAll('.item')].some(e => e.textContent.includes('still there?'))")
	p.idle(id)

	// Nobody in the session has the key.
	p.noSecret(id)
	if !sawKey(m) {
		t.Error("the provider did not get the key")
	}

	// Stop, read, start: all is there.
	if _, err := p.client().Stop(t.Context(), id); err != nil {
		t.Fatal(err)
	}
	b.is("the session is stopped", "document.querySelector('#session-header')?.dataset.status === 'stopped'")
	b.do(chromedp.Reload())
	b.sees("Done.")
	if _, err := p.client().Start(t.Context(), id); err != nil {
		t.Fatal(err)
	}
	p.awaitState(id, client.Running)
	if got := p.inAgent(id, "cat /workspace/hello.txt"); got != model.Content {
		t.Errorf("after a stop and a start hello.txt holds %q", got)
	}
	b.do(chromedp.Reload())
	b.sees("Done.")
	b.visit(b.ui + "/")
	b.sees("hello")
	b.portraits("dashboard")

	// Delete: nothing is left.
	if err := p.client().Delete(t.Context(), id); err != nil {
		t.Fatal(err)
	}
	if left := leftovers(t, id); left != "" {
		t.Errorf("left behind: %s", left)
	}
	b.sees("No sessions yet")
}

func terminalHas(text string) string {
	return fmt.Sprintf("(() => { const b = (window.term || {}).buffer?.active; if (!b) return false; let s = ''; for (let i = 0; i < b.length; i++) s += b.getLine(i).translateToString(true) + '\\n'; return s.includes(%q); })()", text)
}

func lastWords(n int) string {
	w := strings.Fields(model.Words(n))
	return w[len(w)-1]
}

// typeIn types into a frame's terminal, as xterm takes keys from the page.
func (b *browser) typeIn(frame context.Context, text string) {
	b.t.Helper()
	ctx, cancel := context.WithTimeout(frame, 30*time.Second)
	defer cancel()
	js := fmt.Sprintf("void window.term.input(%q, true)", strings.ReplaceAll(text, "\n", "\r"))
	if err := chromedp.Do(ctx, chromedp.Evaluate[chromedp.Void](js)); err != nil {
		b.shoot("failure")
		b.t.Fatal(err)
	}
}

func (p *product) awaitActivity(id, activity string) client.Session {
	p.t.Helper()
	var s client.Session
	p.eventually(60*time.Second, "the session is "+activity, func() bool {
		var err error
		if s, err = p.client().Get(p.t.Context(), id); err != nil {
			p.t.Fatal(err)
		}
		return s.Activity() == activity
	})
	return s
}

// idle waits until the agent has nothing more to do.
func (p *product) idle(id string) {
	p.t.Helper()
	since := time.Now()
	p.eventually(120*time.Second, "the agent is idle", func() bool {
		s, err := p.client().Get(p.t.Context(), id)
		if err != nil || s.Activity() != client.Idle {
			since = time.Now()
			return false
		}
		return time.Since(since) > 1500*time.Millisecond
	})
}

func (p *product) lastAnswer(id string) string {
	p.t.Helper()
	c, err := p.client().Conversation(p.t.Context(), id)
	if err != nil {
		p.t.Fatal(err)
	}
	var out []string
	asked := false
	for _, turn := range c.Turns {
		if turn.Role == "user" && strings.HasPrefix(strings.TrimSpace(turn.Content), "slow ") {
			asked = true
		}
		if asked && turn.Role == "assistant" {
			out = append(out, turn.Content)
		}
	}
	return strings.Join(out, "\n")
}

// inAgent runs a shell command in the agent's container, as Docker sees it.
func (p *product) inAgent(id, script string) string {
	p.t.Helper()
	name, err := exec.Command("docker", "ps", "-q", "--filter", "label=volundr.session="+id, "--filter", "label=volundr.part=agent").Output()
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

func sawKey(m *model.Server) bool {
	for _, r := range m.Requests() {
		if r.Header.Get("X-Api-Key") == secret || strings.Contains(r.Header.Get("Authorization"), secret) {
			return true
		}
	}
	return false
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
