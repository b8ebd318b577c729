package ui

import (
	"net/http"
	"testing"

	"github.com/a-h/templ"
	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
)

// A repository is added by a button, with branches offered as for the first, and
// what is left out is not sent.
func TestRepositoriesAreAdded(t *testing.T) {
	ctx := browser(t)
	p := newPage()
	p.Problems, p.Form.Repo = nil, "https://github.com/acme/billing"
	p.Form.More = []Another{{Repo: "https://x/one"}}
	sent := make(chan map[string][]string, 1)
	srv := site(t, map[string]templ.Component{"new": NewSessionPage(p)}, func(mux *http.ServeMux) {
		remotes(mux)
		mux.HandleFunc("POST /sessions/new", func(w http.ResponseWriter, r *http.Request) {
			r.ParseForm()
			sent <- r.PostForm
		})
	})
	// Once there is but one it has no folder.
	do(t, ctx, chromedp.Navigate(srv.URL+"/page/new"))
	wait(t, ctx, `document.querySelector('#folder').offsetParent !== null`)
	wait(t, ctx, `document.querySelector('#more_branches_0 option')`) // the script is there
	do(t, ctx, chromedp.Click(chromedp.CSS(".another .leave-out button")))
	wait(t, ctx, `document.querySelector('#folder').offsetParent === null && !document.querySelector('.another')`)
	do(t, ctx, chromedp.Navigate(srv.URL+"/page/new"))
	offered := func(n, names string) {
		t.Helper()
		wait(t, ctx, `[...document.querySelectorAll('#more_branches_`+n+` option')].map(o => o.value).join(' ') === '`+names+`'`)
		if list := eval[string](t, ctx, `document.getElementById('more_branch_`+n+`').list?.id`); list != "more_branches_"+n {
			t.Errorf("the branches of %s are those of %s", n, list)
		}
	}
	offered("0", "trunk")
	add := chromedp.Click(chromedp.CSS("#add-repository button"))
	do(t, ctx, add)
	wait(t, ctx, `document.activeElement.id === 'more_repo_1'`)
	do(t, ctx, chromedp.SendKeys(chromedp.CSS("#more_repo_1"), "https://github.com/acme/billing"+kb.Tab))
	offered("1", "main fix-rounding release/1")
	do(t, ctx, add, chromedp.SendKeys(chromedp.CSS("#more_repo_2"), "https://x/gone"+kb.Tab))
	wait(t, ctx, `document.querySelector('#more_repo_2').closest('.another').querySelector('[data-note]').textContent.startsWith('Its branches are not known: ')`)
	do(t, ctx, chromedp.Click(chromedp.CSS(".another .leave-out button")))
	wait(t, ctx, `!document.getElementById('more_repo_0') && document.activeElement.id === 'more_repo_1'`)
	do(t, ctx, chromedp.SendKeys(chromedp.CSS("#more_branch_1"), "release/1"), chromedp.SendKeys(chromedp.CSS("#more_folder_2"), "lib"),
		chromedp.Click(chromedp.CSS(".form-end .primary")))
	got := <-sent
	want := []Another{{Repo: "https://github.com/acme/billing", Branch: "release/1"}, {Repo: "https://x/gone", Folder: "lib"}}
	if f := ReadForm(got); len(f.More) != 2 || f.More[0] != want[0] || f.More[1] != want[1] || f.Repo != "https://github.com/acme/billing" {
		t.Errorf("sent %+v", f)
	}
}
