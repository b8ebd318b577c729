package e2e

import (
	"os/exec"
	"strings"
	"testing"

	"volundr/ui/client"
)

// TestAnIdleSessionIsPausedAndWakes: what nobody uses is frozen, says so, and
// goes on where it was for whoever wants something of it, through a kill of the
// daemon too; and it ends as politely as any other.
func TestAnIdleSessionIsPausedAndWakes(t *testing.T) {
	_, env := provider(t)
	p := prepare(t, t.TempDir(), env...)
	p.configure("idle_pause: 10s\n")
	p.start()
	id := p.create(client.SessionCreate{Name: "resting"}).ID
	if got := p.ask(id, "say one"); !strings.Contains(got, "say one") {
		t.Errorf("it answers %q", got)
	}
	p.paused(id)
	if got := p.ask(id, "say two"); !strings.Contains(got, "say two") {
		t.Errorf("asked while it is paused it answers %q", got)
	}

	p.paused(id)
	p.kill()
	p.start()
	p.paused(id)
	person := p.shell(id)
	person.does("echo typed > /workspace/typed")
	p.eventually(limit, "what is typed into its terminal is done", func() bool {
		return p.frozen(id) == "" && strings.TrimSpace(p.inAgent(id, "cat /workspace/typed 2>/dev/null || true")) == "typed"
	})
	p.eventually(limit, "the note goes", func() bool {
		s, err := p.client().Get(t.Context(), id)
		return err == nil && s.Detail == ""
	})
	person.term.Close()

	p.paused(id)
	p.stop(id)
	c := p.lastChronicle(id)
	if c.Status != "complete" || c.Reason != "stopped" || c.Author != "agent" {
		t.Errorf("the chronicle of what was paused when it was stopped: %s, %q, words by %s", c.Status, c.Reason, c.Author)
	}
	p.startAgain(id)
	p.paused(id) // and is deleted so at the end
}

// paused waits until a session is frozen and says so.
func (p *product) paused(id string) {
	p.t.Helper()
	var s client.Session
	p.eventually(limit, "the session is paused", func() bool {
		var err error
		s, err = p.client().Get(p.t.Context(), id)
		return err == nil && strings.HasPrefix(s.Detail, "Paused") && len(strings.Fields(p.frozen(id))) == 3
	})
	if s.Status != client.Running || s.Failure != nil {
		p.t.Errorf("a paused session is %s, %+v", s.Status, s.Failure)
	}
}

// frozen names the containers of a session that are.
func (p *product) frozen(id string) string {
	p.t.Helper()
	out, err := exec.Command("docker", "ps", "-q", "--filter", "status=paused", "--filter", "label=volundr.session="+id).Output()
	if err != nil {
		p.t.Fatal(err)
	}
	return string(out)
}
