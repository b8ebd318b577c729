package source

import (
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"volundr/store"
)

func TestLayout(t *testing.T) {
	folders := func(first Checkout, more ...Additional) (all []string) {
		for _, c := range Layout(Git, "", first, more) {
			all = append(all, c.Folder)
		}
		return all
	}
	for name, c := range map[string]struct {
		first Checkout
		more  []Additional
		want  []string
	}{
		"none":             {Checkout{}, nil, nil},
		"one":              {Checkout{Repo: "https://x/a.git"}, nil, []string{""}},
		"one with a name":  {Checkout{Repo: "https://x/a.git", Folder: "web"}, nil, []string{""}},
		"two":              {Checkout{Repo: "https://x/a.git"}, []Additional{{Repo: "git@x:team/b.git"}}, []string{"a", "b"}},
		"of one name":      {Checkout{Repo: "https://x/a"}, []Additional{{Repo: "/home/ann/A"}, {Repo: "ssh://x/y/a.git/"}}, []string{"a", "A-2", "a-3"}},
		"given first":      {Checkout{Repo: "https://x/a"}, []Additional{{Repo: "https://y/b", Folder: "a"}}, []string{"a-2", "a"}},
		"as they were":     {Checkout{Repo: "https://x/a", Folder: "a-2"}, []Additional{{Repo: "https://y/b", Folder: "a"}}, []string{"a-2", "a"}},
		"a number is used": {Checkout{Repo: "https://x/a"}, []Additional{{Repo: "https://y/a"}, {Repo: "https://z/q", Folder: "a-2"}}, []string{"a", "a-3", "a-2"}},
	} {
		if d := cmp.Diff(c.want, folders(c.first, c.more...)); d != "" {
			t.Errorf("%s (-want +got):\n%s", name, d)
		}
	}
	for repo, want := range map[string]string{
		"https://x/a.git": "a", "https://x/a.git/": "a", "git@x:a.git": "a", "/srv/.dotfiles": "dotfiles", "https://x/~me/my app": "my-app", "https://x": "x",
		"https://x/...": "repository", "/": "repository", "https://x/" + strings.Repeat("ä", 200): strings.Repeat("ä", 48), "/a/größe": "größe", "https://x/a?b=c": "a-b-c",
	} {
		if got := FolderOf(repo); got != want || !ValidFolder(got) {
			t.Errorf("%s lies in %q, not %q", repo, got, want)
		}
	}
	for name, want := range map[string]bool{"a": true, "a.b-c_1": true, "größe": true, "": false, ".": false, "..": false, ".git": false, "a/b": false, `a\b`: false,
		"a b": false, "-a": false, "a.": false, "a\n": false, strings.Repeat("a", 101): false, "a\x00": false} {
		if ValidFolder(name) != want {
			t.Errorf("%q: %v", name, !want)
		}
	}
}

func TestASessionReachesEachOfItsRepositories(t *testing.T) {
	b := newBench(t)
	b.Protected = []string{"main"}
	first, second := b.bare(), b.named("other")
	id, url := b.session(origin{Type: Git, Repo: first, Branch: "one", Additional: []Additional{{Repo: second, Branch: "two", BaseBranch: "main", Folder: "lib"}}})
	at := b.at(id, "lib")
	if url == at {
		t.Fatal("both have one remote")
	}
	for remote, work := range map[string]string{first: b.clone(url), second: b.clone(at)} {
		want := commit(t, work, "hello", "two")
		git(t, work, "push", "-q", "origin", "HEAD:volundr/session/s")
		if got := git(t, remote, "rev-parse", "volundr/session/s"); got != want {
			t.Errorf("%s is at %s, not %s", remote, got, want)
		}
		if out, err := try(work, "push", "origin", "HEAD:main"); err == nil || !strings.Contains(out, "is protected") {
			t.Errorf("%s: main was pushed to: %s", remote, out)
		}
	}
	all, err := b.Checkouts(t.Context(), id)
	if d := cmp.Diff([]Checkout{{"remote", first, "one", ""}, {"lib", second, "two", "main"}}, all); d != "" || err != nil {
		t.Errorf("%v (-want +got):\n%s", err, d)
	}
	for folder, repo := range map[string]string{"": first, "remote": first, "lib": second} {
		if w, err := b.Work(t.Context(), id, folder); err != nil || w.Repo != repo || w.Own != "volundr/session/s" {
			t.Errorf("%q: %+v %v", folder, w, err)
		}
	}
	for _, folder := range []string{"Lib", "lib/..", "x"} {
		if _, err := b.Work(t.Context(), id, folder); !errors.Is(err, store.ErrNotFound) {
			t.Errorf("%q: %v", folder, err)
		}
	}
	empty, err := b.DB.CreateSession(t.Context(), store.Session{Name: "e", OwnerID: "u", TenantID: "t", Runtime: "fake", Request: []byte(`{"source":{"type":"git"}}`)})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := b.Work(t.Context(), empty.ID, ""); !errors.Is(err, store.ErrNotFound) {
		t.Errorf("without a remote: %v", err)
	}
	if all, err := b.Checkouts(t.Context(), empty.ID); len(all) != 0 || err != nil {
		t.Errorf("without a remote: %v %v", all, err)
	}
}
