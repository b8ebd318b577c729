package e2e

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
	"github.com/google/go-cmp/cmp"

	"volundr/daemon/e2e/model"
	"volundr/ui/client"
)

// TestReviewAndBackToHere: in the browser a person looks at what the agent did,
// stages, commits and discards of it, sends a review, and goes back to before a
// message.
func TestReviewAndBackToHere(t *testing.T) {
	m, env := provider(t)
	who := filepath.Join(t.TempDir(), "gitconfig") // the machine need not have told git whose it is
	if err := os.WriteFile(who, []byte("[user]\n\tname = Ann\n\temail = ann@example.org\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	p := install(t, append(env, "GIT_CONFIG_GLOBAL="+who)...)
	id := p.create(client.SessionCreate{Name: "reviewed", Mode: "bypassPermissions",
		Source: &client.Source{Type: client.SourceGit, Repo: repository(t), Branch: "main"}}).ID
	p.ask(id, "run echo 'a widgit' >> README.md; echo scrap > scrap.txt")
	p.ask(id, "write hello.txt")
	b := openBrowser(t, p)
	b.visit(b.ui + "/sessions/" + id + "/chat")
	b.tab("diffs")
	inDiffs(p, b, id)
	review(p, b, m, id)
	backToHere(p, b, m, id)
}

// file selects something of a changed file in the Diffs tab.
func file(path, rest string) string { return fmt.Sprintf(".cfile[data-path='%s'] %s", path, rest) }

// inDiffs stages and commits one file and discards another.
func inDiffs(p *product, b *browser, id string) {
	p.t.Helper()
	b.press("the file's change", file("hello.txt", "summary"))
	b.is("its line", fmt.Sprintf("document.querySelector(%q)?.textContent.trim() === %q", file("hello.txt", "td.code[data-op='+']"), strings.TrimSpace(model.Content)))
	b.press("Stage", file("hello.txt", "[data-file-act=stage]"))
	b.is("that it is staged", fmt.Sprintf("/\\bstaged/.test(document.querySelector(%q)?.textContent)", file("hello.txt", "summary")))
	if got := strings.TrimSpace(p.inAgent(id, "git -C /workspace diff --cached --name-only")); got != "hello.txt" {
		p.t.Errorf("staged is %q", got)
	}
	b.shoot("diffs-staged")
	b.is("a message", "(e => e && (e.value = 'Say hello'))(document.querySelector('.commit textarea'))")
	b.press("Commit", ".commit button.primary")
	b.is("that it is committed", fmt.Sprintf("/committed/.test(document.querySelector(%q)?.textContent)", file("hello.txt", "summary")))

	b.press("the file's change", file("scrap.txt", "summary"))
	b.press("Discard", file("scrap.txt", "[data-file-act=discard]"))
	b.is("which file is meant", "document.querySelector('#confirm-discard[open] [data-name]')?.textContent === 'scrap.txt'")
	b.press("the answer", "#confirm-discard button.danger")
	b.is("that it is gone", "!document.querySelector(\".cfile[data-path='scrap.txt']\")")
	if got := strings.TrimSpace(p.inAgent(id, "cd /workspace && git log -1 --format=%s --name-only && git status --porcelain")); got != "Say hello\n\nhello.txt\n M README.md" {
		p.t.Errorf("after staging, committing and discarding: %q", got)
	}
}

// review writes a comment at a line and sends it.
func review(p *product, b *browser, m *model.Server, id string) {
	p.t.Helper()
	const comment = "It is spelt widget."
	b.press("the file's change", file("README.md", "summary"))
	b.press("the number of the line", file("README.md", "tr[data-side=new]:has([data-op='+']) .no"))
	b.do(chromedp.SendKeys(".commenting textarea", comment))
	b.press("Add", ".commenting button.primary")
	under := fmt.Sprintf("document.querySelector(%q)?.textContent.includes(%q)", file("README.md", "tr:has([data-op='+']) + tr.said"), comment)
	b.is("the comment under its line", under)
	b.do(chromedp.Reload())
	b.is("that it waits to be sent", "/1 comment/.test(document.querySelector('.review')?.textContent)")
	b.press("the file's change", file("README.md", "summary"))
	b.is("the comment under its line", under)
	b.shoot("diffs-review")
	b.press("Send", ".review button.primary")
	b.is("that nothing waits to be sent", "!document.querySelector('.review') && document.querySelector('.cfile')")
	b.tab("chat")
	b.sees("You said: I reviewed your changes.")
	p.idle(id)
	if !slices.ContainsFunc(m.Requests(), func(r model.Request) bool {
		return strings.Contains(r.Text, comment) && strings.Contains(r.Text, "README.md") && strings.Contains(r.Text, "a widgit")
	}) {
		p.t.Error("the agent did not get the comment with its place")
	}
}

// backToHere goes back to before a message: files and conversation.
func backToHere(p *product, b *browser, m *model.Server, id string) {
	p.t.Helper()
	p.ask(id, "run sed -i s/widgit/widget/ README.md")
	state := p.state(id, true)
	b.say("run rm hello.txt; echo wrong-way > wrong.txt")
	p.eventually(60*time.Second, "the deed", func() bool {
		return p.inAgent(id, "test -e /workspace/wrong.txt || echo not yet") == ""
	})
	p.idle(id)
	b.is("the way back", `(e => e && (e.click(), true))([...document.querySelectorAll('.prompt')].find(e => e.textContent.includes('wrong-way'))?.querySelector('a.back'))`)
	b.sees("Back to before this message?")
	b.is("what would be lost", `['hello.txt created', 'wrong.txt deleted'].every(l => [...document.querySelectorAll('.loss li')].some(e => e.textContent.trim() === l))`)
	b.portraits("rewind")
	b.press("Go back", ".confirm button.danger")
	b.is("the chat", "location.pathname.endsWith('/chat')")
	if d := cmp.Diff(state, p.state(id, true)); d != "" {
		p.t.Errorf("back at the message the workspace is not what it was (-was +is):\n%s", d)
	}
	b.say("what-now-back-here")
	b.sees("You said: what-now-back-here")
	if !remembers(m, "what-now-back-here", "It is spelt widget.") || remembers(m, "what-now-back-here", "wrong-way") {
		p.t.Error("the conversation does not stand where it stood")
	}
	p.told(id, "going back", func(e client.TimelineEvent) bool { return e.Kind == "rewound" })
}
