package vault

import (
	"context"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"volundr/daemon/link"
	"volundr/store"
)

// An agent whose owner has no budget left waits, is heard of, and goes on when it
// is raised; a daemon that is another one meanwhile holds it as well.
func TestWithoutABudgetAnAgentWaits(t *testing.T) {
	u := newUpstream(t, fine)
	p := newPlace(t)
	ctx := p.session(t)
	row, err := p.db.SystemSession(ctx, link.SessionFrom(ctx))
	if err != nil {
		t.Fatal(err)
	}
	admin := store.Principal{UserID: "chief", TenantID: row.TenantID, Admin: true}
	limit := func(a store.Amounts) {
		t.Helper()
		if err := p.db.SetQuota(ctx, admin, store.AllUsers, a); err != nil {
			t.Fatal(err)
		}
	}
	limit(store.Amounts{Tokens: 100})
	if err := p.db.RecordUsage(ctx, store.Usage{SessionID: row.ID, Turn: "1", Provider: "cloud", Input: 60, Output: 40, CostMicros: 5}); err != nil {
		t.Fatal(err)
	}
	var mu sync.Mutex
	var said []string
	heard := func() string {
		mu.Lock()
		defer mu.Unlock()
		return strings.Join(said, "|")
	}
	hear := func(o *Options) {
		o.Heard = func(_, trouble string) {
			mu.Lock()
			defer mu.Unlock()
			if len(said) == 0 || said[len(said)-1] != trouble {
				said = append(said, trouble)
			}
		}
	}
	until := func(what string, ok func() bool) {
		t.Helper()
		for end := time.Now().Add(30 * time.Second); !ok(); {
			if time.Now().After(end) {
				t.Fatalf("not in 30 s: %s; heard %s", what, heard())
			}
			<-time.After(5 * time.Millisecond)
		}
	}
	begin := func(ctx context.Context) (base string) {
		v := p.vault(&ring{err: errNoRing}, towards(u, bothKeys), hear)
		v.often = 5 * time.Millisecond
		return serve(t, ctx, v)
	}
	first := begin(ctx)
	gone, leave := context.WithCancel(t.Context())
	left := make(chan error, 1)
	go func() {
		req, err := http.NewRequestWithContext(gone, "POST", first+"/models/anthropic/v1/messages", strings.NewReader("{}"))
		if err == nil {
			_, err = http.DefaultTransport.RoundTrip(req)
		}
		left <- err
	}()
	until("it is heard of", func() bool {
		return strings.Contains(heard(), "no budget is left: 100 of 100 tokens of today that all users have together are used")
	})
	leave() // as when the daemon ends in the middle
	if err := <-left; err == nil {
		t.Error("it was answered")
	}
	if status, _, _ := ask(t, "GET", first+"/models/anthropic/v1/models", ""); status != 200 {
		t.Errorf("what costs nothing: %d", status)
	}

	second := begin(ctx)
	status := make(chan int, 1)
	go func() {
		got, _, _ := ask(t, "POST", second+"/models/anthropic/v1/messages", `{"whole":true}`)
		status <- got
	}()
	mu.Lock()
	said = nil
	mu.Unlock()
	until("it is held again", func() bool { return strings.Contains(heard(), NoBudget) })
	limit(store.Amounts{Tokens: 101, CostMicros: 6})
	select {
	case got := <-status:
		if got != 200 {
			t.Error(got)
		}
	case <-time.After(30 * time.Second):
		t.Fatal("it does not go on")
	}
	if !strings.Contains(heard(), "|") { // told that it is over
		t.Error(heard())
	}
	posts := 0
	u.mu.Lock()
	for i, r := range u.got {
		if r.Method == "POST" {
			posts++
			if string(u.body[i]) != `{"whole":true}` {
				t.Errorf("sent on: %s", u.body[i])
			}
		}
	}
	u.mu.Unlock()
	if posts != 1 {
		t.Errorf("%d requests went out: one whose agent had left costs nothing", posts)
	}
	limit(store.Amounts{CostMicros: 5})
	if why, err := p.db.Budget(ctx, row.TenantID, row.OwnerID, time.Now()); err != nil || !strings.HasPrefix(why, "$0.00 of $0.00 of today") {
		t.Errorf("money: %q, %v", why, err)
	}
	if why, err := p.db.Budget(ctx, row.TenantID, row.OwnerID, time.Now().Add(24*time.Hour)); err != nil || why != "" {
		t.Errorf("tomorrow: %q, %v", why, err)
	}
}

// The use of a model's key is noted, once a run.
func TestTheUseOfAKeyIsAudited(t *testing.T) {
	u := newUpstream(t, fine)
	p := newPlace(t)
	ctx := p.session(t)
	base := serve(t, ctx, p.vault(&ring{err: errNoRing}, towards(u, bothKeys)))
	for range 3 {
		ask(t, "POST", base+"/models/anthropic/v1/messages", "{}")
	}
	ask(t, "POST", base+"/models/openai/v1/responses", "{}")
	all, err := p.db.AllDeeds(ctx, 0, 100)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, d := range all {
		if d.Act == store.ActCredentialUsed {
			got = append(got, d.Subject)
		}
	}
	if s := strings.Join(got, " "); s != "ANTHROPIC_API_KEY OPENAI_API_KEY" {
		t.Error(s)
	}
}
