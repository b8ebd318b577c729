package store

import (
	"fmt"
	"strings"
	"testing"
	"time"
)

// done audits a few deeds of anna's and gives the database.
func done(t *testing.T, n int) *DB {
	t.Helper()
	db := open(t)
	for i := range n {
		check(t, db.Audit(t.Context(), anna, ActPush, fmt.Sprint("session-", i), map[string]string{"branch": "b"}))
	}
	return db
}

func TestAnUntouchedAuditIsWhole(t *testing.T) {
	db := done(t, 2500) // more than are read at once
	if c := must(db.VerifyAudit(t.Context(), ""))(t); c.Broken != "" || c.Deeds != 2500 || len(c.Head) != 64 {
		t.Errorf("%+v", c)
	}
	if c := must(open(t).VerifyAudit(t.Context(), ""))(t); c.Broken != "" || c.Deeds != 0 {
		t.Errorf("of nothing: %+v", c)
	}
}

// Whatever somebody writes in the file, verify says where.
func TestATamperedAuditIsFound(t *testing.T) {
	set := func(what string) string { return `UPDATE audit SET ` + what + ` WHERE n = 3` }
	for name, c := range map[string]struct{ sql, want string }{
		"time":         {set(`at = at + 1`), "Record 3 was changed."},
		"tenant":       {set(`tenant_id = 't2'`), "Record 3 was changed."},
		"user":         {set(`user_id = 'bert'`), "Record 3 was changed."},
		"name":         {set(`user_name = 'bert'`), "Record 3 was changed."},
		"login":        {set(`by = 'token 1'`), "Record 3 was changed."},
		"act":          {set(`act = 'login'`), "Record 3 was changed."},
		"subject":      {set(`subject = 'x'`), "Record 3 was changed."},
		"moved border": {set(`act = act || substr(subject, 1, 1), subject = substr(subject, 2)`), "Record 3 was changed."},
		"detail":       {set(`detail = '{}'`), "Record 3 was changed."},
		"hash":         {set(`hash = previous`), "Record 3 was changed."},
		"link":         {set(`previous = ''`), "Record 3 does not follow the one before it"},
		"taken out":    {`DELETE FROM audit WHERE n = 3`, "Record 3 is missing: the next one is 4."},
		"the first":    {`DELETE FROM audit WHERE n = 1`, "Record 1 is missing"},
		"the last":     {`DELETE FROM audit WHERE n = 5`, "The records 5 to 5 are missing at the end."},
		"all":          {`DELETE FROM audit`, "The records 1 to 5 are missing at the end."},
		"closed up":    {`DELETE FROM audit WHERE n = 3; UPDATE audit SET n = n - 1 WHERE n > 3`, "Record 3 does not follow"},
		"put in": {`UPDATE audit SET n = n + 100 WHERE n > 3; INSERT INTO audit (n, at, tenant_id, user_id, user_name, by, act, subject, detail, previous, hash)
			SELECT 4, at, tenant_id, user_id, user_name, by, act, subject, detail, previous, hash FROM audit WHERE n = 3; UPDATE audit SET n = n - 99 WHERE n > 100`, "Record 4 does not follow"},
		"swapped": {`UPDATE audit SET n = -n WHERE n IN (2, 3); UPDATE audit SET n = 5 + n WHERE n < 0`, "Record 2 does not follow"},
	} {
		t.Run(name, func(t *testing.T) {
			db := done(t, 5)
			if _, err := db.w.ExecContext(t.Context(), c.sql); err == nil || !strings.Contains(err.Error(), "the audit is not") {
				t.Errorf("it can be done without more: %v", err)
			}
			must(db.w.ExecContext(t.Context(), `DROP TRIGGER audit_is_not_changed; DROP TRIGGER audit_is_not_shortened; `+c.sql))(t)
			if chain := must(db.VerifyAudit(t.Context(), ""))(t); !strings.HasPrefix(chain.Broken, c.want) {
				t.Errorf("%+v, want %s", chain, c.want)
			}
		})
	}
}

// Whoever has the file and the time makes a chain that holds in itself: only a
// head that stood elsewhere tells. Rows added at the end in this way are not
// found at all.
func TestAForgedAuditIsFoundByAKeptHead(t *testing.T) {
	for name, keep := range map[string]int64{"made anew": 2, "cut off": 4, "added": 5} {
		t.Run(name, func(t *testing.T) {
			db := done(t, 5)
			kept := must(db.VerifyAudit(t.Context(), ""))(t).Head
			if c := must(db.VerifyAudit(t.Context(), kept))(t); c.Broken != "" {
				t.Error(c.Broken)
			}
			must(db.w.ExecContext(t.Context(), `DROP TRIGGER audit_is_not_shortened; DELETE FROM audit WHERE n > ?`, keep))(t)
			must(db.w.ExecContext(t.Context(), `UPDATE sqlite_sequence SET seq = ? WHERE name = 'audit'`, keep))(t)
			if name != "cut off" {
				check(t, db.Audit(t.Context(), anna, ActPush, "forged", nil))
			}
			if c := must(db.VerifyAudit(t.Context(), ""))(t); c.Broken != "" {
				t.Errorf("without what was kept: %s", c.Broken)
			}
			if c := must(db.VerifyAudit(t.Context(), kept))(t); (c.Broken == "") != (name == "added") {
				t.Errorf("with what was kept: %+v", c)
			}
		})
	}
}

