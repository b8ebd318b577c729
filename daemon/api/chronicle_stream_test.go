package api

import (
	"context"
	"encoding/json"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"volundr/daemon/auth"
	"volundr/ui/client"
)

// The stream tells each event of a timeline once, with what the whole adds up to.
func TestTheStreamTellsWhatIsNewInATimeline(t *testing.T) {
	w := newWorld(t)
	s := w.session("demo")
	tell := func(body string) { w.wants("POST", "/chronicles/"+s.ID+"/timeline", body, 201, "") }
	tell(`{"t":3,"type":"file","label":"a.go","action":"created","ins":5,"del":1}`)
	begun, err := w.db.Stream(t.Context(), auth.Local)
	from := begun.Last
	if err != nil {
		t.Fatal(err)
	}
	tell(`{"t":400,"type":"message","label":"hi","tokens":10}`)
	tell(`{"t":401,"type":"file","label":"b.go","action":"modified","ins":2}`)
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	type told struct {
		Session string               `json:"session_id"`
		Event   client.TimelineEvent `json:"event"`
		client.Timeline
	}
	for _, label := range []string{"hi", "b.go"} {
		var got told
		for e, err := range w.client.Stream(ctx, from) {
			if err != nil {
				t.Fatal(err)
			}
			if e.Type != "chronicle_event" {
				continue
			}
			if err := json.Unmarshal(e.Data, &got); err != nil {
				t.Fatal(err)
			}
			from = e.ID
			break
		}
		if got.Session != s.ID || got.Event.Label != label || len(got.Commits) != 0 || cmp.Diff([]int64{0, 10}, got.TokenBurn) != "" {
			t.Errorf("%s: %+v", label, got)
		}
		want := []client.FileStat{{Path: "a.go", Status: "new", Ins: 5, Del: 1}, {Path: "b.go", Status: "mod", Ins: 2}}
		if diff := cmp.Diff(want, got.Files); diff != "" {
			t.Error(diff)
		}
	}
}
