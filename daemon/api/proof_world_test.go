package api

import (
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"volundr/daemon/auth"
	"volundr/runtime"
	"volundr/store"
)

// who is somebody who asks: by the cookie of a browser, or by a token.
type who struct {
	name    string
	p       store.Principal
	role    store.Role
	base    string
	present func(*http.Request)
}

// person makes a user, unless it is the machine's own, and logs their browser in.
func (w *world) person(name, tenant string, role store.Role) who {
	w.t.Helper()
	p := auth.Local
	if name != p.UserID {
		u, err := w.db.AddUser(w.t.Context(), auth.Local.In(w.tenant(tenant)), store.User{Name: name, Role: role})
		if err != nil {
			w.t.Fatal(err)
		}
		p = store.Principal{UserID: u.ID, TenantID: u.TenantID, Admin: role == store.RoleAdmin}
	}
	return who{name: name, p: p, role: role, base: w.auth.ProgramOrigin(), present: w.browserOf(p)}
}

// tenant is the id of a tenant, which is made if there is none of the name.
func (w *world) tenant(name string) string {
	w.t.Helper()
	one, err := w.db.Tenant(w.t.Context(), auth.Local, name)
	if errors.Is(err, store.ErrNoTenant) {
		one, err = w.db.AddTenant(w.t.Context(), auth.Local, name)
	}
	if err != nil {
		w.t.Fatal(err)
	}
	return one.ID
}

// browserOf logs a browser in by a link, and gives how its requests look.
func (w *world) browserOf(p store.Principal) func(*http.Request) {
	w.t.Helper()
	link, err := w.auth.LoginLink(w.t.Context(), p)
	if err != nil {
		w.t.Fatal(err)
	}
	host := strings.TrimPrefix(w.auth.ControlOrigin(), "http://")
	nobody := func(r *http.Request) { r.Header.Del("Authorization"); r.Host = host }
	status, head, body := w.ask("GET", strings.TrimPrefix(link, w.auth.ControlOrigin()), "", nobody)
	cookie, _, _ := strings.Cut(head.Get("Set-Cookie"), ";")
	if status != http.StatusSeeOther || cookie == "" {
		w.t.Fatalf("login link: %d %v %s", status, head, body)
	}
	return func(r *http.Request) {
		nobody(r)
		r.Header.Set("Cookie", cookie)
		r.Header.Set("Origin", w.auth.ControlOrigin())
	}
}

// program is somebody's program with a token of this scope.
func (w *world) program(of who, scope string, life time.Duration) who {
	w.t.Helper()
	_, text, err := w.auth.NewToken(w.t.Context(), of.p, scope, []string{scope}, time.Now().Add(life))
	if err != nil {
		w.t.Fatal(err)
	}
	of.name += "'s token for " + scope
	of.present = func(r *http.Request) { r.Header.Set("Authorization", "Bearer "+text) }
	return of
}

// asks sends what somebody asks.
func (w *world) asks(x who, method, path string) (int, string) {
	w.t.Helper()
	status, _, body := w.ask(method, path, `{"cmd":"true","ttl_seconds":1}`, func(r *http.Request) {
		r.URL.Host = strings.TrimPrefix(x.base, "http://")
		r.Host = r.URL.Host
		r.Header.Set("Content-Type", "application/json")
		x.present(r)
	})
	return status, body
}

// belongings are what somebody owns, one of each, by its id; canary is in every
// name that tells of it.
type belongings map[string]string

const canary = "canary"

