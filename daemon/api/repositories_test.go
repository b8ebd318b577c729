package api

import (
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"

	"volundr/daemon/link"
	"volundr/daemon/source"
	"volundr/ui/client"
)

// serveOwn serves with branches of sessions' own.
func (w *world) serveOwn() {
	w.t.Helper()
	var err error
	if w.options.Sources, err = source.New(source.Options{Dir: filepath.Join(w.dir, "mirrors"), DB: w.db, Session: link.SessionFrom,
		BranchPrefix: "volundr/session", Log: w.options.Log}); err != nil {
		w.t.Fatal(err)
	}
	w.serve()
}

// Each of a session's repositories is looked at before the session is made, and
// gets its folder and its branch for good.
func TestASessionOfSeveralRepositories(t *testing.T) {
	w := newWorld(t)
	w.serveOwn()
	app, lib := w.repository(), w.repositoryAt("deep/app")
	made := parse[client.Session](t, w.wants("POST", "/sessions", `{"name":"a","source":{"type":"git","repo":"`+app+`","additional_repos":[
		{"repo":"`+lib+`"},{"repo":"`+app+`"},{"repo":"`+lib+`","branch":"main","folder":"Stable"}]}}`, 201, ""))
	want := client.Source{Type: "git", Repo: app, Branch: "volundr/session/a", BaseBranch: "main", Folder: "app", AdditionalRepos: []client.AdditionalRepo{
		{Repo: lib, Branch: "volundr/session/a", BaseBranch: "main", Folder: "app-2"},
		{Repo: app, Branch: "volundr/session/a-2", BaseBranch: "main", Folder: "app-3"}, // beside the first checkout of it
		{Repo: lib, Branch: "main", Folder: "Stable"}}}
	if d := cmp.Diff(want, made.Source); d != "" {
		t.Error(d)
	}
	all, err := w.options.Sources.Checkouts(t.Context(), made.ID)
	if err != nil || len(all) != 4 || all[2] != (source.Checkout{Folder: "app-3", Repo: app, Branch: "volundr/session/a-2", Base: "main"}) {
		t.Errorf("%+v %v", all, err)
	}
	for more, says := range map[string]string{
		`{"repo":"/nowhere"}`:                                  `"loc":["body","source","git","additional_repos",1,"repo"]`,
		`{"repo":"` + lib + `","branch":"gone"}`:               `"loc":["body","source","git","additional_repos",1,"branch"]`,
		`{"repo":"` + lib + `","base_branch":"gone"}`:          `"loc":["body","source","git","additional_repos",1,"base_branch"]`,
		`{"repo":"` + lib + `","folder":"a/b"}`:                `"loc":["body","source","git","additional_repos",1,"folder"]`,
		`{"repo":"` + lib + `","folder":"web"}`:                `Two repositories cannot lie in one folder`,
		`{"repo":""}`:                                          `Name a repository.`,
		`{"repo":"https://u:p@git.example/x.git"}`:             `The address holds a password`,
		`{"repo":"` + lib + `","branch":"x","base_branch":""}`: `has no branch x; name a base branch`,
	} {
		w.wants("POST", "/sessions", `{"name":"b","source":{"type":"git","repo":"`+app+`","additional_repos":[{"repo":"`+lib+`","folder":"web"},`+more+`]}}`, 422, says)
	}
	w.wants("POST", "/sessions", `{"name":"b","source":{"type":"git","additional_repos":[{"repo":"`+lib+`"}]}}`, 422, `"loc":["body","source","git","repo"]`)
	if rows := parse[[]client.Session](t, w.wants("GET", "/sessions", "", 200, "")); len(rows) != 1 {
		t.Errorf("%d sessions were made", len(rows))
	}
}

// The contract's list of a template's repositories is a source and those beside
// it, both ways.
func TestATemplateOfSeveralRepositories(t *testing.T) {
	w := newWorld(t)
	body := w.wants("POST", "/templates", `{"name":"both","repos":["https://a.example/x.git",{"url":"https://a.example/y.git","branch":"b","base_branch":"c"},{"repo":"https://a.example/z","folder":"zed"}]}`, 201, "")
	want := []client.TemplateRepo{{URL: "https://a.example/x.git"}, {URL: "https://a.example/y.git", Branch: "b", BaseBranch: "c"}, {URL: "https://a.example/z", Folder: "zed"}}
	for _, text := range []string{body, w.wants("GET", "/templates/both", "", 200, "")} {
		if d := cmp.Diff(want, parse[client.Template](t, text).Repos); d != "" {
			t.Error(d)
		}
	}
	w.wants("POST", "/templates", `{"name":"bad","repos":["https://a.example/x.git","nonsense"]}`, 400, "additional_repos.0.repo: this is no address of a repository")
}
