package vault

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"volundr/daemon/link"
)

// Who waits for a model learns why, at once, and that it is over.
func TestWhyAModelDoesNotAnswerIsHeard(t *testing.T) {
	let := make(chan struct{})
	u := newUpstream(t, func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Query().Get("beta") {
		case "limit":
			w.WriteHeader(429)
		case "down":
			w.WriteHeader(503)
		case "slow":
			<-let
		case "key":
			w.WriteHeader(401)
		}
	})
	away := httptest.NewServer(nil)
	away.Close()
	p := newPlace(t)
	ctx := p.session(t)
	var mu sync.Mutex
	var said []string
	hear := func(o *Options) {
		o.Heard = func(session, trouble string) {
			mu.Lock()
			defer mu.Unlock()
			if session != link.SessionFrom(ctx) {
				t.Errorf("heard of %q", session)
			}
			said = append(said, trouble)
			if len(said) == 1 && strings.Contains(trouble, "has not answered yet") {
				close(let)
			}
		}
	}
	heard := func() string {
		mu.Lock()
		defer mu.Unlock()
		defer func() { said = nil }()
		return strings.Join(said, "|")
	}
	v := p.vault(&ring{err: errNoRing}, towards(u, bothKeys), hear)
	v.slow = time.Hour
	base := serve(t, ctx, v)
	for beta, want := range map[string]string{"": "", "limit": "(429), and the agent tries again", "down": "(503), and the agent tries again", "key": ""} {
		ask(t, "POST", base+"/models/anthropic/v1/messages?beta="+beta, "{}")
		if got := heard(); !strings.HasSuffix(got, want) || want == "" && got != "" {
			t.Errorf("%s: %q", beta, got)
		}
	}
	v.slow = time.Millisecond
	ask(t, "POST", base+"/models/anthropic/v1/messages?beta=slow", "{}")
	if got := heard(); !strings.HasSuffix(got, " has not answered yet|") {
		t.Errorf("slow: %q", got)
	}
	v = p.vault(&ring{err: errNoRing}, hear, func(o *Options) {
		o.Env = func(name string) string {
			return map[string]string{"ANTHROPIC_BASE_URL": away.URL, "ANTHROPIC_API_KEY": canary}[name]
		}
	})
	ask(t, "POST", serve(t, ctx, v)+"/models/anthropic/v1/messages", "{}")
	if got := heard(); !strings.Contains(got, "could not be reached (connection refused), and the agent tries again") {
		t.Errorf("away: %q", got)
	}
}
