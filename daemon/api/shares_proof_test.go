package api

import (
	"encoding/json"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/coder/websocket"
	"github.com/coder/websocket/wsjson"
	"github.com/google/uuid"
	"github.com/labstack/echo/v4"

	"volundr/daemon/auth"
	"volundr/store"
	"volundr/ui/client"
)

// sharedWith is the proof's column of whom a session is shared with: on the
// routes that show it they find what its owner finds, or less; on every other it
// does not exist. When it is shared no more, it never did.
func (w *world) sharedWith(c cast, r *echo.Route) {
	for _, x := range []who{c.colleague, c.viewer} {
		if auth.Refused(store.Login{Role: x.role, TenantID: x.p.TenantID}, right(r)) != "" {
			continue
		}
		all := w.belongings(c.owner.p)
		if _, err := w.db.ShareSession(w.t.Context(), c.owner.p, all["session"], x.p.UserID); err != nil {
			w.t.Fatal(err)
		}
		switch {
		case !shown[r.Method+" "+r.Path]:
			w.hidden(x, r, all)
		case streams[r.Path]:
			w.overhears(w.t, x, r.Path, all["session"])
		case !strings.Contains(r.Path, ":"):
			if status, body := w.asks(x, r.Method, all.path(r.Method, r.Path)); status != http.StatusOK || strings.Contains(r.Path, "sessions") && !strings.Contains(body, all["session"]) {
				w.t.Errorf("%s, whom it is shared with, is told %d %s", x.name, status, body)
			}
		default:
			status, body := w.answer(x, r.Method, r.Path, all)
			missing, nothing := w.answer(x, r.Method, r.Path, nothing())
			if status == missing && body == nothing || status == 403 || status == 500 {
				w.t.Errorf("%s, whom it is shared with, is told %d %s", x.name, status, body)
			}
			if owners, _ := w.answer(c.owner, r.Method, r.Path, all); owners != status {
				w.t.Errorf("%s, whom it is shared with, is told %d, and its owner %d", x.name, status, owners)
			}
		}
		if _, err := w.db.UnshareSession(w.t.Context(), c.owner.p, all["session"], x.p.UserID); err != nil {
			w.t.Fatal(err)
		}
		if streams[r.Path] {
			continue // its own test
		}
		w.hidden(x, r, all)
		if !strings.Contains(r.Path, ":") {
			if _, body := w.asks(x, r.Method, all.path(r.Method, r.Path)); strings.Contains(body, all["session"]) {
				w.t.Errorf("%s is told of what is shared no more: %s", x.name, body)
			}
		}
	}
}

// hidden fails where somebody is told something else of what is another's than
// of what does not exist.
func (w *world) hidden(x who, r *echo.Route, all belongings) {
	w.t.Helper()
	if !strings.Contains(r.Path, ":") {
		return
	}
	status, body := w.answer(x, r.Method, r.Path, all)
	if missing, nothing := w.answer(x, r.Method, r.Path, nothing()); status != missing || body != nothing {
		w.t.Errorf("%s is told %d %s of what is shared to look at, and %d %s of what is not there", x.name, status, body, missing, nothing)
	}
}

// Rows of routes that show what is shared are of routes that only read.
func TestWhatIsSharedIsOnlyLookedAt(t *testing.T) {
	for row := range shown {
		if !strings.HasPrefix(row, "GET ") || rights[row] != auth.Read {
			t.Errorf("%s is not only for looking", row)
		}
	}
}

// What is being looked at ends with the share, in the middle: the chat, and the
// stream of events.
func TestAShareThatEndsCutsWhatIsOpen(t *testing.T) {
	w := newWorld(t)
	owner, friend := w.person("ann", "default", store.RoleDeveloper), w.person("ben", "default", store.RoleDeveloper)
	all := w.belongings(owner.p)
	path := Prefix + "/sessions/" + all["session"] + "/shares/ben"
	if status, body := w.asks(owner, "PUT", path); status != http.StatusOK || !strings.Contains(body, `"display_name":"ben"`) {
		t.Fatalf("%d %s", status, body)
	}
	head := http.Header{}
	req, err := http.NewRequest("GET", "http://x", nil)
	if err != nil {
		t.Fatal(err)
	}
	friend.present(req)
	for name := range req.Header {
		head.Set(name, req.Header.Get(name))
	}
	ws, _, err := websocket.Dial(t.Context(), w.auth.ProgramOrigin()+"/s/"+all["session"]+"/session",
		&websocket.DialOptions{HTTPHeader: head, Host: req.Host, Subprotocols: []string{client.ChatProtocol}})
	if err != nil {
		t.Fatal(err)
	}
	defer ws.CloseNow()
	if err := wsjson.Write(t.Context(), ws, client.ChatSend{Type: client.FrameHello}); err != nil {
		t.Fatal(err)
	}
	if err := wsjson.Write(t.Context(), ws, client.ChatSend{Type: client.FramePrompt, ID: uuid.NewString(), Blocks: []client.Block{{Type: "text", Text: "do it"}}}); err != nil {
		t.Fatal(err)
	}
	told := readUntil(t, ws, "shared with you to look at")
	if strings.Contains(told, "do it") {
		t.Errorf("it was sent: %s", told)
	}
	stream, err := http.NewRequestWithContext(t.Context(), "GET", w.auth.ProgramOrigin()+Prefix+"/sessions/stream?after=0", nil)
	if err != nil {
		t.Fatal(err)
	}
	friend.present(stream)
	res, err := http.DefaultClient.Do(stream)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()

	if status, body := w.asks(owner, "DELETE", path); status != http.StatusNoContent {
		t.Fatalf("%d %s", status, body)
	}
	stop := time.AfterFunc(time.Minute, func() { ws.CloseNow(); res.Body.Close() })
	defer stop.Stop()
	for {
		if _, _, err := ws.Read(t.Context()); err != nil {
			break
		}
	}
	piece := make([]byte, 4096)
	for {
		if _, err := res.Body.Read(piece); err != nil {
			break
		}
	}
	if !stop.Stop() {
		t.Error("something stayed open")
	}
	for _, again := range []string{"/s/" + all["session"] + "/entries", Prefix + "/sessions/" + all["session"]} {
		if status, _ := w.asks(friend, "GET", again); status != http.StatusNotFound {
			t.Errorf("%s: %d", again, status)
		}
	}
}

