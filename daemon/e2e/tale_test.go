package e2e

import (
	"strings"
	"sync/atomic"
	"testing"

	"volundr/daemon/e2e/model"
	"volundr/ui/client"
)

// hush is a value that the launch request holds and nobody may read later.
const hush = "hush-7c1f90ab"

// words is what the agent says of the first run.
const words = `{"summary": "Hello was said.", "key_changes": ["hello.txt is new", "tool.sh is staged"], "unfinished_work": "The widgets do not exist."}`

// tale is the story so far.
type tale struct {
	*product
	m     *model.Server
	agent string
	repo  string
	id    string // of the first session
	base  string // commit that it began at
	final string
	state string // of its workspace at the end
	full  string // the same with what git ignores
	first client.Chronicle
}

// TestChronicleStory: a session's work is told as it was, and goes on in others
// where it ended.
func TestChronicleStory(t *testing.T) {
	s, said := newTale(t, "claude")
	s.work()
	s.isTold()
	said.Store(&model.Reply{Text: "I would rather not say."})
	s.secondRun()
	s.goesOn()
	said.Store(&model.Reply{Hang: true})
	s.ends()
}

// TestCodexIsTold: the same work of the other agent is told as fully.
func TestCodexIsTold(t *testing.T) {
	s, _ := newTale(t, "codex")
	s.work()
	s.isTold()
}

// newTale begins one, with what its agent says at the end of a run.
func newTale(t *testing.T, agent string) (*tale, *atomic.Pointer[model.Reply]) {
	t.Helper()
	m, env := provider(t)
	var said atomic.Pointer[model.Reply] // at the end of a run
	said.Store(&model.Reply{Text: words})
	m.Rule(model.Rule{
		Match: func(c model.Call) bool { return !c.IsResult && isLast(c.Text) },
		Reply: func(model.Call) model.Reply { return *said.Load() },
	})
	s := &tale{product: install(t, env...), m: m, agent: agent, repo: worked(t)}
	s.base = git(t, s.repo, "rev-parse", "HEAD")
	return s, &said
}

// isLast reports whether a prompt asks for the last words of a run.
func isLast(prompt string) bool { return strings.Contains(prompt, `{"summary":`) }

// models and modes of the agents in which a scripted model's tools are run
// without a question.
var (
	models = map[string]string{"codex": "gpt-5.5"}
	modes  = map[string]string{"claude": "bypassPermissions", "codex": "agent-full-access"}
)

// work is the first run.
func (s *tale) work() {
	s.t.Helper()
	s.id = s.create(client.SessionCreate{Name: "tale", Agent: s.agent, Model: models[s.agent], Mode: modes[s.agent], Env: map[string]string{"PLAIN": "yes", "API_TOKEN": hush},
		Source: &client.Source{Type: client.SourceGit, Repo: s.repo, Branch: "main"}}).ID
	s.ask(s.id, "write hello.txt")
	for _, d := range agentDeeds {
		s.ask(s.id, "run "+d.line)
	}
	s.client().Send(s.t.Context(), s.id, "fail 400")
	s.idle(s.id)
	person := s.shell(s.id)
	for _, d := range personDeeds {
		person.does(d.line)
	}
	s.settledFiles(s.id)
	s.state, s.full = s.inState(), s.product.state(s.id, true)
	s.final = strings.TrimSpace(s.inAgent(s.id, "git -C /workspace rev-parse HEAD"))
	s.stop(s.id)
}

func (s *tale) inState() string { s.t.Helper(); return s.product.state(s.id, false) }

// secondRun is told by rule: what the agent says of it cannot be read.
func (s *tale) secondRun() {
	s.t.Helper()
	s.startAgain(s.id)
	s.ask(s.id, "remember the seventh widget")
	s.stop(s.id)
	all := s.oneEach(s.id)
	c := all[1]
	if c.ParentChronicleID == nil || *c.ParentChronicleID != all[0].ID {
		s.t.Errorf("the second run continues %v, want %s", c.ParentChronicleID, all[0].ID)
	}
	if c.Author != "rule" || !strings.Contains(*c.Summary, "remember the seventh widget") || c.UnfinishedWork == nil || !strings.Contains(*c.UnfinishedWork, "README.md") {
		s.t.Errorf("by rule: %s %q %v", c.Author, *c.Summary, c.UnfinishedWork)
	}
	if c.BaseCommit != s.final || c.FinalCommit != s.final {
		s.t.Errorf("the second run begins at %s and ends at %s, want %s", c.BaseCommit, c.FinalCommit, s.final)
	}
}
