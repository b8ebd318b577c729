package e2e

import (
	"encoding/json"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"volundr/ui/client"
)

// nextStep is what everybody is told of a key that is refused.
const nextStep = "`volundr credentials set"

// TestAModelInTrouble is told in the shell and by the API too: a key that is
// refused with what to do about it, a provider that is away as soon as it is
// asked, though the agent goes on for a minute without a word.
func TestAModelInTrouble(t *testing.T) {
	m, env := provider(t)
	p := install(t, env...)
	s := p.create(client.SessionCreate{Name: "troubled"})

	out, err := p.run("sessions", "chat", s.Name, "fail 401")
	if err == nil || !strings.Contains(out, "refused the key (401") || !strings.Contains(out, nextStep) {
		t.Errorf("a refused key, in the shell: %v\n%s", err, out)
	}
	said, told, err := p.apart("sessions", "chat", s.Name, "--json", "fail 401")
	if err == nil || !strings.Contains(told, nextStep) || strings.Count(strings.TrimSpace(told), "\n") > 0 {
		t.Errorf("a refused key, for a script: %v\n%s", err, told)
	}
	ends := 0
	for line := range strings.Lines(said) {
		var e client.Entry
		var end client.TurnEnd
		if err := json.Unmarshal([]byte(line), &e); err != nil {
			t.Fatalf("%q: %v", line, err)
		}
		if e.Type == client.EntryTurnEnd && json.Unmarshal(e.Data, &end) == nil && strings.Contains(end.Error, nextStep) {
			ends++
		}
	}
	if ends != 1 {
		t.Errorf("a refused key, as JSON: %s", said)
	}
	talk, err := p.client().Conversation(t.Context(), s.ID)
	if err != nil || len(talk.Turns) == 0 {
		t.Fatalf("%+v, %v", talk, err)
	}
	if why, _ := talk.Turns[len(talk.Turns)-1].Metadata["error"].(string); !strings.Contains(why, nextStep) {
		t.Errorf("a refused key, in the conversation: %+v", talk.Turns)
	}

	m.Close() // nobody listens there any more
	const waits = client.WaitsForModel + "127.0.0.1:"
	ask := exec.Command(binary, "--data-dir", p.dir, "sessions", "chat", s.Name, "--json", "are you there?")
	ask.Env = p.env
	seen := &printed{}
	ask.Stderr = seen
	began := time.Now()
	if err := ask.Start(); err != nil {
		t.Fatal(err)
	}
	p.eventually(limit, "the shell tells what is waited for", func() bool {
		return strings.Contains(seen.String(), "Waiting: the agent "+waits) && strings.Contains(seen.String(), "could not be reached (connection refused)")
	})
	t.Logf("told after %s", time.Since(began))
	if now, err := p.client().Get(t.Context(), s.ID); err != nil || now.Activity() != client.Active || !strings.HasPrefix(now.ActivityText, waits) {
		t.Errorf("%q %q, %v", now.Activity(), now.ActivityText, err)
	}
	if err := ask.Process.Signal(os.Interrupt); err != nil {
		t.Error(err)
	}
	ask.Wait() // it was interrupted
	p.idle(s.ID)
}

// apart runs a command and gives what it prints and what it says of itself.
func (p *product) apart(args ...string) (out, told string, err error) {
	cmd := exec.Command(binary, append([]string{"--data-dir", p.dir}, args...)...)
	cmd.Env = p.env
	var says strings.Builder
	cmd.Stderr = &says
	raw, err := cmd.Output()
	return string(raw), says.String(), err
}
