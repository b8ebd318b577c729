package api

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"
	"time"

	"volundr/store"
	"volundr/ui/client"
)

// A person sees where they are logged in, and logs out what they do not know.
func TestOnesOwnBrowsers(t *testing.T) {
	w := newWorld(t)
	x := w.person("ann", "default", store.RoleViewer)
	other, err := w.db.AddLogin(t.Context(), store.Login{Hash: "other", UserID: x.p.UserID, TenantID: x.p.TenantID,
		Agent: "Mozilla/5.0 (Windows NT 10.0) Gecko/20100101 Firefox/128.0", ExpiresAt: time.Now().Add(time.Hour)})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := w.db.AddLogin(t.Context(), store.Login{Hash: "gone", UserID: x.p.UserID, TenantID: x.p.TenantID, Agent: "gone", ExpiresAt: time.Now().Add(-time.Second)}); err != nil {
		t.Fatal(err)
	}
	_, _, body := w.ask("GET", Prefix+"/logins", "", x.present)
	var all []client.Login
	if err := json.Unmarshal([]byte(body), &all); err != nil || len(all) != 2 {
		t.Fatalf("%v: %s", err, body)
	}
	for _, l := range all {
		if l.Current == (l.ID == other.ID) || l.Via != "link" {
			t.Errorf("%+v", l)
		}
	}
	if _, _, page := w.ask("GET", "/logins", "", x.present); !strings.Contains(page, "Firefox on Windows") || !strings.Contains(page, "this one") {
		t.Error(page)
	}
	if status, _, page := w.ask("POST", "/logins/"+other.ID+"/delete", "", x.present); status != http.StatusOK || strings.Contains(page, "Firefox on Windows") {
		t.Errorf("%d %s", status, page)
	}
	if status, _, body := w.ask("DELETE", Prefix+"/logins/"+other.ID, "", x.present); status != http.StatusNotFound {
		t.Errorf("again: %d %s", status, body)
	}
	if _, err := w.db.LoginByHash(t.Context(), "other", time.Now()); err == nil {
		t.Error("the login is good still")
	}
}
