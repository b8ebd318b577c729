package source

import (
	"encoding/json"
	"errors"
	"path/filepath"
	"strings"
	"testing"

	"volundr/store"
)

func TestProtectedBranchesAreNotPushedTo(t *testing.T) {
	b := newBench(t)
	b.Protected = []string{"main", "release/*"}
	remote := b.bare()
	git(t, remote, "branch", "release/1.0")
	_, url := b.session(origin{Type: Git, Repo: remote})
	work := b.clone(url)
	before := git(t, remote, "for-each-ref")
	commit(t, work, "hello", "two")
	for name, refspecs := range map[string][]string{
		"by name":               {"HEAD:main"},
		"in other letters":      {"HEAD:Main"},
		"by pattern":            {"HEAD:release/1.0"},
		"a new one by pattern":  {"HEAD:release/deep/er"},
		"forced":                {"+HEAD:main"},
		"deleted":               {":main"},
		"beside one that may":   {"HEAD:fine", "HEAD:main"},
		"by the name of a ref":  {"HEAD:refs/heads/main"},
		"with another protocol": {"HEAD:main"},
	} {
		args := []string{"push", "origin"}
		if strings.HasPrefix(name, "with another") {
			args = []string{"-c", "protocol.version=0", "push", "origin"}
		}
		out, err := try(work, append(args, refspecs...)...)
		if err == nil || !strings.Contains(out, "is protected: push to a branch of the session, as in: git push origin HEAD:volundr/session/s, and open a pull request") {
			t.Errorf("%s: %v %s", name, err, out)
		}
	}
	if after := git(t, remote, "for-each-ref"); after != before {
		t.Errorf("the remote has %s, not %s", after, before)
	}
	git(t, work, "push", "-q", "origin", "HEAD:mainly", "HEAD:refs/tags/main", "HEAD:volundr/session/s")
	git(t, work, "fetch", "-q", "origin", "main") // reading is free
}

// What a launch request protects counts beside what the configuration does.
func TestALaunchRequestProtectsMore(t *testing.T) {
	b := newBench(t)
	b.Protected = []string{"main"}
	remote := b.bare()
	s, err := b.DB.CreateSession(t.Context(), store.Session{Name: "s", OwnerID: "u", TenantID: "t", Runtime: "fake",
		Request: json.RawMessage(`{"source":{"type":"git","repo":"` + remote + `"},"protected_branches":["stable","v/*","; rm -rf"]}`)})
	if err != nil {
		t.Fatal(err)
	}
	w, err := b.Work(t.Context(), s.ID, "")
	if err != nil {
		t.Fatal(err)
	}
	r, o := w.r, w.o
	work := b.clone(b.url + "/" + s.ID + "/git/" + r.Key())
	commit(t, work, "hello", "two")
	for branch, want := range map[string]bool{"main": true, "MAIN": true, "trunk": false, "stable": true, "Stable": true, "stable2": false, "v/1/2": true, "v": false, "unstable": false} {
		if got := b.protects(o, branch); got != want {
			t.Errorf("%s: %v", branch, got)
		}
		if out, err := try(work, "push", "origin", "HEAD:refs/heads/"+branch); (err != nil) != want {
			t.Errorf("push to %s: %v %s", branch, err, out)
		}
		try(work, "push", "origin", ":refs/heads/"+branch) // v and v/1 cannot both be
	}
}

func TestTheFirstBranchOfAnEmptyRepositoryMayBePushed(t *testing.T) {
	b := newBench(t)
	b.Protected = []string{"main"}
	remote := filepath.Join(b.dir, "empty.git")
	git(t, b.dir, "init", "-q", "--bare", remote)
	_, url := b.session(origin{Type: Git, Repo: remote})
	work := b.clone(url)
	commit(t, work, "hello", "one")
	git(t, work, "push", "-q", "origin", "HEAD:main")
	commit(t, work, "hello", "two")
	if out, err := try(work, "push", "origin", "HEAD:main"); err == nil {
		t.Errorf("the second time it is protected: %s", out)
	}
}

func TestASessionGetsABranchOfItsOwn(t *testing.T) {
	b := newBench(t)
	remote := b.bare()
	empty := filepath.Join(b.dir, "empty.git")
	git(t, b.dir, "init", "-q", "--bare", empty)
	if branch, base, err := b.OwnBranch(t.Context(), store.Principal{}, remote, "fix", ""); branch+base != "" || err != nil {
		t.Errorf("without a prefix: %s %s %v", branch, base, err)
	}
	b.BranchPrefix = "volundr/session"
	for _, taken := range []string{"volundr/session/twice", "volundr/session/twice-2", "volundr/session/fixed", "next"} {
		git(t, remote, "branch", taken, "main")
	}
	for _, c := range []struct{ repo, name, base, branch, from, field string }{
		{remote, "fix", "", "volundr/session/fix", "main", ""},
		{remote, "fix", "next", "volundr/session/fix", "next", ""},
		{remote, "twice", "", "volundr/session/twice-3", "main", ""},
		{empty, "fix", "", "", "", ""},
		{remote, "fix", "gone", "", "", "base_branch"},
		{remote, "fix", "-x", "", "", "base_branch"},
		{remote + "x", "fix", "", "", "", "repo"},
		{"nonsense", "fix", "", "", "", "repo"},
	} {
		branch, from, err := b.OwnBranch(t.Context(), store.Principal{}, c.repo, c.name, c.base)
		var check *CheckError
		if branch != c.branch || from != c.from || c.field == "" && err != nil || c.field != "" && (!errors.As(err, &check) || check.Field != c.field) {
			t.Errorf("%+v: %q from %q, %v", c, branch, from, err)
		}
	}
}

// A session whose name was taken at the remote is never led to that branch, which
// is somebody else's.
func TestTheBranchOfItsOwnIsTheOneThatItGot(t *testing.T) {
	b := newBench(t)
	b.Protected = []string{"main"}
	remote, other := b.bare(), b.named("other")
	for begun, own := range map[Additional]string{
		{Branch: "volundr/session/s-2", BaseBranch: "main"}:    "volundr/session/s-2",
		{Branch: "volundr/session/s"}:                          "volundr/session/s",
		{Branch: "volundr/session/before", BaseBranch: "main"}: "volundr/session/before", // it was renamed
		{Branch: "volundr/session/else"}:                       "volundr/session/s",
		{Branch: "volundr/sessions/else", BaseBranch: "main"}:  "volundr/session/s",
		{Branch: "main"}: "volundr/session/s",
		{}:               "volundr/session/s",
	} {
		begun.Repo, begun.Folder = remote, "lib"
		id, _ := b.session(origin{Type: Git, Repo: other, Additional: []Additional{begun}})
		if w, err := b.Work(t.Context(), id, "lib"); err != nil || w.Own != own {
			t.Errorf("begun on %+v: %q %v", begun, w.Own, err)
		}
		work := b.clone(b.at(id, "lib"))
		commit(t, work, "hello", "two")
		if out, err := try(work, "push", "origin", "HEAD:main"); err == nil || !strings.Contains(out, "as in: git push origin HEAD:"+own+", and") {
			t.Errorf("begun on %+v: %v %s", begun, err, out)
		}
	}
}
