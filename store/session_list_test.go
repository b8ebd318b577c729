package store

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func cloning(repo, agent string) func(*Session) {
	return func(s *Session) {
		s.Request = json.RawMessage(fmt.Sprintf(`{"agent":%q,"model":"Opus","source":{"type":"git","repo":%q,"branch":"fix/ä"}}`, agent, repo))
	}
}

func called(name string) func(*Session) { return func(s *Session) { s.Name = name } }

func named(sessions []Session) (names []string) {
	for _, s := range sessions {
		names = append(names, s.Name)
	}
	return names
}

func TestSessionsAreFoundByWhatIsSeenOfThem(t *testing.T) {
	db := open(t)
	people(t, db)
	create(t, db, called("one"), cloning("https://git.io/acme/billing", "claude"), func(s *Session) {
		s.Request = json.RawMessage(strings.Replace(string(s.Request), `"branch"`, `"additional_repos":[{"repo":"https://git.io/acme/Docs"},{"repo":"x"}],"branch"`, 1))
	})
	put(t, db, create(t, db, called("two"), cloning("https://git.io/acme/billing", "codex")), Stopped)
	three := create(t, db, called("three"), func(s *Session) {
		s.Request = json.RawMessage(`{"agent":"claude","source":{"type":"local_mount","paths":[{"host_path":"/home/anna/Web"}]}}`)
	})
	put(t, db, three, Running)
	check(t, db.SetActivity(t.Context(), three.ID, "waiting", "?"))
	put(t, db, create(t, db, called("four"), cloning("", "codex")), Archived)
	lent := create(t, db, called("lent"), cloning("https://git.io/acme/billing", "codex"), func(s *Session) { s.OwnerID = "bert" })
	must(db.ShareSession(t.Context(), bert, lent.ID, "anna"))(t)
	create(t, db, called("secret"), cloning("https://git.io/acme/billing", "codex"), func(s *Session) { s.OwnerID = "bert" })

	guest := anna
	guest.Guest = true
	for _, p := range []Principal{anna, guest, chief, other} {
		all := must(db.Sessions(t.Context(), p, SessionFilter{IncludeArchived: true}))(t)
		names := must(db.SessionNames(t.Context(), p))(t)
		if len(names) != len(all) || slices.ContainsFunc(all, func(s Session) bool { return !names[s.Name] }) {
			t.Errorf("names that %v sees: %v of %v", p, names, named(all))
		}
	}
	for _, c := range []struct {
		p    Principal
		f    SessionFilter
		want []string
	}{
		{anna, SessionFilter{}, []string{"three", "two", "one"}},
		{guest, SessionFilter{}, []string{"lent", "three", "two", "one"}},
		{chief, SessionFilter{}, []string{"secret", "lent", "three", "two", "one"}},
		{other, SessionFilter{}, nil},
		{guest, SessionFilter{Agent: "codex"}, []string{"lent", "two"}},
		{guest, SessionFilter{Agent: "codex", IncludeArchived: true}, []string{"lent", "four", "two"}},
		{guest, SessionFilter{Text: "ACME"}, []string{"lent", "two", "one"}},
		{guest, SessionFilter{Text: "acme/docs, x fix"}, []string{"one"}},
		{guest, SessionFilter{Text: "opus"}, []string{"lent", "two", "one"}},
		{guest, SessionFilter{Text: "/home/anna/web"}, []string{"three"}},
		{guest, SessionFilter{Text: "fix/ä"}, []string{"lent", "two", "one"}},
		{guest, SessionFilter{Text: three.ID[:9]}, []string{"three"}},
		{guest, SessionFilter{Text: "%"}, nil},
		{guest, SessionFilter{Text: "codex", TextAgents: []string{"codex"}}, []string{"lent", "two"}},
		{guest, SessionFilter{Text: "stop", TextLooks: []Look{LookOf(Stopped, "")}}, []string{"two"}},
		{guest, SessionFilter{Looks: []Look{LookOf(Running, "waiting"), LookOf(Created, "")}}, []string{"lent", "three", "one"}},
		{guest, SessionFilter{Looks: []Look{}}, nil},
		{guest, SessionFilter{Looks: []Look{Unseen}, Unseen: []string{"fake"}}, []string{"three"}},
		{guest, SessionFilter{Looks: []Look{LookOf(Running, "waiting")}, Unseen: []string{"fake"}}, nil},
		{guest, SessionFilter{States: []State{Running, Archived}}, []string{"four", "three"}},
		{guest, SessionFilter{Limit: 2}, []string{"lent", "three"}},
		{guest, SessionFilter{Agent: "claude", Limit: 1}, []string{"three"}},
	} {
		got := must(db.Sessions(t.Context(), c.p, c.f))(t)
		if diff := cmp.Diff(c.want, named(got)); diff != "" {
			t.Errorf("%s %+v: %s", c.p.UserID, c.f, diff)
		}
		if c.f.Limit > 0 {
			continue
		}
		n := 0
		for _, count := range must(db.CountSessions(t.Context(), c.p, c.f))(t) {
			n += count.N
		}
		if n != len(got) {
			t.Errorf("%s %+v: %d are counted, %d are listed", c.p.UserID, c.f, n, len(got))
		}
	}
	want := []SessionCount{{"", "codex", true, 1}, {"/home/anna/Web", "claude", false, 1},
		{"https://git.io/acme/billing", "claude", false, 1}, {"https://git.io/acme/billing", "codex", false, 2}}
	if diff := cmp.Diff(want, must(db.CountSessions(t.Context(), guest, SessionFilter{IncludeArchived: true}))(t)); diff != "" {
		t.Error(diff)
	}

	// What is changed is found by its new words.
	name := "renamed"
	must(db.PatchSession(t.Context(), anna, three.ID, SessionPatch{Name: &name, Request: json.RawMessage(`{"agent":"acp","source":{"type":"git"}}`)}))(t)
	if got := named(must(db.Sessions(t.Context(), anna, SessionFilter{Text: "Renamed", Agent: "acp"}))(t)); len(got) != 1 {
		t.Errorf("after a change: %v", got)
	}
	if got := must(db.Sessions(t.Context(), anna, SessionFilter{Text: "three"}))(t); len(got) > 0 {
		t.Errorf("the old name is found: %v", named(got))
	}
}

