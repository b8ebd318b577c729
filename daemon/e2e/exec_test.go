package e2e

import (
	"testing"

	"volundr/ui/client"
)

// TestThroughExec: where a container's address cannot be reached (Docker
// Desktop, an engine elsewhere), all of a session goes through one exec.
func TestThroughExec(t *testing.T) {
	_, env := provider(t)
	p := install(t, append(env, "VOLUNDR_FORCE_EXEC=1")...)
	s := p.create(client.SessionCreate{Name: "far", Mode: "acceptEdits", Source: &client.Source{Type: client.SourceGit, Repo: repository(t)}})
	b := openBrowser(t, p)
	b.visit(b.ui + "/sessions/" + s.ID + "/chat")
	b.say("write far.txt")
	b.sees("Done.")
	b.tab("editor")
	b.isIn(b.frame("http://editor--"), "far.txt in the explorer", "document.body && document.body.innerText.includes('far.txt')")
	b.tab("terminal")
	terminal := b.frame("http://term--")
	b.isIn(terminal, "the shell's prompt", terminalHas("/workspace$"))
	b.typeIn(terminal, "echo far-$((40+2))\n")
	b.isIn(terminal, "the shell's answer", terminalHas("far-42"))
}
