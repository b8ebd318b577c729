package e2e

import (
	"os"
	"os/exec"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"volundr/daemon/e2e/model"
	"volundr/ui/client"
)

// struck is a session in which processes are killed.
type struck struct {
	*product
	m  *model.Server
	id string
}

// TestKilledInside: kill -9, by the host, of the adapter and then of the runner
// in the middle of a turn, of either agent.
func TestKilledInside(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("the host's root alone can kill a process in a container")
	}
	m, env := provider(t)
	p := install(t, env...)
	for agent, adapter := range map[string]string{"claude": "claude-agent-acp", "codex": "codex-acp"} {
		s := &struck{p, m, p.create(client.SessionCreate{Name: agent, Agent: agent, Model: models[agent], Mode: modes[agent]}).ID}
		s.ask(s.id, "the word is crane, "+agent)
		s.adapter(agent, adapter)
		s.runner(agent)
	}
}

// adapter: the same session of the agent is resumed, and nothing of the old one
// is left.
func (s *struck) adapter(agent, name string) {
	s.t.Helper()
	if err := s.client().Send(s.t.Context(), s.id, "run echo begun; sleep 1234"); err != nil {
		s.t.Fatal(err)
	}
	s.eventually(60*time.Second, "the tool runs", func() bool { return s.process("sleep 1234") != 0 })
	s.eventually(60*time.Second, "the tool is told of", func() bool {
		got, err := s.client().Get(s.t.Context(), s.id)
		return err == nil && got.Activity() == client.ToolExecuting
	})
	memory, was := s.memory(), s.process(name)
	slayProcess(s.t, was)
	s.eventually(60*time.Second, "the adapter runs again", func() bool { now := s.process(name); return now != 0 && now != was })
	s.eventually(60*time.Second, "nothing of the old one is left", func() bool { return s.process("sleep 1234") == 0 })
	s.remembers("after the adapter?", agent)
	if got, err := s.client().Get(s.t.Context(), s.id); err != nil || got.Status != client.Running || got.Run != 1 {
		s.t.Errorf("%s, after its adapter was killed, is %s in run %d, %v", agent, got.Status, got.Run, err)
	}
	if d := cmp.Diff(memory, s.memory()); d != "" {
		s.t.Errorf("%s did not resume the same session (-was +is):\n%s", agent, d)
	}
	var told []string
	for _, e := range s.timeline(s.lastChronicle(s.id).ID).Events {
		if e.Kind == "tool" || e.Type == "error" || e.Kind == "agent" || e.Kind == "turn" {
			told = append(told, strings.TrimSpace(e.Type+" "+e.Kind+" "+e.Status))
		}
	}
	if d := cmp.Diff([]string{"session agent", "message turn", "terminal tool failed", "error", "message turn", "error", "session agent", "message turn"}, told); d != "" {
		s.t.Errorf("%s, whose adapter was killed (-want +told):\n%s", agent, d)
	}
}

// runner: with it goes the agent's container, and the session is FAILED.
func (s *struck) runner(agent string) {
	s.t.Helper()
	if err := s.client().Send(s.t.Context(), s.id, "slow 500"); err != nil {
		s.t.Fatal(err)
	}
	s.eventually(60*time.Second, "the answer is under way", func() bool { return strings.Contains(s.lastAnswer(s.id), model.Words(10)) })
	s.m.Pause()
	defer s.m.Resume()
	out, err := exec.Command("docker", "inspect", "-f", "{{.State.Pid}}", container(s.t, s.id, "agent")).Output()
	if err != nil {
		s.t.Fatal(err)
	}
	pid, err := strconv.Atoi(strings.TrimSpace(string(out)))
	if err != nil {
		s.t.Fatal(err)
	}
	slayProcess(s.t, pid)
	failed := s.awaitState(s.id, client.Failed)
	s.m.Resume()
	if f := failed.Failure; f == nil || f.Part != "agent" || f.ExitCode == nil || *f.ExitCode != 137 || !strings.Contains(f.Reason, "exit code 137") {
		s.t.Fatalf("%s, whose runner was killed: %+v", agent, f)
	}
	c := s.oneEach(s.id)[0]
	if c.Author != "rule" || !c.Pack || c.Reason != failed.Failure.Reason {
		s.t.Errorf("its chronicle: words by %s, snapshot %t %q, %q", c.Author, c.Pack, c.Missing, c.Reason)
	}
	var errors, turns []string
	for _, e := range s.timeline(c.ID).Events {
		switch {
		case e.Kind == "turn":
			turns = append(turns, e.Text)
		case e.Type == "error":
			errors = append(errors, e.Text+e.Label)
		}
	}
	if said := turns[len(turns)-1]; len(turns) != 4 || !strings.HasPrefix(said, model.Words(10)) || strings.Contains(said, "word500") {
		s.t.Errorf("%d turns, the last of which said %q", len(turns), said)
	}
	if last := strings.Join(errors[2:], "\n"); !strings.Contains(last, "container ended in the middle of this turn") || strings.Contains(last, "exit code 0") || strings.Contains(last, "was started again") {
		s.t.Errorf("what is told of the end: %s", last)
	}
	s.startAgain(s.id)
	s.remembers("after the runner?", agent)
	s.oneEach(s.id)
}

// remembers asks something and checks that the agent knows what was said first.
func (s *struck) remembers(question, agent string) {
	s.t.Helper()
	question = agent + " " + question
	s.ask(s.id, question)
	if !remembers(s.m, question, "the word is crane, "+agent) {
		s.t.Errorf("%s does not remember what was said", question)
	}
}

// memory names the agent's conversations in the session's home.
func (s *struck) memory() string {
	s.t.Helper()
	return s.inAgent(s.id, "find ~/.claude/projects ~/.codex/sessions -name '*.jsonl' 2>/dev/null; true")
}

// process gives the host's id of a process in the agent's container by its
// command line; 0: there is none.
func (s *struck) process(args string) int {
	s.t.Helper()
	out, err := exec.Command("docker", "top", container(s.t, s.id, "agent"), "-eo", "pid,args").Output()
	if err != nil {
		s.t.Fatal(err)
	}
	for line := range strings.Lines(string(out)) {
		if pid, command, _ := strings.Cut(strings.TrimSpace(line), " "); strings.HasSuffix(strings.TrimSpace(command), args) {
			id, err := strconv.Atoi(pid)
			if err != nil {
				s.t.Fatal(err)
			}
			return id
		}
	}
	return 0
}

func slayProcess(t *testing.T, pid int) {
	t.Helper()
	if err := syscall.Kill(pid, syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
}
