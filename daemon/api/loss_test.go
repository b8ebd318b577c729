package api

import (
	"os/exec"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"volundr/ui/client"
)

// What is lost with a workspace is told of each of its repositories.
func TestWhatIsLostOfSeveralRepositories(t *testing.T) {
	counted := func(script string) (l client.Loss) {
		t.Helper()
		dir := t.TempDir()
		for _, run := range []string{script, strings.Replace(countLoss, "/workspace", dir, 1)} {
			cmd := exec.Command("sh", "-c", run)
			cmd.Dir = dir
			cmd.Env = append(cmd.Environ(), "GIT_CONFIG_GLOBAL=/dev/null", "GIT_AUTHOR_NAME=t", "GIT_AUTHOR_EMAIL=t@x", "GIT_COMMITTER_NAME=t", "GIT_COMMITTER_EMAIL=t@x")
			out, err := cmd.Output()
			if err != nil {
				t.Fatalf("%s: %v", run, err)
			}
			if run != script && !readLoss(string(out), &l) {
				t.Fatalf("not understood: %s", out)
			}
		}
		return l
	}
	const repo = `git init -q -b main $d; (cd $d; echo x > "a b"; echo y > c; git add c; git commit -qm c; echo z > c; echo s > s; git add s; git stash -q; echo z > c)`
	one := counted("d=.; " + repo)
	if d := cmp.Diff(client.Loss{Known: true, Repository: true, Files: 2, Names: []string{"c", `"a b"`}, Commits: 1, Branches: []string{"main"}, Stashes: 1}, one); d != "" {
		t.Error(d)
	}
	both := counted("for d in app lib; do " + repo + "; done")
	want := client.Loss{Known: true, Repository: true, Files: 4, Names: []string{"app/c", `app/"a b"`, "lib/c", `lib/"a b"`}, Commits: 2, Branches: []string{"app: main", "lib: main"}, Stashes: 2}
	if d := cmp.Diff(want, both); d != "" {
		t.Error(d)
	}
	if none := counted("mkdir d; echo x > d/x; echo y > y"); none.Repository || none.Files != 2 {
		t.Errorf("%+v", none)
	}
}
