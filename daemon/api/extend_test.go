package api

import (
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"volundr/daemon/launch"
	"volundr/store"
	"volundr/ui/client"

	"golang.org/x/sync/errgroup"
)

// lives is a session that runs and whose time is over in d.
func (w *world) lives(name string, d time.Duration) store.Session {
	w.t.Helper()
	row := w.created(name)
	req, err := json.Marshal(launch.Request{Agent: "claude", Source: launch.Source{Type: "git"}, TimeToLive: d.String()})
	if err != nil {
		w.t.Fatal(err)
	}
	if _, err = w.db.PatchSession(w.t.Context(), local, row.ID, store.SessionPatch{Request: req}); err != nil {
		w.t.Fatal(err)
	}
	if row, err = w.db.Wish(w.t.Context(), local, row.ID, store.WantRunning); err != nil {
		w.t.Fatal(err)
	}
	n := row
	n.Run, n.State = 1, store.Running
	if _, err = w.db.Conclude(w.t.Context(), row, n); err == nil {
		err = w.db.SetReady(w.t.Context(), row.ID, 1, time.Now())
	}
	if err == nil {
		row, err = w.db.SystemSession(w.t.Context(), row.ID)
	}
	if err != nil {
		w.t.Fatal(err)
	}
	return row
}

func TestATimeToLiveIsKeptAndCounted(t *testing.T) {
	w := newWorld(t)
	w.drive()
	w.write("templates/short.yaml", "time_to_live: 2d\n")
	for body, want := range map[string]time.Duration{
		`"time_to_live":"8h"`:                           8 * time.Hour,
		`"template_name":"short"`:                       48 * time.Hour,
		`"template_name":"short","time_to_live":"90m"`:  90 * time.Minute,
		`"template_name":"short","time_to_live":"none"`: 0,
		`"model":"m1"`:                                  0,
	} {
		made := parse[client.Session](t, w.wants("POST", "/sessions", `{"name":"a",`+body+`}`, 201, ""))
		s := w.is(made.ID, client.Running)
		switch {
		case want == 0 && s.StopsAt != nil, want > 0 && s.StopsAt == nil:
			t.Errorf("%s: stops at %v", body, s.StopsAt)
		case want > 0:
			if d := s.StopsAt.Sub(s.StateSince); d > want || d < want-time.Minute || s.StopsSoon {
				t.Errorf("%s: stops after %s, soon: %v", body, d, s.StopsSoon)
			}
		}
		row, err := w.db.SystemSession(t.Context(), s.ID)
		if err != nil {
			t.Fatal(err)
		}
		if err := os.Rename(filepath.Join(w.dir, "templates/short.yaml"), filepath.Join(w.dir, "templates/gone")); err != nil {
			t.Fatal(err)
		}
		again, err := serving(w.options).again(t.Context(), store.Chronicle{SessionID: "gone", Config: row.Request}, client.Reforge{})
		if d, ok := launch.Life(again.TimeToLive); err != nil || !ok || d != want {
			t.Errorf("%s: a reforged one lives %s, %v", body, d, err)
		}
		if err := os.Rename(filepath.Join(w.dir, "templates/gone"), filepath.Join(w.dir, "templates/short.yaml")); err != nil {
			t.Fatal(err)
		}
		first := s.StopsAt
		if _, err := w.client.Stop(t.Context(), s.ID); err != nil {
			t.Fatal(err)
		}
		if s, err = w.client.Start(t.Context(), s.ID); err != nil || s.StopsAt != nil {
			t.Errorf("%s: started again, before it runs, it stops at %v, %v", body, s.StopsAt, err)
		}
		if s = w.is(s.ID, client.Running); want > 0 && (s.StopsAt == nil || !s.StopsAt.After(*first)) {
			t.Errorf("%s: started again it stops at %v, before at %v", body, s.StopsAt, first)
		}
	}
	w.wants("POST", "/sessions", `{"name":"a","time_to_live":"8 hours"}`, 422, `"loc":["body","time_to_live"],"msg":"`+launch.LifeHelp+`"`)
}

