package ui

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/a-h/templ"
	cdp "github.com/chromedp/cdproto/input"
	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
	"github.com/google/go-cmp/cmp"

	"volundr/ui/client"
)

const (
	offered  = `[...document.querySelectorAll('#completions:not([hidden]) li')].map(l => l.firstChild.textContent).join(' ')`
	selected = `document.getElementById(document.getElementById('prompt').getAttribute('aria-activedescendant'))?.firstChild.textContent`
	closed   = `document.getElementById('completions').hidden && !document.getElementById('prompt').hasAttribute('role')`
)

func TestCommandsAndFilesAreCompleted(t *testing.T) {
	ctx := browser(t)
	b := newBackend()
	srv := site(t, map[string]templ.Component{"s": SessionView(sessionPage(sessions()[0], "chat"))}, b.routes)
	do(t, ctx, chromedp.Navigate(srv.URL+"/page/s"))
	<-b.hello
	prompt := chromedp.CSS("#prompt")
	typed := func(keys string) { t.Helper(); do(t, ctx, chromedp.SendKeys(prompt, keys)) }
	press := func(key string) { // as a keyboard does: no character where a script took the key
		t.Helper()
		for _, e := range kb.Encode([]rune(key)[0]) {
			if e.Type == kb.KeyChar {
				continue
			}
			if e.Type == kb.KeyDown && key == kb.Enter {
				e.Text = key
			}
			if _, err := chromedp.Call(ctx, cdp.DispatchKeyEvent, *e); err != nil {
				t.Fatal(err)
			}
		}
	}
	value := func(want string) {
		t.Helper()
		wait(t, ctx, `document.getElementById('prompt').value === `+quoted(want))
	}

	// The agent's commands, at the beginning of a message only.
	typed("/")
	wait(t, ctx, offered+` === '/compact /review /init Second look <i>odd'`)
	press(kb.ArrowDown)
	wait(t, ctx, selected+` === '/review'`)
	press(kb.ArrowUp) // over the end
	press(kb.ArrowUp)
	wait(t, ctx, selected+` === '<i>odd'`)
	press(kb.Escape)
	wait(t, ctx, closed+` && document.activeElement.id === 'prompt'`)
	typed("re")
	wait(t, ctx, offered+` === '/review'`)
	eval[bool](t, ctx, `document.getElementById('prompt').value = '';true`)

	// A prompt that one keeps is put in as a whole, with its lines.
	typed("/second")
	wait(t, ctx, offered+` === 'Second look'`)
	press(kb.Enter)
	value(`Look again.\nSlowly.`)
	wait(t, ctx, closed)
	eval[bool](t, ctx, `document.getElementById('prompt').value = '';true`)
	typed("/re")
	wait(t, ctx, offered+` === '/review'`)
	press(kb.Enter)
	value("/review ")
	wait(t, ctx, closed)
	typed("and see /usr or me@example.com")
	wait(t, ctx, closed)
	typed(" in @roun")
	wait(t, ctx, offered+` === 'round.go round_test.go'`)
	press(kb.Tab)
	value("/review and see /usr or me@example.com in @invoice/round.go ")
	typed("and @notes")
	wait(t, ctx, offered+` === 'release notes (v2).md'`)
	do(t, ctx, chromedp.Click(chromedp.CSS("#completions li")))
	value("/review and see /usr or me@example.com in @invoice/round.go and @docs/release notes (v2).md ")
	wait(t, ctx, `document.activeElement.id === 'prompt'`)
	typed("and @typed.go")
	wait(t, ctx, closed)

	// A draft keeps what was chosen; a reload loses nothing of it.
	do(t, ctx, chromedp.Reload())
	<-b.hello
	value("/review and see /usr or me@example.com in @invoice/round.go and @docs/release notes (v2).md and @typed.go")
	do(t, ctx, chromedp.Focus(prompt))
	press(kb.Enter)
	want := []client.Block{{Type: "text", Text: "/review and see /usr or me@example.com in "}, {Type: "file", Text: "invoice/round.go"},
		{Type: "text", Text: " and "}, {Type: "file", Text: "docs/release notes (v2).md"}, {Type: "text", Text: " and @typed.go"}}
	m := <-b.sent
	if diff := cmp.Diff(want, m.Blocks); m.Type != client.FramePrompt || diff != "" {
		t.Errorf("sent %s: %s", m.Type, diff)
	}
	value("")

	// What is typed out is sent by the first Enter.
	typed("/compact")
	wait(t, ctx, offered+` === '/compact'`)
	press(kb.Enter)
	if m := <-b.sent; len(m.Blocks) != 1 || m.Blocks[0].Text != "/compact" {
		t.Errorf("sent %+v", m.Blocks)
	}

	// A name is text, whatever it says; and the list can be read by all.
	typed("@")
	wait(t, ctx, offered+`.includes('<img src=x onerror=alert(1)>.txt')`)
	eval[bool](t, ctx, axe(t)+";true")
	shots := os.Getenv("VOLUNDR_SHOTS")
	for _, v := range []struct {
		name          string
		width, height int64
	}{{"wide", 1280, 800}, {"phone", 390, 844}} {
		do(t, ctx, chromedp.EmulateViewport(v.width, v.height))
		wait(t, ctx, `(r => r.left >= 0 && r.right <= innerWidth && r.top >= 0 && document.documentElement.scrollWidth <= innerWidth)(document.getElementById('completions').getBoundingClientRect())`)
		for _, found := range violations(t, ctx) {
			t.Errorf("%s: %s", v.name, found)
		}
		if shots != "" {
			png, err := chromedp.Run(ctx, chromedp.CaptureScreenshot())
			if err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(filepath.Join(shots, "complete-"+v.name+".png"), png, 0o644); err != nil {
				t.Fatal(err)
			}
		}
	}
}

func quoted(s string) string {
	return "'" + s + "'"
}
