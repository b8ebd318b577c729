package workspace

import (
	"io"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"

	"volundr/runtime/broker/pack"
	"volundr/runtime/broker/wire"
	"volundr/runtime/broker/worlds"
)

// A workspace of two repositories is gone on from as it lies: commits, what is
// staged and what is not, without what git ignores, and both can be pushed.
func TestSeveralRepositoriesGoOn(t *testing.T) {
	at := places(t)
	still := func(string) {}
	source := wire.Source{Remote: "r", URL: "https://git.example/app", Folder: "app", Branch: "s", Base: "main", UserName: "Ann", UserEmail: "ann@example.com",
		Additional: []wire.Checkout{{Folder: "lib", Remote: "second", URL: "https://git.example/lib", Branch: "s", Base: "other"}}}
	if err := Prepare(t.Context(), wire.Config{Source: source}, at, still); err != nil {
		t.Fatal(err)
	}
	sh(t, at, `for d in app lib; do (cd $d; echo '*.ignored' > .gitignore; echo "$d" > committed; git add .; git commit -qm "in $d"
echo staged > staged; git add staged; echo more >> committed; echo loose > loose; echo no > x.ignored; echo stash >> file; git stash push -q file) || exit 1; done; echo beside > notes; echo kept > x.ignored`)
	next := places(t)
	source.Workspace = blob(t, next, func(w io.Writer) (pack.Sum, error) {
		return pack.Tree{Dir: at.Workspace, Git: true}.Write(t.Context(), w, pack.Limits{})
	})
	if err := Prepare(t.Context(), wire.Config{Source: source}, next, still); err != nil {
		t.Fatal(err)
	}
	skip := func(p string) bool { return p == "." || filepath.Base(p) == "x.ignored" && p != "x.ignored" }
	if d := cmp.Diff(worlds.Print(t, at.Workspace, skip), worlds.Print(t, next.Workspace, skip)); d != "" {
		t.Fatalf("another tree (-want +got):\n%s", d)
	}
	if got := sh(t, next, "cat x.ignored; ls */x.ignored 2>/dev/null || echo none"); got != "kept\nnone" {
		t.Errorf("what no repository ignores stays, and what one does goes: %q", got)
	}
	for _, dir := range []string{"app", "lib"} {
		before, after := worlds.Status(t, filepath.Join(at.Workspace, dir)), worlds.Status(t, filepath.Join(next.Workspace, dir))
		if d := cmp.Diff(before, after); d != "" {
			t.Errorf("%s: git says something else (-want +got):\n%s", dir, d)
		}
	}
	remotes := filepath.Join(filepath.Dir(next.Home), "remotes")
	for dir, remote := range map[string]string{"app": "r", "lib": "second"} {
		bare := filepath.Join(remotes, remote)
		worlds.Sh(t, bare, "git config http.receivepack true")
		sh(t, next, "cd "+dir+" && git push -q")
		if want, got := sh(t, next, "git -C "+dir+" rev-parse HEAD"), worlds.Sh(t, bare, "git rev-parse s"); want+"\n" != got {
			t.Errorf("%s is at %s, not %s", remote, got, want)
		}
	}
}