func TestATimeIsExtended(t *testing.T) {
	w := newWorld(t)
	s := w.lives("a", time.Hour)
	at := func(s client.Session) time.Time {
		t.Helper()
		if s.StopsAt == nil {
			t.Fatalf("%+v", s)
		}
		return *s.StopsAt
	}
	longer, err := w.client.Extend(t.Context(), s.ID, "2h")
	if err != nil || !at(longer).Equal(s.ExpiresAt.Add(2*time.Hour)) {
		t.Errorf("%+v %v", longer, err)
	}
	if status, head, _ := w.ask("POST", "/sessions/"+s.ID+"/extend?extend=1h", "", func(r *http.Request) { r.Header.Set("Sec-Fetch-Mode", "navigate") }); status != 303 || head.Get("Location") != "/sessions/"+s.ID {
		t.Errorf("the button: %d %v", status, head)
	}
	if status, head, _ := w.ask("POST", "/sessions/"+s.ID+"/extend?extend=1h&from=inbox", "", func(r *http.Request) { r.Header.Set("Sec-Fetch-Mode", "navigate") }); status != 303 || head.Get("Location") != "/" {
		t.Errorf("the inbox's button: %d %v", status, head)
	}
	if now, err := w.client.Get(t.Context(), s.ID); err != nil || !at(now).Equal(s.ExpiresAt.Add(4*time.Hour)) {
		t.Errorf("%+v %v", now, err)
	}
	w.wants("PATCH", "/sessions/"+s.ID, `{"extend":"1h","name":"no name"}`, 422, `"name"`)
	if now, err := w.client.Get(t.Context(), s.ID); err != nil || !at(now).Equal(s.ExpiresAt.Add(4*time.Hour)) {
		t.Errorf("extended by a request that was refused: %+v %v", now, err)
	}
	before := time.Now()
	anew, err := w.client.SetTimeToLive(t.Context(), s.ID, "3h")
	if err != nil || anew.TimeToLive != "3h" || at(anew).Before(before.Add(3*time.Hour).Truncate(time.Millisecond)) || at(anew).After(time.Now().Add(3*time.Hour)) {
		t.Errorf("%+v %v", anew, err)
	}
	for _, bad := range []string{"2", "never", "-1h", "none", "400d"} {
		w.wants("PATCH", "/sessions/"+s.ID, `{"extend":"`+bad+`"}`, 422, `"loc":["body","extend"]`)
	}
	w.wants("PATCH", "/sessions/"+s.ID, `{"time_to_live":"soon"}`, 422, `"loc":["body","time_to_live"]`)
	free, err := w.client.SetTimeToLive(t.Context(), s.ID, "none")
	if err != nil || free.StopsAt != nil {
		t.Errorf("%+v %v", free, err)
	}
	w.wants("PATCH", "/sessions/"+s.ID, `{"extend":"1h"}`, 409, "runs until it is stopped")
	if named := parse[client.Session](t, w.wants("PATCH", "/sessions/"+s.ID, `{"name":"b"}`, 200, "")); named.Name != "b" || named.TimeToLive != "none" {
		t.Errorf("%+v", named)
	}
}

// Who changes one thing of a session takes nothing back that others change.
func TestChangesOfASessionAtOnceAllCount(t *testing.T) {
	w := newWorld(t)
	s := w.created("both")
	for n := range 20 {
		model, issue, life := fmt.Sprint("m", n), fmt.Sprint("i", n), fmt.Sprint(n+1, "h")
		var all errgroup.Group
		for _, body := range []string{`{"model":"` + model + `"}`, `{"tracker_issue_id":"` + issue + `"}`, `{"time_to_live":"` + life + `"}`} {
			all.Go(func() error {
				if status, _, text := w.ask("PATCH", "/api/v1/volundr/sessions/"+s.ID, body); status != 200 {
					return fmt.Errorf("%s: %d %s", body, status, text)
				}
				return nil
			})
		}
		if err := all.Wait(); err != nil {
			t.Fatal(err)
		}
		now, err := w.client.Get(t.Context(), s.ID)
		if err != nil || now.Model != model || now.TrackerIssueID == nil || *now.TrackerIssueID != issue || now.TimeToLive != life {
			t.Fatalf("%+v %v", now, err)
		}
	}
}

// Some minutes before, it stands in the inbox, on the page, and in the list.
func TestThatATimeIsNearlyOverIsTold(t *testing.T) {
	w := newWorld(t)
	at := time.Now()
	w.options.Now = func() time.Time { return at }
	w.serve()
	s := w.lives("mayfly", time.Hour)
	if needs := w.inbox(); len(needs) > 0 {
		t.Errorf("%+v", needs)
	}
	_, _, page := w.ask("GET", "/sessions/"+s.ID, "", func(*http.Request) {})
	if !strings.Contains(page, "stops at <time") || !strings.Contains(page, "/extend?extend=1h") {
		t.Error("the header does not say when it stops")
	}
	if _, _, page := w.ask("GET", "/", "", func(*http.Request) {}); strings.Contains(page, `data-needs="time"`) {
		t.Error("the list says that it stops soon")
	}
	at = at.Add(52 * time.Minute)
	needs := w.inbox()
	if len(needs) != 1 || needs[0].Kind != client.NeedTime || needs[0].Until == nil || !needs[0].Until.Equal(s.ExpiresAt) || !needs[0].At.Equal(s.EndsSoon()) {
		t.Fatalf("%+v", needs)
	}
	if _, _, page := w.ask("GET", "/", "", func(*http.Request) {}); !strings.Contains(page, `data-needs="time"`) || !strings.Contains(page, "in 8 min") || !strings.Contains(page, "need-time") {
		t.Error("the list does not say that it stops soon")
	}
	first := needs[0].ID
	if _, err := w.client.Extend(t.Context(), s.ID, "1h"); err != nil {
		t.Fatal(err)
	}
	if needs := w.inbox(); len(needs) > 0 {
		t.Errorf("extended: %+v", needs)
	}
	at = at.Add(time.Hour)
	if needs := w.inbox(); len(needs) != 1 || needs[0].ID == first {
		t.Errorf("nearly over again: %+v", needs)
	}
}
