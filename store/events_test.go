package store

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestEventsTellEveryChangeInOrder(t *testing.T) {
	db := open(t)
	s := create(t, db, func(s *Session) { s.Want = WantRunning })
	s = put(t, db, s, Provisioning)
	check(t, db.SetReady(t.Context(), s.ID, 0, time.Now()))
	check(t, db.SetReady(t.Context(), s.ID, 0, time.Now()))      // no news
	check(t, db.SetReady(t.Context(), s.ID, 9, time.Now()))      // of another run
	check(t, db.SetDetail(t.Context(), s.ID, ""))                // no news
	check(t, db.SetActivity(t.Context(), "unknown", "idle", "")) // late
	check(t, db.SetActivity(t.Context(), s.ID, "active", "thinking"))
	type ev struct {
		Type string
		Data EventData
	}
	var got []ev
	var last int64
	for _, e := range must(db.Events(t.Context(), anna, 0, 100))(t) {
		if e.Seq <= last || e.At.IsZero() {
			t.Errorf("event %+v after %d", e, last)
		}
		last = e.Seq
		var d EventData
		check(t, json.Unmarshal(e.Data, &d))
		got = append(got, ev{e.Type, d})
	}
	want := []ev{
		{SessionCreated, EventData{ID: s.ID, State: Starting}},
		{SessionUpdated, EventData{ID: s.ID, State: Provisioning}},
		{SessionUpdated, EventData{ID: s.ID, State: Provisioning}},
		{SessionActivity, EventData{ID: s.ID, State: Provisioning, Activity: "active", Text: "thinking"}},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	if n := must(db.Stream(t.Context(), anna))(t).Last; n != last {
		t.Errorf("last event %d, not %d", n, last)
	}
	if page := must(db.Events(t.Context(), anna, last-1, 100))(t); len(page) != 1 {
		t.Errorf("after a cursor: %+v", page)
	}
}

func TestOnlyTheDeletionIsLeftOfADeletedSession(t *testing.T) {
	db := open(t)
	s := create(t, db)
	n := must(db.Stream(t.Context(), anna))(t).Last
	check(t, db.Forget(t.Context(), s))
	got := must(db.Events(t.Context(), anna, 0, 100))(t)
	if len(got) != 1 || got[0].Type != SessionDeleted || got[0].Seq <= n || string(got[0].Data) != `{"id":"`+s.ID+`"}` {
		t.Errorf("%+v", got)
	}
}

func TestSubscribersAreNudgedAfterTheCommit(t *testing.T) {
	db := open(t)
	ch, cancel := db.Subscribe()
	nudged := func() bool {
		select {
		case <-ch:
			return true
		default:
			return false
		}
	}
	s := create(t, db)
	if !nudged() {
		t.Error("not for an event")
	}
	must(db.AppendJournal(t.Context(), s.ID, "e", journal(1, 2)))(t)
	must(db.AppendDaemon(t.Context(), s.ID, "stop", "", nil))(t)
	if !nudged() || nudged() {
		t.Error("entries are one merged nudge")
	}
	must(db.AppendJournal(t.Context(), s.ID, "e", journal(1, 2)))(t)
	must(db.SetMetaOnce(t.Context(), "a", "b"))(t)
	if nudged() {
		t.Error("for nothing new")
	}
	cancel()
	create(t, db)
	if nudged() {
		t.Error("after cancel")
	}
}

func TestOldEventsAreForgottenAndTheNumbersGoOn(t *testing.T) {
	db := open(t)
	s := put(t, db, create(t, db), Starting)
	last := must(db.Stream(t.Context(), anna))(t).Last
	if n := must(db.ForgetEvents(t.Context(), time.Now().Add(-time.Hour)))(t); n != 0 {
		t.Errorf("%d young events forgotten", n)
	}
	if s := must(db.Stream(t.Context(), anna))(t); s.Forgotten != s.First {
		t.Errorf("forgotten: %+v, though nothing was", s)
	}
	for range 2 { // again is nothing
		check(t, func() error { _, err := db.ForgetEvents(t.Context(), time.Now().Add(time.Hour)); return err }())
	}
	if left := must(db.Events(t.Context(), anna, 0, 100))(t); len(left) > 0 {
		t.Errorf("left: %+v", left)
	}
	if n := must(db.Stream(t.Context(), anna))(t).Forgotten; n != last {
		t.Errorf("forgotten up to %d, want %d", n, last)
	}
	put(t, db, s, Provisioning)
	if next := must(db.Events(t.Context(), anna, last, 100))(t); len(next) != 1 || next[0].Seq != last+1 {
		t.Errorf("the next event: %+v", next)
	}
}
