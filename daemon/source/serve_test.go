package source

import (
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestSessionClonesAndFetchesWhatTheRemoteHasNow(t *testing.T) {
	b := newBench(t)
	remote := b.bare()
	git(t, remote, "branch", "trunk")
	git(t, remote, "symbolic-ref", "HEAD", "refs/heads/trunk")
	_, url := b.session(origin{Type: Git, Repo: remote})
	work := b.clone(url)
	if got := git(t, work, "branch", "--show-current"); got != "trunk" {
		t.Errorf("cloned branch %s, not the remote's default", got)
	}
	desk := filepath.Join(t.TempDir(), "desk")
	git(t, b.dir, "clone", "-q", remote, desk)
	want := commit(t, desk, "hello", "two")
	git(t, desk, "push", "-q", "origin", "HEAD:main", "HEAD:refs/heads/fresh")
	git(t, remote, "branch", "-D", "trunk")
	git(t, work, "fetch", "-q", "--prune")
	if got := git(t, work, "rev-parse", "origin/fresh"); got != want {
		t.Errorf("fetched %s, not %s", got, want)
	}
	if out, err := try(work, "rev-parse", "--verify", "origin/trunk"); err == nil {
		t.Errorf("a branch that is gone is still there: %s", out)
	}
}

func TestPushReachesTheRealRemote(t *testing.T) {
	b := newBench(t)
	remote := b.bare()
	_, url := b.session(origin{Type: Git, Repo: remote})
	work := b.clone(url)
	at := func(ref string) string { out, _ := try(remote, "rev-parse", "--verify", "-q", ref); return out }

	first := commit(t, work, "hello", "two")
	git(t, work, "push", "-q", "origin", "main", "HEAD:feature/x")
	if at("main") != first || at("feature/x") != first {
		t.Errorf("main is %s, feature/x %s, not %s", at("main"), at("feature/x"), first)
	}
	git(t, work, "commit", "-q", "--amend", "-m", "other")
	second := git(t, work, "rev-parse", "HEAD")
	if out, err := try(work, "push", "origin", "main"); err == nil || !strings.Contains(out, "non-fast-forward") {
		t.Errorf("history was rewritten unasked: %s", out)
	}
	git(t, work, "push", "-q", "--force", "origin", "main", ":feature/x")
	if at("main") != second || at("feature/x") != "" {
		t.Errorf("main is %s, not %s; feature/x %q", at("main"), second, at("feature/x"))
	}
	// A large pack comes in chunks.
	big := make([]byte, 3<<20)
	for i, x := 0, uint32(1); i < len(big); i++ {
		x = x*1664525 + 1013904223
		big[i] = byte(x >> 24)
	}
	want := commit(t, work, "big", string(big))
	git(t, work, "push", "-q", "origin", "main")
	if at("main") != want {
		t.Error("the large push did not arrive")
	}
}

func TestWhatTheRemoteRefusesIsWhatTheSessionSees(t *testing.T) {
	b := newBench(t)
	remote := b.bare()
	_, url := b.session(origin{Type: Git, Repo: remote})
	work := b.clone(url)
	commit(t, work, "hello", "two")
	git(t, remote, "config", "receive.denyDeletes", "true")
	git(t, remote, "branch", "keep")
	if out, err := try(work, "push", "origin", ":keep"); err == nil || !strings.Contains(out, "deletion prohibited") {
		t.Errorf("deletion: %v %s", err, out)
	}
	if git(t, remote, "rev-parse", "--verify", "keep") == "" {
		t.Error("the branch is gone")
	}
	for _, ref := range []string{"refs/volundr/x", "refs/heads/a;b", "refs/pull/1/head"} {
		if out, err := try(work, "push", "origin", "HEAD:"+ref); err == nil || !strings.Contains(out, "pushed") {
			t.Errorf("%s: %v %s", ref, err, out)
		}
	}
	// The mirror did not take what the remote refused.
	if err := os.RemoveAll(remote); err != nil {
		t.Fatal(err)
	}
	if out, err := try(work, "push", "origin", "main"); err == nil || !strings.Contains(out, "was not found or needs a login") {
		t.Errorf("remote gone: %v %s", err, out)
	}
}

func TestHooksOfALocalRepositoryAreNotRun(t *testing.T) {
	b := newBench(t)
	remote := b.bare()
	mark := filepath.Join(b.dir, "mark")
	for _, hook := range []string{"pre-receive", "post-receive", "update", "post-update", "reference-transaction"} {
		path := filepath.Join(remote, "hooks", hook)
		put(t, path, "#!/bin/sh\necho "+hook+" >> "+mark+"\n")
		if err := os.Chmod(path, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	git(t, remote, "config", "uploadpack.packObjectsHook", "touch "+mark+"; false")
	_, url := b.session(origin{Type: Git, Repo: remote})
	work := b.clone(url)
	want := commit(t, work, "hello", "two")
	git(t, work, "push", "-q", "origin", "main")
	if ran, err := os.ReadFile(mark); err == nil {
		t.Errorf("ran: %s", ran)
	}
	if git(t, remote, "rev-parse", "main") != want {
		t.Error("not pushed")
	}
}

func TestSessionReachesItsOwnRemoteOnly(t *testing.T) {
	b := newBench(t)
	remote := b.bare()
	_, url := b.session(origin{Type: Git, Repo: remote})
	key := url[strings.LastIndex(url, "/")+1:]
	elsewhere, _ := b.session(origin{Type: Git, Repo: "https://example.com/x.git"})
	for name, url := range map[string]string{
		"another session's remote": b.url + "/" + elsewhere + "/git/" + key + "/info/refs?service=git-upload-pack",
		"an unknown session":       b.url + "/nobody/git/" + key + "/info/refs?service=git-upload-pack",
		"an unknown key":           b.url + "/" + elsewhere + "/git/0000/info/refs?service=git-upload-pack",
		"a path":                   b.url + "/" + elsewhere + "/git/..%2f..%2fetc/info/refs?service=git-upload-pack",
		"a copy of a remote":       url + "/archive",
	} {
		resp, err := http.Get(url)
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
		if resp.StatusCode != http.StatusNotFound {
			t.Errorf("%s: %s", name, resp.Status)
		}
	}
	if resp, err := http.Get(url + "/info/refs?service=git-shell"); err != nil || resp.StatusCode != http.StatusForbidden {
		t.Errorf("another service: %v %v", resp, err)
	}
}

// A session's git takes its remote's address for the beginning of others, too.
func TestARepositoryWhoseAddressBeginsLikeTheSessions(t *testing.T) {
	b := newBench(t)
	named := b.named("app-docs")
	git(t, named, "update-server-info")
	forge := httptest.NewServer(http.FileServer(http.Dir(b.dir)))
	t.Cleanup(forge.Close)
	id, url := b.session(origin{Type: Git, Repo: forge.URL + "/app"})
	work := b.clone(url + "-docs.git")
	if got, want := git(t, work, "rev-parse", "HEAD"), git(t, named, "rev-parse", "HEAD"); got != want {
		t.Errorf("cloned %s, want %s", got, want)
	}
	resp, err := http.Get(b.url + "/" + id + "/git/" + url[strings.LastIndex(url, "/")+1:] + "%0d%0aX:%20y/info/refs?service=git-upload-pack")
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	if at := resp.Request.URL; resp.Request.Response == nil || at.EscapedPath() != "/app%0D%0AX:%20y/info/refs" {
		t.Errorf("led to %s", at)
	}

	folder := b.bare()
	_, url = b.session(origin{Type: Git, Repo: folder})
	if out, err := try(t.TempDir(), "clone", url+"-docs"); err == nil || !strings.Contains(out, folder+"-docs is none of this session's repositories") {
		t.Errorf("%v %s", err, out)
	}
	b.clone(url + ".git") // the same
}

func TestCloneOfWhatIsNotThereSaysSo(t *testing.T) {
	b := newBench(t)
	_, url := b.session(origin{Type: Git, Repo: filepath.Join(b.dir, "nothing")})
	out, err := try(b.dir, "clone", url, filepath.Join(t.TempDir(), "work"))
	if err == nil || !strings.Contains(out, "was not found or needs a login") {
		t.Errorf("%v %s", err, out)
	}
}
