package store

import (
	"encoding/json"
	"errors"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"
)

// wants is a gauge for requests like {"cpu":500,"memory":7}.
func wants(request json.RawMessage) (Amounts, time.Duration) {
	var in struct {
		CPU, Memory int64
		Life        time.Duration
	}
	_ = json.Unmarshal(request, &in)
	return Amounts{CPU: in.CPU, Memory: in.Memory}, in.Life
}

func asking(request string) func(*Session) {
	return func(s *Session) { s.Request = json.RawMessage(request) }
}

// refusedFor fails unless an error is a quota's and says so.
func refusedFor(t *testing.T, err error, words string) {
	t.Helper()
	if !errors.Is(err, ErrQuota) || !strings.Contains(err.Error(), words) {
		t.Errorf("%v, want a quota's error with %q", err, words)
	}
}

func TestAQuotaOfSessions(t *testing.T) {
	db := open(t)
	ctx := t.Context()
	people(t, db)
	check(t, db.SetQuota(ctx, chief, EachUser, Amounts{Sessions: 2}))
	one := create(t, db)
	create(t, db)
	_, err := db.CreateSession(ctx, Session{Name: "x", OwnerID: "anna", TenantID: "t1", Runtime: "fake"})
	refusedFor(t, err, "There are 2 of the 2 sessions that you may have: archive or delete one, or ask an admin")
	must(db.CreateSession(ctx, Session{Name: "x", OwnerID: "bert", TenantID: "t1", Runtime: "fake"}))(t)
	must(db.Wish(ctx, anna, one.ID, WantArchived))(t)
	archived := put(t, db, must(db.SystemSession(ctx, one.ID))(t), Archived)
	create(t, db)
	_, err = db.Wish(ctx, anna, archived.ID, WantStopped, FromRestore...)
	refusedFor(t, err, "2 of the 2 sessions")
	check(t, db.SetQuota(ctx, chief, "anna", Amounts{Sessions: 3}))
	must(db.Wish(ctx, anna, archived.ID, WantStopped, FromRestore...))(t)
	check(t, db.SetQuota(ctx, chief, "anna", Amounts{})) // none, also not that of each
	create(t, db)
	check(t, db.SetQuota(ctx, chief, AllUsers, Amounts{Sessions: 5}))
	_, err = db.CreateSession(ctx, Session{Name: "x", OwnerID: "bert", TenantID: "t1", Runtime: "fake"})
	refusedFor(t, err, "that all users may have together")
	must(db.CreateSession(ctx, Session{Name: "x", OwnerID: "other", TenantID: "t2", Runtime: "fake"}))(t)
	must(db.Wish(ctx, anna, one.ID, WantGone))(t) // never refused
}

// Many at once do not lead beyond a limit.
func TestAQuotaIsNotOvershot(t *testing.T) {
	db := open(t)
	ctx := t.Context()
	people(t, db)
	db.Measure(wants)
	check(t, db.SetQuota(ctx, chief, "anna", Amounts{Sessions: 5, CPU: 2000}))
	var mu sync.Mutex
	var all sync.WaitGroup
	made, ran := 0, 0
	for range 12 {
		all.Go(func() {
			s, err := db.CreateSession(ctx, Session{Name: "x", OwnerID: "anna", TenantID: "t1", Runtime: "fake", Request: json.RawMessage(`{"cpu":1000}`)})
			if err != nil {
				if !errors.Is(err, ErrQuota) {
					t.Error(err)
				}
				return
			}
			_, err = db.Wish(ctx, anna, s.ID, WantRunning, FromStart...)
			if err != nil && !errors.Is(err, ErrQuota) {
				t.Error(err)
			}
			mu.Lock()
			defer mu.Unlock()
			made++
			if err == nil {
				ran++
			}
		})
	}
	all.Wait()
	if made != 5 || ran != 2 {
		t.Errorf("%d sessions, %d run", made, ran)
	}
}

