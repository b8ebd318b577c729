package e2e

import (
	"context"
	"testing"
	"time"

	"github.com/chromedp/cdproto/input"
	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
	"github.com/google/go-cmp/cmp"

	"volundr/ui/client"
)

// toldCommand is what the timeline says of a command.
type toldCommand struct {
	Line, Shell, Where, Dir string
	Exit                    int
}

// TestTheTerminalsShellsTell: what a person runs in a session's terminal by bash
// and by zsh stands in the timeline with its folder, its duration and its exit
// code.
func TestTheTerminalsShellsTell(t *testing.T) {
	_, env := provider(t)
	p := install(t, env...)
	id := p.create(client.SessionCreate{Name: "shells", Source: &client.Source{Type: client.SourceGit, Repo: repository(t)}}).ID
	x := p.shell(id)
	for _, line := range []string{"false", "zsh", "mkdir -p 'a b' && cd 'a b'", "(sleep 0.4; exit 7)", " true hidden", "exit 4"} {
		x.does(line)
	}
	p.toldOf(id, "zsh") // it ends last
	p.tells(id, []toldCommand{{"false", "bash", "terminal", "/workspace", 1}, {"zsh", "bash", "terminal", "/workspace", 4},
		{"mkdir -p 'a b' && cd 'a b'", "zsh", "terminal", "/workspace", 0}, {"(sleep 0.4; exit 7)", "zsh", "terminal", "/workspace/a b", 7}})
}

// TestTheEditorsShellsTell: the same of the terminal in VS Code, whose own
// integration the shells carry too.
func TestTheEditorsShellsTell(t *testing.T) {
	_, env := provider(t)
	p := install(t, env...)
	id := p.create(client.SessionCreate{Name: "shells", Source: &client.Source{Type: client.SourceGit, Repo: repository(t)}}).ID
	b := openBrowser(t, p)
	b.visit(b.ui + "/sessions/" + id + "/editor")
	editor := b.frame("http://editor--")
	b.isIn(editor, "the file in the explorer", "document.body && document.body.innerText.includes('README.md')")
	press := func(keys string, with ...chromedp.KeyOption) {
		t.Helper()
		ctx, cancel := context.WithTimeout(editor, 30*time.Second)
		defer cancel()
		if err := chromedp.Do(ctx, chromedp.KeyEvent(keys, with...)); err != nil {
			b.shoot("failure")
			t.Fatal(err)
		}
	}
	// Keys that are made up reach a terminal twice: as keys, and as what they write.
	write := func(text string) {
		t.Helper()
		ctx, cancel := context.WithTimeout(editor, 30*time.Second)
		defer cancel()
		if err := chromedp.Do(ctx, chromedp.Func(func(ctx context.Context, _ *chromedp.Target) error {
			_, err := chromedp.Call(ctx, input.InsertText, input.InsertTextParams{Text: text})
			return err
		})); err != nil {
			b.shoot("failure")
			t.Fatal(err)
		}
	}
	// Keys that come before the editor listens to them are lost.
	var pressed time.Time
	eventually(t, limit, "the editor's terminal", func() bool {
		if time.Since(pressed) > 15*time.Second {
			press("`", chromedp.KeyModifiers(chromedp.ModifierCtrl, chromedp.ModifierShift))
			pressed = time.Now()
		}
		ctx, cancel := context.WithTimeout(editor, 10*time.Second)
		defer cancel()
		there, err := chromedp.Run(ctx, chromedp.Evaluate[bool]("!!document.activeElement && document.activeElement.classList.contains('xterm-helper-textarea')"))
		return err == nil && there
	})
	b.shoot("editor-terminal")
	for _, line := range []string{"false", "zsh", "cd .git", "(sleep 0.4; exit 7)", "exit 4"} {
		write(line)
		press(kb.Enter)
		switch line {
		default:
			p.toldOf(id, line)
		case "exit 4": // it ends zsh, which is told
			p.toldOf(id, "zsh")
		case "zsh":
			eventually(t, 60*time.Second, "zsh of the editor", func() bool {
				return p.inPart(id, "editor", "ps -C zsh -o stat= | grep -c + || true") != "0\n"
			})
		}
	}
	p.tells(id, []toldCommand{{"false", "bash", "editor", "/workspace", 1}, {"zsh", "bash", "editor", "/workspace", 4},
		{"cd .git", "zsh", "editor", "/workspace", 0}, {"(sleep 0.4; exit 7)", "zsh", "editor", "/workspace/.git", 7}})
}

// tells compares the commands that the timeline tells of with what was run.
func (p *product) tells(id string, want []toldCommand) {
	p.t.Helper()
	var got []toldCommand
	for _, e := range p.timeline(p.lastChronicle(id).ID).Events {
		if e.Type != "terminal" {
			continue
		}
		got = append(got, toldCommand{e.Text, e.Shell, e.Where, e.Dir, client.Deref(e.Exit)})
		if slow := e.Text == "(sleep 0.4; exit 7)"; slow && (e.DurationMS < 400 || e.DurationMS > 30_000) {
			p.t.Errorf("%q took %d ms", e.Text, e.DurationMS)
		}
	}
	if d := cmp.Diff(want, got); d != "" {
		p.t.Errorf("commands (-run +told):\n%s", d)
	}
}

func (p *product) toldOf(id, line string) {
	p.t.Helper()
	p.told(id, line, func(e client.TimelineEvent) bool { return e.Type == "terminal" && e.Text == line })
}
