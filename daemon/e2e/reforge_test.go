package e2e

import (
	"strings"
	"testing"

	"volundr/ui/client"
)

// Files and conversation go back in place, or on in another session, from the
// state before any message; of a session at rest too.
func TestBackToHereAndForkFromHere(t *testing.T) {
	m, env := provider(t)
	p := install(t, env...)
	c := p.client()
	s := p.create(client.SessionCreate{Name: "turns", Agent: "claude", Source: &client.Source{Type: client.SourceGit, Repo: repository(t), Branch: "main"}})
	p.ask(s.ID, "the-word-is-crane")
	p.ask(s.ID, "the-word-is-stork")
	p.inAgent(s.ID, "echo late > /workspace/late.txt")
	p.ask(s.ID, "the-word-is-ibis")
	points, err := c.Checkpoints(t.Context(), s.ID)
	if err != nil || len(points) != 3 || points[1].Text != "the-word-is-stork" || points[2].Text != "the-word-is-ibis" {
		t.Fatalf("%+v, %v", points, err)
	}
	loss, err := c.CheckpointLoss(t.Context(), s.ID, points[1].ID)
	if err != nil || len(loss.Changes) != 1 || loss.Changes[0].Path != "late.txt" {
		t.Errorf("%+v, %v", loss, err)
	}

	if _, err := c.Stop(t.Context(), s.ID); err != nil {
		t.Fatal(err)
	}
	fork, err := c.Reforge(t.Context(), s.ID, client.Reforge{Checkpoint: points[1].ID})
	if err != nil {
		t.Fatal(err)
	}
	p.awaitState(fork.ID, client.Running)
	forgot := func(id, question string) {
		t.Helper()
		if got := strings.TrimSpace(p.inAgent(id, "ls /workspace/late.txt 2>/dev/null || true")); got != "" {
			t.Errorf("%s is there", got)
		}
		p.ask(id, question)
		if !remembers(m, question, "the-word-is-crane") || remembers(m, question, "the-word-is-ibis") {
			t.Error("the conversation does not stand where it stood")
		}
	}
	forgot(fork.ID, "which-word-after-fork")

	if _, err := c.Start(t.Context(), s.ID); err != nil {
		t.Fatal(err)
	}
	p.awaitState(s.ID, client.Running)
	if out, err := p.run("sessions", "rewind", s.ID, points[1].ID, "--yes"); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	forgot(s.ID, "which-word-after-rewind")
}