func TestQuotasOfWhatRuns(t *testing.T) {
	path := filepath.Join(t.TempDir(), "volundr.db")
	db := must(Open(path))(t)
	ctx := t.Context()
	people(t, db)
	db.Measure(wants)
	check(t, db.SetQuota(ctx, chief, "anna", Amounts{CPU: 3000, Memory: 8 << 30}))
	a, b, c := create(t, db, asking(`{"cpu":2000,"memory":4294967296}`)), create(t, db, asking(`{"cpu":1500}`)), create(t, db, asking(`{"memory":1}`))
	must(db.Wish(ctx, anna, a.ID, WantRunning, FromStart...))(t)
	check(t, db.Close()) // a restart in the middle changes nothing
	db = must(Open(path))(t)
	t.Cleanup(func() { db.Close() })
	db.Measure(wants)
	_, err := db.Wish(ctx, anna, b.ID, WantRunning, FromStart...)
	refusedFor(t, err, "have 2 of the 3 cores that you may have, and this one wants 1.5: stop one")
	if s := must(db.SystemSession(ctx, b.ID))(t); s.State != Created || s.Want != WantNone {
		t.Errorf("the refused one: %s, wants %s", s.State, s.Want)
	}
	_, err = db.Wish(ctx, anna, c.ID, WantRunning, FromStart...)
	refusedFor(t, err, "this session names none: say how much it gets")
	if err := db.Room(ctx, anna, json.RawMessage(`{"cpu":1000,"memory":8589934592}`), time.Now()); !errors.Is(err, ErrQuota) || !strings.Contains(err.Error(), "4.0 GiB of the 8.0 GiB of memory") {
		t.Error(err)
	}
	check(t, db.Room(ctx, anna, json.RawMessage(`{"cpu":1000,"memory":4294967296}`), time.Now()))
	put(t, db, must(db.SystemSession(ctx, a.ID))(t), Running)
	must(db.Wish(ctx, anna, a.ID, WantStopped, FromStop...))(t)
	_, err = db.Wish(ctx, anna, b.ID, WantRunning, FromStart...)
	refusedFor(t, err, "2 of the 3 cores") // it is not down yet
	put(t, db, must(db.SystemSession(ctx, a.ID))(t), Stopped)
	must(db.Wish(ctx, anna, b.ID, WantRunning, FromStart...))(t)
	_, is, err := db.Quota(ctx, anna, "anna", time.Now())
	if err != nil || is.CPU != 1500 || is.Sessions != 3 {
		t.Errorf("%+v, %v", is, err)
	}
}

func TestAQuotaOfStorage(t *testing.T) {
	db := open(t)
	ctx := t.Context()
	people(t, db)
	check(t, db.SetQuota(ctx, chief, "anna", Amounts{Storage: 1 << 20}))
	create(t, db)
	must(db.w.ExecContext(ctx, `INSERT INTO blobs (digest, owner_id, tenant_id, size, stored, created_at) VALUES ('d', 'anna', 't1', 1, ?, 0)`, 3<<20))(t)
	_, err := db.CreateSession(ctx, Session{Name: "x", OwnerID: "anna", TenantID: "t1", Runtime: "fake"})
	refusedFor(t, err, "take 3 MiB of the 1 MiB that you may have: delete some")
}

func TestQuotasAreForAdminsToSet(t *testing.T) {
	db := open(t)
	ctx := t.Context()
	people(t, db)
	for who, p := range map[string]Principal{"anna": anna, AllUsers: anna, "other": chief, "nobody": chief} {
		if err := db.SetQuota(ctx, p, who, Amounts{Sessions: 1}); !errors.Is(err, ErrNotFound) {
			t.Errorf("%s sets that of %s: %v", p.UserID, who, err)
		}
	}
	if _, _, err := db.Quota(ctx, anna, "bert", time.Now()); !errors.Is(err, ErrNotFound) {
		t.Error(err)
	}
	check(t, db.SetQuota(ctx, chief, "bert", Amounts{Sessions: 1}))
	if deeds := must(db.Deeds(ctx, chief, DeedFilter{Act: ActQuota, Limit: 9}))(t); len(deeds) != 1 || !strings.Contains(string(deeds[0].Detail), `\"Sessions\":1`) {
		t.Errorf("%+v", deeds)
	}
	check(t, db.RemoveUser(ctx, chief, "bert"))
	var left int
	check(t, db.r.QueryRowContext(ctx, `SELECT count(*) FROM quotas`).Scan(&left))
	if left != 0 {
		t.Error("the quota of a removed user stays")
	}
}

