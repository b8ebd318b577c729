package store

import (
	"errors"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// A program beside the daemon adds to the chain while the daemon does.
func TestNotesBesideTheDaemon(t *testing.T) {
	path := filepath.Join(t.TempDir(), "volundr.db")
	db := must(Open(path))(t)
	defer db.Close()
	people(t, db)
	done := make(chan error, 1)
	go func() {
		for range 20 {
			if err := Note(t.Context(), path, chief, ActBackupMade, "all.backup", nil); err != nil {
				done <- err
				return
			}
		}
		done <- nil
	}()
	for range 20 {
		check(t, db.Audit(t.Context(), chief, ActShutdown, "", nil))
	}
	check(t, <-done)
	if n := len(must(db.Deeds(t.Context(), chief, DeedFilter{Act: ActBackupMade, Limit: 99}))(t)); n != 20 {
		t.Errorf("%d notes", n)
	}
	if c := must(db.VerifyAudit(t.Context(), ""))(t); c.Broken != "" {
		t.Error(c.Broken)
	}
	if err := Note(t.Context(), path+".not", chief, ActBackupMade, "x", nil); err == nil {
		t.Error("noted in a file that is not there")
	}
}

func TestARestoredDatabaseLetsNobodyIn(t *testing.T) {
	for _, keep := range []bool{false, true} {
		db := open(t)
		people(t, db)
		later := time.Now().Add(time.Hour)
		must(db.AddLogin(t.Context(), Login{Hash: "l1", UserID: "anna", TenantID: "t1", ExpiresAt: later}))(t)
		must(db.AddLogin(t.Context(), Login{Hash: "l2", UserID: "bert", TenantID: "t1", ExpiresAt: later}))(t)
		check(t, db.AddLoginLink(t.Context(), "link", anna, later))
		must(db.AddToken(t.Context(), anna, Token{Name: "ci", Hash: "t", ExpiresAt: later}))(t)
		logins, tokens, err := db.Reinstated(t.Context(), chief, "all.backup", time.Now(), keep)
		check(t, err)
		if d := cmp.Diff([]string{"ci of anna"}, tokens); d != "" || logins != 2 {
			t.Errorf("%d logins, %s", logins, d)
		}
		if _, err := db.LoginByHash(t.Context(), "l1", time.Now()); !errors.Is(err, ErrNotFound) {
			t.Errorf("a login is left: %v", err)
		}
		if _, err := db.UseLoginLink(t.Context(), "link", time.Now()); !errors.Is(err, ErrNotFound) {
			t.Errorf("a login link is left: %v", err)
		}
		if left := must(db.Tokens(t.Context(), anna))(t); (len(left) == 1) != keep {
			t.Errorf("tokens: %+v, keep %v", left, keep)
		}
		deeds := must(db.Deeds(t.Context(), chief, DeedFilter{Act: ActBackupRestored, Limit: 9}))(t)
		if len(deeds) != 1 || deeds[0].Subject != "all.backup" || !strings.Contains(string(deeds[0].Detail), `"logins_ended":"2"`) {
			t.Errorf("%+v", deeds)
		}
	}
}
