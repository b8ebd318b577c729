package workspace

import (
	"archive/tar"
	"bytes"
	"net/http"
	"net/http/cgi"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"volundr/runtime/broker/wire"
)

// places makes a session's folders and serves the repository "r" with branches
// main and other, the empty one "empty" and the archive "a".
func places(t *testing.T) Places {
	t.Helper()
	git, err := exec.LookPath("git")
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	t.Setenv("HOME", filepath.Join(dir, "home"))
	t.Setenv("GIT_CONFIG_NOSYSTEM", "1")
	cmd := exec.Command("sh", "-ec", `mkdir -p home workspace blobs skel/.config remotes src; echo default > skel/.config/x
git init -q -b main src; cd src; echo hello > file; git add .; git -c user.name=t -c user.email=t@x commit -qm one
git branch other; cd ..; git clone -q --bare src remotes/r; cp -r remotes/r remotes/second; git init -q --bare -b main remotes/empty; echo dirty > src/file; tar cf a.tar -C src .`)
	cmd.Dir = dir
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	mux := http.NewServeMux()
	mux.Handle("/git/", http.StripPrefix("/git", &cgi.Handler{Path: git, Args: []string{"http-backend"}, Stderr: &bytes.Buffer{},
		Env: []string{"GIT_PROJECT_ROOT=" + dir + "/remotes", "GIT_HTTP_EXPORT_ALL=1"}}))
	mux.HandleFunc("/git/a/archive", func(w http.ResponseWriter, r *http.Request) { http.ServeFile(w, r, dir+"/a.tar") })
	mux.Handle("/blobs/", http.StripPrefix("/blobs", http.FileServer(http.Dir(dir+"/blobs"))))
	srv := httptest.NewServer(mux)
	t.Cleanup(srv.Close)
	return Places{Workspace: dir + "/workspace", Home: dir + "/home", Skel: dir + "/skel", Outside: srv.URL + "/git/", Blobs: srv.URL + "/blobs/"}
}

func sh(t *testing.T, at Places, script string) string {
	t.Helper()
	cmd := exec.Command("sh", "-c", script)
	cmd.Dir = at.Workspace
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%s: %v: %s", script, err, out)
	}
	return strings.TrimSpace(string(out))
}

// several is a workspace of three repositories, of which one is empty.
func several(url string) wire.Source {
	return wire.Source{Remote: "r", URL: url, Folder: "app", Additional: []wire.Checkout{
		{Folder: "lib", Remote: "second", URL: "https://git.example/lib", Branch: "new", Base: "other"}, {Folder: "own", Remote: "empty", URL: "https://git.example/own", Branch: "start"}}}
}

