package api

import (
	"context"
	"net"
	"net/http"
	"net/http/httptest"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"
	"github.com/labstack/echo/v4"

	"volundr/daemon/auth"
	"volundr/store"
)

// The one proof of who may see what. It asks the router for its routes: each is
// asked by everybody. Of what is another's everybody is told, to the letter,
// what they are told of what does not exist, and lists, counts, searches and
// streams hold nothing of it.
func TestWhoMaySeeWhat(t *testing.T) {
	w := newWorld(t)
	w.options.Shutdown = func() {}
	w.serve()
	cast := w.cast()
	e := serving(w.options).router()
	if missing := unlisted(e); len(missing) > 0 {
		t.Errorf("These routes have no row in the table of rights, so nobody may use them: %v", missing)
	}
	all := w.belongings(cast.owner.p)
	before := w.seen(cast.owner, e, all)
	for _, r := range doors(e) {
		t.Run(r.Method+" "+r.Path, func(t *testing.T) {
			w := *w
			w.t = t
			w.refusals(cast, r)
			w.strangers(cast, r, all)
		})
	}
	if diff := cmp.Diff(before, w.seen(cast.owner, e, all)); diff != "" {
		t.Errorf("What strangers asked for changed something: %s", diff)
	}
	for _, r := range doors(e) {
		if streams[r.Path] {
			w.ownersAndAdmins(cast, r)
			w.sharedWith(cast, r)
		}
	}
	ended, end := context.WithCancel(t.Context())
	end()
	for i, r := range doors(e) {
		if i%together == 0 {
			w = newWorld(t)
			w.options.Shutdown = func() {}
			w.options.Stopping = ended // nobody waits for the engine, which does nothing here
			w.serve()
			cast = w.cast()
		}
		if streams[r.Path] || strings.HasPrefix(r.Path, "/v1/sessions/:sandbox") && r.Method+r.Path != "GET/v1/sessions/:sandbox" { // in which nothing runs here
			continue
		}
		t.Run("own: "+r.Method+" "+r.Path, func(t *testing.T) {
			w := *w
			w.t = t
			w.ownersAndAdmins(cast, r)
			w.sharedWith(cast, r)
		})
	}
}

// together is how many routes are asked in one world: what each of them leaves in
// the lists makes the next ones slower.
const together = 20

// The same routes of the sandbox API on the listener of its own.
func TestWhoMaySeeWhatAtTheSandboxDoor(t *testing.T) {
	w := newWorld(t)
	cast := w.cast()
	e := sandboxRouter(serving(w.options))
	srv := httptest.NewUnstartedServer(nil)
	h, err := w.auth.SandboxDoor(srv.Listener.Addr().(*net.TCPAddr), false, false, e)
	if err != nil {
		t.Fatal(err)
	}
	srv.Config.Handler = h
	srv.Start()
	defer srv.Close()
	all := w.belongings(cast.owner.p)
	at := func(x who) who { x.base = srv.URL; return x }
	for _, r := range doors(e) {
		t.Run(r.Method+" "+r.Path, func(t *testing.T) {
			w := *w
			w.t = t
			w.expect(at(cast.anonymous), r, all, 401)
			w.expect(at(cast.expired), r, all, 401, 429)
			if right(r) != auth.Sandboxes {
				return
			}
			w.expect(at(w.program(cast.owner, auth.ScopeRead, time.Hour)), r, all, 403)
			w.expect(at(w.program(cast.viewer, auth.ScopeRead, time.Hour)), r, all, 403)
			w.blind(at(w.program(cast.colleague, auth.ScopeSandboxes, time.Hour)), r, all)
			w.blind(at(w.program(cast.stranger, auth.ScopeSandboxes, time.Hour)), r, all)
		})
	}
}

// cast are all who ask.
type cast struct {
	anonymous, expired              who
	stranger                        who // the admin of another tenant
	colleague, viewer, owner, admin who
	tokens                          map[string]who // the owner's, by scope
	adminsToken                     who            // for work
}

func (w *world) cast() cast {
	c := cast{
		anonymous: who{name: "nobody", base: w.auth.ProgramOrigin(), present: func(r *http.Request) { r.Header.Del("Authorization") }},
		stranger:  w.person("eve", "elsewhere", store.RoleAdmin),
		colleague: w.person("bert", "default", store.RoleDeveloper),
		viewer:    w.person("vic", "default", store.RoleViewer),
		owner:     w.person(canary, "default", store.RoleDeveloper),
		admin:     w.person("local", "default", store.RoleAdmin),
		tokens:    map[string]who{},
	}
	c.expired = w.program(c.owner, auth.ScopeWork, -time.Second)
	for _, scope := range auth.Scopes {
		c.tokens[scope] = w.program(c.owner, scope, time.Hour)
	}
	c.adminsToken = w.program(c.admin, auth.ScopeWork, time.Hour)
	return c
}

