package e2e

import (
	"fmt"
	"testing"
	"time"

	"github.com/chromedp/chromedp"

	"volundr/ui/client"
)

// said is the conversation as a page shows it: every item with its text, in
// order, without the times that tick.
const said = `[...document.querySelectorAll('#items > .item')].map(e => {
	const c = e.cloneNode(true);
	c.querySelectorAll('time').forEach(t => t.remove());
	return e.id + ' ' + c.textContent.replace(/\s+/g, ' ').trim();
}).join('\n')`

const (
	asked    = "document.querySelector('.permission[data-open]')"
	answered = "document.body.innerText.includes('Allowed (') && !" + asked
	waits    = "document.body.innerText.includes('Waits for you')"
)

// TestManyLookAtOneSession has two browsers and then ten tabs on one session,
// all live, and shows what a program in it serves.
func TestManyLookAtOneSession(t *testing.T) {
	_, env := provider(t)
	p := install(t, env...)
	s := p.create(client.SessionCreate{Name: "shared", Mode: "default"})
	ann, bob := openBrowser(t, p), openBrowser(t, p)
	chat := ann.ui + "/sessions/" + s.ID + "/chat"
	ann.visit(chat)
	bob.visit(chat)

	twoBrowsers(t, p, s.ID, ann, bob)
	tenTabs(t, ann, s.ID)
	wrongKey(p, s.ID, ann)
	preview(ann, s.ID)
}

// twoBrowsers: both see one conversation, in order; what one answers, the other
// sees answered.
func twoBrowsers(t *testing.T, p *product, id string, ann, bob *browser) {
	ann.say("write shared.txt")
	ann.is("the question at Ann's", asked)
	bob.is("the question at Bob's", asked)
	bob.do(chromedp.Click(".permission[data-open] button.primary"))
	ann.is("Bob's answer at Ann's", answered)
	for _, b := range []*browser{ann, bob} {
		b.sees("Done.")
	}
	bob.say("first by Bob")
	ann.sees("You said: first by Bob")
	ann.say("then by Ann")
	bob.sees("You said: then by Ann")
	p.idle(id)
	var one, other string
	p.eventually(20*time.Second, "both browsers show the same", func() bool {
		one, other = ann.reads(said), bob.reads(said)
		return one == other
	})
	bob.do(chromedp.Reload())
	bob.is("the conversation after a reload", "document.querySelector('#items > .item')")
	if again := bob.reads(said); again != one {
		t.Errorf("what was seen live and what a new page shows differ:\n%s\n\n%s", one, again)
	}
}

// tenTabs: a browser has six connections per host, and all ten tabs are live.
func tenTabs(t *testing.T, first *browser, id string) {
	tabs := []*browser{first}
	for i := range 9 {
		url := first.ui + "/"
		if i < 6 {
			url = fmt.Sprintf("%s/sessions/%s/%s", first.ui, id, []string{"chat", "logs", "editor"}[i%3])
		}
		tabs = append(tabs, first.newTab(url))
	}
	for _, tab := range tabs {
		tab.is("a page at rest", "document.readyState === 'complete' && !"+waits)
	}
	last := tabs[4] // a chat
	last.say("write ten.txt")
	for _, tab := range tabs {
		tab.is("that the session waits", waits)
	}
	first.do(chromedp.Click(".permission[data-open] button.primary"))
	for _, tab := range tabs {
		tab.is("that it waits no more", "!"+waits)
	}
	last.sees("Done.")
	for _, tab := range tabs[1:] {
		if err := chromedp.Cancel(tab.ctx); err != nil {
			t.Errorf("close a tab: %v", err)
		}
	}
}

// wrongKey: the provider refuses the key; the chat says what to do, and the
// next message works.
func wrongKey(p *product, id string, b *browser) {
	b.say("fail 401")
	b.is("what to do about a refused key", "[...document.querySelectorAll('.item')].some(e => /key/i.test(e.textContent) && e.textContent.includes('volundr credentials set anthropic'))")
	b.portraits("chat-key")
	p.idle(id)
	b.say("better now?")
	b.sees("You said: better now?")
}

// preview: a port that a program in the session opens on its loopback appears
// by itself, its page opens in a frame, and goes with the program.
func preview(b *browser, id string) {
	b.tab("terminal")
	terminal := b.frame("http://term--")
	b.isIn(terminal, "the shell's prompt", terminalHas("/workspace$"))
	b.typeIn(terminal, "mkdir /tmp/site && echo '<h1>Widgets</h1>' > /tmp/site/index.html && python3 -m http.server --bind 127.0.0.1 -d /tmp/site 8123\n")
	b.tab("preview")
	b.is("the port", "document.querySelector('[data-port-link=\"8123\"]')")
	b.do(chromedp.Click("[data-port-link='8123']"))
	frame := b.frame("http://p8123--")
	b.isIn(frame, "the page", "document.body && document.body.innerText.includes('Widgets')")
	b.is("the port in the URL", "location.search === '?port=8123'")
	b.portraits("preview")
	b.do(chromedp.Reload())
	frame = b.frame("http://p8123--")
	b.isIn(frame, "the page after a reload", "document.body && document.body.innerText.includes('Widgets')")
	b.tab("terminal")
	terminal = b.frame("http://term--")
	b.isIn(terminal, "the server's terminal", terminalHas("Serving HTTP"))
	b.typeIn(terminal, "\x03")
	b.is("that the port is gone", "!document.querySelector('[data-port-link=\"8123\"]')")
}
