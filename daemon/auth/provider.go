package auth

import (
	"errors"
	"fmt"
	"net/http"
	"regexp"
	"slices"
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
	// Tenants are the groups whose people are in a tenant, by its name. None: all
	// are in the first.
	Tenants map[string][]string

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

// tenantOf is the one tenant of somebody's groups, by its name, empty where groups
// say nothing of that; why not, for them and for the log.
func (o *OIDC) tenantOf(groups []string) (string, *oidc.Refusal) {
	if len(o.Tenants) == 0 {
		return "", nil
	}
	in := map[string]bool{}
	for _, g := range groups {
		in[g] = true
	}
	var found []string
	for name, theirs := range o.Tenants {
		if slices.ContainsFunc(theirs, func(g string) bool { return in[g] }) {
			found = append(found, name)
		}
	}
	switch len(found) {
	case 1:
		return found[0], nil
	case 0:
		return "", &oidc.Refusal{Detail: "You are logged in at the identity provider, and in none of the groups that may use this installation. Ask whoever runs it."}
	}
	slices.Sort(found)
	return "", &oidc.Refusal{Detail: "You are in groups of more than one part of this installation, so that it is not known where you belong. Ask whoever runs it to leave you in the groups of one.",
		Err: fmt.Errorf("groups of the tenants %s", strings.Join(found, ", "))}
}

// letIn logs in whom the provider vouches for, by the role that their groups give
// them now.
func (a *Auth) letIn(w http.ResponseWriter, r *http.Request, who oidc.Person, next string) {
	role := a.oidc.Roles.of(who.Groups)
	if role == "" {
		a.notIn(w, r, &oidc.Refusal{Detail: "You are logged in at the identity provider, and in none of the groups that may use this installation. Ask whoever runs it."})
		return
	}
	name, why := a.oidc.tenantOf(who.Groups)
	if why != nil {
		a.notIn(w, r, why)
		return
	}
	u, err := a.welcome(r, name, store.Vouched{Issuer: who.Issuer, Subject: who.Subject, Name: userName(who.Name), Role: role, Follow: len(a.oidc.Roles.ByGroup) > 0})
	if err == nil {
		_, err = a.logIn(w, r, store.Principal{UserID: u.ID, TenantID: u.TenantID}, store.ViaOIDC, a.oidc.Life)
	}
	if err != nil {
		a.notIn(w, r, err)
		return
	}
	a.onward(w, r, next)
}

// welcome finds or makes a user in a tenant; who is in another one is moved with
// all that is theirs. What they have open is cut where their role is another one
// now.
func (a *Auth) welcome(r *http.Request, tenant string, v store.Vouched) (store.User, error) {
	u, err := a.db.VouchedUser(r.Context(), v.Issuer, v.Subject)
	isNew := errors.Is(err, store.ErrNotFound)
	if err != nil && !isNew {
		return u, err
	}
	if tenant == "" {
		if tenant = u.TenantID; isNew {
			tenant = Local.TenantID
		}
	}
	to, err := a.db.Tenant(r.Context(), Local, tenant)
	if errors.Is(err, store.ErrNoTenant) {
		return store.User{}, &oidc.Refusal{Detail: "You belong to a part of this installation that does not exist yet. Ask whoever runs it.",
			Err: fmt.Errorf("the tenant %.100q is none: make it with volundr tenants add, or name one that there is", tenant)}
	}
	if err != nil {
		return store.User{}, err
	}
	if !isNew && u.TenantID != to.ID {
		by := store.Principal{UserID: u.ID, TenantID: u.TenantID, Admin: true, Operator: true, Name: u.Name, By: "identity provider " + v.Issuer}
		m := store.Move{User: u.ID, To: to.ID}
		if v.Follow {
			m.Role = v.Role
		}
		if _, err := a.MoveUser(r.Context(), by, m); err != nil {
			return u, &oidc.Refusal{Detail: "You belong to another part of this installation now, and could not be moved there yet. Try again in a while; if that does not help, tell an admin.",
				Down: true, Err: err}
		}
		a.log.InfoContext(r.Context(), "User was moved to another tenant by their groups", "user", u.Name, "tenant", to.Name)
	}
	u, was, err := a.db.Welcome(r.Context(), to.ID, v)
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
