package api

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	gosse "github.com/tmaxmax/go-sse"

	"volundr/daemon/auth"
	"volundr/ui/client"
)

// A client that does not read holds up nobody, not even when its connection takes no more.
func TestAClientThatDoesNotReadHoldsUpNobody(t *testing.T) {
	w := newWorld(t)
	s := w.created("told")
	req, err := http.NewRequestWithContext(t.Context(), "GET", w.auth.ProgramOrigin()+Prefix+"/sessions/stream", nil)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+w.client.Token)
	deaf, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer deaf.Body.Close()
	begun, err := w.db.Stream(t.Context(), auth.Local)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	long := strings.Repeat("x", 1<<20) // more of these than a connection holds
	change := func(i int) {
		t.Helper()
		if err := w.db.SetDoing(ctx, s.ID, fmt.Sprint(i)+long); err != nil {
			t.Fatal(err)
		}
	}
	const changes = 24
	i := 0
	change(i)
	for e, err := range w.client.Stream(ctx, begun.Last) {
		if err != nil {
			t.Fatal(err)
		}
		var data client.Session
		if e.Type != "session_updated" {
			continue
		}
		if err := json.Unmarshal(e.Data, &data); err != nil || !strings.HasPrefix(data.Doing, fmt.Sprint(i)+"x") {
			t.Fatalf("change %d: %s, %v", i, e.Data[:min(len(e.Data), 400)], err)
		}
		if i++; i == changes {
			break
		}
		change(i)
	}
	if i != changes {
		t.Errorf("%d of %d changes were told", i, changes)
	}
}

func TestTheStreamTellsEveryChange(t *testing.T) {
	w := newWorld(t)
	w.created("before")
	begun, err := w.db.Stream(t.Context(), auth.Local)
	from := begun.Last
	if err != nil {
		t.Fatal(err)
	}
	s := w.created("told")
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	want := []string{"session_created", "session_updated", "session_activity", "session_deleted"}
	last := from
	for e, err := range w.client.Stream(ctx, from) {
		if err != nil {
			t.Fatal(err)
		}
		if e.Type == "heartbeat" || e.Type == "stats_updated" {
			continue
		}
		if e.Type != want[0] || e.ID <= last {
			t.Fatalf("%s with number %d after %d, want %s", e.Type, e.ID, last, want[0])
		}
		last, want = e.ID, want[1:]
		var data struct {
			ID        string `json:"id"`
			SessionID string `json:"session_id"`
			Name      string `json:"name"`
			State     string `json:"state"`
			OwnerID   string `json:"owner_id"`
		}
		if err := json.Unmarshal(e.Data, &data); err != nil || data.ID+data.SessionID != s.ID {
			t.Errorf("%s: %s, %v", e.Type, e.Data, err)
		}
		switch e.Type { // what happens next follows what was told
		case "session_created":
			err = w.client.Do(ctx, "PUT", "/sessions/"+s.ID, map[string]string{"name": "renamed"}, nil)
		case "session_updated":
			if data.Name != "renamed" {
				t.Errorf("%s", e.Data)
			}
			err = w.db.SetActivity(ctx, s.ID, "active", "thinking")
		case "session_activity":
			if data.State != "active" || data.OwnerID != "local" {
				t.Errorf("%s", e.Data)
			}
			if s, err = w.db.SystemSession(ctx, s.ID); err == nil {
				err = w.db.Forget(ctx, s)
			}
		}
		if err != nil {
			t.Fatal(err)
		}
		if len(want) == 0 {
			break
		}
	}
	for _, bad := range []string{"x", "-1"} {
		status, _, body := w.ask("GET", Prefix+"/sessions/stream", "", func(r *http.Request) { r.Header.Set("Last-Event-ID", bad) })
		if status != 422 || detail(body) == "" {
			t.Errorf("after %s: %d %s", bad, status, body)
		}
	}
}

// A page that slept until its events were forgotten, or whose database was
// replaced by an older one, is told to load again.
func TestAPageThatMissedEventsIsStale(t *testing.T) {
	w := newWorld(t)
	w.created("old")
	w.created("older")
	if _, err := w.db.ForgetEvents(t.Context(), time.Now().Add(time.Hour)); err != nil {
		t.Fatal(err)
	}
	w.created("new")
	for after, stale := range map[string]bool{"1": true, "2": false, "3": false, "99": true} {
		if got := w.firstEvent(after) == "stale"; got != stale {
			t.Errorf("after %s: stale %v, want %v", after, got, stale)
		}
	}
}

// firstEvent is the first of the pages' stream after a cursor.
func (w *world) firstEvent(after string) string {
	w.t.Helper()
	ctx, cancel := context.WithTimeout(w.t.Context(), 20*time.Second)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, "GET", w.auth.ProgramOrigin()+"/events?after="+after, nil)
	if err != nil {
		w.t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+w.client.Token)
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		w.t.Fatal(err)
	}
	defer res.Body.Close()
	for e, err := range gosse.Read(res.Body, nil) {
		if err != nil {
			w.t.Fatal(err)
		}
		return e.Type
	}
	return ""
}
