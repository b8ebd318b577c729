package api

import (
	"context"
	"encoding/json"
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"volundr/daemon/auth"
	"volundr/store"
	"volundr/ui/client"
)

// What a program says that it used counts wherever measured usage does, and no
// number lowers or overflows what is counted.
func TestReportedUsageCounts(t *testing.T) {
	w := newWorld(t)
	s := w.session("running")
	ctx := t.Context()
	row, err := w.db.SystemSession(ctx, s.ID)
	if err != nil {
		t.Fatal(err)
	}
	if err := w.db.OpenChronicle(ctx, store.Chronicle{SessionID: s.ID, Run: row.Run, OwnerID: row.OwnerID, TenantID: row.TenantID}); err != nil {
		t.Fatal(err)
	}
	report := func(body string) (out usageOut) {
		t.Helper()
		if err := w.client.Do(ctx, "POST", "/sessions/"+s.ID+"/usage", json.RawMessage(body), &out); err != nil {
			t.Error(err)
		}
		return out
	}
	measured := store.Usage{SessionID: s.ID, Run: row.Run, Turn: "one", Provider: "cloud", Model: "m", Input: 40, Output: 2, Messages: 1, CostMicros: 5}
	if err := w.db.RecordUsage(ctx, measured); err != nil {
		t.Fatal(err)
	}
	first := report(`{"tokens":1000,"provider":"local","model":"q"}`)
	second := report(`{"tokens":500,"provider":"cloud","model":"m","message_count":3,"cost":0.25}`)
	if first.ID == second.ID || first.Cost != nil || first.Tokens != 1000 || first.SessionID != s.ID || second.Cost == nil || *second.Cost != 0.25 || time.Since(second.RecordedAt) > time.Minute {
		t.Errorf("%+v %+v", first, second)
	}
	for _, odd := range []string{`-1`, `0`, `1000000001`, `9223372036854775807`, `1e300`, `1.5`, `"7"`} {
		err := w.client.Do(ctx, "POST", "/sessions/"+s.ID+"/usage", json.RawMessage(fmt.Sprintf(`{"tokens":%s,"provider":"cloud","model":"m"}`, odd)), nil)
		if e, ok := err.(*client.Error); !ok || e.Status != 422 {
			t.Errorf("%s tokens: %v", odd, err)
		}
	}

	got, err := w.client.Get(ctx, s.ID)
	if err != nil || got.TokensUsed != 1542 || got.MessageCount != 4 || got.CostUSD != 0.250005 || got.Status != client.Running {
		t.Errorf("the session: %+v, %v", got, err)
	}
	stats, err := w.db.Stats(ctx, auth.Local, time.Now())
	if err != nil || stats.TokensToday != 1542 || stats.LocalToday != 1000 || stats.CostTodayMicros != 250005 {
		t.Errorf("statistics: %+v, %v", stats, err)
	}
	_, used, err := w.db.Quota(ctx, auth.Local, auth.Local.UserID, time.Now())
	if err != nil || used.Tokens != 1542 || used.CostMicros != 250005 {
		t.Errorf("quotas: %+v, %v", used, err)
	}
	kept, err := w.db.Chronicles(ctx, auth.Local, store.ChronicleFilter{SessionID: s.ID})
	if err != nil || len(kept) != 1 || kept[0].Tokens != 1542 || kept[0].CostMicros != 250005 {
		t.Errorf("its chronicle: %+v, %v", kept, err)
	}
	if turns := kept[0].Models[0].Turns; turns != 1 {
		t.Errorf("what a program used is taken for a turn: %d", turns)
	}
	if err := w.db.SetQuota(ctx, auth.Local, auth.Local.UserID, store.Amounts{Tokens: 1500}); err != nil {
		t.Fatal(err)
	}
	if why, err := w.db.Budget(ctx, row.TenantID, row.OwnerID, time.Now()); err != nil || why == "" {
		t.Errorf("the budget is used up: %q, %v", why, err)
	}
}

// What a program tells of itself is told on, without secrets; a question that
// waits is not hidden by it.
func TestAToldActivityIsAnEvent(t *testing.T) {
	w := newWorld(t)
	s := w.session("running")
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	type event struct {
		SessionID string         `json:"session_id"`
		State     string         `json:"state"`
		Metadata  map[string]any `json:"metadata"`
		OwnerID   string         `json:"owner_id"`
	}
	tell := func(body string, want event) {
		t.Helper()
		begun, err := w.db.Stream(ctx, auth.Local)
		if err != nil {
			t.Fatal(err)
		}
		if err := w.client.Do(ctx, "POST", "/sessions/"+s.ID+"/activity", json.RawMessage(body), nil); err != nil {
			t.Fatal(err)
		}
		for e, err := range w.client.Stream(ctx, begun.Last) {
			if err != nil {
				t.Fatal(err)
			}
			if e.Type != store.SessionActivity {
				continue
			}
			var got event
			if err := json.Unmarshal(e.Data, &got); err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Error(diff)
			}
			return
		}
	}
	tell(`{"state":"tool_executing","metadata":{"text":"key s3cr3t-v4lue","n":1}}`,
		event{s.ID, "tool_executing", map[string]any{"text": "key [redacted]", "n": 1.0}, "local"})
	tell(`{"state":"idle"}`, event{s.ID, "idle", map[string]any{}, "local"})
	if err := w.db.SetActivity(ctx, s.ID, "waiting", "asks: May it?"); err != nil {
		t.Fatal(err)
	}
	tell(`{"state":"idle","metadata":{"a":"b"}}`, event{s.ID, "waiting", map[string]any{"a": "b"}, "local"})
	if got, err := w.client.Get(ctx, s.ID); err != nil || got.Activity() != client.Waiting || got.ActivityText != "asks: May it?" || got.Status != client.Running {
		t.Errorf("%+v, %v", got, err)
	}
}
