package e2e

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/chromedp/chromedp"

	"volundr/daemon/e2e/model"
)

// say types a message into the chat and sends it.
func (b *browser) say(text string) {
	b.t.Helper()
	b.do(chromedp.SendKeys("#prompt", text), chromedp.Click("#send"))
}

func (b *browser) tab(name string) {
	b.t.Helper()
	b.do(chromedp.Click("[data-tab-link=" + name + "]"))
}

// press clicks what a selector finds once it is shown, in one step: the page may
// draw it anew at any moment.
func (b *browser) press(what, selector string) {
	b.t.Helper()
	b.is(what, fmt.Sprintf("(e => e && e.checkVisibility() && (e.click(), true))(document.querySelector(%q))", selector))
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