func (w *world) belongings(p store.Principal) belongings {
	w.t.Helper()
	ctx := w.t.Context()
	must := func(err error) {
		w.t.Helper()
		if err != nil {
			w.t.Fatal(err)
		}
	}
	mark := canary + "-" + uuid.NewString()[:8]
	s, err := w.db.CreateSession(ctx, store.Session{Name: mark, OwnerID: p.UserID, TenantID: p.TenantID, Runtime: "fake",
		Request: json.RawMessage(`{"agent":"claude","source":{"type":"git"},"initial_prompt":"` + canary + `"}`)})
	must(err)
	n := s
	n.Run, n.State, n.ReadyAt = 1, store.Running, time.Now()
	s, err = w.db.Conclude(ctx, s, n)
	must(err)
	_, err = w.db.AppendDaemon(ctx, s.ID, "note", "", map[string]string{"text": canary})
	must(err)
	chronicle := uuid.NewString()
	must(w.db.OpenChronicle(ctx, store.Chronicle{ID: chronicle, SessionID: s.ID, Run: 1, Name: mark, Project: canary, OwnerID: p.UserID, TenantID: p.TenantID}))
	comment, err := w.db.AddComment(ctx, p, store.Comment{SessionID: s.ID, Path: canary, Side: "new", Line: 1, Body: canary})
	must(err)
	preset, err := w.db.AddPreset(ctx, p, store.Preset{Name: mark, Request: json.RawMessage(`{}`)})
	must(err)
	prompt, err := w.db.PutSavedPrompt(ctx, p, store.SavedPrompt{Name: mark, Content: canary})
	must(err)
	_, err = w.db.PutCredential(ctx, p, store.Credential{Name: mark, Type: "generic", Sealed: []byte(canary)})
	must(err)
	integration, err := w.db.AddIntegration(ctx, p, store.Integration{Slug: "linear", Type: "issue_tracker", Adapter: "linear", Credential: mark, Enabled: true})
	must(err)
	file, err := w.sandboxes.Upload(ctx, p, mark, strings.NewReader(canary))
	must(err)
	token, err := w.db.AddToken(ctx, p, store.Token{Name: mark, Hash: mark, ExpiresAt: time.Now().Add(time.Hour)})
	must(err)
	login, err := w.db.AddLogin(ctx, store.Login{Hash: "login-" + mark, UserID: p.UserID, TenantID: p.TenantID, Agent: canary, ExpiresAt: time.Now().Add(time.Hour)})
	must(err)
	end, id := time.Now().Add(time.Hour), uuid.NewString()
	box, err := w.db.CreateSandbox(ctx, store.Session{ID: id, Name: runtime.SandboxName(id), OwnerID: p.UserID, TenantID: p.TenantID, Runtime: "fake", ExpiresAt: end, LatestAt: end})
	must(err)
	n = box
	n.State, n.ReadyAt = store.Running, time.Now()
	_, err = w.db.Conclude(ctx, box, n)
	must(err)
	trust, err := w.db.Trust(ctx, p, mark, mark, true)
	must(err)
	return belongings{"trust": trust.ID, "session": s.ID, "chronicle": chronicle, "comment": comment.ID, "preset": preset.ID, "prompt": prompt.ID, "name": mark,
		"integration": integration.ID, "file": file.ID, "login": login.ID, "token": token.ID, "sandbox": box.Name, "tenant": p.TenantID, "user": p.UserID, "found": uuid.NewString(), "run": uuid.NewString()}
}

// nothing is what nobody owns.
func nothing() belongings {
	out := belongings{}
	for _, kind := range []string{"session", "chronicle", "comment", "preset", "prompt", "integration", "file", "token", "user", "login", "tenant", "found", "run", "trust"} {
		out[kind] = uuid.NewString()
	}
	out["name"], out["sandbox"] = canary+"-"+uuid.NewString()[:8], runtime.SandboxName(uuid.NewString())
	return out
}

// path is the address of a route for what somebody owns.
func (b belongings) path(method, route string) string {
	id := "session"
	switch {
	case strings.HasSuffix(route, "/chronicles/:id/diff"), method == "POST" && strings.HasSuffix(route, "/chronicles/:id/timeline"):
	default:
		for _, kind := range []string{"chronicle", "preset", "prompt", "integration", "token", "user", "login", "tenant", "trust"} {
			if strings.Contains(route, "/"+kind+"s/:id") {
				id = kind
			}
		}
		if strings.Contains(route, "/found/:id") {
			id = "found"
		}
	}
	return strings.NewReplacer(":sandbox", b["sandbox"], ":file", b["file"], ":run", b["run"], ":id", b[id], ":name", b["name"], ":comment", b["comment"],
		":checkpoint", "c1", ":terminal", "main", ":dotfile", ".bashrc", ":tab", "chat", ":user", "vic", ":port", "3000", ":number", "7", ":hash", strings.Repeat("0", 64), "*", "x").Replace(route)
}

// answer is what somebody is told of these, without their names.
func (w *world) answer(x who, method, route string, b belongings) (int, string) {
	w.t.Helper()
	status, body := w.asks(x, method, b.path(method, route))
	for _, id := range b {
		body = strings.ReplaceAll(body, id, "IT")
	}
	return status, body
}

// streams are routes that tell until the client goes.
var streams = map[string]bool{"/events": true, Prefix + "/sessions/stream": true}

// overhears reads a stream from the beginning until it tells of the listener's
// own session, and gives all of it.
func (w *world) overhears(t *testing.T, x who, path, own string) string {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), "GET", x.base+path+"?after=0", nil)
	if err != nil {
		t.Fatal(err)
	}
	x.present(req)
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	stop := time.AfterFunc(time.Minute, func() { res.Body.Close() })
	defer stop.Stop()
	var all strings.Builder
	piece := make([]byte, 32<<10)
	for !strings.Contains(all.String(), own) {
		n, err := res.Body.Read(piece)
		all.Write(piece[:n])
		if err != nil && err != io.EOF || n == 0 && err != nil {
			t.Fatalf("%s never tells of %s (%d, %v): %s", path, own, res.StatusCode, err, all.String())
		}
	}
	return all.String()
}