// What is told of all users at once is what is told of each.
func TestQuotasOfAllAreThoseOfEach(t *testing.T) {
	db := open(t)
	ctx := t.Context()
	people(t, db)
	now := time.Now()
	s := create(t, db)
	create(t, db)
	create(t, db, func(s *Session) { s.OwnerID = "bert" })
	create(t, db, func(s *Session) { s.OwnerID, s.TenantID = "chief", "t2" })
	check(t, db.RecordUsage(ctx, Usage{SessionID: s.ID, Turn: "1", At: now, Provider: "cloud", Input: 7, Output: 5, CostMicros: 9}))
	check(t, db.RecordUsage(ctx, Usage{SessionID: s.ID, Turn: "2", At: now.AddDate(0, 0, -2), Provider: "cloud", Input: 100}))
	check(t, db.SetQuota(ctx, chief, EachUser, Amounts{Sessions: 4}))
	check(t, db.SetQuota(ctx, chief, "bert", Amounts{Tokens: 8}))
	check(t, db.SetQuota(ctx, chief, AllUsers, Amounts{Sessions: 40}))
	who := []string{"anna", "bert", "chief"}
	all := must(db.Quotas(ctx, chief, who, now))(t)
	for _, id := range append(who, EachUser, AllUsers) {
		limit, is, err := db.Quota(ctx, chief, id, now)
		check(t, err)
		if want := (Quota{limit, is}); all[id] != want {
			t.Errorf("%s: %+v, want %+v", id, all[id], want)
		}
	}
	if a := all["anna"]; len(all) != 5 || a.Used != (Amounts{Sessions: 2, Tokens: 12, CostMicros: 9}) || a.Limit.Sessions != 4 || all[AllUsers].Used.Sessions != 3 {
		t.Errorf("%+v", all)
	}
	if _, err := db.Quotas(ctx, anna, who, now); !errors.Is(err, ErrNotFound) {
		t.Errorf("who is no admin: %v", err)
	}
}

// What was used today is asked for by every page, and with a quota before every
// request to a model: it is found however much was used before, of a user and of all,
// those among them who were removed.
func TestWhatIsUsedTodayIsFoundByTheIndex(t *testing.T) {
	db := open(t)
	people(t, db)
	now := time.Now()
	for i, owner := range []string{"anna", "bert", "bert", "was-here", "zoe"} {
		s := create(t, db, func(s *Session) { s.OwnerID = owner })
		check(t, db.RecordUsage(t.Context(), Usage{SessionID: s.ID, Turn: "1", At: now, Provider: "cloud", Input: 1 << i, CostMicros: 1}))
		check(t, db.RecordUsage(t.Context(), Usage{SessionID: s.ID, Turn: "2", At: now.AddDate(0, 0, -1), Provider: "cloud", Input: 1 << 10}))
	}
	other := create(t, db, func(s *Session) { s.OwnerID, s.TenantID = "chief", "t2" })
	check(t, db.RecordUsage(t.Context(), Usage{SessionID: other.ID, Turn: "1", At: now, Provider: "cloud", Input: 1 << 11}))
	for who, want := range map[string]int64{"anna": 1, "bert": 6, "was-here": 8, "nobody": 0, AllUsers: 31, WholeTenant: 31} {
		is, err := usedToday(t.Context(), db.r, "t1", who, now)
		all, allErr := inUse(t.Context(), db.r, "t1", who, "", now)
		if err != nil || allErr != nil || is.Tokens != want || all.Tokens != want || all.CostMicros != is.CostMicros {
			t.Errorf("%s: %+v, %+v, %v, %v", who, is, all, err, allErr)
		}
	}
	for p, want := range map[Principal]int64{chief: 31, anna: 1, {TenantID: "t1"}: 0, {TenantID: "t3", Admin: true}: 0} {
		if st := must(db.Stats(t.Context(), p, now))(t); st.TokensToday != want {
			t.Errorf("%+v: %+v", p, st)
		}
	}
	for _, whole := range []bool{true, false} {
		plan := planOf(t, db, `SELECT sum(input) FROM usage WHERE at >= ?3 AND at < ?4 AND`+spent(whole), "t1", "", 1, 2)
		if !strings.Contains(plan, "usage_by_day (tenant_id=? AND owner_id=? AND at>? AND at<?)") || strings.Contains(plan, "SCAN usage") {
			t.Errorf("the plan is\n%s", plan)
		}
	}
}
