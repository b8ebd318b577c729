package e2e

import (
	"strings"
	"testing"

	"github.com/chromedp/chromedp"

	"volundr/ui/client"
)

// A session of two repositories, from the form on: each is checked out in its
// folder, on a branch of the session's own, and pushed from there by plain git;
// a checkpoint, a restart and a reforge have both as they lay.
func TestASessionOfTwoRepositories(t *testing.T) {
	r := newRemote(t)
	r.make("lib")
	r.login("x-access-token:tok-write", "")
	lib := strings.Replace(r.url, "/app.git", "/lib.git", 1)
	_, env := provider(t)
	p := prepare(t, t.TempDir(), env...)
	p.configure("git:\n  forges:\n    \"" + strings.TrimPrefix(r.url[:strings.Index(r.url, "/acme")], "http://") + "\": {type: github, credential: work}\n")
	p.start()
	if err := p.client().Do(t.Context(), "POST", "/credentials", map[string]any{"name": "work", "secret_type": "api_key", "data": map[string]string{"api_key": "tok-write"}}, nil); err != nil {
		t.Fatal(err)
	}
	b := openBrowser(t, p)
	b.visit(b.ui + "/sessions/new")
	b.do(chromedp.SetValue("[name=name]", "both"), chromedp.SetValue("[name=repo]", r.url), chromedp.SetValue("[name=mode]", "bypassPermissions"))
	b.press("the button", "#add-repository button")
	b.do(chromedp.SendKeys("#more_repo_0", lib), chromedp.SendKeys("#more_folder_0", "deps"))
	b.is("its branches", "[...document.querySelectorAll('#more_branches_0 option')].map(o => o.value).join() === 'main'")
	b.portraits("new-several")
	b.do(chromedp.Submit("form[action='/sessions/new']"))
	b.is("the session runs", "document.querySelector('#session-header')?.dataset.status === 'running'")
	b.is("the other one beside the first", "document.querySelector('#session-header .beside')?.title.includes('/acme/lib.git on volundr/session/both')")
	all, err := p.client().List(t.Context(), client.ListOptions{})
	if err != nil || len(all) != 1 {
		t.Fatal(all, err)
	}
	s := all[0]
	if out, err := p.run("sessions", "list"); err != nil || !strings.Contains(out, "app +1") && !strings.Contains(out, "app.git +1") {
		t.Errorf("%v\n%s", err, out)
	}

	if out, err := p.run("sessions", "show", "both"); err != nil || !strings.Contains(out, "Also       "+lib+"\nBranch     volundr/session/both\nFolder     deps") {
		t.Errorf("%v\n%s", err, out)
	}

	folders := func(id string) string {
		return p.inAgent(id, "cd /workspace; ls -A | xargs; for d in app deps; do echo $d $(git -C $d branch --show-current) $(git -C $d config remote.origin.url) $(git -C $d status --porcelain | xargs); done")
	}
	const own = "volundr/session/both"
	if got, want := strings.TrimSpace(folders(s.ID)), "app deps\napp "+own+" "+r.url+"\ndeps "+own+" "+lib; got != want {
		t.Fatalf("the workspace holds\n%s\nwant\n%s", got, want)
	}
	push := func(id, text string) {
		t.Helper()
		p.ask(id, "run cd /workspace && for d in app deps; do (cd $d && echo "+text+" > made && git add made && "+identity+"commit -qm "+text+" && git push); done")
		for dir, name := range map[string]string{"app": "app", "deps": "lib"} {
			if head := strings.TrimSpace(p.inAgent(id, "git -C /workspace/"+dir+" rev-parse HEAD")); r.of(name, own) != head || head == "" {
				t.Errorf("%s: %s is at %q, not at %s", text, name, r.of(name, own), head)
			}
		}
	}
	push(s.ID, "one")
	main := r.of("lib", "main")
	p.ask(s.ID, "run cd /workspace/deps && git push origin HEAD:main")
	if r.of("lib", "main") != main {
		t.Error("the agent pushed to main of the second")
	}

	dirty := `cd /workspace; for d in app deps; do (cd $d; echo '*.ignored' > .gitignore; echo staged > staged; git add staged; echo changed >> README.md; echo no > x.ignored); done; echo beside > notes`
	p.inAgent(s.ID, dirty)
	lay := folders(s.ID)
	p.ask(s.ID, "run cd /workspace && rm -rf deps notes && echo gone > app/README.md")
	points, err := p.client().Checkpoints(t.Context(), s.ID)
	if err != nil || len(points) == 0 {
		t.Fatal(points, err)
	}
	if out, err := p.run("sessions", "rewind", s.ID, points[len(points)-1].ID, "--yes"); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	if got := folders(s.ID); got != lay {
		t.Errorf("back it is\n%s\nand was\n%s", got, lay)
	}

	p.stop(s.ID)
	p.startAgain(s.ID)
	if got := folders(s.ID); got != lay {
		t.Errorf("started again it is\n%s\nand was\n%s", got, lay)
	}
	p.stop(s.ID)
	next := p.reforge(p.lastChronicle(s.ID).ID, client.Reforge{Name: "next"})
	if got := folders(next.ID); got != lay {
		t.Errorf("reforged it is\n%s\nand was\n%s", got, lay)
	}
	if got := strings.TrimSpace(p.inAgent(next.ID, "ls /workspace/*/x.ignored 2>/dev/null || true")); got != "" {
		t.Errorf("ignored files went along: %s", got)
	}
	push(next.ID, "two")
}
