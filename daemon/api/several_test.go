package api

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"volundr/store"
	"volundr/ui/client"
)

// What changed is asked, staged, committed and discarded in each repository by
// itself; without a word the first one is meant.
func TestChangesInEachOfSeveralRepositories(t *testing.T) {
	w := newSeveral(t)
	w.put("app/README.md", "one\nTWO\nthree\n")
	w.put("lib/new.go", "package lib\n")
	w.put("lib/other.go", "package lib\n")
	w.git(".", "init", "-q", "-b", "main", "own/tool")
	w.put("own/tool/main.go", "package main\n")

	w.wants("the first one", "GET", "/S/changes", "", 200, `"repo":"app"`, `"branch":"`+ownBranch+`"`, `"path":"README.md"`)
	w.wants("one by name", "GET", "/S/changes?repo=lib", "", 200, `"repo":"lib"`, `"path":"new.go"`)
	w.wants("one that was made in the session", "GET", "/S/changes?repo=own/tool", "", 200, `"path":"main.go"`)
	w.wants("the contract's list", "GET", "/S/diff/files?repo=lib", "", 200, `"path":"other.go"`)
	w.wants("the contract's diff", "GET", "/S/diff?repo=lib&path=new.go", "", 200, `+package lib`)
	w.wants("the contract's hunks", "GET", "/chronicles/"+w.s.ID+"/diff?file=README.md", "", 200, `"content":"TWO"`)
	const missing = "The folder docs of this session's workspace is not a git repository. The session's repositories are `app` and `lib`."
	w.wants("one that is not there", "GET", "/S/changes?repo=docs", "", 200, missing, `"repos":["app","lib"]`)
	w.wants("a diff of it", "GET", "/S/diff?repo=docs&path=x", "", 409, missing)
	w.wants("a path out", "GET", "/S/changes?repo=../app", "", 400, "without a part that is")

	var all []client.Repository
	if err := json.Unmarshal([]byte(w.wants("all of them", "GET", "/S/repositories", "", 200)), &all); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]client.Repository{{Folder: "app", URL: w.app.url, Branch: ownBranch, Base: "main", Files: 1, Counted: true},
		{Folder: "lib", URL: w.lib.url, Branch: ownBranch, Base: "main", Files: 2, Counted: true},
		{Folder: "own/tool", Branch: "main", Files: 1, Counted: true}}, all); diff != "" {
		t.Error(diff)
	}

	w.wants("staged", "POST", "/S/changes/stage?repo=lib", `{"paths":["new.go"]}`, 204)
	w.wants("staged too", "POST", "/S/changes/stage?repo=lib", `{"paths":["other.go"]}`, 204)
	w.wants("and not", "POST", "/S/changes/unstage?repo=lib", `{"paths":["other.go"]}`, 204)
	w.wants("committed", "POST", "/S/changes/commit?repo=lib", `{"message":"Offer it"}`, 201, `"message":"Offer it"`)
	if got := w.git("lib", "log", "-1", "--format=%an %s", "--name-only"); got != "Ann Offer it\n\nnew.go" {
		t.Error(got)
	}
	w.wants("discarded", "POST", "/S/changes/discard", `{"path":"README.md"}`, 200, "as at the last commit")
	if got := w.git("app", "status", "--porcelain") + w.git("app", "log", "--format=%s"); got != "First of acme/app" {
		t.Error(got)
	}
	w.wants("its commits", "GET", "/S/commits?repo=lib", "", 200, `"message":"Offer it"`)
	w.wants("where it stands", "GET", "/S/branch?repo=lib", "", 200, `"repo":"lib","branch":"`+ownBranch+`"`, `"ahead":1`, `"repo_url":"`+w.lib.url+`"`, `"forge":"gitlab"`)
	w.wants("where one stands that was made in it", "GET", "/S/branch?repo=own/tool", "", 200, `"repo_url":""`)
	w.wants("a comment", "POST", "/S/comments", `{"repo":"lib","path":"new.go","side":"new","line":1,"text":"package lib","body":"Why?"}`, 201, `"repo":"lib"`)
	w.wants("a comment on the first one", "POST", "/S/comments", `{"path":"README.md","side":"new","line":2,"text":"two","body":"And this?"}`, 201, `"repo":"app"`)
}

