package source

import (
	"errors"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"volundr/store"
)

func TestAddressesOfRepositories(t *testing.T) {
	for repo, want := range map[string]string{ // URL, or the beginning of what is wrong
		"https://example.com/a.git":           "https://example.com/a.git",
		"ssh://git@example.com:2222/a":        "ssh://git@example.com:2222/a",
		"git@example.com:a/b.git":             "git@example.com:a/b.git",
		"/srv/a repo":                         "file:///srv/a%20repo",
		"file:///srv/a":                       "file:///srv/a",
		"http://127.0.0.1:3000/a":             "http://127.0.0.1:3000/a",
		"http://localhost:3000/a":             "http://localhost:3000/a",
		"http://example.com/a":                "!Plain http",
		"http://localhost.example.com/a":      "!Plain http",
		"https://me:secret@example.com/a":     "!The address holds a password",
		"ext::sh -c touch% /tmp/x":            "!This is no address",
		"ext::sh":                             "!This is no address",
		"fd::17":                              "!This is no address",
		"--upload-pack=touch":                 "!This is no address",
		"ssh://-oProxyCommand=touch/a":        "!The repository's address names no host",
		"-oProxyCommand=x:y":                  "!This is no address",
		"git://example.com/a":                 "!Repositories are reached by",
		"file://host/a":                       "!A file:// address",
		"relative/path":                       "!This is no address",
		"":                                    "!Name a repository",
		"https://example.com/a\nb":            "!This is no address",
		"https://" + strings.Repeat("x", 600): "!The repository's address is longer",
	} {
		r, err := Parse(repo)
		msg, bad := strings.CutPrefix(want, "!")
		var check *CheckError
		switch {
		case bad && (!errors.As(err, &check) || check.Field != "repo" || !strings.HasPrefix(check.Msg, msg)):
			t.Errorf("%q: %q, %v", repo, r.URL, err)
		case !bad && (err != nil || r.URL != want):
			t.Errorf("%q: %q, %v", repo, r.URL, err)
		}
	}
}

func FuzzParse(f *testing.F) {
	for _, s := range []string{"https://a/b", "git@a:b", "/a", "file:///a", "ext::sh", "--x", "ssh://-o/a", "a:b"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, repo string) {
		r, err := Parse(repo)
		if err != nil {
			return
		}
		if strings.HasPrefix(r.URL, "-") || strings.Contains(r.URL, "::") || strings.ContainsAny(r.URL, "\x00\n\r ") {
			t.Errorf("%q became %q", repo, r.URL)
		}
		if len(r.Key()) != 32 {
			t.Errorf("key %q", r.Key())
		}
	})
}

func TestBranchNamesAreThoseThatGitTakes(t *testing.T) {
	for _, name := range []string{"main", "a/b", "a.b", "ä", "feature/X-1_y", "", "-x", "a b", "a..b", "a~1", "a^", "a:b", "a?", "a*", "a[", `a\b`,
		"/a", "a/", "a//b", ".a", "a/.b", "a.lock", "a.lock/b", "a.", "a@{b", "a\x7f", "HEAD", "a@b"} {
		err := exec.Command("git", "check-ref-format", "--branch", name).Run()
		if got, want := ValidBranch(name), err == nil; got != want {
			t.Errorf("%q: %v, git says %v", name, got, want)
		}
	}
}

func TestCheckSaysWhatIsMissing(t *testing.T) {
	b := newBench(t)
	remote := b.bare()
	empty := filepath.Join(b.dir, "empty.git")
	git(t, b.dir, "init", "-q", "--bare", empty)
	for _, c := range []struct{ repo, branch, base, field, want string }{
		{remote, "", "", "", ""},
		{remote, "main", "", "", ""},
		{remote, "fresh", "main", "", ""},
		{empty, "main", "", "", ""},
		{remote, "fresh", "", "branch", "has no branch fresh; name a base branch"},
		{remote, "fresh", "stale", "base_branch", "has neither the branch fresh nor the base branch stale"},
		{remote, "-x", "", "branch", "not a name that git takes"},
		{remote, "ok", "a..b", "base_branch", "not a name that git takes"},
		{remote + "x", "main", "", "repo", "was not found or needs a login; check the address"},
		{b.dir, "main", "", "repo", "was not found or needs a login"},
		{"http://127.0.0.1:1/x.git", "main", "", "repo", "could not be reached"},
		{"nonsense", "main", "", "repo", "no address"},
	} {
		err := b.Check(t.Context(), store.Principal{}, c.repo, c.branch, c.base)
		var check *CheckError
		if c.want == "" {
			if err != nil {
				t.Errorf("%+v: %v", c, err)
			}
		} else if !errors.As(err, &check) || check.Field != c.field || !strings.Contains(check.Msg, c.want) {
			t.Errorf("%+v: %v", c, err)
		}
	}
}
