package e2e

import (
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"volundr/daemon/e2e/model"
	"volundr/ui/client"
)

// TestFullWorkspace: the agent's tools find no room in /workspace. Its turns say
// so, the session lives on, and with room again the work goes on.
func TestFullWorkspace(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("small disks can be mounted by root only")
	}
	_, env := provider(t)
	p := install(t, env...)
	id := p.create(client.SessionCreate{Name: "full", Mode: "bypassPermissions",
		Source: &client.Source{Type: client.SourceGit, Repo: repository(t), Branch: "main"}}).ID
	p.stop(id)
	_, unmount := smallVolume(t, id, "workspace", "4m")
	p.startAgain(id)
	b := openBrowser(t, p)
	b.visit(b.ui + "/sessions/" + id + "/chat")
	const commit = "git add -A && git -c user.name=Robot -c user.email=robot@example.com commit -qm more"

	p.inAgent(id, "cat /dev/zero > /workspace/filler 2>/dev/null || true")
	b.say("write hello.txt")
	b.sees("ENOSPC: no space left on device")
	p.idle(id)
	if got := p.ask(id, "run cp README.md more.md && "+commit); !strings.Contains(got, "No space left on device") {
		t.Errorf("a command on a full disk: %q", got)
	}
	if out, err := p.run("sessions", "diff", id); err != nil || !strings.Contains(out, "filler") {
		t.Errorf("what changed, on a full disk: %v %s", err, out)
	}
	if s := p.awaitActivity(id, client.Idle); s.Status != client.Running {
		t.Errorf("a session whose workspace is full is %s", s.Status)
	}
	p.inAgent(id, "rm /workspace/filler; test ! -s /workspace/hello.txt")

	p.ask(id, "write hello.txt")
	p.ask(id, "run cp README.md more.md && "+commit)
	if got := p.inAgent(id, "cd /workspace && git log -1 --format=%s && git status --porcelain && git fsck && cat hello.txt"); got != "more\n"+model.Content {
		t.Errorf("with room again the workspace is %q", got)
	}
	state := p.state(id, true)
	p.stop(id)
	p.toldOfAFullDisk(id)
	p.startAgain(id)
	if d := cmp.Diff(state, p.state(id, true)); d != "" {
		t.Errorf("after a stop and a start (-was +is):\n%s", d)
	}
	if got := p.ask(id, "still there?"); !strings.Contains(got, "You said: still there?") {
		t.Errorf("the agent answers %q", got)
	}
	p.stop(id)
	unmount() // the volume could not be deleted under it
}

// toldOfAFullDisk: what failed is told as failed, what was done as done.
func (p *product) toldOfAFullDisk(id string) {
	p.t.Helper()
	all := p.oneEach(id)
	c := all[len(all)-1]
	if !c.Pack || c.Author != "agent" {
		p.t.Errorf("the chronicle: words by %s, snapshot %t %q", c.Author, c.Pack, c.Missing)
	}
	var tools, files, commits []string
	turns := 0
	for _, e := range p.timeline(c.ID).Events {
		switch {
		case e.Kind == "tool":
			tools = append(tools, e.Status)
		case e.Kind == "turn":
			turns++
		case e.Type == "file" && e.Label == "hello.txt":
			files = append(files, *e.Action)
		case e.Type == "git" && e.Git == "commit":
			commits = append(commits, e.Label+": "+strings.Join(e.Files, " "))
		}
	}
	if d := cmp.Diff([][]string{{"failed", "failed", "completed", "completed"}, {"created"}, {"more: hello.txt more.md"}},
		[][]string{tools, files, commits}); d != "" || turns != 5 {
		p.t.Errorf("%d turns; tools, files and commits (-done +told):\n%s", turns, d)
	}
}
