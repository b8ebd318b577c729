package store

import (
	"encoding/json"
	"errors"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestCreatedSessionIsReadBackAsReturned(t *testing.T) {
	db := open(t)
	made := create(t, db, func(s *Session) {
		s.Want = WantRunning
		s.ExpiresAt = time.Now().Add(time.Hour).Truncate(time.Millisecond)
	})
	if made.ID == "" || made.Version != 1 || made.State != Starting || made.CreatedAt.IsZero() || made.Kind != "session" {
		t.Errorf("created: %+v", made)
	}
	if diff := cmp.Diff(made, must(db.Session(t.Context(), anna, made.ID))(t)); diff != "" {
		t.Error(diff)
	}
	if _, err := db.CreateSession(t.Context(), made); !errors.Is(err, ErrConflict) {
		t.Errorf("the same id again: %v", err)
	}
}

func TestListsAreNewestFirstAndFiltered(t *testing.T) {
	db := open(t)
	names := func(f SessionFilter) (out []string) {
		for _, s := range must(db.Sessions(t.Context(), anna, f))(t) {
			out = append(out, s.Name)
		}
		return out
	}
	for _, n := range []string{"one", "two", "three", "box"} {
		s := create(t, db, func(s *Session) {
			s.Name = n
			if n == "box" {
				s.Kind = KindSandbox
			}
		})
		if n == "two" {
			put(t, db, s, Archived)
		}
	}
	for _, c := range []struct {
		filter SessionFilter
		want   []string
	}{
		{SessionFilter{}, []string{"three", "one"}},
		{SessionFilter{IncludeArchived: true}, []string{"three", "two", "one"}},
		{SessionFilter{States: []State{Archived}}, []string{"two"}},
		{SessionFilter{States: []State{Running}}, nil},
	} {
		if diff := cmp.Diff(c.want, names(c.filter)); diff != "" {
			t.Errorf("%+v: %s", c.filter, diff)
		}
	}
}

func TestConcludeWritesWhatTheEngineOwnsAndNothingElse(t *testing.T) {
	db := open(t)
	old := create(t, db)
	check(t, db.SetDoing(t.Context(), old.ID, "building the image"))
	now := time.Now().UTC().Truncate(time.Millisecond)
	exit := 3
	want := old
	want.State, want.Run, want.Attempts, want.Archive = Failed, 2, 4, "abc"
	want.ReadyAt, want.SubmittedAt, want.RetryAt = now, now, now
	want.Ended = &Ended{Part: "agent", ExitCode: 137, OOM: true, At: now}
	want.Failure = &Failure{Reason: "It ended.", ExitCode: &exit, Lines: []string{"a", "b"}, At: now}
	changed := want
	changed.Name, changed.Want, changed.ChronicledRun, changed.TokensUsed = "evil", WantGone, 9, 9
	got := must(db.Conclude(t.Context(), old, changed))(t)
	want.Version, want.UpdatedAt, want.Since = old.Version+1, got.UpdatedAt, got.Since
	want.Doing = "building the image" // the engine did not change it
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff(got, must(db.SystemSession(t.Context(), old.ID))(t)); diff != "" {
		t.Error("stored: " + diff)
	}
	if again := put(t, db, got, Failed); !again.Since.Equal(got.Since) {
		t.Error("since moved although the state stayed")
	}
}

func TestConcludeIsRefusedOnceTheRowChanged(t *testing.T) {
	for name, change := range map[string]func(*DB, Session) error{
		"wish": func(db *DB, s Session) error { _, err := db.Wish(t.Context(), anna, s.ID, WantRunning); return err },
		"patch": func(db *DB, s Session) error {
			_, err := db.PatchSession(t.Context(), anna, s.ID, SessionPatch{})
			return err
		},
		"ready":     func(db *DB, s Session) error { return db.SetReady(t.Context(), s.ID, 0, time.Now()) },
		"concluded": func(db *DB, s Session) error { _, err := db.Conclude(t.Context(), s, s); return err },
		"chronicle": func(db *DB, s Session) error {
			return errors.Join(db.OpenChronicle(t.Context(), Chronicle{SessionID: s.ID, Run: 1, OwnerID: "anna", TenantID: "t1"}),
				db.CompleteChronicle(t.Context(), s.ID, 1, "stopped", time.Now()))
		},
	} {
		t.Run(name, func(t *testing.T) {
			db := open(t)
			s := create(t, db)
			check(t, change(db, s))
			if _, err := db.Conclude(t.Context(), s, s); !errors.Is(err, ErrStale) {
				t.Errorf("Conclude: %v", err)
			}
			if err := db.Forget(t.Context(), s); !errors.Is(err, ErrStale) {
				t.Errorf("Forget: %v", err)
			}
		})
	}
	for name, change := range map[string]func(*DB, Session) error{
		"activity": func(db *DB, s Session) error { return db.SetActivity(t.Context(), s.ID, "active", "thinking") },
		"detail":   func(db *DB, s Session) error { return db.SetDetail(t.Context(), s.ID, "the editor is silent") },
		"doing":    func(db *DB, s Session) error { return db.SetDoing(t.Context(), s.ID, "waiting") },
		"mode":     func(db *DB, s Session) error { return db.SetMode(t.Context(), s.ID, "plan", "Plan") },
	} {
		t.Run(name+" does not disturb the engine", func(t *testing.T) {
			db := open(t)
			s := create(t, db)
			check(t, change(db, s))
			got := put(t, db, s, Starting)
			if got.Activity+got.Detail+got.Doing+got.Mode == "" {
				t.Errorf("the fact was overwritten: %+v", got)
			}
		})
	}
}

func TestForgetTakesTheConversationAndLeavesTheRecord(t *testing.T) {
	db := open(t)
	s := create(t, db)
	must(db.AddPrompt(t.Context(), anna, Prompt{SessionID: s.ID, Blocks: json.RawMessage(`[]`)}))(t)
	check(t, db.OpenChronicle(t.Context(), Chronicle{SessionID: s.ID, Run: 1, OwnerID: "anna", TenantID: "t1"}))
	check(t, db.RecordUsage(t.Context(), Usage{SessionID: s.ID, Run: 1, Turn: "a", Provider: "cloud", Input: 5}))
	s = must(db.SystemSession(t.Context(), s.ID))(t)
	check(t, db.Forget(t.Context(), s))
	check(t, db.Forget(t.Context(), s)) // again: nothing left to do
	if _, err := db.Session(t.Context(), anna, s.ID); !errors.Is(err, ErrNotFound) {
		t.Errorf("session: %v", err)
	}
	if _, err := db.Conclude(t.Context(), s, s); !errors.Is(err, ErrNotFound) {
		t.Errorf("Conclude: %v", err)
	}
	if p := must(db.UnsentPrompts(t.Context(), s.ID))(t); len(p) != 0 {
		t.Errorf("prompts left: %v", p)
	}
	if c := must(db.Chronicles(t.Context(), anna, ChronicleFilter{}))(t); len(c) != 1 || c[0].Tokens != 5 {
		t.Errorf("chronicles: %+v", c)
	}
	if st := must(db.Stats(t.Context(), anna, time.Now()))(t); st.TokensToday != 5 || st.Total != 0 {
		t.Errorf("stats: %+v", st)
	}
}

func TestUnrestLeavesOutWhatIsAtRest(t *testing.T) {
	db := open(t)
	type row struct {
		want  Want
		state State
		fail  bool
		run   int
		told  int
	}
	add := func(r row) string {
		s := create(t, db, func(s *Session) { s.Want, s.State, s.Run, s.ChronicledRun = r.want, r.state, r.run, r.told })
		if r.fail {
			n := s
			n.Failure = &Failure{Reason: "it broke"}
			must(db.Conclude(t.Context(), s, n))(t)
		}
		return s.ID
	}
	rest := []row{{WantNone, Created, false, 0, 0}, {WantStopped, Stopped, false, 3, 3}, {WantArchived, Archived, false, 1, 1},
		{WantRunning, Failed, true, 2, 2}}
	restless := []row{{WantRunning, Starting, false, 1, 0}, {WantRunning, Running, false, 1, 1}, {WantStopped, Stopping, false, 1, 1},
		{WantStopped, Archived, false, 1, 1}, {WantArchived, Stopped, false, 1, 1}, {WantGone, Failed, true, 1, 1},
		{WantRunning, Failed, false, 1, 1}, {WantStopped, Stopped, false, 2, 1}, {WantRunning, Failed, true, 2, 1}}
	var named string
	for _, r := range rest {
		named = add(r)
	}
	want := map[string]bool{named: true}
	for _, r := range restless {
		want[add(r)] = true
	}
	got := map[string]bool{}
	for _, s := range must(db.Unrest(t.Context(), []string{named, "unknown"}))(t) {
		got[s.ID] = true
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestAdoptedSessionIsAtRest(t *testing.T) {
	db := open(t)
	made := time.Now().Add(-time.Hour).UTC().Truncate(time.Millisecond)
	s := must(db.Adopt(t.Context(), Session{ID: "found", Name: "lost", OwnerID: "anna", TenantID: "t1", Runtime: "docker", Run: 4, CreatedAt: made}))(t)
	if s.State != Stopped || s.Want != WantStopped || s.Run != 4 || !s.CreatedAt.Equal(made) {
		t.Errorf("adopted: %+v", s)
	}
	if rows := must(db.Unrest(t.Context(), nil))(t); len(rows) != 0 {
		t.Errorf("restless: %+v", rows)
	}
}

func TestPatchChangesWhatItNames(t *testing.T) {
	db := open(t)
	s := create(t, db)
	name := "renamed"
	got := must(db.PatchSession(t.Context(), anna, s.ID, SessionPatch{Name: &name}))(t)
	if got.Name != name || string(got.Request) != string(s.Request) || got.Version != s.Version+1 {
		t.Errorf("name: %+v", got)
	}
	got = must(db.PatchSession(t.Context(), anna, s.ID, SessionPatch{Request: json.RawMessage(`{"a":1}`)}))(t)
	if got.Name != name || string(got.Request) != `{"a":1}` {
		t.Errorf("request: %+v", got)
	}
	for was, want := range map[string]error{`{"a":2}`: ErrStale, `{"a":1}`: nil} {
		_, err := db.PatchSession(t.Context(), anna, s.ID, SessionPatch{Request: json.RawMessage(`{"a":1}`), Was: json.RawMessage(was)})
		if !errors.Is(err, want) {
			t.Errorf("made from %s: %v", was, err)
		}
	}
	if _, err := db.PatchSession(t.Context(), anna, "none", SessionPatch{Was: json.RawMessage(`{}`)}); !errors.Is(err, ErrNotFound) {
		t.Error(err)
	}
}

func TestWhatIsNotSeenIsToldWithoutAChange(t *testing.T) {
	db := open(t)
	on := func(runtime string, want Want) Session {
		return must(db.CreateSession(t.Context(), Session{Name: "s", OwnerID: "anna", TenantID: "t1", Runtime: runtime, Want: want}))(t)
	}
	runs := on("far", WantRunning)
	on("far", WantNone)
	on("near", WantRunning)
	last := must(db.Stream(t.Context(), anna))(t).Last
	check(t, db.TellSeen(t.Context(), "far"))
	events := must(db.Events(t.Context(), Principal{UserID: "anna", TenantID: "t1"}, last, 10))(t)
	if len(events) != 1 || events[0].SessionID != runs.ID || events[0].Type != SessionUpdated {
		t.Errorf("%+v", events)
	}
	if diff := cmp.Diff(runs, must(db.SystemSession(t.Context(), runs.ID))(t)); diff != "" {
		t.Error(diff)
	}
}
