package api

import (
	"net/http"
	"net/url"
	"strings"
	"testing"

	"volundr/store"
)

// What pages post works without a script: the answer leads back to a page, and
// what is wrong is a page too. A script gets an empty answer, or JSON.
func TestFormsWorkWithoutAScript(t *testing.T) {
	w := newWorld(t)
	s := w.session("form")
	person := func(r *http.Request) {
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		r.Header.Set("Sec-Fetch-Mode", "navigate")
		r.Header.Set("Accept", "text/html,*/*;q=0.8")
	}
	oldBrowser := func(r *http.Request) { person(r); r.Header.Del("Sec-Fetch-Mode") }
	script := func(r *http.Request) {
		person(r)
		r.Header.Set("Sec-Fetch-Mode", "cors")
		r.Header.Set("Accept", "application/json")
	}
	for _, c := range []struct {
		path, form string
		status     int
		to         string
	}{
		{"/sessions/new", url.Values{"name": {"made"}, "source": {"empty"}, "agent": {"claude"}}.Encode(), 303, "/sessions/"},
		{"/sessions/" + s.ID + "/prompt", "text=hello", 303, "/sessions/" + s.ID + "/chat"},
		{"/sessions/" + s.ID + "/prompt", "text=", 422, ""},
		{"/sessions/" + s.ID + "/stop", "", 303, "/sessions/" + s.ID},
		{"/sessions/" + s.ID + "/stop", "", 409, ""},
		{"/sessions/" + s.ID + "/delete", "", 303, "/"},
		{"/image/build", "", 303, "/"},
		{"/found/nothing/adopt", "", 404, ""},
		{"/found/nothing/delete", "", 404, ""},
	} {
		status, head, body := w.ask("POST", c.path, c.form, person)
		if status != c.status || !strings.HasPrefix(head.Get("Location"), c.to) {
			t.Errorf("%s %s: %d to %q, want %d to %q: %.200s", c.path, c.form, status, head.Get("Location"), c.status, c.to, body)
		}
		if status >= 400 && !strings.HasPrefix(head.Get("Content-Type"), "text/html") {
			t.Errorf("%s: what is wrong is told as %s", c.path, head.Get("Content-Type"))
		}
	}
	other := w.session("other")
	if status, head, _ := w.ask("POST", "/sessions/"+other.ID+"/prompt", "text=hi", oldBrowser); status != 303 || head.Get("Location") == "" {
		t.Errorf("an old browser: %d", status)
	}
	if status, _, body := w.ask("POST", "/sessions/"+other.ID+"/stop", "", script); status != 204 || body != "" {
		t.Errorf("a script: %d %s", status, body)
	}
	if status, _, body := w.ask("POST", "/sessions/"+other.ID+"/stop", "", script); status != 409 || detail(body) == "" {
		t.Errorf("a script's error: %d %s", status, body)
	}
	row, err := w.db.SystemSession(t.Context(), other.ID)
	if err != nil || row.Want != store.WantStopped {
		t.Errorf("%+v, %v", row, err)
	}
}
