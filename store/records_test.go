package store

import (
	"errors"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestUsageCountsOnceForEachTurn(t *testing.T) {
	db := open(t)
	s := create(t, db)
	check(t, db.OpenChronicle(t.Context(), Chronicle{SessionID: s.ID, Run: 1, OwnerID: "anna", TenantID: "t1"}))
	day := time.Date(2026, 5, 3, 12, 0, 0, 0, time.UTC)
	u := Usage{SessionID: s.ID, Run: 1, Turn: "one", At: day, Provider: "cloud", Model: "m", Input: 10, Output: 5, CacheRead: 1000, CacheWrite: 3, CostMicros: 7}
	check(t, db.RecordUsage(t.Context(), u))
	check(t, db.RecordUsage(t.Context(), u))
	u.Turn, u.Provider, u.Input = "two", "local", 20
	check(t, db.RecordUsage(t.Context(), u))
	u.Turn, u.At = "yesterday", day.Add(-13*time.Hour)
	check(t, db.RecordUsage(t.Context(), u))
	got := must(db.SystemSession(t.Context(), s.ID))(t)
	if got.TokensUsed != 18+28+28 || got.CostMicros != 21 {
		t.Errorf("session: %d tokens, %d", got.TokensUsed, got.CostMicros)
	}
	c := must(db.Chronicles(t.Context(), anna, ChronicleFilter{}))(t)
	if len(c) != 1 || c[0].Tokens != 74 || c[0].CostMicros != 21 {
		t.Errorf("chronicle: %+v", c)
	}
	put(t, db, got, Running)
	want := Stats{Active: 1, Total: 1, TokensToday: 46, LocalToday: 28, CloudToday: 18, CostTodayMicros: 14}
	if diff := cmp.Diff(want, must(db.Stats(t.Context(), chief, day.In(time.FixedZone("far", 11*3600))))(t)); diff != "" {
		t.Error(diff)
	}
	if err := db.RecordUsage(t.Context(), Usage{SessionID: "unknown", Provider: "cloud"}); !errors.Is(err, ErrNotFound) {
		t.Errorf("unknown session: %v", err)
	}
}

func TestChronicleIsOpenedAndCompletedOnce(t *testing.T) {
	db := open(t)
	s := create(t, db)
	if err := db.CompleteChronicle(t.Context(), s.ID, 1, "stopped", time.Now()); !errors.Is(err, ErrNotFound) {
		t.Errorf("never opened: %v", err)
	}
	check(t, db.RecordUsage(t.Context(), Usage{SessionID: s.ID, Run: 1, Turn: "early", Provider: "cloud", Input: 4}))
	end := time.Now().UTC().Truncate(time.Millisecond)
	for _, project := range []string{"first", "second"} {
		check(t, db.OpenChronicle(t.Context(), Chronicle{SessionID: s.ID, Run: 1, OwnerID: "anna", TenantID: "t1", Project: project}))
	}
	check(t, db.CompleteChronicle(t.Context(), s.ID, 1, "stopped", end))
	check(t, db.CompleteChronicle(t.Context(), s.ID, 1, "again", end.Add(time.Hour)))
	check(t, db.OpenChronicle(t.Context(), Chronicle{SessionID: s.ID, Run: 2, OwnerID: "anna", TenantID: "t1"}))
	got := must(db.Chronicles(t.Context(), anna, ChronicleFilter{SessionID: s.ID}))(t)
	if len(got) != 2 {
		t.Fatalf("%d chronicles", len(got))
	}
	second, first := got[0], got[1]
	if first.Status != "complete" || first.Reason != "stopped" || !first.EndedAt.Equal(end) || first.Project != "first" || first.Tokens != 4 {
		t.Errorf("first: %+v", first)
	}
	if second.Status != "draft" || second.ParentID != first.ID {
		t.Errorf("second: %+v", second)
	}
	if row := must(db.SystemSession(t.Context(), s.ID))(t); row.ChronicledRun != 1 {
		t.Errorf("chronicled run %d", row.ChronicledRun)
	}
}

func TestLoginLinkWorksOnceAndNotTooLate(t *testing.T) {
	db := open(t)
	now := time.Now()
	check(t, db.AddLoginLink(t.Context(), "late", anna, now.Add(time.Minute)))
	check(t, db.AddLoginLink(t.Context(), "good", anna, now.Add(time.Minute)))
	if _, err := db.UseLoginLink(t.Context(), "late", now.Add(time.Minute)); !errors.Is(err, ErrNotFound) {
		t.Errorf("expired: %v", err)
	}
	if p := must(db.UseLoginLink(t.Context(), "good", now))(t); p != anna {
		t.Errorf("logs in %+v", p)
	}
	if _, err := db.UseLoginLink(t.Context(), "good", now); !errors.Is(err, ErrNotFound) {
		t.Errorf("again: %v", err)
	}
}

func TestLoginLastsUntilItExpiresOrIsDeleted(t *testing.T) {
	db := open(t)
	now := time.Now()
	people(t, db)
	l := must(db.AddLogin(t.Context(), Login{Hash: "h", UserID: "anna", TenantID: "t1", Agent: "Firefox", ExpiresAt: now.Add(time.Hour)}))(t)
	if diff := cmp.Diff(l, must(db.LoginByHash(t.Context(), "h", now))(t)); diff != "" {
		t.Error(diff)
	}
	if _, err := db.LoginByHash(t.Context(), "h", now.Add(time.Hour)); !errors.Is(err, ErrNotFound) {
		t.Errorf("expired: %v", err)
	}
	check(t, db.TouchLogin(t.Context(), l.ID, now, now.Add(2*time.Hour)))
	must(db.LoginByHash(t.Context(), "h", now.Add(time.Hour)))(t)
	check(t, db.DeleteLogin(t.Context(), anna, l.ID))
	if _, err := db.LoginByHash(t.Context(), "h", now); !errors.Is(err, ErrNotFound) {
		t.Errorf("deleted: %v", err)
	}
}

func TestCredentialIsReplacedByName(t *testing.T) {
	db := open(t)
	first := must(db.PutCredential(t.Context(), anna, Credential{Name: "k", Type: "api", Keys: []string{"a"}, Sealed: []byte{0, 1}}))(t)
	second := must(db.PutCredential(t.Context(), anna, Credential{Name: "k", Type: "pat", Metadata: map[string]string{"for": "git"}, Sealed: []byte{2}}))(t)
	if second.ID != first.ID || second.Type != "pat" || len(second.Keys) != 0 {
		t.Errorf("replaced: %+v", second)
	}
	if diff := cmp.Diff([]Credential{second}, must(db.Credentials(t.Context(), anna))(t)); diff != "" {
		t.Error(diff)
	}
	must(db.PutCredential(t.Context(), bert, Credential{Name: "k", Type: "api", Sealed: []byte{3}}))(t) // his own
	check(t, db.DeleteCredential(t.Context(), anna, "k"))
	must(db.Credential(t.Context(), bert, "k"))(t)
}

func TestMetaIsSetOnce(t *testing.T) {
	db := open(t)
	if _, err := db.Meta(t.Context(), "id"); !errors.Is(err, ErrNotFound) {
		t.Errorf("unset: %v", err)
	}
	for _, v := range []string{"first", "second"} {
		if got := must(db.SetMetaOnce(t.Context(), "id", v))(t); got != "first" {
			t.Errorf("set %s: %s stands", v, got)
		}
	}
	if got := must(db.Meta(t.Context(), "id"))(t); got != "first" {
		t.Error(got)
	}
}

func TestWhatGoesWithASession(t *testing.T) {
	for name, cleanup := range map[string][]string{"nothing": {}, "snapshots": {CleanupWorkspace}, "chronicles": {CleanupChronicles}} {
		t.Run(name, func(t *testing.T) {
			db := open(t)
			s := create(t, db)
			check(t, db.OpenChronicle(t.Context(), Chronicle{SessionID: s.ID, Run: 1, OwnerID: s.OwnerID, TenantID: s.TenantID}))
			check(t, db.SetPacks(t.Context(), s.ID, 1, Packs{Workspace: "w", Context: "c", Agent: "claude"}))
			for _, digest := range []string{"w", "c"} {
				check(t, db.PutBlob(t.Context(), Blob{Digest: digest, OwnerID: s.OwnerID, TenantID: s.TenantID, Size: 1, Stored: 2}))
			}
			stranger := Principal{UserID: "nobody", TenantID: s.TenantID}
			if err := db.SetCleanup(t.Context(), stranger, s.ID, cleanup); !errors.Is(err, ErrNotFound) {
				t.Errorf("somebody else: %v", err)
			}
			p := Principal{UserID: s.OwnerID, TenantID: s.TenantID}
			check(t, db.SetCleanup(t.Context(), p, s.ID, cleanup))
			check(t, db.Forget(t.Context(), must(db.SystemSession(t.Context(), s.ID))(t)))
			all := must(db.Chronicles(t.Context(), p, ChronicleFilter{SessionID: s.ID}))(t)
			unused := must(db.UnusedBlobs(t.Context()))(t)
			switch name {
			case "nothing":
				if len(all) != 1 || all[0].Workspace != "w" || len(unused) != 0 {
					t.Errorf("%+v, unused %v", all, unused)
				}
			case "snapshots":
				if len(all) != 1 || all[0].Workspace != "" || all[0].Missing == "" || len(unused) != 2 {
					t.Errorf("%+v, unused %v", all, unused)
				}
			case "chronicles":
				if len(all) != 0 || len(unused) != 2 {
					t.Errorf("%+v, unused %v", all, unused)
				}
			}
		})
	}
}
