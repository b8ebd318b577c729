package store

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"
)

// living is a session of anna's that runs and lives that long.
func living(t *testing.T, db *DB, life time.Duration) Session {
	t.Helper()
	s := create(t, db, asking(fmt.Sprintf(`{"life":%d}`, life)))
	must(db.Wish(t.Context(), anna, s.ID, WantRunning, FromStart...))(t)
	return answers(t, db, s.ID, time.Now())
}

// answers begins a run of a session, which answers at a time.
func answers(t *testing.T, db *DB, id string, at time.Time) Session {
	t.Helper()
	s := must(db.SystemSession(t.Context(), id))(t)
	next := s
	next.Run, next.ReadyAt, next.State = s.Run+1, time.Time{}, Running
	s = must(db.Conclude(t.Context(), s, next))(t)
	check(t, db.SetReady(t.Context(), id, s.Run, at))
	return must(db.SystemSession(t.Context(), id))(t)
}

func TestALifeIsCountedFromWhenItRuns(t *testing.T) {
	db := open(t)
	db.Measure(wants)
	ctx := t.Context()
	now := time.Now().UTC().Truncate(time.Millisecond)
	free := living(t, db, 0)
	if !free.ExpiresAt.IsZero() || free.Over(now.Add(1e6*time.Hour)) || !free.EndsSoon().IsZero() {
		t.Errorf("without: until %s", free.ExpiresAt)
	}
	s := create(t, db, asking(fmt.Sprintf(`{"life":%d}`, 8*time.Hour)))
	s = must(db.Wish(ctx, anna, s.ID, WantRunning, FromStart...))(t)
	if !s.ExpiresAt.IsZero() {
		t.Errorf("before it runs: until %s", s.ExpiresAt)
	}
	s = answers(t, db, s.ID, now)
	end := now.Add(8 * time.Hour)
	if !s.ExpiresAt.Equal(end) || s.Over(end.Add(-1)) || !s.Over(end) || !s.EndsSoon().Equal(end.Add(-10*time.Minute)) {
		t.Errorf("until %s, told from %s", s.ExpiresAt, s.EndsSoon())
	}
	if s = answers(t, db, s.ID, now.Add(time.Hour)); !s.ExpiresAt.Equal(end) {
		t.Errorf("a run that was lost with the machine: until %s", s.ExpiresAt)
	}
	must(db.Wish(ctx, anna, s.ID, WantStopped, FromStop...))(t)
	if s = must(db.Wish(ctx, anna, s.ID, WantRunning))(t); !s.ExpiresAt.IsZero() {
		t.Errorf("started again: until %s", s.ExpiresAt)
	}
	if s = answers(t, db, s.ID, now.Add(2*time.Hour)); !s.ExpiresAt.Equal(now.Add(10 * time.Hour)) {
		t.Errorf("started again, and running: until %s", s.ExpiresAt)
	}
	if s = living(t, db, 8*time.Minute); s.ExpiresAt.Sub(s.EndsSoon()) != 2*time.Minute {
		t.Errorf("a short life is told %s before its end", s.ExpiresAt.Sub(s.EndsSoon()))
	}
	if s.ReadyAt = s.ExpiresAt.Add(time.Hour); s.EndsSoon().After(s.ExpiresAt) {
		t.Error("where the clock was set back it is told after the end")
	}
}

func TestALapsedSessionIsAsOneThatWasStopped(t *testing.T) {
	db := open(t)
	db.Measure(wants)
	ctx := t.Context()
	old := living(t, db, time.Hour)
	check(t, db.SetActivity(ctx, old.ID, "active", "")) // is no change to the row
	moved := must(db.ExtendSession(ctx, anna, old.ID, time.Hour))(t)
	if !moved.ExpiresAt.Equal(old.ExpiresAt.Add(time.Hour)) {
		t.Errorf("until %s", moved.ExpiresAt)
	}
	if _, err := db.Lapse(ctx, old); !errors.Is(err, ErrStale) {
		t.Errorf("what was extended meanwhile: %v", err)
	}
	s := must(db.Lapse(ctx, moved))(t)
	if s.Want != WantStopped || s.State != Stopping || s.WantedAt.Before(old.WantedAt) {
		t.Errorf("%+v", s)
	}
	events := must(db.Events(ctx, anna, 0, 100))(t)
	if e := events[len(events)-1]; e.Type != SessionUpdated || !strings.Contains(string(e.Data), `"stopping"`) {
		t.Errorf("%+v", e)
	}
	if _, err := db.Lapse(ctx, Session{ID: "none"}); !errors.Is(err, ErrNotFound) {
		t.Error(err)
	}
}

func TestWhatCannotBeExtended(t *testing.T) {
	db := open(t)
	db.Measure(wants)
	ctx := t.Context()
	starting := create(t, db, asking(fmt.Sprintf(`{"life":%d}`, time.Hour)))
	must(db.Wish(ctx, anna, starting.ID, WantRunning))(t)
	stopped := living(t, db, time.Hour)
	must(db.Wish(ctx, anna, stopped.ID, WantStopped))(t)
	for name, c := range map[string]struct {
		id   string
		by   time.Duration
		said string
	}{
		"new":         {create(t, db).ID, time.Hour, "it does not run (current status is created); its time begins anew when it is started."},
		"stopped":     {stopped.ID, time.Hour, "it does not run"},
		"starting":    {starting.ID, time.Hour, "its time begins when it runs; wait until then."},
		"without end": {living(t, db, 0).ID, time.Hour, "it has no time to live, and runs until it is stopped."},
		"for ever":    {living(t, db, time.Hour).ID, 400 * 24 * time.Hour, "more than a year from now"},
	} {
		if _, err := db.ExtendSession(ctx, anna, c.id, c.by); !errors.Is(err, ErrConflict) || !strings.Contains(err.Error(), c.said) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := db.ExtendSession(ctx, bert, living(t, db, time.Hour).ID, time.Hour); !errors.Is(err, ErrNotFound) {
		t.Errorf("another's: %v", err)
	}
}

// A time to live that is given anew counts from now where it runs, and from the
// next start elsewhere.
func TestALifeIsChanged(t *testing.T) {
	db := open(t)
	db.Measure(wants)
	ctx := t.Context()
	s, rests := living(t, db, time.Hour), create(t, db)
	life, none := 3*time.Hour, time.Duration(0)
	before := time.Now().Truncate(time.Millisecond)
	s = must(db.PatchSession(ctx, anna, s.ID, SessionPatch{Life: &life}))(t)
	if s.ExpiresAt.Before(before.Add(life)) || s.ExpiresAt.After(time.Now().Add(life)) {
		t.Errorf("until %s", s.ExpiresAt)
	}
	if s = must(db.PatchSession(ctx, anna, s.ID, SessionPatch{Life: &none}))(t); !s.ExpiresAt.IsZero() {
		t.Errorf("without: until %s", s.ExpiresAt)
	}
	if s = must(db.PatchSession(ctx, anna, s.ID, SessionPatch{Life: &life}))(t); s.ExpiresAt.IsZero() {
		t.Error("with one again: without end")
	}
	if rests = must(db.PatchSession(ctx, anna, rests.ID, SessionPatch{Life: &life}))(t); !rests.ExpiresAt.IsZero() {
		t.Errorf("what does not run: until %s", rests.ExpiresAt)
	}
}
