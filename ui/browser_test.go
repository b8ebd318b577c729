package ui

import (
	"context"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/a-h/templ"
	"github.com/chromedp/chromedp"

	"volundr/assets"
)

// policy of the control origin, as the daemon sends it: pages have to live with it.
const contentSecurityPolicy = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; " +
	"worker-src 'self'; frame-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"

// missing ends a test that this machine cannot run: counted, and a failure
// where every layer is asked for.
func missing(t *testing.T, what string) {
	t.Helper()
	if os.Getenv("VOLUNDR_REQUIRE_BROWSERS") == "1" {
		t.Fatal(what)
	}
	t.Skip(what)
}

// browser starts a Chromium that knows nothing, and ends it with the test.
func browser(t *testing.T) context.Context {
	t.Helper()
	var path string
	for _, name := range []string{"chromium", "chromium-browser", "google-chrome"} {
		if p, err := exec.LookPath(name); err == nil {
			path = p
			break
		}
	}
	if path == "" {
		missing(t, "no Chromium on this machine: pages are not looked at")
	}
	options := append(chromedp.DefaultExecAllocatorOptions[:], chromedp.ExecPath(path), chromedp.NoSandbox,
		chromedp.UserDataDir(t.TempDir()), chromedp.Flag("disable-quic", true), chromedp.Flag("disable-background-networking", true),
		chromedp.Flag("disable-component-update", true), chromedp.Flag("disable-sync", true))
	ctx, cancel := chromedp.NewExecAllocator(t.Context(), options...)
	t.Cleanup(cancel)
	ctx, end := chromedp.NewContext(ctx)
	t.Cleanup(end)
	if err := chromedp.Do(ctx, chromedp.Navigate("about:blank")); err != nil {
		t.Fatal(err)
	}
	return ctx
}

// site serves pages and assets under the control origin's policy.
func site(t *testing.T, pages map[string]templ.Component, more func(*http.ServeMux)) *httptest.Server {
	t.Helper()
	mux := http.NewServeMux()
	mux.Handle(assets.Prefix, assets.Web())
	mux.HandleFunc("GET /page/{name}", func(w http.ResponseWriter, r *http.Request) {
		page, ok := pages[r.PathValue("name")]
		if !ok {
			http.NotFound(w, r)
			return
		}
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		if err := page.Render(r.Context(), w); err != nil {
			t.Error(err)
		}
	})
	if more != nil {
		more(mux)
	}
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Security-Policy", contentSecurityPolicy)
		mux.ServeHTTP(w, r)
	}))
	t.Cleanup(srv.Close)
	return srv
}

// axe gives the source of axe-core, fetched once by npm into the repository's
// cache. (It is MPL: it is not ours to ship.)
func axe(t *testing.T) string {
	t.Helper()
	const version = "4.14.1"
	dir, err := filepath.Abs(filepath.Join("..", ".cache"))
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(dir, "axe-core-"+version+".js")
	if b, err := os.ReadFile(file); err == nil {
		return string(b)
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	pack := exec.CommandContext(t.Context(), "npm", "pack", "--silent", "--pack-destination", t.TempDir(), "axe-core@"+version)
	dest := pack.Args[4]
	if out, err := pack.CombinedOutput(); err != nil {
		missing(t, "axe-core cannot be had by npm ("+strings.TrimSpace(string(out))+"): accessibility is not checked")
	}
	tar := exec.CommandContext(t.Context(), "tar", "-xzOf", filepath.Join(dest, "axe-core-"+version+".tgz"), "package/axe.min.js")
	b, err := tar.Output()
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, b, 0o644); err != nil {
		t.Fatal(err)
	}
	return string(b)
}
