package chronicle_test

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"volundr/daemon/chronicle"
	"volundr/store"
	"volundr/store/storetest"
)

var owner = store.Principal{UserID: "owner", TenantID: "tenant"}

func open(t *testing.T) *store.DB {
	t.Helper()
	db, err := store.Open(storetest.New(t, t.TempDir()))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { db.Close() })
	return db
}

// session gives a session in its first run.
func session(t *testing.T, db *store.DB, request string) store.Session {
	t.Helper()
	s, err := db.CreateSession(t.Context(), store.Session{Name: "demo", OwnerID: owner.UserID, TenantID: owner.TenantID,
		Runtime: "fake", Request: json.RawMessage(request), Want: store.WantRunning})
	if err != nil {
		t.Fatal(err)
	}
	n := s
	n.Run++
	if s, err = db.Conclude(t.Context(), s, n); err != nil {
		t.Fatal(err)
	}
	return s
}

func only(t *testing.T, db *store.DB, id string) store.Chronicle {
	t.Helper()
	all, err := db.Chronicles(t.Context(), owner, store.ChronicleFilter{SessionID: id})
	if err != nil || len(all) != 1 {
		t.Fatalf("%d chronicles, %v", len(all), err)
	}
	return all[0]
}

func TestARunIsOpenedAndCompletedOnce(t *testing.T) {
	db := open(t)
	book := chronicle.New(chronicle.Options{DB: db})
	s := session(t, db, `{"model":"m1","source":{"type":"git","repo":"https://example.org/team/demo.git","branch":"main"}}`)
	for range 2 {
		if err := book.Opened(t.Context(), s); err != nil {
			t.Fatal(err)
		}
	}
	c := only(t, db, s.ID)
	if c.Status != "draft" || c.Run != 1 || c.Project != "demo" || c.Repo != "https://example.org/team/demo.git" || c.Branch != "main" ||
		c.Model != "m1" || c.OwnerID != owner.UserID || c.TenantID != owner.TenantID || c.StartedAt.IsZero() {
		t.Errorf("draft: %+v", c)
	}
	var config map[string]any
	if err := json.Unmarshal(c.Config, &config); err != nil {
		t.Fatal(err)
	}
	want := map[string]any{"name": "demo", "model": "m1", "repo": c.Repo, "branch": "main",
		"source": map[string]any{"type": "git", "repo": c.Repo, "branch": "main"}}
	if diff := cmp.Diff(want, config); diff != "" {
		t.Error(diff)
	}

	for i, turn := range []string{"t1", "t2", "t2"} {
		if err := db.RecordUsage(t.Context(), store.Usage{SessionID: s.ID, Run: 1, Turn: turn, Provider: "cloud", Model: "m1",
			Input: 100, Output: 20, CacheRead: 1000, CacheWrite: 3, Messages: 1, CostMicros: 50}); err != nil {
			t.Fatalf("usage %d: %v", i, err)
		}
	}
	at := time.Now().UTC().Add(time.Minute).Truncate(time.Millisecond)
	for i, reason := range []string{"stopped", "deleted"} {
		if err := book.Completed(t.Context(), s, reason, at.Add(time.Duration(i)*time.Hour)); err != nil {
			t.Fatal(err)
		}
	}
	c = only(t, db, s.ID)
	if c.Status != "complete" || c.Reason != "stopped" || !c.EndedAt.Equal(at) || c.Tokens != 246 || c.CostMicros != 100 {
		t.Errorf("complete: %+v", c)
	}
	if row, err := db.SystemSession(t.Context(), s.ID); err != nil || row.ChronicledRun != 1 {
		t.Errorf("row: %+v %v", row, err)
	}
}

func TestARunThatWasNeverOpenedIsCompletedAllTheSame(t *testing.T) {
	db := open(t)
	s := session(t, db, `{}`)
	if err := chronicle.New(chronicle.Options{DB: db}).Completed(t.Context(), s, "stopped", time.Now()); err != nil {
		t.Fatal(err)
	}
	if c := only(t, db, s.ID); c.Status != "complete" || c.Project != "demo" {
		t.Errorf("%+v", c)
	}
}

func TestProjectIsNamedAfterWhatIsWorkedOn(t *testing.T) {
	for request, want := range map[string]string{
		`{}`: "demo",
		`{"source":{"repo":"https://example.org/team/app.git"}}`:                    "app",
		`{"source":{"repo":"https://example.org/team/app/"}}`:                       "app",
		`{"source":{"repo":"git@example.org:team/app.git"}}`:                        "app",
		`{"source":{"repo":"git@example.org:app.git"}}`:                             "app",
		`{"source":{"repo":"/home/me/src/app"}}`:                                    "app",
		`{"source":{"repo":"app"}}`:                                                 "app",
		`{"source":{"type":"local_copy","local_path":"/home/me/other"}}`:            "other",
		`{"source":{"repo":"/"}}`:                                                   "demo",
		`{"source":"not what it should be"}`:                                        "demo",
		`{"model":"m","source":{"type":"local_mount","local_path":"/srv/www.git"}}`: "www",
	} {
		db := open(t)
		s := session(t, db, request)
		if err := chronicle.New(chronicle.Options{DB: db}).Opened(t.Context(), s); err != nil {
			t.Fatal(err)
		}
		if c := only(t, db, s.ID); c.Project != want {
			t.Errorf("%s: project %q, want %q", request, c.Project, want)
		}
	}
}
