package api

import (
	"context"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/coder/websocket"
	"github.com/google/uuid"

	"volundr/daemon/auth"
	"volundr/store"
	"volundr/ui/client"
)

// The admin of one tenant manages its users and nobody else's: another tenant is,
// to the letter, what is not there, whether there is one or not.
func TestATenantsAdminManagesTheirOwn(t *testing.T) {
	w := newWorld(t)
	chief := w.person("eve", "elsewhere", store.RoleAdmin)
	w.person("bob", "elsewhere", store.RoleDeveloper)
	w.person("ann", "default", store.RoleDeveloper)
	if status, body := w.asks(chief, "GET", Prefix+"/users"); status != 200 || !strings.Contains(body, "bob") || strings.Contains(body, "ann") {
		t.Errorf("%d %s", status, body)
	}
	for _, what := range []string{"GET /users", "POST /users", "PUT /users/ann", "DELETE /users/ann", "POST /users/ann/login-links", "GET /users/ann/quota",
		"PUT /users/@all/quota", "GET /audit"} {
		method, path, _ := strings.Cut(what, " ")
		there, said := w.asks(chief, method, Prefix+path+"?tenant=default")
		not, unsaid := w.asks(chief, method, Prefix+path+"?tenant=nowhere")
		if there != 404 && there != 422 || there != not || strings.ReplaceAll(said, "default", "nowhere") != unsaid {
			t.Errorf("%s: %d %s, and of what is not there %d %s", what, there, said, not, unsaid)
		}
	}
	for _, what := range []string{"GET /tenants", "POST /tenants", "DELETE /tenants/default", "PUT /users/bob/tenant"} {
		method, path, _ := strings.Cut(what, " ")
		if status, body := w.asks(chief, method, Prefix+path); status != http.StatusForbidden {
			t.Errorf("%s: %d %s", what, status, body)
		}
	}
	limit := func(who string) int {
		status, _, _ := w.ask("PUT", Prefix+"/users/"+who+"/quota", `{"sessions":1}`, func(r *http.Request) {
			r.Header.Set("Content-Type", "application/json")
			chief.present(r)
		})
		return status
	}
	if all, whole := limit("@all"), limit("@tenant"); all != 200 || whole != http.StatusForbidden {
		t.Errorf("@all: %d, @tenant: %d", all, whole)
	}
	if q, _, err := w.db.Quota(t.Context(), auth.Local, store.AllUsers, time.Now()); err != nil || q != (store.Amounts{}) {
		t.Errorf("the others' quota: %+v, %v", q, err)
	}
}

// Where the machine keeps its token is told to whoever runs it, and to nobody else.
func TestTheMachinesFilesAreItsAdmins(t *testing.T) {
	w := newWorld(t)
	for _, x := range []who{w.person("eve", "elsewhere", store.RoleAdmin), w.person("bob", "default", store.RoleDeveloper), w.person("chief", "default", store.RoleAdmin)} {
		told := x.name == "chief"
		for _, path := range []string{Prefix + "/status", "/about"} {
			if status, body := w.asks(x, "GET", path); status != 200 || strings.Contains(body, "/data/token") != told {
				t.Errorf("%s, %s: %d %s", x.name, path, status, body)
			}
		}
	}
}

// The operator's bound of a tenant holds beside that of its own admin, and says
// whose it is.
func TestTheOperatorBoundsATenant(t *testing.T) {
	w := newWorld(t)
	bob := w.person("bob", "elsewhere", store.RoleDeveloper)
	if err := w.db.SetQuota(t.Context(), auth.Local.In(bob.p.TenantID), store.WholeTenant, store.Amounts{Sessions: 1}); err != nil {
		t.Fatal(err)
	}
	for i, want := range []string{"", "There are 1 of the 1 sessions that the whole tenant may have: archive or delete one, or ask an admin to raise the quota."} {
		_, err := w.db.CreateSession(t.Context(), store.Session{Name: "s", OwnerID: bob.p.UserID, TenantID: bob.p.TenantID, Runtime: "fake"})
		if got := message(err); got != want {
			t.Errorf("%d: %q, want %q", i, got, want)
		}
	}
}

func message(err error) string {
	if err == nil {
		return ""
	}
	return err.Error()
}