// Where the session began is a place of each repository: what the chronicle knows
// of it, and else where its history in the workspace begins.
func TestWhereASessionBeganInEachRepository(t *testing.T) {
	w := newSeveral(t)
	began := map[string]string{"app": w.git("app", "rev-parse", "HEAD"), "lib": w.git("lib", "rev-parse", "HEAD")}
	for _, folder := range []string{"app", "lib"} {
		w.put(folder+"/in-"+folder+".txt", "x\n")
		w.git(folder, "add", "-A")
		w.git(folder, "commit", "-qm", "In the session")
	}
	see := func(what, path, commit, want, not string) {
		t.Helper()
		got := w.wants(what, "GET", path, "", 200, `"commit":"`+commit+`"`, want)
		if not != "" && strings.Contains(got, not) {
			t.Errorf("%s: %s is in %s", what, not, got)
		}
	}
	see("not known", "/S/changes?repo=lib", began["lib"], `"path":"in-lib.txt"`, "in-app")
	after := w.git("app", "rev-parse", "HEAD")
	w.opens(map[string]string{"app": after, "lib": began["lib"]})
	see("known", "/S/changes", after, `"files":[]`, "in-app")
	see("known of each", "/S/changes?repo=lib", began["lib"], `"path":"in-lib.txt"`, "")
}

// Each repository is pushed to its remote and has a pull request at its forge,
// whose words are of its own commits.
func TestPushAndPullRequestOfEachRepository(t *testing.T) {
	w := newSeveral(t)
	w.opens(nil)
	var rows []store.TimelineEvent
	for i, c := range [][2]string{{"app", "Use it"}, {"lib", "Offer it"}, {"lib", "Test it"}} {
		w.put(c[0]+"/"+c[1]+".txt", "x\n")
		w.git(c[0], "add", "-A")
		w.git(c[0], "commit", "-qm", c[1])
		data, err := json.Marshal(map[string]any{"git": "commit", "repo": c[0], "hash": w.git(c[0], "rev-parse", "HEAD")})
		if err != nil {
			t.Fatal(err)
		}
		rows = append(rows, store.TimelineEvent{Run: 1, Key: c[1], At: time.Now().Add(time.Duration(i) * time.Second), Type: "git", Label: c[1], Data: data})
	}
	if err := w.db.AppendTimeline(t.Context(), w.s.ID, 1, rows...); err != nil {
		t.Fatal(err)
	}
	w.git(".", "init", "-q", "-b", "main", "own")

	w.wants("not pushed yet", "POST", "/repos/prs", `{"session_id":"$S","repo":"lib"}`, 409, "`volundr sessions push both --repo lib`")
	w.wants("pushed", "POST", "/S/push?repo=lib", `{}`, 200, `"repo":"lib"`, `"commits":2`, `"repo_url":"`+w.lib.url+`"`)
	if w.lib.at(ownBranch) != w.git("lib", "rev-parse", "HEAD") || w.app.at(ownBranch) != "" {
		t.Errorf("lib is at %q, app at %q", w.lib.at(ownBranch), w.app.at(ownBranch))
	}
	w.wants("the first", "POST", "/S/push", `{}`, 200, `"repo":"app"`, `"commits":1`)
	if w.app.at(ownBranch) != w.git("app", "rev-parse", "HEAD") {
		t.Errorf("app is at %q", w.app.at(ownBranch))
	}
	w.wants("a protected branch", "POST", "/S/push?repo=lib", `{"branch":"main"}`, 409, "The branch main is protected")
	const none = "none of the repositories that session both began from, so it is not pushed from here. Those are `app` and `lib`."
	w.wants("one that was made in it", "POST", "/S/push?repo=own", `{}`, 409, "The folder own is "+none)
	w.wants("its pull request", "GET", "/S/pr?repo=own", "", 409, none)

	w.wants("none yet", "GET", "/S/pr?repo=lib", "", 200, "null")
	w.wants("its words", "GET", "/S/pr/text?repo=lib", "", 200, `"title":"Offer it"`, `- Test it\n- Offer it`)
	w.wants("opened at GitLab", "POST", "/repos/prs", `{"session_id":"$S","repo":"lib"}`, 201, `"provider":"gitlab"`, `"number":3`, `"title":"Offer it"`, `"target_branch":"main"`)
	w.wants("opened at GitHub", "POST", "/repos/prs", `{"session_id":"$S"}`, 201, `"provider":"github"`, `"number":7`, `"title":"Use it"`)
	w.wants("of GitLab, with its checks", "GET", "/S/pr?repo=lib", "", 200, `"number":3`, `"ci_status":"failed"`)
	w.wants("of GitHub, with its checks", "GET", "/S/pr", "", 200, `"number":7`, `"ci_status":"passed"`)
	if body := w.lib.open["description"]; !strings.Contains(body, "Test it") || strings.Contains(body, "Use it") || len(w.lib.asked) != 1 || len(w.app.asked) != 1 {
		t.Errorf("%q, %v, %v", body, w.lib.asked, w.app.asked)
	}
	code, _, got := w.ask("GET", "/sessions/"+w.s.ID+"/changes/pr?repo=lib", "")
	if code != 200 || !strings.Contains(got, "!3 Offer it") {
		t.Errorf("%d %s", code, got)
	}
}