// A deed that is not written down is not done.
func TestWhatCannotBeNotedIsNotDone(t *testing.T) {
	db := open(t)
	people(t, db)
	s := create(t, db)
	must(db.w.ExecContext(t.Context(), `CREATE TRIGGER full BEFORE INSERT ON audit BEGIN SELECT raise(ABORT, 'no room'); END`))(t)
	for name, do := range map[string]func() error{
		"wish": func() error { _, err := db.Wish(t.Context(), anna, s.ID, WantGone); return err },
		"role": func() error { _, err := db.SetRole(t.Context(), chief, "bert", RoleViewer); return err },
		"user": func() error { return db.RemoveUser(t.Context(), chief, "bert") },
		"key": func() error {
			_, err := db.PutCredential(t.Context(), anna, Credential{Name: "k", Type: "api", Sealed: []byte("x")})
			return err
		},
		"reply": func() error { _, err := db.AppendAnswer(t.Context(), anna, s.ID, "turn", "yes", nil); return err },
	} {
		if err := do(); err == nil || !strings.Contains(err.Error(), "no room") {
			t.Errorf("%s: %v", name, err)
		}
	}
	if now := must(db.SystemSession(t.Context(), s.ID))(t); now.Want == WantGone {
		t.Error("the session goes")
	}
	if u := must(db.User(t.Context(), chief, "bert"))(t); u.Role != RoleDeveloper {
		t.Errorf("%+v", u)
	}
	var answers int
	check(t, db.r.QueryRowContext(t.Context(), `SELECT count(*) FROM entries`).Scan(&answers))
	if answers != 0 {
		t.Error("the answer was written down")
	}
}

// What the store itself does is noted in the same transaction.
func TestDeedsAreNoted(t *testing.T) {
	db := open(t)
	ctx, later := t.Context(), time.Now().Add(time.Hour)
	people(t, db)
	by := func(p Principal) Principal { p.Name, p.By = "Name of "+p.UserID, "browser 1"; return p }
	s := create(t, db)
	login := must(db.AddLogin(ctx, Login{Hash: "h", UserID: "anna", TenantID: "t1", ExpiresAt: later}))(t)
	check(t, db.DeleteLogin(ctx, by(anna), login.ID))
	k := must(db.AddToken(ctx, by(anna), Token{Name: "ci", Hash: "k", ExpiresAt: later}))(t)
	check(t, db.DeleteToken(ctx, by(chief), k.ID))
	must(db.PutCredential(ctx, by(anna), Credential{Name: "key", Type: "api", Sealed: []byte("secret")}))(t)
	check(t, db.AuditUse(ctx, s, "key", "key"))
	check(t, db.AuditUse(ctx, s, "key", "key")) // asked again in the same run
	check(t, db.DeleteCredential(ctx, by(anna), "key"))
	must(db.Wish(ctx, by(anna), s.ID, WantGone))(t)
	must(db.SetRole(ctx, by(chief), "bert", RoleViewer))(t)
	check(t, db.RemoveUser(ctx, by(chief), "bert"))
	want := []string{ActUserRemoved + " by chief", ActUserRole + " by chief", ActSessionDeleted + " by anna", ActCredentialDeleted + " by anna", ActCredentialUsed + " by anna",
		ActCredentialStored + " by anna", ActTokenRevoked + " by chief", ActTokenMade + " by anna", ActLoginEnded + " by anna", ActLogin + " by anna"}
	all := must(db.Deeds(ctx, chief, DeedFilter{Limit: len(want)}))(t)
	for i, d := range all {
		if got := d.Act + " by " + d.UserID; got != want[i] {
			t.Errorf("%d: %s, want %s", d.N, got, want[i])
		}
		if strings.Contains(string(d.Detail), "secret") {
			t.Errorf("%s", d.Detail)
		}
	}
	if c := must(db.VerifyAudit(ctx, ""))(t); c.Broken != "" {
		t.Error(c.Broken)
	}
	for p, n := range map[Principal]int{other: 1, bert: 0, {}: 0} { // its own admin was added there
		if got := must(db.Deeds(ctx, p, DeedFilter{Limit: 100}))(t); len(got) != n {
			t.Errorf("%s of %s sees %d deeds: %+v", p.UserID, p.TenantID, len(got), got)
		}
	}
	for f, n := range map[DeedFilter]int{{Act: ActTokenMade, Limit: 9}: 1, {User: "Name of chief", Limit: 9}: 3, {Before: all[2].N, Limit: 2}: 2} {
		if got := must(db.Deeds(ctx, chief, f))(t); len(got) != n {
			t.Errorf("%+v: %d deeds", f, len(got))
		}
	}
}
