package checkpoint

import (
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"volundr/runtime/broker/pack"
	"volundr/runtime/broker/worlds"
)

// A workspace of two repositories goes back and forth as one: commits, what is
// staged and what is not in each, and what lies beside them.
func TestBackWithSeveralRepositories(t *testing.T) {
	at := places(t)
	worlds.Sh(t, at.Workspace, `for d in app lib; do mkdir $d; (cd $d; git init -q -b main; echo '*.ignored' > .gitignore; echo "$d" > file; git add .; git commit -qm "in $d"
echo staged > staged; git add staged; echo more >> file; echo loose > loose; echo no > x.ignored; git branch other); done; echo beside > notes`)
	look := func() (all []string) {
		for _, dir := range []string{"app", "lib"} {
			for line := range strings.Lines(worlds.Status(t, filepath.Join(at.Workspace, dir))) {
				if !strings.HasPrefix(line, "dangling") { // what nothing names stays
					all = append(all, dir+": "+line)
				}
			}
		}
		return append(all, worlds.Print(t, at.Workspace, func(p string) bool { return filepath.Ext(p) == ".ignored" || object(p) })...)
	}
	want := look()
	first := take(t, at, "p1")
	worlds.Sh(t, at.Workspace, `(cd app; git add -A; git commit -qm all; git checkout -q other; git branch -qD main); (cd lib; git reset -q --hard; rm loose; echo new > new)
rm notes; mkdir third; echo x > third/x; echo changed > app/x.ignored`)
	after := look()
	back := func(id string, want []string) {
		t.Helper()
		if _, err := at.Restore(t.Context(), id, pack.Resume{}); err != nil {
			t.Fatal(err)
		}
		if d := cmp.Diff(want, look()); d != "" {
			t.Errorf("another tree (-want +got):\n%.6000s", d)
		}
	}
	second := take(t, at, "p2")
	back(first, want)
	if got := worlds.Sh(t, at.Workspace, "cat app/x.ignored"); got != "changed\n" {
		t.Errorf("what git ignores was put back: %q", got)
	}
	back(second, after)
	// A repository that was removed whole comes back whole.
	worlds.Sh(t, at.Workspace, "rm -rf lib")
	back(first, want)
}
