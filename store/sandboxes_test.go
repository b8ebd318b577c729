package store

import (
	"errors"
	"slices"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

var nobody = Principal{}

// sandbox makes a running sandbox of p's, for an hour.
func sandbox(t *testing.T, db *DB, p Principal, change ...func(*Session)) Session {
	t.Helper()
	end := time.Now().Add(time.Hour)
	s := Session{Name: "code-session-1", OwnerID: p.UserID, TenantID: p.TenantID, Runtime: "fake", Shape: "small", ExpiresAt: end, LatestAt: end}
	for _, c := range change {
		c(&s)
	}
	return put(t, db, must(db.CreateSandbox(t.Context(), s))(t), Running)
}

func TestSandboxIsBornWithItsAttempt(t *testing.T) {
	db := open(t)
	end := time.Now().Add(time.Minute).UTC().Truncate(time.Millisecond)
	s := must(db.CreateSandbox(t.Context(), Session{Name: "n", OwnerID: "anna", TenantID: "t1", Runtime: "fake", Shape: "x", ExpiresAt: end, LatestAt: end}))(t)
	if s.ID == "" || s.Kind != KindSandbox || s.Want != WantRunning || s.Run != 1 || s.Attempts != 1 || s.SubmittedAt.IsZero() ||
		!s.RetryAt.After(s.CreatedAt) || s.State != Starting || !s.ExpiresAt.Equal(end) || !s.LatestAt.Equal(end) || s.Shape != "x" {
		t.Errorf("%+v", s)
	}
	if _, err := db.CreateSandbox(t.Context(), Session{ID: s.ID, ExpiresAt: end, LatestAt: end}); !errors.Is(err, ErrConflict) {
		t.Errorf("the same id again: %v", err)
	}
	for _, bad := range []Session{{}, {ExpiresAt: end}, {ExpiresAt: end, LatestAt: end.Add(-time.Second)}} {
		if _, err := db.CreateSandbox(t.Context(), bad); err == nil {
			t.Errorf("a sandbox that would live for ever: %+v", bad)
		}
	}
	if events := must(db.Events(t.Context(), chief, 0, 10))(t); len(events) > 0 {
		t.Errorf("sandboxes are news: %v", events)
	}
}

func TestClaimTakesTheOldestThatRunsAndFits(t *testing.T) {
	db := open(t)
	hour := time.Now().Add(time.Hour)
	for _, make := range []func(*Session){
		func(s *Session) { s.Name, s.Shape = "another shape", "large" },
		func(s *Session) { s.Name, s.Runtime = "another runtime", "other" },
		func(s *Session) {
			s.Name, s.ExpiresAt, s.LatestAt = "short", time.Now().Add(time.Minute), time.Now().Add(time.Minute)
		},
		func(s *Session) { s.Name = "first" },
		func(s *Session) { s.Name = "second" },
	} {
		sandbox(t, db, nobody, make)
	}
	must(db.CreateSandbox(t.Context(), Session{Name: "starting", Runtime: "fake", Shape: "small", ExpiresAt: hour, LatestAt: hour}))(t)
	sandbox(t, db, anna, func(s *Session) { s.Name = "anna's own" })
	until := time.Now().Add(30 * time.Minute).UTC().Truncate(time.Millisecond)
	for i, want := range []string{"first", "second"} {
		s := must(db.ClaimSandbox(t.Context(), bert, "fake", "small", until))(t)
		if s.Name != want || s.OwnerID != "bert" || s.TenantID != "t1" || !s.ExpiresAt.Equal(until) || s.Want != WantRunning {
			t.Errorf("claim %d: %+v", i, s)
		}
		if got := must(db.Sandbox(t.Context(), bert, s.ID))(t); got.Name != want {
			t.Errorf("claimed: %+v", got)
		}
	}
	if s, err := db.ClaimSandbox(t.Context(), bert, "fake", "small", until); !errors.Is(err, ErrNotFound) {
		t.Errorf("a third claim: %s, %v", s.Name, err)
	}
	if s, err := db.ClaimSandbox(t.Context(), bert, "fake", "large", hour.Add(time.Minute)); !errors.Is(err, ErrNotFound) {
		t.Errorf("one that cannot live so long: %s, %v", s.Name, err)
	}
	if _, err := db.ClaimSandbox(t.Context(), nobody, "fake", "large", until); err == nil {
		t.Error("nobody claimed a sandbox")
	}
}

func TestTwoClaimsNeverGetTheSame(t *testing.T) {
	db := open(t)
	const n = 8
	for range n {
		sandbox(t, db, nobody)
	}
	var mu sync.Mutex
	var got []string
	var wg sync.WaitGroup
	for i := range 2 * n {
		p := Principal{UserID: strconv.Itoa(i), TenantID: "t1"}
		wg.Go(func() {
			s, err := db.ClaimSandbox(t.Context(), p, "fake", "small", time.Now().Add(time.Minute))
			mu.Lock()
			defer mu.Unlock()
			if err == nil {
				got = append(got, s.ID)
			} else if !errors.Is(err, ErrNotFound) {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	slices.Sort(got)
	if len(slices.Compact(got)) != n || len(got) != n {
		t.Errorf("%d claims of %d sandboxes", len(got), n)
	}
}

// A sandbox is seen by its owner's eyes until it is over, and nowhere else.
func TestSandboxIsThereUntilItsEnd(t *testing.T) {
	db := open(t)
	mine := sandbox(t, db, anna)
	ahead := sandbox(t, db, nobody)
	over := sandbox(t, db, anna, func(s *Session) { s.ExpiresAt = time.Now().Add(-time.Second) })
	ended := sandbox(t, db, anna)
	if s := must(db.EndSandbox(t.Context(), anna, ended.ID))(t); s.Want != WantGone || s.State != Stopping {
		t.Errorf("%+v", s)
	}
	var ids []string
	for _, s := range must(db.Sandboxes(t.Context(), chief))(t) {
		ids = append(ids, s.ID)
	}
	if diff := cmp.Diff([]string{mine.ID}, ids); diff != "" {
		t.Error(diff)
	}
	if n := must(db.LivingSandboxes(t.Context()))(t); n != 1 {
		t.Errorf("%d are alive", n)
	}
	for name, id := range map[string]string{"made ahead": ahead.ID, "over": over.ID, "ended": ended.ID, "a session": create(t, db).ID} {
		for _, p := range []Principal{anna, chief, nobody, {Admin: true}} {
			_, get := db.Sandbox(t.Context(), p, id)
			_, extend := db.ExtendSandbox(t.Context(), p, id, time.Now().Add(time.Minute))
			_, end := db.EndSandbox(t.Context(), p, id)
			for _, err := range []error{get, extend, end} {
				if !errors.Is(err, ErrNotFound) {
					t.Errorf("%s: %v", name, err)
				}
			}
		}
	}
	check(t, db.DropSandbox(t.Context(), mine.ID))
	check(t, db.DropSandbox(t.Context(), mine.ID))
	if _, err := db.Sandbox(t.Context(), anna, mine.ID); !errors.Is(err, ErrNotFound) {
		t.Errorf("dropped: %v", err)
	}
}

func TestSandboxesAreNoCodingSessions(t *testing.T) {
	db := open(t)
	s := sandbox(t, db, anna)
	name := "renamed"
	_, get := db.Session(t.Context(), anna, s.ID)
	_, patch := db.PatchSession(t.Context(), anna, s.ID, SessionPatch{Name: &name})
	_, wish := db.Wish(t.Context(), anna, s.ID, WantGone)
	_, hurry := db.Hurry(t.Context(), anna, s.ID, true)
	_, prompt := db.AddPrompt(t.Context(), anna, Prompt{SessionID: s.ID, Blocks: []byte(`[]`)})
	_, comment := db.AddComment(t.Context(), anna, Comment{SessionID: s.ID, Side: "new", Line: 1})
	for what, err := range map[string]error{"get": get, "patch": patch, "wish": wish, "hurry": hurry, "prompt": prompt, "comment": comment,
		"cleanup": db.SetCleanup(t.Context(), anna, s.ID, nil)} {
		if !errors.Is(err, ErrNotFound) {
			t.Errorf("%s of a sandbox: %v", what, err)
		}
	}
	if list := must(db.Sessions(t.Context(), anna, SessionFilter{IncludeArchived: true}))(t); len(list) > 0 {
		t.Errorf("listed: %v", list)
	}
	if stats := must(db.Stats(t.Context(), anna, time.Now()))(t); stats.Total+stats.Active > 0 {
		t.Errorf("counted: %+v", stats)
	}
}

func TestExtendStaysWithinALife(t *testing.T) {
	db := open(t)
	s := sandbox(t, db, anna)
	for _, d := range []time.Duration{time.Minute, 59 * time.Minute} {
		at := time.Now().Add(d).UTC().Truncate(time.Millisecond)
		if got := must(db.ExtendSandbox(t.Context(), anna, s.ID, at))(t); !got.ExpiresAt.Equal(at) || !got.LatestAt.Equal(s.LatestAt) {
			t.Errorf("%+v", got)
		}
	}
	if _, err := db.ExtendSandbox(t.Context(), anna, s.ID, s.LatestAt.Add(time.Second)); !errors.Is(err, ErrConflict) {
		t.Errorf("beyond its life: %v", err)
	}
}

func TestPoolIsCountedAndDrained(t *testing.T) {
	db := open(t)
	for range 3 {
		sandbox(t, db, nobody)
	}
	hour := time.Now().Add(time.Hour)
	young := must(db.CreateSandbox(t.Context(), Session{Runtime: "fake", Shape: "small", ExpiresAt: hour, LatestAt: hour}))(t)
	sandbox(t, db, nobody, func(s *Session) { s.Shape = "large" })
	sandbox(t, db, nobody, func(s *Session) { s.ExpiresAt = time.Now().Add(-time.Second) })
	sandbox(t, db, anna)
	want := []PoolCount{{"fake", "large", 1, 0}, {"fake", "small", 3, 1}}
	if diff := cmp.Diff(want, must(db.PoolCounts(t.Context()))(t)); diff != "" {
		t.Error(diff)
	}
	if n := must(db.DropUnclaimed(t.Context(), "fake", "small", 1))(t); n != 4 { // the expired one too
		t.Errorf("%d dropped", n)
	}
	if s := must(db.SystemSession(t.Context(), young.ID))(t); s.Want != WantRunning {
		t.Error("the youngest was not kept")
	}
	want = []PoolCount{{"fake", "large", 1, 0}, {"fake", "small", 0, 1}}
	if diff := cmp.Diff(want, must(db.PoolCounts(t.Context()))(t)); diff != "" {
		t.Error(diff)
	}
	if len(must(db.Sandboxes(t.Context(), anna))(t)) != 1 {
		t.Error("a claimed one was drained")
	}
}
