package api

import (
	"fmt"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"
)

// In the browser: the Diffs tab opens on the first repository at once and goes to
// another; what is done there is done in that one, what is being written in one
// stays with it, and the pull request is that of the one that is shown.
func TestTheDiffsTabOfSeveralRepositories(t *testing.T) {
	w := newSeveral(t)
	w.opens(nil)
	ctx := w.browser()
	w.put("app/README.md", "one\nTWO!\nthree\n")
	w.put("lib/new.go", "package lib\n")
	w.git(".", "init", "-q", "-b", "main", "own")
	press := func(what, selector string) {
		t.Helper()
		w.until(ctx, fmt.Sprintf("(e => e && !e.disabled && (e.click(), true))(document.querySelector(%q))", selector))
	}
	file := func(name string) string {
		return fmt.Sprintf("document.querySelector(\"#changes .cfile[data-path='%s']\")", name)
	}
	shown := func(repo string) {
		t.Helper()
		w.until(ctx, fmt.Sprintf("document.querySelector('.changes-repos [aria-current]')?.textContent.trim().startsWith(%q)", repo))
	}
	to := func(repo string) {
		t.Helper()
		press(repo, ".changes-repos a[href*='repo="+repo+"']")
		shown(repo)
	}
	write := func(text string) {
		t.Helper()
		w.until(ctx, fmt.Sprintf("(e => e && (e.value = %q))(document.querySelector('.commit textarea'))", text))
	}

	w.do(ctx, chromedp.Navigate(w.auth.ControlOrigin()+"/sessions/"+w.s.ID+"/diffs"))
	w.until(ctx, "document.querySelector('#pr[data-none]')") // the script is at work
	shown("app")
	w.until(ctx, file("README.md")+" && !"+file("new.go"))
	w.until(ctx, "[...document.querySelectorAll('.changes-repos a')].map(a => a.textContent.replace(/\\s+/g, ' ').trim()).join('|') === 'app 1|lib 1|own'")
	write("Half of a message for app")
	to("lib")
	w.until(ctx, file("new.go")+" && !"+file("README.md")+" && location.search.includes('repo=lib')")
	w.until(ctx, "document.querySelector('.commit textarea').value === ''")
	write("Offer it")
	press("everything", ".commit button[value=all]")
	w.until(ctx, "/committed/.test("+file("new.go")+"?.textContent)")
	if got := w.git("lib", "log", "-1", "--format=%an %s") + w.git("app", "log", "--format=%s"); got != "Ann Offer itFirst of acme/app" {
		t.Error(got)
	}
	w.until(ctx, "/1 commit, not pushed yet/.test(document.querySelector('.work').textContent)")
	press("Push", "[data-push='"+ownBranch+"']")
	w.until(ctx, "/is pushed/.test(document.querySelector('.work').textContent)")
	if w.lib.at(ownBranch) != w.git("lib", "rev-parse", "HEAD") || w.app.at(ownBranch) != "" {
		t.Errorf("lib is at %q, app at %q", w.lib.at(ownBranch), w.app.at(ownBranch))
	}
	press("Open merge request", "[data-open-pr]")
	w.until(ctx, "document.querySelector('#open-pr[open]') && /Volundr session/.test(document.querySelector('#open-pr textarea').value)")
	w.until(ctx, "(e => e.value = 'Offer it to app')(document.querySelector('#open-pr [name=title]'))")
	press("Open", "#open-pr .primary")
	w.until(ctx, "/!3 Offer it to app/.test(document.querySelector('#pr').textContent)")

	to("app")
	w.until(ctx, file("README.md")+" && document.querySelector('.commit textarea').value === 'Half of a message for app'")
	w.until(ctx, "!/Offer it/.test(document.querySelector('#pr').textContent)")
	if w.app.open != nil {
		t.Errorf("app has %v", w.app.open)
	}
	to("own")
	w.until(ctx, "document.querySelector('.nothing') && !document.querySelector('[data-push]')")

	// Without a script the address says which repository it is.
	_, _, page := w.ask("GET", "/sessions/"+w.s.ID+"/diffs?repo=lib&file=new.go", "")
	if !strings.Contains(page, "package") || !strings.Contains(page, `data-repo="lib"`) {
		t.Error("the page of the second repository does not show it")
	}
}