// doors are the routes that are not for everybody.
func doors(e *echo.Echo) []*echo.Route {
	return slices.DeleteFunc(e.Routes(), func(r *echo.Route) bool { return public(r.Path) || r.Method == echo.RouteNotFound })
}

func unlisted(e *echo.Echo) (out []string) {
	for _, r := range doors(e) {
		if _, ok := rights[r.Method+" "+r.Path]; !ok {
			out = append(out, r.Method+" "+r.Path)
		}
	}
	return out
}

func right(r *echo.Route) auth.Right { return rights[r.Method+" "+r.Path] }

func (w *world) expect(x who, r *echo.Route, b belongings, want ...int) {
	w.t.Helper()
	status, body := w.answer(x, r.Method, r.Path, b)
	if !slices.Contains(want, status) || !strings.Contains(body, `"detail":"`) || strings.Contains(body, canary) {
		w.t.Errorf("%s: %d %s, want %v", x.name, status, body, want)
	}
}

// refusals are those who are not let in, whatever they ask for.
func (w *world) refusals(c cast, r *echo.Route) {
	none := nothing()
	w.expect(c.anonymous, r, none, 401)
	w.expect(c.expired, r, none, 401, 429) // so many wrong ones are slowed down
	switch right(r) {
	case auth.Read:
		w.expect(c.tokens[auth.ScopeSandboxes], r, none, 403)
	case auth.Work:
		w.expect(c.tokens[auth.ScopeRead], r, none, 403)
		w.expect(c.tokens[auth.ScopeSandboxes], r, none, 403)
		w.expect(c.viewer, r, none, 403)
	case auth.Sandboxes:
		w.expect(c.tokens[auth.ScopeRead], r, none, 403)
		w.expect(c.viewer, r, none, 403)
	case auth.Person:
		for _, token := range c.tokens {
			w.expect(token, r, none, 403)
		}
		w.expect(c.adminsToken, r, none, 403)
	case auth.Admin, auth.Machine:
		for _, x := range []who{c.viewer, c.colleague, c.owner, c.tokens[auth.ScopeAdmin], c.adminsToken} {
			w.expect(x, r, none, 403)
		}
		if right(r) == auth.Machine {
			w.expect(c.stranger, r, none, 403)
		}
	}
	if read := r.Method == http.MethodGet; !read && (right(r) == auth.Read || right(r) == auth.Anybody) {
		w.t.Errorf("%s is not only for looking", r.Method)
	}
}

// strangers are those who are let in and find nothing of the owner's.
func (w *world) strangers(c cast, r *echo.Route, all belongings) {
	for _, x := range []who{c.stranger, c.colleague, c.viewer} {
		login := store.Login{Role: x.role, TenantID: x.p.TenantID}
		if auth.Refused(login, right(r)) == "" {
			w.blind(x, r, all)
		}
	}
}

// blind fails where somebody learns anything of what is another's.
func (w *world) blind(x who, r *echo.Route, all belongings) {
	w.t.Helper()
	if streams[r.Path] {
		own := "of-" + x.name + "-" + uuid.NewString()[:8]
		if _, err := w.db.CreateSession(w.t.Context(), store.Session{Name: own, OwnerID: x.p.UserID, TenantID: x.p.TenantID, Runtime: "fake"}); err != nil {
			w.t.Fatal(err)
		}
		if told := w.overhears(w.t, x, r.Path, own); strings.Contains(told, canary) || strings.Contains(told, all["session"]) {
			w.t.Errorf("%s hears %s", x.name, told)
		}
		return
	}
	status, body := w.answer(x, r.Method, r.Path, all)
	if strings.Contains(body, canary) || status == http.StatusInternalServerError {
		w.t.Errorf("%s is told %d %s", x.name, status, body)
	}
	if !strings.Contains(r.Path, ":") {
		_, body := w.asks(x, r.Method, r.Path) // with all names
		for kind, id := range all {
			if strings.Contains(body, id) && kind != "user" && kind != "tenant" {
				w.t.Errorf("%s is told of the %s: %s", x.name, kind, body)
			}
		}
		return
	}
	missing, nothing := w.answer(x, r.Method, r.Path, nothing())
	if status != missing || body != nothing {
		w.t.Errorf("%s is told %d %s of what is another's, and %d %s of what is not there", x.name, status, body, missing, nothing)
	}
	if status != http.StatusNotFound && !unasked[r.Method+" "+r.Path] {
		w.t.Errorf("%s is told %d %s", x.name, status, body)
	}
}

