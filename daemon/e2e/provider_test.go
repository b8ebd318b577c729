package e2e

import (
	"strings"
	"testing"
	"time"

	"volundr/daemon/e2e/model"
	"volundr/ui/client"
)

// secret is the provider's key. It must be seen by the provider and by nobody
// in a session.
const secret = "sk-ant-canary-5b1f0c2d77"

// provider starts the scripted model and gives the environment of a daemon that
// uses it.
func provider(t *testing.T) (*model.Server, []string) {
	t.Helper()
	m := model.New()
	url, err := m.Start()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(m.Close)
	return m, []string{"ANTHROPIC_BASE_URL=" + url, "OPENAI_BASE_URL=" + url + "/v1",
		"ANTHROPIC_API_KEY=" + secret, "OPENAI_API_KEY=" + secret}
}

func (p *product) awaitActivity(id, activity string) client.Session {
	p.t.Helper()
	var s client.Session
	p.eventually(60*time.Second, "the session is "+activity, func() bool {
		var err error
		if s, err = p.client().Get(p.t.Context(), id); err != nil {
			p.t.Fatal(err)
		}
		return s.Activity() == activity
	})
	return s
}

// idle waits until the agent has nothing more to do.
func (p *product) idle(id string) {
	p.t.Helper()
	since := time.Now()
	p.eventually(120*time.Second, "the agent is idle", func() bool {
		s, err := p.client().Get(p.t.Context(), id)
		if err != nil || s.Activity() != client.Idle {
			since = time.Now()
			return false
		}
		return time.Since(since) > 1500*time.Millisecond
	})
}

func (p *product) lastAnswer(id string) string {
	p.t.Helper()
	c, err := p.client().Conversation(p.t.Context(), id)
	if err != nil {
		p.t.Fatal(err)
	}
	var out []string
	asked := false
	for _, turn := range c.Turns {
		if turn.Role == "user" && strings.HasPrefix(strings.TrimSpace(turn.Content), "slow ") {
			asked = true
		}
		if asked && turn.Role == "assistant" {
			out = append(out, turn.Content)
		}
	}
	return strings.Join(out, "\n")
}

func sawKey(m *model.Server) bool {
	for _, r := range m.Requests() {
		if r.Header.Get("X-Api-Key") == secret || strings.Contains(r.Header.Get("Authorization"), secret) {
			return true
		}
	}
	return false
}
