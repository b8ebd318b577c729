package vault

import (
	"context"
	"errors"
	"strings"
	"testing"

	"volundr/store"
)

var chief = store.Principal{UserID: "chief", TenantID: "t1", Admin: true}

// Sharing seals the value for everybody: it opens for the tenant and for nobody
// else, and is redacted from what they do.
func TestASharedValueOpensForTheTenantAlone(t *testing.T) {
	p := newPlace(t)
	v := p.vault(&ring{err: errNoRing})
	put(t, v, chief, "npm", APIKey, Values{"api_key": canary})
	if k, err := v.Share(t.Context(), chief, "npm", false); err != nil || !k.Shared || k.Laid || k.Withheld() == "" {
		t.Fatalf("%+v %v", k, err)
	}
	for _, who := range []store.Principal{anna, bert, chief} {
		if got := get(t, v, who, "npm"); got["api_key"] != canary {
			t.Errorf("%s: %v", who.UserID, got)
		}
	}
	if _, _, err := v.Get(t.Context(), store.Principal{UserID: "anna", TenantID: "t2"}, "npm"); !errors.Is(err, store.ErrNotFound) {
		t.Errorf("another tenant: %v", err)
	}
	put(t, v, anna, "npm", APIKey, Values{"api_key": "anna-key"})
	if got := get(t, v, anna, "npm"); got["api_key"] != "anna-key" {
		t.Errorf("one's own does not go first: %v", got)
	}
	if got := p.vault(&ring{err: errNoRing}).Redact(bert)("it is " + canary); strings.Contains(got, canary) { // after a restart
		t.Error(got)
	}
	if k, err := v.Share(t.Context(), chief, "npm", true); err != nil || k.Withheld() != "" {
		t.Errorf("%+v %v", k, err)
	}
	if _, err := v.Unshare(t.Context(), bert, "npm"); !errors.Is(err, store.ErrNotFound) {
		t.Errorf("who is no admin: %v", err)
	}
	if k, err := v.Unshare(t.Context(), chief, "npm"); err != nil || k.Shared || get(t, v, chief, "npm")["api_key"] != canary {
		t.Errorf("%+v %v", k, err)
	}
	if _, _, err := v.Get(t.Context(), bert, "npm"); !errors.Is(err, store.ErrNotFound) {
		t.Errorf("unshared: %v", err)
	}
}

// A model is asked with one's own key, then with the shared one, then with that
// of the daemon's environment where that serves one; and with none else.
func TestWhoseKeyAModelIsAskedWith(t *testing.T) {
	u := newUpstream(t, fine)
	p := newPlace(t)
	served := true
	v := p.vault(&ring{err: errNoRing}, towards(u, bothKeys), func(o *Options) {
		o.Environment = func(_ context.Context, who store.Principal) (bool, error) { return served && who.UserID == "anna", nil }
	})
	base := serve(t, p.session(t), v)
	asked := func() (status int, body, key string) {
		t.Helper()
		before := len(u.requests())
		status, body, _ = ask(t, "POST", base+"/models/anthropic/v1/messages", "{}")
		if all := u.requests(); len(all) > before {
			key = all[before].Header.Get("X-Api-Key")
		}
		return status, body, key
	}
	if status, body, key := asked(); status != 200 || key != canary {
		t.Errorf("%d %s %s", status, body, key)
	}
	served = false
	if status, body, key := asked(); status != 401 || key != "" || !strings.Contains(body, "The daemon's own ANTHROPIC_API_KEY is not for you") || !strings.Contains(body, "credentials share anthropic") {
		t.Errorf("%d %s %s", status, body, key)
	}
	put(t, v, chief, "anthropic", APIKey, Values{"api_key": "shared-key"})
	if _, err := v.Share(t.Context(), chief, "anthropic", false); err != nil {
		t.Fatal(err)
	}
	if status, body, key := asked(); status != 200 || key != "shared-key" {
		t.Errorf("%d %s %s", status, body, key)
	}
	put(t, v, anna, "anthropic", APIKey, Values{"api_key": "own-key"})
	if status, body, key := asked(); status != 200 || key != "own-key" {
		t.Errorf("%d %s %s", status, body, key)
	}
	if err := v.Delete(t.Context(), anna, "anthropic"); err != nil {
		t.Fatal(err)
	}
	if err := v.DeleteShared(t.Context(), chief, "anthropic"); err != nil {
		t.Fatal(err)
	}
	if status, _, key := asked(); status != 401 || key != "" { // at once, in a session that runs
		t.Errorf("%d %s", status, key)
	}
}
