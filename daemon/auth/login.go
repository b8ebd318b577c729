package auth

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"

	"volundr/store"
)

const (
	linkLife  = 10 * time.Minute
	loginLife = 30 * 24 * time.Hour // after the last use
	touchStep = time.Hour           // how exactly the last use is known
)

// cookieName carries the installation, so that two daemons on one machine never
// meet in a cookie jar even under one host name. Where all is encrypted it is one
// that no other host, not even of the same site, can set.
func (a *Auth) cookieName(r *http.Request) string {
	name := "volundr-" + a.installation
	if a.at(r).encrypted() {
		name = hostOnly + name
	}
	return name
}

// hostOnly begins the names of cookies that browsers take from their own host
// only, and by TLS only.
const hostOnly = "__Host-"

// LoginLink makes a link that logs a browser in as p, once, within ten minutes,
// in place of whoever was logged in there, and leads to the dashboard, or with
// "?next=" to another page of ours. It names the public address, where there is
// one; under the other name it works too. Only its hash is kept.
func (a *Auth) LoginLink(ctx context.Context, p store.Principal) (string, error) {
	code := strings.ToLower(rand.Text())
	if err := a.db.AddLoginLink(ctx, digest(code), p, time.Now().Add(linkLife)); err != nil {
		return "", fmt.Errorf("make login link: %w", err)
	}
	return a.names().origin() + "/login/" + code, nil
}

// useLink spends a login link. Only a person's own page load does: a prefetch,
// a preview, a HEAD or a frame leaves the link as it was.
func (a *Auth) useLink(w http.ResponseWriter, r *http.Request) {
	if r.Method != http.MethodGet || isPrefetch(r) || !isOpened(r) {
		w.Header().Set("Allow", "GET")
		Answer(w, r, http.StatusMethodNotAllowed, Page{Title: "Login link", Detail: "Open this link in a browser tab to log in."})
		return
	}
	p, err := a.db.UseLoginLink(r.Context(), digest(r.PathValue("code")), time.Now())
	switch {
	case errors.Is(err, store.ErrNotFound):
		a.deadLink(w, r)
		return
	case err != nil:
		a.fail(w, r, "Cannot use login link", err)
		return
	}
	next := localPath(r.URL.Query().Get("next"))
	if l, err := a.byCookie(r); err == nil && l.UserID == p.UserID && l.TenantID == p.TenantID { // it is logged in already
		a.onward(w, r, next)
		return
	}
	_, err = a.logIn(w, r, p, store.ViaLink, loginLife)
	if errors.Is(err, store.ErrNotFound) { // the user is gone
		a.deadLink(w, r)
		return
	}
	if err != nil {
		a.fail(w, r, "Cannot store login", err)
		return
	}
	a.onward(w, r, next)
}

// logIn makes a login of p's for the browser that asks.
func (a *Auth) logIn(w http.ResponseWriter, r *http.Request, p store.Principal, via string, life time.Duration) (store.Login, error) {
	secret, hash := rand.Text(), ""
	if hash = digest(secret); via == store.ViaProxy {
		hash = hashOf(secret, identityOf(r))
	}
	l, err := a.db.AddLogin(r.Context(), store.Login{
		Hash: hash, UserID: p.UserID, TenantID: p.TenantID, Via: via,
		Agent: r.UserAgent()[:min(len(r.UserAgent()), 256)], ExpiresAt: time.Now().Add(life),
	})
	if err == nil {
		http.SetCookie(w, a.cookie(r, secret, int(life/time.Second)))
	}
	return l, err
}

// isOpened reports whether a tab was opened, as far as a client tells.
func isOpened(r *http.Request) bool {
	return r.Header.Get("Sec-Fetch-Mode") == "" || isTopLevel(r)
}

// deadLink answers a link that is used up. Who is logged in already just goes
// on: reloading the tab in which a link was opened is no mistake.
func (a *Auth) deadLink(w http.ResponseWriter, r *http.Request) {
	if _, err := a.byCookie(r); err == nil {
		a.onward(w, r, localPath(r.URL.Query().Get("next")))
		return
	}
	if !a.another(r, "link") {
		tooMany(w, r)
		return
	}
	Answer(w, r, http.StatusGone, Page{
		Title:  "This login link does not work any more",
		Detail: "A login link works once and for ten minutes. Get a new one with:",
		Hint:   "volundr open",
	})
}