// Read by pages, each session is there once, those of one moment too, and that
// where one left off was deleted, or new ones came, changes nothing.
func TestPagesOfSessionsLeaveNoneOut(t *testing.T) {
	db := open(t)
	people(t, db)
	guest := anna
	guest.Guest = true
	at := moment(1_700_000_000_000)
	var want []string
	for i := range 23 {
		s := create(t, db, called(fmt.Sprint("s", i)), func(s *Session) {
			s.CreatedAt = at.Add(time.Duration(i/4) * time.Millisecond)
			if i%3 == 0 {
				s.OwnerID = "bert"
			}
		})
		if i%3 == 0 {
			must(db.ShareSession(t.Context(), bert, s.ID, "anna"))(t)
		}
		want = append(want, s.Name)
	}
	slices.Reverse(want)
	for _, f := range []SessionFilter{{Limit: 5}, {Limit: 5, Agent: "claude"}} {
		var got []Session
		for page := f; ; {
			some := must(db.Sessions(t.Context(), guest, page))(t)
			got = append(got, some...)
			if len(some) < f.Limit {
				break
			}
			last, err := ParsePlace(PlaceOf(some[len(some)-1]).String())
			check(t, err)
			page.Before = &last
			until := f
			until.Limit, until.Until = 0, &last
			if diff := cmp.Diff(named(got), named(must(db.Sessions(t.Context(), guest, until))(t))); diff != "" {
				t.Errorf("until %s: %s", last, diff)
			}
		}
		if diff := cmp.Diff(want, named(got)); diff != "" {
			t.Errorf("%+v: %s", f, diff)
		}
	}
	gone := Place{at.Add(2 * time.Millisecond), "gone"}
	rest := named(must(db.Sessions(t.Context(), guest, SessionFilter{Before: &gone}))(t))
	if i := slices.Index(want, rest[0]); i > 23-9 {
		t.Errorf("behind one that is gone %s is the first: some are left out", rest[0])
	}
	for _, odd := range []string{"", "x", "12", "12.", "x.y"} {
		if _, err := ParsePlace(odd); err == nil {
			t.Errorf("%q is taken for a place", odd)
		}
	}
}

