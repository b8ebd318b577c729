package api

import (
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"volundr/daemon/auth"
	"volundr/store"
	"volundr/ui/client"
)

// What is exported can be verified by anybody who knows how a hash is made.
func TestAnExportVerifiesElsewhere(t *testing.T) {
	w := newWorld(t)
	w.person("ann", "default", store.RoleDeveloper)
	status, head, body := w.ask("GET", Prefix+"/audit/export", "", w.browserOf(auth.Local))
	if status != 200 || head.Get("Content-Type") != "application/x-ndjson" {
		t.Fatalf("%d %v", status, head)
	}
	last, n := "", 0
	for line := range strings.Lines(body) {
		var d client.ChainedDeed
		if err := json.Unmarshal([]byte(line), &d); err != nil {
			t.Fatal(err)
		}
		sum := sha256.New()
		for _, f := range []string{fmt.Sprint(d.N), fmt.Sprint(d.At.UnixMilli()), d.TenantID, d.UserID, d.User, d.By, d.Act, d.Subject, string(d.Detail), d.Previous} {
			fmt.Fprintf(sum, "%d:%s,", len(f), f)
		}
		if n++; d.N != int64(n) || d.Previous != last || d.Hash != fmt.Sprintf("%x", sum.Sum(nil)) {
			t.Errorf("%s", line)
		}
		last = d.Hash
	}
	if n < 3 { // a user, and two browsers
		t.Errorf("%d records", n)
	}
	chain, err := w.client.VerifyAudit(t.Context(), last)
	if err != nil || chain.Broken != "" || chain.Records < int64(n) {
		t.Errorf("%+v, %v", chain, err)
	}
}

// Each tenant's admin sees what was done in theirs; the page shows hostile words
// as words.
func TestThePageOfTheAudit(t *testing.T) {
	w := newWorld(t)
	admin := w.browserOf(auth.Local)
	w.person("mallory", "default", store.RoleDeveloper)
	other := w.person("olga", "others", store.RoleAdmin)
	if err := w.db.Audit(t.Context(), store.Principal{UserID: "mallory", TenantID: "default", Name: "mallory"}, store.ActPush, "s", map[string]string{"refs": "<b>x</b>"}); err != nil {
		t.Fatal(err)
	}
	status, _, body := w.ask("GET", "/audit?act=push", "", admin)
	if status != 200 || !strings.Contains(body, "&lt;b&gt;x&lt;/b&gt;") || strings.Contains(body, "<b>x") || strings.Contains(body, "user.added</strong>") {
		t.Errorf("%d %s", status, body)
	}
	if status, _, body = w.ask("GET", "/audit?verify=1&kept=abc", "", admin); status != 200 || !strings.Contains(body, "The hash that was kept is not among them") {
		t.Errorf("%d %s", status, body)
	}
	status, _, body = w.ask("GET", "/audit?verify=1", "", other.present)
	if status != http.StatusOK || strings.Contains(body, "mallory") || strings.Contains(body, "are as they were written") || strings.Contains(body, "Export all") {
		t.Errorf("another tenant's admin: %d %s", status, body)
	}

	// Who runs the installation chooses the tenant; others have no choice.
	if err := w.db.Audit(t.Context(), store.Principal{UserID: other.p.UserID, TenantID: other.p.TenantID, Name: "olga"}, store.ActPush, "s", map[string]string{"refs": "theirs"}); err != nil {
		t.Fatal(err)
	}
	_, _, body = w.ask("GET", "/audit", "", admin)
	if !strings.Contains(body, `href="/audit?tenant=`+other.p.TenantID+`"`) || strings.Contains(body, "theirs") {
		t.Errorf("the first tenant's page: %t %s", strings.Contains(body, "theirs"), tagless(body))
	}
	status, _, body = w.ask("GET", "/audit?tenant="+other.p.TenantID+"&act=push", "", admin)
	if status != 200 || !strings.Contains(body, "theirs") || strings.Contains(body, "&lt;b&gt;x") || !strings.Contains(body, `name="tenant" value="`+other.p.TenantID) {
		t.Errorf("the other tenant's page: %d %s", status, tagless(body))
	}
	if status, _, body = w.ask("GET", "/audit", "", other.present); strings.Contains(body, "?tenant=") {
		t.Errorf("another tenant's admin may choose: %d %s", status, body)
	}
	if status, _, _ = w.ask("GET", "/audit?tenant=default", "", other.present); status != http.StatusNotFound {
		t.Errorf("another tenant's admin looks at the first: %d", status)
	}
}