// readUntil reads frames until one holds a text, and gives all of them.
func readUntil(t *testing.T, ws *websocket.Conn, text string) string {
	t.Helper()
	stop := time.AfterFunc(time.Minute, func() { ws.CloseNow() })
	defer stop.Stop()
	var all strings.Builder
	for !strings.Contains(all.String(), text) {
		_, b, err := ws.Read(t.Context())
		if err != nil {
			t.Fatalf("never %q (%v): %s", text, err, all.String())
		}
		all.Write(b)
	}
	return all.String()
}

// The dialogue of a session's page.
func TestTheDialogueOfSharing(t *testing.T) {
	w := newWorld(t)
	owner := w.person("ann", "default", store.RoleDeveloper)
	friend := w.person("ben", "default", store.RoleViewer)
	w.person("eve", "elsewhere", store.RoleDeveloper)
	all := w.belongings(owner.p)
	base := "/sessions/" + all["session"]
	form := func(x who, act, user string) (int, string) {
		t.Helper()
		status, _, body := w.ask("POST", base+"/"+act, url.Values{"user": {user}}.Encode(), func(r *http.Request) {
			r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
			x.present(r)
		})
		return status, body
	}
	for user, want := range map[string]string{"eve": "User not found: eve", "nobody": "User not found: nobody", "ann": "own: name somebody else", "": "User not found"} {
		if status, body := form(owner, "share", user); status < 400 || !strings.Contains(body, want) {
			t.Errorf("%q: %d %s", user, status, body)
		}
	}
	if status, body := form(owner, "share", "ben"); status != http.StatusOK || !strings.Contains(body, "ben can look at it now.") {
		t.Errorf("%d %s", status, body)
	}
	status, body := w.asks(friend, "GET", base)
	if status != http.StatusOK || !strings.Contains(body, "shared with you") {
		t.Errorf("%d %s", status, body)
	}
	for _, gone := range []string{base + `/editor"`, base + `/terminal"`, base + `/preview"`, base + "/stop", base + "/delete", base + `/share"`} {
		if strings.Contains(body, gone) {
			t.Errorf("%s is on the page", gone)
		}
	}
	for _, tab := range []string{"editor", "terminal", "preview"} {
		if status, _ := w.asks(friend, "GET", base+"/"+tab); status != http.StatusNotFound {
			t.Errorf("%s: %d", tab, status)
		}
	}
	if status, body := form(owner, "unshare", friend.p.UserID); status != http.StatusOK || !strings.Contains(body, "ben cannot see it any more.") {
		t.Errorf("%d %s", status, body)
	}
	if status, body := form(owner, "unshare", friend.p.UserID); status != http.StatusNotFound || !strings.Contains(body, "not shared with") {
		t.Errorf("%d %s", status, body)
	}
	if status, _ := w.asks(friend, "GET", base); status != http.StatusNotFound {
		t.Errorf("%d", status)
	}
}

// A viewer sees a session of their own, and why nothing can be written there.
func TestAViewerIsToldWhyNothingCanBeWritten(t *testing.T) {
	w := newWorld(t)
	owner := w.person("ann", "default", store.RoleDeveloper)
	row, err := w.db.CreateSession(t.Context(), store.Session{Name: "own", OwnerID: owner.p.UserID, TenantID: owner.p.TenantID, Runtime: "fake",
		Want: store.WantRunning, Request: json.RawMessage(`{"agent":"claude","source":{"type":"git"}}`)})
	if err != nil {
		t.Fatal(err)
	}
	why, base := "your role or token looks only", "/sessions/"+row.ID
	if status, body := w.asks(owner, "GET", base); status != http.StatusOK || strings.Contains(body, why) || !strings.Contains(body, `id="composer">`) || !strings.Contains(body, base+"/stop") {
		t.Errorf("a developer: %d %s", status, body)
	}
	if _, err := w.db.SetRole(t.Context(), auth.Local, owner.p.UserID, store.RoleViewer); err != nil {
		t.Fatal(err)
	}
	status, body := w.asks(owner, "GET", base)
	if status != http.StatusOK || !strings.Contains(body, why) || !strings.Contains(body, `id="composer" hidden`) {
		t.Errorf("a viewer: %d %s", status, body)
	}
	for _, gone := range []string{base + `/editor"`, base + `/terminal"`, base + "/stop", base + "/delete", base + `/share"`} {
		if strings.Contains(body, gone) {
			t.Errorf("the page offers %s", gone)
		}
	}
}