// Whatever becomes of sessions, what is counted beside them is what they are.
func TestWhatIsCountedIsWhatIsThere(t *testing.T) {
	db := open(t)
	people(t, db)
	random := rand.New(rand.NewPCG(1, 2))
	states := []State{Created, Running, Stopped, Failed, Archived}
	owners := []string{"anna", "bert"}
	ids := []string{}
	for range 300 {
		id := ""
		if len(ids) > 0 {
			id = ids[random.IntN(len(ids))]
		}
		switch n := random.IntN(6); {
		case n < 2 || id == "":
			s := create(t, db, cloning(fmt.Sprint("r", random.IntN(3)), []string{"claude", "codex"}[random.IntN(2)]), func(s *Session) {
				s.OwnerID = owners[random.IntN(2)]
				if random.IntN(9) == 0 {
					s.Kind = KindSandbox
				}
			})
			ids = append(ids, s.ID)
		case n == 2:
			must(db.w.ExecContext(t.Context(), `UPDATE sessions SET state = ?, activity = ? WHERE id = ?`, states[random.IntN(5)], []string{"", "idle"}[random.IntN(2)], id))(t)
		case n == 3:
			must(db.w.ExecContext(t.Context(), `UPDATE sessions SET request = json_object('agent', ?) WHERE id = ?`, fmt.Sprint(random.IntN(2)), id))(t)
		case n == 4:
			must(db.w.ExecContext(t.Context(), `UPDATE sessions SET owner_id = ?, runtime = ? WHERE id = ?`, owners[random.IntN(2)], fmt.Sprint(random.IntN(2)), id))(t)
		default:
			must(db.w.ExecContext(t.Context(), `DELETE FROM sessions WHERE id = ?`, id))(t)
			ids = slices.DeleteFunc(ids, func(one string) bool { return one == id })
		}
	}
	var counted, there string
	check(t, db.r.QueryRowContext(t.Context(), `SELECT json_group_array(line ORDER BY line) FROM (SELECT json_array(tenant_id, owner_id, repo, agent, runtime, state, activity, n) AS line FROM session_counts)`).Scan(&counted))
	check(t, db.r.QueryRowContext(t.Context(), `SELECT json_group_array(line ORDER BY line) FROM (SELECT json_array(tenant_id, owner_id, repo, agent, runtime, state, activity, count(*)) AS line
		FROM sessions WHERE kind = 'session' GROUP BY tenant_id, owner_id, repo, agent, runtime, state, activity)`).Scan(&there))
	if len(ids) < 20 || counted != there {
		t.Errorf("of %d sessions\n%s\nis counted, and\n%s\nis there", len(ids), counted, there)
	}
}

// The rows themselves are read only when they are shown.
func TestListsOfSessionsAreReadByIndexes(t *testing.T) {
	db := open(t)
	guest := anna
	guest.Guest = true
	place := &Place{moment(1), "x"}
	for name, c := range map[string]struct {
		p     Principal
		f     SessionFilter
		count bool
		want  []string
		never string
	}{
		"page":               {p: chief, f: SessionFilter{Limit: 9}, want: []string{"USING INDEX sessions_by_tenant (tenant_id=? AND kind=?"}, never: "FOR ORDER BY"},
		"page of one's own":  {p: anna, f: SessionFilter{Limit: 9}, want: []string{"USING INDEX sessions_by_owner (tenant_id=? AND owner_id=? AND kind=?"}, never: "FOR ORDER BY"},
		"next page":          {p: anna, f: SessionFilter{Limit: 9, Before: place}, want: []string{"sessions_by_owner (tenant_id=? AND owner_id=? AND kind=? AND created_at<?"}},
		"page with shares":   {p: guest, f: SessionFilter{Limit: 9}, want: []string{"USING COVERING INDEX sessions_by_owner (tenant_id=? AND owner_id=? AND kind=?", "USING INDEX sqlite_autoindex_sessions_1 (id=?)"}, never: "sessions_by_tenant"},
		"alive":              {p: chief, f: SessionFilter{States: []State{Running, Starting}}, want: []string{"sessions_by_state (tenant_id=? AND kind=? AND state=?"}},
		"one's own failures": {p: anna, f: SessionFilter{States: []State{Failed}}, want: []string{"sessions_by_state (tenant_id=? AND kind=? AND state=?"}},
		"search":             {p: anna, f: SessionFilter{Text: "x", Limit: 9}, want: []string{"USING COVERING INDEX sessions_words (tenant_id=? AND kind=? AND owner_id=?"}},
		"filter":             {p: chief, f: SessionFilter{Agent: "x", Limit: 9}, want: []string{"USING COVERING INDEX sessions_words (tenant_id=? AND kind=?"}},
		"counts":             {p: guest, count: true, want: []string{"SEARCH session_counts USING PRIMARY KEY (tenant_id=? AND owner_id=?)"}, never: "sessions_by_tenant"},
		"counts of a search": {p: chief, f: SessionFilter{Text: "x"}, count: true, want: []string{"USING COVERING INDEX sessions_words (tenant_id=? AND kind=?"}},
	} {
		t.Run(name, func(t *testing.T) {
			query, args := sessionsQuery(c.p, c.f)
			if c.count {
				query, args = countQuery(c.p, c.f)
			}
			plan := planOf(t, db, query, args...)
			for _, want := range c.want {
				if !strings.Contains(plan, want) {
					t.Errorf("the plan lacks %s:\n%s", want, plan)
				}
			}
			if c.never != "" && strings.Contains(plan, c.never) || strings.Contains(plan, "SCAN sessions") {
				t.Errorf("the plan is\n%s", plan)
			}
		})
	}
}