// onward goes to a path of ours. After a link on another site the browser
// would leave out the Strict cookie, so the next step starts from our page.
func (a *Auth) onward(w http.ResponseWriter, r *http.Request, path string) {
	if isCrossSite(r) {
		w.Header().Set("Refresh", "0; url="+path)
		Answer(w, r, http.StatusOK, Page{Title: "Volundr", Detail: "One moment.", Link: path, LinkText: "Continue"})
		return
	}
	http.Redirect(w, r, path, http.StatusSeeOther)
}

// comeBack answers a page load that another site started and that came without
// our Strict cookie: the browser asks again from our own page, and is told the
// truth then.
func (a *Auth) comeBack(w http.ResponseWriter, r *http.Request) {
	a.onward(w, r, "/login?next="+url.QueryEscape(r.URL.RequestURI()))
}

// loginOrBack goes back to where somebody who is logged in wanted to go.
func (a *Auth) loginOrBack(w http.ResponseWriter, r *http.Request) {
	if _, err := a.byCookie(r); err != nil {
		if !mayBelieve(r) {
			a.loginPage.ServeHTTP(w, r)
			return
		}
		if _, ok := a.believe(w, r); !ok {
			return
		}
	}
	http.Redirect(w, r, localPath(r.URL.Query().Get("next")), http.StatusSeeOther)
}

func (a *Auth) logout(w http.ResponseWriter, r *http.Request) {
	via := ""
	if l, err := a.byCookie(r); err == nil {
		via = l.Via
		if err := a.Revoke(r.Context(), principalOf(l), l.ID); err != nil && !errors.Is(err, store.ErrNotFound) {
			a.fail(w, r, "Cannot revoke login", err)
			return
		}
	}
	http.SetCookie(w, a.cookie(r, "", -1))
	if via == store.ViaProxy && identityOf(r) != nil {
		a.leftByProxy(w, r)
		return
	}
	to := "/login"
	if via == store.ViaOIDC && a.oidc != nil {
		to = leavePath
	}
	http.Redirect(w, r, to, http.StatusSeeOther)
}

// prolong notes once an hour that a login is in use, which moves its end, unless
// whoever vouched for it is to be asked again then.
func (a *Auth) prolong(w http.ResponseWriter, r *http.Request, l store.Login) {
	now := time.Now()
	if now.Sub(l.UsedAt) < touchStep {
		return
	}
	end := now.Add(loginLife)
	if l.Via != store.ViaLink {
		end = l.ExpiresAt
	}
	if err := a.db.TouchLogin(r.Context(), l.ID, now, end); err != nil {
		a.log.WarnContext(r.Context(), "Cannot prolong login", "error", err)
		return
	}
	if l.Via != store.ViaLink {
		return
	}
	for _, c := range r.CookiesNamed(a.cookieName(r)) {
		if digest(c.Value) == l.Hash {
			http.SetCookie(w, a.cookie(r, c.Value, int(loginLife/time.Second)))
		}
	}
}

// cookie is host-only, and Secure but on loopback: WebKit keeps no Secure cookie
// of http://*.localhost, and with it a __Host- name is out of reach.
func (a *Auth) cookie(r *http.Request, value string, age int) *http.Cookie {
	return &http.Cookie{Name: a.cookieName(r), Value: value, Path: "/", MaxAge: age, Secure: a.at(r).encrypted(), HttpOnly: true, SameSite: http.SameSiteStrictMode}
}

func plainLoginPage(w http.ResponseWriter, r *http.Request) {
	Answer(w, r, http.StatusUnauthorized, Page{
		Title:  "Log in to Volundr",
		Detail: "This browser is not logged in. In a terminal on this machine, get a login link with:",
		Hint:   "volundr open",
	})
}

func (a *Auth) fail(w http.ResponseWriter, r *http.Request, message string, err error) {
	a.log.ErrorContext(r.Context(), message, "error", err)
	Answer(w, r, http.StatusInternalServerError, Page{Title: "Internal error", Detail: "Internal error."})
}
