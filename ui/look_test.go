package ui

import (
	"context"
	"encoding/json"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/chromedp"
)

// Every page in both themes and on a phone: nothing wider than the screen,
// nothing that axe-core calls serious, no complaint in the console.
// VOLUNDR_SHOTS names a folder for pictures of them all.
func TestPagesInABrowser(t *testing.T) {
	ctx := browser(t)
	heard := listen(t, ctx)
	rules := axe(t)
	all := pages()
	srv := site(t, all, remotes)
	shots := os.Getenv("VOLUNDR_SHOTS")
	views := []struct {
		name, theme   string
		width, height int64
	}{{"light", "light", 1280, 800}, {"dark", "dark", 1280, 800}, {"phone", "light", 390, 844}}
	for _, v := range views {
		media := emulation.SetEmulatedMediaParams{Features: []*emulation.MediaFeature{
			{Name: "prefers-color-scheme", Value: v.theme}, {Name: "prefers-reduced-motion", Value: "reduce"},
		}}
		if _, err := chromedp.Call(ctx, emulation.SetEmulatedMedia, media); err != nil {
			t.Fatal(err)
		}
		do(t, ctx, chromedp.EmulateViewport(v.width, v.height))
		for _, name := range slices.Sorted(maps.Keys(all)) {
			t.Run(name+"/"+v.name, func(t *testing.T) {
				do(t, ctx, chromedp.Navigate(srv.URL+"/page/"+name))
				if wide := eval[bool](t, ctx, `document.documentElement.scrollWidth > innerWidth`); wide {
					t.Error("the page is wider than the screen")
				}
				if shots != "" {
					png, err := chromedp.Run(ctx, chromedp.CaptureScreenshot())
					if err != nil {
						t.Fatal(err)
					}
					if err := os.WriteFile(filepath.Join(shots, name+"-"+v.name+".png"), png, 0o644); err != nil {
						t.Fatal(err)
					}
				}
				eval[bool](t, ctx, rules+";true")
				for _, found := range violations(t, ctx) {
					t.Error(found)
				}
				for _, said := range heard.take() {
					t.Errorf("in the console: %s", said)
				}
			})
		}
	}
}

// violations are axe-core's findings of serious and critical impact.
func violations(t *testing.T, ctx context.Context) []string {
	t.Helper()
	js := `axe.run(document, {resultTypes: ['violations']}).then(r => JSON.stringify(r.violations
		.filter(v => v.impact === 'serious' || v.impact === 'critical')
		.map(v => v.id + ': ' + v.help + ' ' + v.nodes.slice(0, 3).map(n => n.html.slice(0, 160) + ' ' + n.failureSummary.replace(/\s+/g, ' ')).join(' | '))))`
	raw, err := chromedp.Run(ctx, chromedp.Evaluate[string](js, chromedp.EvalAwaitPromise))
	if err != nil {
		t.Fatal(err)
	}
	var found []string
	if err := json.Unmarshal([]byte(raw), &found); err != nil {
		t.Fatal(err)
	}
	return found
}

func do(t *testing.T, ctx context.Context, steps ...chromedp.Action[chromedp.Void]) {
	t.Helper()
	if err := chromedp.Do(ctx, steps...); err != nil {
		t.Fatal(err)
	}
}

func eval[T any](t *testing.T, ctx context.Context, js string) T {
	t.Helper()
	v, err := chromedp.Run(ctx, chromedp.Evaluate[T](js))
	if err != nil {
		t.Fatalf("%v in %.200s", err, js)
	}
	return v
}
