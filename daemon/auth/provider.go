package auth

import (
	"errors"
	"net/http"
	"regexp"
	"strings"
	"time"

	"github.com/google/uuid"

	"volundr/daemon/auth/oidc"
	"volundr/store"
)

const (
	beginPath    = "/login/oidc"
	callbackPath = "/login/oidc/callback"
	leavePath    = "/login/oidc/leave"
)

// finishing is how many answers of the provider are looked at together.
const finishing = 8

// OIDC is a way in by an identity provider.
type OIDC struct {
	Provider *oidc.Provider
	Roles    Roles
	Life     time.Duration // of a login; the provider is asked again then

	underway chan struct{}
}

// NewOIDC gives the way in by a provider.
func NewOIDC(p *oidc.Provider, roles Roles, life time.Duration) *OIDC {
	return &OIDC{Provider: p, Roles: roles, Life: life, underway: make(chan struct{}, finishing)}
}

// Roles say what somebody may by the groups that they are in.
type Roles struct {
	ByGroup map[string]store.Role
	Default store.Role // of who is in none of them; empty: they are not let in
}

// of is the most that one of the groups gives; empty: nothing.
func (r Roles) of(groups []string) store.Role {
	best := r.Default
	for _, g := range groups {
		if role, ok := r.ByGroup[g]; ok && rank[role] > rank[best] {
			best = role
		}
	}
	return best
}

var rank = map[store.Role]int{store.RoleViewer: 1, store.RoleDeveloper: 2, store.RoleAdmin: 3}

// Callbacks are the addresses to which the provider leads people back, the one
// at the public address first.
func (a *Auth) Callbacks() (out []string) {
	if a.public != nil {
		out = append(out, a.public.hosts.origin()+callbackPath)
	}
	return append(out, a.hosts.origin()+callbackPath)
}

// beginLogin leads to the provider. It is a person's own page load, as a login
// link is.
func (a *Auth) beginLogin(w http.ResponseWriter, r *http.Request) {
	if r.Method != http.MethodGet || isPrefetch(r) || !isOpened(r) {
		Answer(w, r, http.StatusMethodNotAllowed, Page{Title: "Log in", Detail: "Open this page in a browser tab to log in."})
		return
	}
	page, f, err := a.oidc.Provider.Begin(r.Context(), a.at(r).origin()+callbackPath)
	if err != nil {
		a.notIn(w, r, err)
		return
	}
	sealed, err := a.flows.close(flow{Flow: f, Next: localPath(r.URL.Query().Get("next")), End: time.Now().Add(flowLife)})
	if err != nil {
		a.fail(w, r, "Cannot begin a login", err)
		return
	}
	http.SetCookie(w, a.flowCookie(r, sealed, flowLife))
	http.Redirect(w, r, page, http.StatusSeeOther)
}

// finishLogin lets in who comes back from the provider.
func (a *Auth) finishLogin(w http.ResponseWriter, r *http.Request) {
	if r.Method != http.MethodGet || !isOpened(r) {
		Answer(w, r, http.StatusMethodNotAllowed, Page{Title: "Log in", Detail: "Open this page in a browser tab to log in."})
		return
	}
	var f flow
	ok := false
	if c, err := r.Cookie(a.flowName(r)); err == nil {
		f, ok = a.flows.open(c.Value)
	}
	if !ok { // also who loads this page anew
		if _, err := a.byCookie(r); err == nil {
			a.onward(w, r, "/")
			return
		}
		a.notIn(w, r, &oidc.Refusal{Detail: "This browser has not begun to log in, or took longer than ten minutes. Log in again."})
		return
	}
	select {
	case a.oidc.underway <- struct{}{}:
		defer func() { <-a.oidc.underway }()
	default:
		tooMany(w, r)
		return
	}
	http.SetCookie(w, a.flowCookie(r, "", -time.Second))
	who, err := a.oidc.Provider.Finish(r.Context(), f.Flow, r.URL.Query())
	if err != nil {
		a.notIn(w, r, err)
		return
	}
	a.letIn(w, r, who, f.Next)
}

