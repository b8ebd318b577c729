package e2e

import (
	"os/exec"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"volundr/daemon/e2e/model"
	"volundr/ui/client"
)

// remembers reports whether the model was shown an earlier text together with
// one of now.
func remembers(m *model.Server, now, earlier string) bool {
	return slices.ContainsFunc(m.Requests(), func(r model.Request) bool {
		return strings.Contains(string(r.Body), now) && strings.Contains(string(r.Body), earlier)
	})
}

// container gives the id of a part of a running session.
func container(t *testing.T, id, part string) string {
	t.Helper()
	out, err := exec.Command("docker", "ps", "-q", "--filter", "label=volundr.session="+id, "--filter", "label=volundr.part="+part).Output()
	if err != nil || len(out) == 0 {
		t.Fatalf("session %s has no %s: %v", id, part, err)
	}
	return strings.TrimSpace(string(out))
}

// rob takes away behind the daemon's back what a session's agent runs in.
func (p *product) rob(id string) {
	p.t.Helper()
	var take *exec.Cmd
	if pod := strings.TrimSpace(p.onCluster(id, "pods")); pod != "" {
		take = kubectl("delete", pod, "--now")
	} else {
		take = exec.Command("docker", "rm", "-f", container(p.t, id, "agent"))
	}
	if out, err := take.CombinedOutput(); err != nil {
		p.t.Fatal(err, string(out))
	}
}

// sameAs compares a session's workspace with the story's.
func (s *tale) sameAs(id, what string) {
	s.t.Helper()
	if d := cmp.Diff(s.state, s.product.state(id, false)); d != "" {
		s.t.Errorf("the workspace %s (-was +is):\n%s", what, d)
	}
}

// goesOn continues the work three times: with the same agent, from an archive
// with the other one, and from a failure.
func (s *tale) goesOn() {
	s.t.Helper()
	c := s.client()
	same := s.reforge(s.id, client.Reforge{})
	if same.Name != "tale-2" || same.Agent != "claude" {
		s.t.Errorf("it is called %s, its agent is %s", same.Name, same.Agent)
	}
	s.sameAs(same.ID, "of the same agent")
	s.ask(same.ID, "which widget, same one?")
	if !remembers(s.m, "which widget, same one?", "remember the seventh widget") || !remembers(s.m, "which widget, same one?", "toolu_") {
		s.t.Error("the same agent does not remember what was said and done")
	}
	s.stop(same.ID)
	if got, err := c.Archive(s.t.Context(), same.ID); err != nil || got.Status != client.Archived {
		s.t.Fatalf("archive: %v, %s", err, got.Status)
	}
	if left := s.leftovers(same.ID); left != "" {
		s.t.Errorf("an archived session has %s", left)
	}

	other := s.reforge(same.ID, client.Reforge{Agent: "codex", Model: "gpt-5.5", Name: "other"})
	s.sameAs(other.ID, "of the other agent")
	s.ask(other.ID, "which widget, other one?")
	for _, told := range []string{"remember the seventh widget", "which widget, same one?", "Not committed"} {
		if !remembers(s.m, "which widget, other one?", told) {
			s.t.Errorf("the other agent was not told %q", told)
		}
	}

	s.inAgent(other.ID, "echo late > /workspace/late.txt")
	s.state = s.product.state(other.ID, false)
	s.rob(other.ID)
	failed := s.awaitState(other.ID, client.Failed)
	if r := s.oneEach(other.ID)[0]; failed.Failure == nil || r.Reason != failed.Failure.Reason || r.Author != "rule" || !r.Pack {
		s.t.Errorf("the chronicle of a failure: %+v", r)
	}
	after := s.reforge(other.ID, client.Reforge{})
	s.sameAs(after.ID, "after a failure")
	s.ask(after.ID, "which widget, at last?")
	if !remembers(s.m, "which widget, at last?", "which widget, other one?") {
		s.t.Error("the agent does not remember what was before the failure")
	}
	s.linked(same.ID, other.ID, after.ID)
	s.comesBack(same.ID)
	s.backAndFork(after.ID)
}

// linked: the chain is the same from every link of it.
func (s *tale) linked(sessions ...string) {
	s.t.Helper()
	var want []string
	for _, c := range s.chronicles(s.id) {
		want = append(want, c.ID)
	}
	for _, id := range sessions {
		c := s.lastChronicle(id)
		if c.ParentChronicleID == nil || *c.ParentChronicleID != want[len(want)-1] {
			s.t.Errorf("%s continues %v, want %s", c.Name, c.ParentChronicleID, want[len(want)-1])
		}
		want = append(want, c.ID)
	}
	for _, id := range want {
		if d := cmp.Diff(want, s.chain(id)); d != "" {
			s.t.Errorf("the chain, seen from %s (-want +got):\n%s", id, d)
		}
	}
}

// comesBack: what was archived is as it was, and runs.
func (s *tale) comesBack(id string) {
	s.t.Helper()
	before := s.chronicles(id)
	if got, err := s.client().Restore(s.t.Context(), id); err != nil || got.Status != client.Stopped {
		s.t.Fatalf("restore: %v, %s", err, got.Status)
	}
	if d := cmp.Diff(before, s.chronicles(id)); d != "" {
		s.t.Errorf("chronicles changed with archive and restore:\n%s", d)
	}
	s.startAgain(id)
	s.ask(id, "and after the archive?")
	if !remembers(s.m, "and after the archive?", "remember the seventh widget") {
		s.t.Error("the agent forgot in the archive")
	}
	if err := s.client().Delete(s.t.Context(), id); err != nil {
		s.t.Fatal(err)
	}
}

// backAndFork: back to before a prompt, in place; and on from there elsewhere.
func (s *tale) backAndFork(id string) {
	s.t.Helper()
	c := s.client()
	s.ask(id, "write wrong.txt")
	s.ask(id, "run rm late.txt")
	points, err := c.Checkpoints(s.t.Context(), id)
	if err != nil {
		s.t.Fatal(err)
	}
	i := slices.IndexFunc(points, func(p client.Point) bool { return p.Text == "write wrong.txt" })
	if i < 0 {
		s.t.Fatalf("no checkpoint before the prompt: %+v", points)
	}
	loss, err := c.CheckpointLoss(s.t.Context(), id, points[i].ID)
	if err != nil {
		s.t.Fatal(err)
	}
	lost := map[string]string{}
	for _, f := range loss.Changes {
		lost[f.Path] = f.Action
	}
	if d := cmp.Diff(map[string]string{"wrong.txt": "deleted", "late.txt": "created"}, lost); d != "" {
		s.t.Errorf("what would be lost (-want +got):\n%s", d)
	}
	if err := c.Rewind(s.t.Context(), id, points[i].ID); err != nil {
		s.t.Fatal(err)
	}
	s.sameAs(id, "back at the checkpoint")
	s.ask(id, "what now, back here?")
	if !remembers(s.m, "what now, back here?", "which widget, at last?") || remembers(s.m, "what now, back here?", "write wrong.txt") {
		s.t.Error("the conversation is not where the checkpoint is")
	}
	s.told(id, "going back", func(e client.TimelineEvent) bool { return e.Kind == "rewound" && e.Checkpoint == points[i].ID })

	fork := s.reforge(id, client.Reforge{Name: "fork", Checkpoint: points[i].ID})
	s.sameAs(fork.ID, "of the fork")
	s.ask(fork.ID, "what now, in the fork?")
	if !remembers(s.m, "what now, in the fork?", "which widget, at last?") || remembers(s.m, "what now, in the fork?", "what now, back here?") {
		s.t.Error("the fork's conversation is not where the checkpoint is")
	}
}
