package api

import (
	htmltext "html"
	"maps"
	"net/http"
	"net/url"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"volundr/daemon/launch"
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
		{"repo":"`+lib+`"},{"repo":"`+app+`/"},{"repo":"`+lib+`","branch":"main","folder":"Stable"}]}}`, 201, ""))
	want := client.Source{Type: "git", Repo: app, Branch: "volundr/session/a", BaseBranch: "main", Folder: "app", AdditionalRepos: []client.AdditionalRepo{
		{Repo: lib, Branch: "volundr/session/a", BaseBranch: "main", Folder: "app-2"},
		{Repo: app + "/", Branch: "volundr/session/a-2", BaseBranch: "main", Folder: "app-3"}, // beside the first checkout of it
		{Repo: lib, Branch: "main", Folder: "Stable"}}}
	if d := cmp.Diff(want, made.Source); d != "" {
		t.Error(d)
	}
	all, err := w.options.Sources.Checkouts(t.Context(), made.ID)
	if err != nil || len(all) != 4 || all[2] != (source.Checkout{Folder: "app-3", Repo: app + "/", Branch: "volundr/session/a-2", Base: "main"}) {
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

// The form adds and takes away repositories without a script; text, presets and
// another session like one keep them.
func TestTheFormOfSeveralRepositories(t *testing.T) {
	w := newWorld(t)
	w.serveOwn()
	app, lib := w.repository(), w.repositoryAt("lib")
	form := url.Values{"name": {"a"}, "source": {"git"}, "repo": {app}, "folder": {"web"}, "agent": {"claude"}, "network": {"open"},
		"more_repo": {lib}, "more_branch": {""}, "more_base_branch": {"main"}, "more_folder": {"deps"}}
	with := func(more ...string) url.Values {
		out := maps.Clone(form)
		for i := 0; i < len(more); i += 2 {
			out[more[i]] = []string{more[i+1]}
		}
		return out
	}
	fields := func(body string) (n int) { return strings.Count(body, `name="more_repo"`) - 1 } // but that of the template
	if status, _, body := w.post("/sessions/new", with("view", "repository")); status != 200 || fields(body) != 2 || !strings.Contains(body, `value="deps"`) {
		t.Errorf("added: %d, %d of them", status, fields(body))
	}
	if status, _, body := w.post("/sessions/new", with("leave_out", "0")); status != 200 || fields(body) != 0 || strings.Contains(body, `value="deps"`) {
		t.Errorf("left out: %d, %d of them", status, fields(body))
	}
	status, _, body := w.post("/sessions/new", with("view", "yaml"))
	text := htmltext.UnescapeString(textarea.FindStringSubmatch(body)[2])
	if status != 200 || !strings.Contains(text, "additional_repos:") || !strings.Contains(text, "folder: deps") {
		t.Fatalf("%d %s", status, text)
	}
	status, _, body = w.post("/sessions/new", url.Values{"text": {"yes"}, "yaml": {text}, "view": {"form"}})
	for _, want := range []string{`value="deps"`, `value="web"`, `value="` + lib + `"`} {
		if status != 200 || !strings.Contains(body, want) {
			t.Errorf("back from text: %d, no %s", status, want)
		}
	}
	if status, _, body := w.post("/sessions/new", with("more_folder", "Web")); status != 422 || !strings.Contains(body, `id="problem-more_folder_0"`) {
		t.Errorf("refused: %d, without a word beside the folder", status)
	}
	if status, _, body := w.post("/sessions/new", with("more_repo", "/nowhere")); status != 422 || !strings.Contains(body, `id="problem-more_repo_0"`) {
		t.Errorf("refused: %d, without a word beside the repository", status)
	}
	row, made := w.made(w.post("/sessions/new", form))
	want := launch.Source{Type: "git", Repo: app, Branch: "volundr/session/a", BaseBranch: "main", Folder: "web",
		Additional: []source.Additional{{Repo: lib, Branch: "volundr/session/a", BaseBranch: "main", Folder: "deps"}}}
	if d := cmp.Diff(want, made.Source); d != "" {
		t.Error(d)
	}
	// One like it begins on branches of its own again, whatever it is called by now.
	w.wants("PATCH", "/sessions/"+row.ID, `{"name":"renamed"}`, 200, `"name":"renamed"`)
	status, _, body = w.ask("GET", "/sessions/new?again="+row.ID, "", func(r *http.Request) { r.Header.Set("Accept", "text/html") })
	if status != 200 || strings.Contains(body, "volundr/session/a") || fields(body) != 1 || !strings.Contains(body, `value="deps"`) {
		t.Errorf("again: %d, %d of them: %s", status, fields(body), body)
	}
	if status, _, body := w.post("/sessions/new", with("view", "preset", "save_as", "both")); status != 200 || !strings.Contains(body, "Saved as the preset both") {
		t.Fatalf("preset: %d %s", status, body)
	}
	presets := parse[[]client.Preset](t, w.wants("GET", "/presets", "", 200, ""))
	if len(presets) != 1 || presets[0].Source == nil || len(presets[0].Source.AdditionalRepos) != 1 || presets[0].Source.AdditionalRepos[0].Folder != "deps" {
		t.Errorf("%+v", presets)
	}
	begun := parse[client.Session](t, w.wants("POST", "/sessions", `{"name":"b","preset_id":"`+presets[0].ID+`","source":{"type":"git","repo":"","branch":"main","base_branch":""}}`, 201, ""))
	if begun.Branch != "main" || len(begun.Source.AdditionalRepos) != 1 || begun.Source.AdditionalRepos[0].Branch != "volundr/session/b" {
		t.Errorf("by the preset: %+v", begun.Source)
	}
}
