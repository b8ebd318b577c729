package e2e

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"

	"volundr/daemon/e2e/model"
	"volundr/ui/client"
)

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
	if on := map[bool]string{false: "docker", true: "kubernetes"}[onKubernetes()]; all[0].Runtime != on {
		t.Errorf("it runs on %s, want %s", all[0].Runtime, on)
	}

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
	if left := p.leftovers(id); left != "" {
		t.Errorf("left behind: %s", left)
	}
	b.sees("No sessions yet")
}