// A user is moved while their session runs: it runs on and is theirs; whoever
// watched it in the old tenant is cut off, and finds nothing there any more.
func TestAUserIsMovedWhileTheirSessionRuns(t *testing.T) {
	w := newWorld(t)
	cast := w.cast()
	all := w.belongings(cast.owner.p)
	if _, err := w.db.ShareSession(t.Context(), cast.owner.p, all["session"], cast.colleague.name); err != nil {
		t.Fatal(err)
	}
	colleague := cast.colleague
	watch := func(x who) <-chan error {
		ws := w.opensChat(x, all["session"])
		ended := make(chan error, 1)
		go func() {
			for {
				if _, _, err := ws.Read(context.Background()); err != nil {
					ended <- err
					return
				}
			}
		}()
		return ended
	}
	watching := map[string]<-chan error{"the admin": watch(cast.admin), "the guest": watch(colleague)}
	elsewhere := w.tenant("elsewhere")
	m, err := w.auth.MoveUser(t.Context(), auth.Local, store.Move{User: cast.owner.p.UserID, To: "elsewhere"})
	if err != nil {
		t.Fatal(err)
	}
	if m.User.TenantID != elsewhere {
		t.Errorf("%+v", m.User)
	}
	for name, ended := range watching {
		select {
		case <-ended:
		case <-time.After(30 * time.Second):
			t.Errorf("%s watches still", name)
		}
	}
	for _, x := range []who{cast.admin, colleague, cast.viewer} {
		for _, path := range []string{"/sessions/:id", "/chronicles/:id", "/sessions/:id/conversation"} {
			status, body := w.answer(x, "GET", Prefix+path, all)
			missing, nothing := w.answer(x, "GET", Prefix+path, nothing())
			if status != 404 || status != missing || body != nothing {
				t.Errorf("%s finds %s: %d %s", x.name, path, status, body)
			}
		}
	}
	// By the same cookie she has all of it, and the new tenant's admin sees the session.
	for _, path := range []string{"/sessions/:id", "/chronicles/:id", "/presets/:id", "/credentials/:name", "/sessions/:id/conversation", "/sessions/:id/comments"} {
		if status, body := w.answer(cast.owner, "GET", Prefix+path, all); status != 200 {
			t.Errorf("%s: %d %s", path, status, body)
		}
	}
	if status, body := w.answer(cast.stranger, "GET", Prefix+"/sessions/:id", all); status != 200 {
		t.Errorf("the new tenant's admin: %d %s", status, body)
	}
	row, err := w.db.SystemSession(t.Context(), all["session"])
	if err != nil || row.State != store.Running || row.TenantID != elsewhere {
		t.Errorf("%+v, %v", row, err)
	}
	// Her token for programs is hers there, too.
	if status, body := w.asks(cast.tokens[auth.ScopeRead], "GET", Prefix+"/me"); status != 200 || !strings.Contains(body, elsewhere) {
		t.Errorf("%d %s", status, body)
	}
}

// A client goes on with the number of an event of the tenant that its user has
// left: it is told all that there is, rather than nothing.
func TestAStreamGoesOnInAnotherTenant(t *testing.T) {
	w := newWorld(t)
	bob := w.person("bob", "elsewhere", store.RoleDeveloper)
	name := "s-" + uuid.NewString()[:8]
	if _, err := w.db.CreateSession(t.Context(), store.Session{Name: name, OwnerID: bob.p.UserID, TenantID: bob.p.TenantID, Runtime: "fake"}); err != nil {
		t.Fatal(err)
	}
	for _, after := range []string{"1", "4711", "4503599627370496"} { // of the first tenant; of a third
		req, err := http.NewRequestWithContext(t.Context(), "GET", bob.base+Prefix+"/sessions/stream", nil)
		if err != nil {
			t.Fatal(err)
		}
		bob.present(req)
		req.Header.Set("Last-Event-ID", after)
		told := make([]byte, 4096)
		res, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		stop := time.AfterFunc(30*time.Second, func() { res.Body.Close() })
		var text string
		for !strings.Contains(text, name) {
			n, err := res.Body.Read(told)
			if text += string(told[:n]); err != nil {
				t.Errorf("after %s: %v, %s", after, err, text)
				break
			}
		}
		stop.Stop()
		res.Body.Close()
	}
}

// opensChat opens a session's chat as somebody.
func (w *world) opensChat(x who, session string) *websocket.Conn {
	w.t.Helper()
	return w.opensChatIn(x, session, client.ChatProtocol)
}

// opensChatIn opens one in these languages; in none it is the contract's.
func (w *world) opensChatIn(x who, session string, protocols ...string) *websocket.Conn {
	w.t.Helper()
	req, _ := http.NewRequest("GET", x.base, nil)
	x.present(req)
	ws, _, err := websocket.Dial(w.t.Context(), strings.Replace(x.base, "http", "ws", 1)+"/s/"+session+"/session",
		&websocket.DialOptions{HTTPHeader: req.Header, Host: req.Host, Subprotocols: protocols})
	if err != nil {
		w.t.Fatal(err)
	}
	w.t.Cleanup(func() { ws.CloseNow() })
	return ws
}