// letIn logs in whom the provider vouches for, by the role that their groups give
// them now.
func (a *Auth) letIn(w http.ResponseWriter, r *http.Request, who oidc.Person, next string) {
	role := a.oidc.Roles.of(who.Groups)
	if role == "" {
		a.notIn(w, r, &oidc.Refusal{Detail: "You are logged in at the identity provider, and in none of the groups that may use this installation. Ask whoever runs it."})
		return
	}
	u, err := a.welcome(r, store.Vouched{Issuer: who.Issuer, Subject: who.Subject, Name: userName(who.Name), Role: role, Follow: len(a.oidc.Roles.ByGroup) > 0})
	if err == nil {
		_, err = a.logIn(w, r, store.Principal{UserID: u.ID, TenantID: u.TenantID}, store.ViaOIDC, a.oidc.Life)
	}
	if err != nil {
		a.fail(w, r, "Cannot log in by the identity provider", err)
		return
	}
	a.onward(w, r, next)
}

// welcome finds or makes a user. What they have open is cut where their role is
// another one now.
func (a *Auth) welcome(r *http.Request, v store.Vouched) (store.User, error) {
	u, was, err := a.db.Welcome(r.Context(), Local.TenantID, v)
	switch {
	case err != nil:
		return u, err
	case was == "":
		a.log.InfoContext(r.Context(), "User came in for the first time", "user", u.Name, "role", u.Role, "issuer", v.Issuer)
	case was != u.Role:
		a.log.InfoContext(r.Context(), "User has another role", "user", u.Name, "role", u.Role, "was", was)
		a.cut(r.Context(), func(l store.Login) bool { return l.UserID == u.ID && l.TenantID == u.TenantID })
	}
	return u, nil
}

// notIn answers who is not let in; the way back is offered, and the one that
// needs no provider.
func (a *Auth) notIn(w http.ResponseWriter, r *http.Request, err error) {
	var why *oidc.Refusal
	if !errors.As(err, &why) {
		a.fail(w, r, "Cannot log in by the identity provider", err)
		return
	}
	if !a.another(r, "identity provider") {
		tooMany(w, r)
		return
	}
	a.log.WarnContext(r.Context(), "Nobody was logged in", "error", why, "issuer", a.oidc.Provider.Issuer())
	status := http.StatusForbidden
	if why.Down {
		status = http.StatusServiceUnavailable
	}
	Answer(w, r, status, Page{Title: "You are not logged in", Detail: why.Detail, Link: beginPath, LinkText: "Log in again"})
}

// leaveProvider has the provider log the browser out too, where it offers that.
// It is a page, and a redirect leads to it, for a form of ours leads nowhere else.
func (a *Auth) leaveProvider(w http.ResponseWriter, r *http.Request) {
	page := ""
	if _, err := a.byCookie(r); err != nil && !isCrossSite(r) { // nobody is led out by a link
		page = a.oidc.Provider.EndSession(r.Context(), a.at(r).origin()+"/login")
	}
	if page == "" {
		http.Redirect(w, r, "/login", http.StatusSeeOther)
		return
	}
	w.Header().Set("Refresh", "0; url="+page)
	Answer(w, r, http.StatusOK, Page{Title: "Logged out", Detail: "You are logged out here. One moment: the identity provider logs you out too.", Link: page, LinkText: "Continue"})
}

var notInNames = regexp.MustCompile(`[^a-z0-9._-]+`)

// userName makes a name of ours of what a provider calls somebody.
func userName(said string) string {
	name := notInNames.ReplaceAllString(strings.ToLower(said[:min(len(said), 200)]), "-")
	name = strings.TrimLeft(name, "._-")
	name = strings.TrimRight(name[:min(len(name), 60)], "-")
	if name == "" || uuid.Validate(name) == nil { // which would pass for an id
		return strings.TrimRight("user-"+name[:min(len(name), 55)], "-")
	}
	return name
}
