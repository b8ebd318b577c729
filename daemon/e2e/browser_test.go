package e2e

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/target"
	"github.com/chromedp/chromedp"
)

// browser is a real Chromium with an empty profile, logged in.
type browser struct {
	t   *testing.T
	ctx context.Context
	ui  string // the control origin
}

// openBrowser starts Chromium and logs it in with a fresh link of the machine's
// own user.
func openBrowser(t *testing.T, p *product) *browser {
	t.Helper()
	link, err := p.client().LoginLink(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return browserBy(t, link)
}

// browserBy starts Chromium and logs it in with a link.
func browserBy(t *testing.T, link string) *browser {
	t.Helper()
	path, err := exec.LookPath("chromium")
	if err != nil {
		if os.Getenv("VOLUNDR_REQUIRE_BROWSERS") == "1" {
			t.Fatal("Chromium is required and not there")
		}
		t.Skip("no chromium on this machine")
	}
	alloc, stop := chromedp.NewExecAllocator(context.Background(),
		append(chromedp.DefaultExecAllocatorOptions[:], chromedp.ExecPath(path), chromedp.NoSandbox, chromedp.DisableGPU,
			chromedp.Flag("disable-quic", true), chromedp.Flag("disable-background-networking", true),
			chromedp.Flag("disable-component-update", true), chromedp.Flag("disable-sync", true),
			chromedp.UserDataDir(t.TempDir()), chromedp.WindowSize(1280, 860))...)
	t.Cleanup(stop)
	ctx, cancel := chromedp.NewContext(alloc)
	t.Cleanup(cancel)
	if err := chromedp.Do(ctx); err != nil { // starts the browser, which lives as long as ctx
		t.Fatal(err)
	}
	b := &browser{t: t, ctx: ctx, ui: link[:strings.Index(link, "/login/")]}
	b.visit(link)
	return b
}

// newTab opens a page in another tab of the same browser.
func (b *browser) newTab(url string) *browser {
	b.t.Helper()
	ctx, cancel := chromedp.NewContext(b.ctx)
	b.t.Cleanup(cancel)
	if err := chromedp.Do(ctx); err != nil { // makes the tab, which lives as long as ctx
		b.t.Fatal(err)
	}
	tab := &browser{t: b.t, ctx: ctx, ui: b.ui}
	tab.visit(url)
	return tab
}

// reads gives the value of a JavaScript expression.
func (b *browser) reads(expression string) string {
	b.t.Helper()
	ctx, cancel := context.WithTimeout(b.ctx, 30*time.Second)
	defer cancel()
	text, err := chromedp.Run(ctx, chromedp.Evaluate[string]("String("+expression+")"))
	if err != nil {
		b.t.Fatalf("%s: %v", expression, err)
	}
	return text
}

func (b *browser) do(steps ...chromedp.Action[chromedp.Void]) {
	b.t.Helper()
	ctx, cancel := context.WithTimeout(b.ctx, 60*time.Second)
	defer cancel()
	if err := chromedp.Do(ctx, steps...); err != nil {
		b.shoot("failure")
		b.t.Fatal(err)
	}
}

func (b *browser) visit(url string) { b.t.Helper(); b.do(chromedp.Navigate(url)) }

// post sends a form of the page's origin, as one without a script does.
func (b *browser) post(path string, fields map[string]string) {
	b.t.Helper()
	raw, err := json.Marshal(fields)
	if err != nil {
		b.t.Fatal(err)
	}
	b.visit(b.ui + path)
	b.reads(fmt.Sprintf(`(() => {
		const form = document.createElement('form');
		form.method = 'post'; form.action = %q;
		for (const [name, value] of Object.entries(%s)) {
			const field = document.createElement('input');
			field.type = 'hidden'; field.name = name; field.value = value;
			form.append(field);
		}
		document.body.append(form);
		form.submit();
	})()`, path, raw))
}

// is waits until a JavaScript expression is true on the page.
func (b *browser) is(what, expression string) {
	b.t.Helper()
	b.isIn(b.ctx, what, expression)
}

func (b *browser) isIn(ctx context.Context, what, expression string) {
	b.t.Helper()
	deadline := time.Now().Add(60 * time.Second)
	var last error
	for time.Now().Before(deadline) {
		short, cancel := context.WithTimeout(ctx, 10*time.Second)
		ok, err := chromedp.Run(short, chromedp.Evaluate[bool]("!!("+expression+")"))
		cancel()
		if ok {
			return
		}
		last = err
		<-time.After(100 * time.Millisecond)
	}
	b.shoot("failure")
	text, _ := chromedp.Run(b.ctx, chromedp.Evaluate[string]("document.body.innerText"))
	b.t.Fatalf("not seen: %s (%s): %v\npage:\n%s", what, expression, last, text)
}

// sees waits until the page's text holds something.
func (b *browser) sees(text string) {
	b.t.Helper()
	b.is(fmt.Sprintf("%q on the page", text), fmt.Sprintf("document.body.innerText.includes(%q)", text))
}

// frame gives the context of the cross-site frame whose URL has a prefix.
func (b *browser) frame(prefix string) context.Context {
	b.t.Helper()
	var id target.ID
	eventually(b.t, 60*time.Second, "a frame at "+prefix, func() bool {
		all, err := chromedp.Targets(b.ctx)
		if err != nil {
			return false
		}
		for _, info := range all {
			if info.Type == "iframe" && strings.HasPrefix(info.URL, prefix) {
				id = info.TargetID
				return true
			}
		}
		return false
	})
	ctx, cancel := chromedp.NewContext(b.ctx, chromedp.WithTargetID(id))
	b.t.Cleanup(cancel)
	if err := chromedp.Do(ctx); err != nil { // attaches, for as long as ctx lives
		b.t.Fatal(err)
	}
	return ctx
}

// shoot writes a screenshot into the folder of VOLUNDR_SCREENSHOTS, if any.
func (b *browser) shoot(name string) {
	dir := os.Getenv("VOLUNDR_SCREENSHOTS")
	if dir == "" {
		return
	}
	ctx, cancel := context.WithTimeout(b.ctx, 30*time.Second)
	defer cancel()
	png, err := chromedp.Run(ctx, chromedp.CaptureScreenshot())
	if err == nil {
		err = errors.Join(os.MkdirAll(dir, 0o755), os.WriteFile(filepath.Join(dir, name+".png"), png, 0o644))
	}
	if err != nil {
		b.t.Logf("screenshot %s: %v", name, err)
	}
}

// portraits shoots a page light, dark and on a phone.
func (b *browser) portraits(name string) {
	b.t.Helper()
	if os.Getenv("VOLUNDR_SCREENSHOTS") == "" {
		return
	}
	theme := func(value string) chromedp.Action[chromedp.Void] {
		return chromedp.Func(func(ctx context.Context, _ *chromedp.Target) error {
			_, err := chromedp.Call(ctx, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{
				Features: []*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: value}}})
			return err
		})
	}
	b.do(theme("light"))
	b.shoot(name + "-light")
	b.do(theme("dark"))
	b.shoot(name + "-dark")
	b.do(theme("light"), chromedp.EmulateViewport(390, 844))
	b.shoot(name + "-phone")
	b.do(chromedp.EmulateViewport(1280, 860))
}
