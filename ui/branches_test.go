package ui

import (
	"net/http"
	"testing"

	"github.com/a-h/templ"
	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
)

// remotes answer for the branches of repositories by name, as the daemon does.
func remotes(mux *http.ServeMux) {
	mux.HandleFunc("GET /api/v1/volundr/repos/branches", func(w http.ResponseWriter, r *http.Request) {
		answer := map[string]string{
			"https://github.com/acme/billing": `["main","fix-rounding","release/1"]`, "https://x/one": `["trunk"]`, "https://x/empty": `[]`,
		}[r.URL.Query().Get("repo_url")]
		if answer == "" {
			w.WriteHeader(http.StatusNotFound)
			answer = `{"detail":"The repository did not answer: could not resolve host x."}`
		}
		w.Write([]byte(answer))
	})
}

const (
	branchNames = `[...document.querySelectorAll('#branches option')].map(o => o.value).join(' ')`
	branchNote  = `document.getElementById('branches-note').textContent`
)

// The branches of the repository that was typed are offered; that they are not
// known is said beside the field, and stops nobody.
func TestBranchesAreOffered(t *testing.T) {
	ctx := browser(t)
	p := newPage()
	p.Problems, p.Form.Source, p.Form.Repo, p.Form.Branch = nil, "git", "https://github.com/acme/billing", ""
	srv := site(t, map[string]templ.Component{"new": NewSessionPage(p)}, remotes)
	do(t, ctx, chromedp.Navigate(srv.URL+"/page/new"))
	wait(t, ctx, branchNames+` === 'main fix-rounding release/1' && `+branchNote+`.includes('3 branches, main first')`)
	if lists := eval[string](t, ctx, `['branch', 'base_branch'].map(n => document.getElementById(n).list?.id).join(' ')`); lists != "branches branches" {
		t.Errorf("the fields offer %q", lists)
	}
	repo := func(url string) {
		t.Helper()
		do(t, ctx, chromedp.Evaluate[chromedp.Void](`document.getElementById('repo').value = ''`))
		do(t, ctx, chromedp.SendKeys(chromedp.CSS("#repo"), url+kb.Tab))
	}
	repo("https://x/gone")
	wait(t, ctx, branchNote+` === 'Its branches are not known: The repository did not answer: could not resolve host x.' && `+branchNames+` === ''`)
	if barred := eval[bool](t, ctx, `document.querySelector('.form-end .primary').disabled || !document.getElementById('new-session').checkValidity()`); barred {
		t.Error("the form cannot be sent")
	}
	repo("https://x/one")
	wait(t, ctx, branchNames+` === 'trunk' && `+branchNote+` === 'It has one branch, trunk.'`)
	repo("https://x/empty")
	wait(t, ctx, branchNote+` === 'It has no branch yet.'`)
	repo("")
	wait(t, ctx, branchNote+` === ''`)
}
