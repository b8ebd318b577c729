package api

import (
	"path/filepath"
	"strings"
	"testing"

	"volundr/daemon/link"
	"volundr/daemon/source"
)

// A session of a repository for which no branch is named gets one of its own;
// one that names a branch, or comes from nowhere, does not.
func TestASessionOfARepositoryGetsItsOwnBranch(t *testing.T) {
	w := newWorld(t)
	var err error
	if w.options.Sources, err = source.New(source.Options{Dir: filepath.Join(w.dir, "mirrors"), DB: w.db, Session: link.SessionFrom,
		BranchPrefix: "team/agents", Log: w.options.Log}); err != nil {
		t.Fatal(err)
	}
	w.serve()
	repo := w.repository()
	for body, want := range map[string]string{
		`{"name":"one","source":{"type":"git","repo":"` + repo + `"}}`:                        `"branch":"team/agents/one","base_branch":"main"`,
		`{"name":"two","source":{"type":"git","repo":"` + repo + `","branch":"main"}}`:        `"branch":"main","base_branch":""`,
		`{"name":"three","source":{"type":"git","repo":"` + repo + `","base_branch":"main"}}`: `"branch":"team/agents/three","base_branch":"main"`,
		`{"name":"four"}`: `"branch":"","base_branch":""`,
	} {
		if status, _, got := w.ask("POST", Prefix+"/sessions", body); status != 201 || !strings.Contains(got, want) {
			t.Errorf("%s: %d %s", body, status, got)
		}
	}
	status, _, got := w.ask("POST", Prefix+"/sessions", `{"name":"five","source":{"type":"git","repo":"`+repo+`","base_branch":"gone"}}`)
	if status != 422 || !strings.Contains(got, `"base_branch"`) {
		t.Errorf("a base that is gone: %d %s", status, got)
	}
}
