package e2e

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"

	"volundr/assets"
	"volundr/ui/client"
)

// complaint is what the failing step prints last.
const complaint = "E: widgets are not served here"

// TestEngineAndImageInTrouble: no engine, then one on which the image cannot be
// built, then all is well, then the engine goes away under a running session.
func TestEngineAndImageInTrouble(t *testing.T) {
	_, env := provider(t)
	engine := newEnginePath(t)
	recipe := brokenRecipe(t)
	p := prepare(t, t.TempDir(), env...)
	p.args = []string{"--engine", "unix://" + engine.socket}
	p.configure("image:\n  recipe: " + recipe + "\n")
	p.start()
	b := openBrowser(t, p)
	const away = "which does not answer"

	// No engine: everybody is told, and the session waits.
	if out, err := p.run("doctor"); err == nil || !strings.Contains(out, engine.socket) {
		t.Errorf("doctor without an engine: %v\n%s", err, out)
	}
	s, err := p.client().Create(t.Context(), client.SessionCreate{Name: "patient"})
	if err != nil {
		t.Fatal(err)
	}
	b.visit(b.ui + "/sessions/" + s.ID)
	b.is("the trouble", "document.querySelector('#trouble details')")
	b.portraits("engine-away")
	if now, err := p.client().Get(t.Context(), s.ID); err != nil || !strings.Contains(now.Doing, away) {
		t.Errorf("without an engine the session does %q, %v", now.Doing, err)
	}
	if out, err := p.run("sessions", "show", s.ID); err != nil || !strings.Contains(out, away) {
		t.Errorf("without an engine, in the shell: %v %s", err, out)
	}
	if st, err := p.client().Status(t.Context()); err != nil || len(st.Trouble) != 1 {
		t.Errorf("without an engine: %+v, %v", st.Trouble, err)
	}

	// An engine, and a step of the image that fails: which, and its last lines,
	// in the API, in the browser and in the shell.
	engine.mend()
	failed := p.awaitState(s.ID, client.Failed)
	if f := failed.Failure; f == nil || !strings.Contains(f.Reason, "could not be built at session") || !strings.Contains(strings.Join(f.Lines, "\n"), complaint) {
		t.Errorf("the failure: %+v", f)
	}
	b.is("the step's last line", "document.querySelector('.failure')?.textContent.includes('"+complaint+"')")
	b.portraits("failed-image")
	b.visit(b.ui + "/")
	b.is("the notice", "document.querySelector('#image-notice [role=alert]')?.textContent.includes('"+complaint+"')")
	b.portraits("image-failed")
	st, err := p.client().Status(t.Context())
	if err != nil || st.Image.State != "failed" || !strings.Contains(st.Image.Error, "could not be built") || !strings.Contains(strings.Join(st.Image.Lines, "\n"), complaint) {
		t.Errorf("status: %+v, %v", st.Image, err)
	}
	if out, err := p.run("status"); err != nil || !strings.Contains(out, "could not be built at session") || !strings.Contains(out, complaint) {
		t.Errorf("volundr status: %v\n%s", err, out)
	}
	if out, err := p.run("up"); err == nil || !strings.Contains(out, "could not be built at session") || !strings.Contains(out, complaint) {
		t.Errorf("volundr up: %v\n%s", err, out)
	}

	// Mended, and tried again.
	if err := os.CopyFS(filepath.Join(recipe, "mended"), assets.Image()); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(filepath.Join(recipe, "mended", "session", "Dockerfile"), filepath.Join(recipe, "session", "Dockerfile")); err != nil {
		t.Fatal(err)
	}
	b.is("that the notice is at rest", "document.querySelector('form[action=\"/image/build\"] button')")
	b.do(chromedp.Click("form[action='/image/build'] button"))
	b.is("that the notice is gone", "!document.querySelector('#image-notice section')")
	b.visit(b.ui + "/sessions/" + s.ID)
	b.do(chromedp.Click(".session-actions button.primary"))
	b.is("that it runs", "document.querySelector('#session-header').dataset.status === 'running'")
	if out := p.ask(s.ID, "hello"); !strings.Contains(out, "You said: hello") {
		t.Errorf("the agent answers %q", out)
	}

	// Not seeing is not the same as nothing there: the session runs on, and what
	// is asked of it is done when the engine is back.
	engine.cut()
	p.eventually(60*time.Second, "the doctor misses the engine", func() bool {
		out, err := p.run("doctor")
		return err != nil && strings.Contains(out, "does not answer")
	})
	if out := p.ask(s.ID, "without an engine"); !strings.Contains(out, "You said: without an engine") {
		t.Errorf("without the engine the agent answers %q", out)
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Second)
	p.client().Stop(ctx, s.ID) // the wish stands though nobody waits for it
	cancel()
	if now, err := p.client().Get(t.Context(), s.ID); err != nil || now.Status != client.Running && now.Status != client.Stopping {
		t.Errorf("without the engine the session is %s, %v", now.Status, err)
	}
	b.is("the trouble", "document.querySelector('#trouble details')")
	engine.mend()
	p.awaitState(s.ID, client.Stopped)
	b.is("that the trouble is over", "!document.querySelector('#trouble details')")
	b.sees("You said: without an engine")
}

// brokenRecipe is a copy of the session image's recipe with a step that fails
// at once. The base is as it was, so that the one which is there is used.
func brokenRecipe(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	if err := os.CopyFS(dir, assets.Image()); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(dir, "session", "Dockerfile")
	raw, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	broken := strings.Replace(string(raw), "COPY files /\n", "RUN echo 'Get:1 widgets' && echo '"+complaint+"' >&2 && exit 100\nCOPY files /\n", 1)
	if broken == string(raw) {
		t.Fatal("the recipe has changed: no place for the step")
	}
	if err := os.WriteFile(path, []byte(broken), 0o644); err != nil {
		t.Fatal(err)
	}
	return dir
}