// unasked are routes with a parameter that answer before, or without, looking
// for what it names: the answer says nothing of it.
var unasked = map[string]bool{
	"GET /api/v1/volundr/chronicles/:id/chain":     true, // of nothing is empty
	"POST /api/v1/volundr/chronicles/:id/timeline": true, // what is told is looked at first
	"GET /api/v1/volundr/repos/prs/:number":        true, // of which repository?
	"GET /api/v1/volundr/repos/prs/:number/ci":     true,
	"POST /api/v1/volundr/repos/prs/:number/merge": true,
}

// personal are things that are not an admin's to see either.
var personal = []string{"/presets/:id", "/prompts/:id", "/integrations/:id", "/credentials/:name", "/credentials/tenant/:name", "/secrets/:name", "/logins/:id", "/trusts/:id"}

// ownersAndAdmins are let in, and find what they ask for.
func (w *world) ownersAndAdmins(c cast, r *echo.Route) {
	for _, x := range []who{c.owner, c.admin} {
		if auth.Refused(store.Login{Role: x.role, TenantID: x.p.TenantID}, right(r)) != "" {
			continue
		}
		all := w.belongings(c.owner.p)
		u, err := w.db.AddUser(w.t.Context(), auth.Local, store.User{Name: "u-" + uuid.NewString()[:8], Role: store.RoleDeveloper})
		if err != nil {
			w.t.Fatal(err)
		}
		all["user"] = u.ID // may be removed
		if streams[r.Path] {
			w.overhears(w.t, x, r.Path, all["name"])
			continue
		}
		status, body := w.answer(x, r.Method, r.Path, all)
		if status == 401 || status == 403 || status == 500 {
			w.t.Errorf("%s is told %d %s", x.name, status, body)
		}
		if !strings.Contains(r.Path, ":") || unasked[r.Method+" "+r.Path] || slices.ContainsFunc(nowhere, func(p string) bool { return strings.Contains(r.Path, p) }) {
			continue
		}
		missing, nothing := w.answer(x, r.Method, r.Path, nothing())
		hidden := x.role == store.RoleAdmin && slices.ContainsFunc(personal, func(p string) bool { return strings.Contains(r.Path, p) })
		if same := status == missing && body == nothing; same != hidden {
			w.t.Errorf("%s is told %d %s of what is there, and %d %s of what is not", x.name, status, body, missing, nothing)
		}
	}
}

// nowhere are things that this world does not have.
var nowhere = []string{"/found/:id", "/templates/:name", "/profiles/:name", "/mcp-servers/:name"}

// seen is all that the owner sees of what is theirs.
func (w *world) seen(x who, e *echo.Echo, all belongings) map[string]string {
	out := map[string]string{}
	for _, r := range doors(e) {
		if r.Method == "GET" && strings.HasPrefix(r.Path, "/api/") && strings.Contains(r.Path, ":") && right(r) == auth.Read {
			_, body := w.answer(x, r.Method, r.Path, all)
			out[r.Path] = regexp.MustCompile(`"wall_seconds":\d+`).ReplaceAllString(body, "") // it runs
		}
	}
	return out
}

// A route that the table of rights does not know is nobody's.
func TestARouteWithoutARightIsRefused(t *testing.T) {
	w := newWorld(t)
	e := newEcho(w.options.Log, func(echo.Context, int, string) error { return nil })
	e.GET(Prefix+"/brand-new", func(c echo.Context) error { return c.NoContent(http.StatusNoContent) })
	srv := httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		guarded(e).ServeHTTP(rw, r.WithContext(auth.WithLogin(r.Context(), store.Login{UserID: "local", TenantID: "default", Role: store.RoleAdmin})))
	}))
	defer srv.Close()
	res, err := http.Get(srv.URL + Prefix + "/brand-new")
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	if res.StatusCode != http.StatusForbidden {
		t.Errorf("%d", res.StatusCode)
	}
}

// TestEveryRightIsOfARoute: rows of routes that are gone go too.
func TestEveryRightIsOfARoute(t *testing.T) {
	w := newWorld(t)
	left := map[string]bool{}
	for row := range rights {
		left[row] = true
	}
	for _, r := range doors(serving(w.options).router()) {
		delete(left, r.Method+" "+r.Path)
	}
	for row := range left {
		t.Errorf("%s is no route", row)
	}
}