func TestPrepare(t *testing.T) {
	const url = "https://git.example/p.git"
	for name, c := range map[string]struct {
		source wire.Source
		before string // script in the workspace
		check  string // script in the workspace
		want   string // its output, or
		fails  string // the beginning of the error
	}{
		"nothing wanted":         {wire.Source{}, "", "ls -A", "", ""},
		"the default branch":     {wire.Source{Remote: "r", URL: url}, "", "git branch --show-current; cat file; git config remote.origin.url; ls -A | sort | xargs", "main\nhello\n" + url + "\n.git file", ""},
		"a branch of the remote": {wire.Source{Remote: "r", Branch: "other"}, "", "git branch --show-current; git rev-parse --abbrev-ref @{u}", "other\norigin/other", ""},
		"a new branch":           {wire.Source{Remote: "r", Branch: "new", Base: "other"}, "", "git branch --show-current; git config branch.new.merge || echo untracked", "new\nuntracked", ""},
		"no such branch":         {wire.Source{Remote: "r", URL: url, Branch: "new"}, "", "", "", `There is no branch "new" in ` + url},
		"no such base":           {wire.Source{Remote: "r", Branch: "new", Base: "gone"}, "", "", "", `There is neither a branch "new" nor`},
		"no such repository":     {wire.Source{Remote: "gone", URL: url}, "", "", "", url + " could not be cloned"},
		"an empty repository":    {wire.Source{Remote: "empty", Branch: "start"}, "", "git branch --show-current", "start", ""},
		"somebody's work":        {wire.Source{Remote: "r"}, "echo mine > file", "cat file; ls -A", "mine\nfile", ""},
		"a killed clone":         {wire.Source{Remote: "r"}, "mkdir -p .volundr-prepare/tree/.git; echo x > .volundr-prepare/tree/y", "ls -A | sort | xargs", ".git file", ""},
		"a killed move":          {wire.Source{Remote: "r"}, "mkdir -p .volundr-prepare/tree; touch .volundr-prepare/complete; echo 1 > moved; echo 2 > .volundr-prepare/tree/rest", "ls -A | sort | xargs", "moved rest", ""},
		"a killed clean-up":      {wire.Source{Remote: "r"}, "mkdir -p .volundr-prepare; echo 1 > file", "ls -A | sort | xargs", "file", ""},
		"a folder with its work": {wire.Source{Remote: "a", URL: url, Archive: true}, "", "cat file; git status --porcelain; git config remote.origin.url", "dirty\n M file\n" + url, ""},
		"a folder, a new branch": {wire.Source{Remote: "a", Archive: true, Branch: "new", Base: "main"}, "", "git branch --show-current; cat file", "new\ndirty", ""},
		"a folder that is gone":  {wire.Source{Remote: "b", Archive: true}, "", "", "", "the repository could not be copied"},
		"an identity":            {wire.Source{UserName: "Ada", UserEmail: "a@x"}, "", "git config --global user.name; git config --global user.email", "Ada\na@x", ""},
		"an identity of his own": {wire.Source{UserName: "Ada"}, "git config --global user.name Own", "git config --global user.name", "Own", ""},
		"remotes by way of us":   {wire.Source{Remote: "r", URL: url}, "", "git fetch origin && git rev-parse origin/other >/dev/null && echo fetched", "fetched", ""},
		"several repositories": {several(url), "", `for d in app lib own; do echo $d $(git -C $d branch --show-current) $(git -C $d config remote.origin.url) $(cat $d/file 2>/dev/null); git -C $d fetch -q origin; done; ls -A | xargs`,
			"app main " + url + " hello\nlib new https://git.example/lib hello\nown start https://git.example/own\napp lib own", ""},
		"one of several is missing": {wire.Source{Remote: "r", URL: url, Folder: "app", Additional: []wire.Checkout{{Folder: "lib", Remote: "gone", URL: "https://git.example/lib"}}}, "", "", "",
			"https://git.example/lib (in lib) could not be cloned"},
		"one repository, written in two ways": {wire.Source{Remote: "r", URL: "/srv/app", Folder: "app", Additional: []wire.Checkout{{Folder: "again", Remote: "r", URL: "/srv/app"}, {Folder: "third", Remote: "r", URL: "/srv/app/"}}}, "",
			"for d in app again third; do git -C $d fetch origin && echo $d; done; git config --global --get-regexp insteadof | wc -l", "app\nagain\nthird\n2", ""},
		"several, a killed clone": {several(url), "mkdir -p .volundr-prepare/tree/app/.git; echo x > .volundr-prepare/tree/app/file", "ls -A | xargs; cat app/file", "app lib own\nhello", ""},
		"several, a killed move": {several(url), "mkdir -p .volundr-prepare/tree/lib app; touch .volundr-prepare/complete; echo 1 > app/moved; echo 2 > .volundr-prepare/tree/lib/rest",
			"ls -A | xargs; cat app/moved lib/rest | xargs", "app lib\n1 2", ""},
		"what skel holds is laid": {wire.Source{}, "", "cat ~/.config/x", "default", ""},
	} {
		t.Run(name, func(t *testing.T) {
			at := places(t)
			if c.before != "" {
				sh(t, at, c.before)
			}
			err := Prepare(t.Context(), wire.Config{Source: c.source}, at, func(string) {})
			if c.fails != "" {
				if err == nil || !strings.HasPrefix(err.Error(), c.fails) {
					t.Fatalf("error %v, want %q…", err, c.fails)
				}
				if got := sh(t, at, "ls -A"); got != "" {
					t.Errorf("a failure left %q", got)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if got := sh(t, at, c.check); got != c.want {
				t.Errorf("got %q, want %q", got, c.want)
			}
			if err := Prepare(t.Context(), wire.Config{Source: c.source}, at, func(string) {}); err != nil {
				t.Errorf("again: %v", err)
			}
		})
	}
}

func TestSkelKeepsWhatIsThere(t *testing.T) {
	skel, home := t.TempDir(), t.TempDir()
	os.WriteFile(filepath.Join(skel, "a"), []byte("default"), 0o640)
	os.WriteFile(filepath.Join(skel, "b"), []byte("default"), 0o600)
	os.WriteFile(filepath.Join(home, "b"), []byte("mine"), 0o600)
	for range 2 {
		if err := Skel(skel, home); err != nil {
			t.Fatal(err)
		}
	}
	a, _ := os.ReadFile(filepath.Join(home, "a"))
	b, _ := os.ReadFile(filepath.Join(home, "b"))
	list, _ := os.ReadDir(home)
	if string(a) != "default" || string(b) != "mine" || len(list) != 2 {
		t.Errorf("a %q, b %q, %d files", a, b, len(list))
	}
	if err := Skel(filepath.Join(skel, "missing"), home); err != nil {
		t.Error(err)
	}
}

// A tar writes nothing outside of its folder.
func FuzzUntar(f *testing.F) {
	seed := func(entries ...tar.Header) {
		var b bytes.Buffer
		w := tar.NewWriter(&b)
		for _, h := range entries {
			h.Mode, h.Size = 0o644, 0
			w.WriteHeader(&h)
		}
		w.Close()
		f.Add(b.Bytes())
	}
	seed(tar.Header{Name: "../out", Typeflag: tar.TypeReg})
	seed(tar.Header{Name: "link", Linkname: "..", Typeflag: tar.TypeSymlink}, tar.Header{Name: "link/out", Typeflag: tar.TypeReg})
	seed(tar.Header{Name: "/abs/olute", Typeflag: tar.TypeReg}, tar.Header{Name: "d/", Typeflag: tar.TypeDir})
	f.Fuzz(func(t *testing.T, b []byte) {
		outer := t.TempDir()
		inner := filepath.Join(outer, "in")
		os.Mkdir(inner, 0o755)
		Untar(bytes.NewReader(b), inner)
		if list, err := os.ReadDir(outer); err != nil || len(list) != 1 {
			t.Errorf("outside stands %v %v", list, err)
		}
	})
}
