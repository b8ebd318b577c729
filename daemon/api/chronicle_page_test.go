package api

import (
	"context"
	"encoding/json"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"volundr/daemon/auth"
	"volundr/store"
)

// A chronicle is read, edited and exported in the browser, also without script.
func TestAChronicleInTheBrowser(t *testing.T) {
	w := newWorld(t)
	s := w.session("fix-login")
	ctx := context.Background()
	check := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	check(w.db.OpenChronicle(ctx, store.Chronicle{ID: "c1", SessionID: s.ID, Run: 1, OwnerID: s.OwnerID, TenantID: s.TenantID, Name: s.Name, Project: "app"}))
	check(w.db.AppendTimeline(ctx, s.ID, 1,
		store.TimelineEvent{Run: 1, Key: "a", At: time.Now(), Type: "message", Label: "Mend the <b>login</b>", Text: "Mend the <b>login</b>\nplease", Data: json.RawMessage(`{"kind":"prompt","who":"user"}`)},
		store.TimelineEvent{Run: 1, Key: "b", At: time.Now(), Type: "terminal", Label: "go test ./...", Text: "go test ./...", Data: json.RawMessage(`{"exit":1}`)}))

	for path, want := range map[string]string{
		"/chronicles":                                "fix-login",
		"/chronicles?project=other":                  "No chronicle is like that",
		"/chronicles?q=login":                        "<mark>login</mark>",
		"/chronicles?q=nosuchword":                   "Nothing was found",
		"/chronicles?q=login&project=app":            "<mark>login</mark>",
		"/chronicles?q=login&project=other":          "Nothing was found",
		"/chronicles/c1":                             "Mend the &lt;b&gt;login&lt;/b&gt;",
		"/chronicles/c1?kind=terminal":               "go test ./...",
		"/chronicles/c1?at=1":                        "From the beginning",
		"/chronicles/c1?at=99999999999999":           "Nothing of this kind happened.",
		"/chronicles/c1?edit=1":                      `name="key_changes"`,
		"/sessions/" + s.ID + "/timeline":            "go test ./...",
		"/sessions/" + s.ID + "/events?kind=message": "Mend the",
	} {
		if code, body := w.get(path); code != http.StatusOK || !strings.Contains(body, want) {
			t.Errorf("%s: %d without %q:\n%.600s", path, code, want, body)
		}
	}
	if _, body := w.get("/chronicles/c1?kind=terminal"); strings.Contains(body, "Mend the") {
		t.Error("a kind that was not asked for is shown")
	}
	if code, _ := w.get("/chronicles/none"); code != http.StatusNotFound {
		t.Errorf("an unknown chronicle: %d", code)
	}

	form := func(r *http.Request) { r.Header.Set("Content-Type", "application/x-www-form-urlencoded") }
	w.ask("POST", "/chronicles/c1", url.Values{"summary": {"The login works."}, "key_changes": {"one\r\n\r\ntwo\r\n"}, "unfinished_work": {""}, "tags": {"auth, , urgent"}}.Encode(), form)
	c, err := w.db.Chronicle(ctx, auth.Local, "c1")
	if err != nil || c.Summary != "The login works." || len(c.KeyChanges) != 2 || strings.Join(c.Tags, "+") != "auth+urgent" || c.Author != store.AuthorPerson {
		t.Errorf("%+v %v", c, err)
	}
	code, body := w.get("/chronicles/c1/export?format=md")
	if code != http.StatusOK || !strings.Contains(body, "The login works.") || !strings.Contains(body, "> please") || !strings.Contains(body, "`go test ./...` (exit 1)") {
		t.Errorf("%d %s", code, body)
	}
	if code, body := w.get("/chronicles/c1/export?format=json"); code != http.StatusOK || !json.Valid([]byte(body)) {
		t.Errorf("%d %s", code, body)
	}
	if code, _ := w.get("/chronicles/c1/export?format=exe"); code != http.StatusUnprocessableEntity {
		t.Errorf("an unknown format: %d", code)
	}
}
