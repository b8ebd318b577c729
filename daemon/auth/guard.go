package auth

import (
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	"volundr/store"
)

// Guard is the door of the control origin and of programs. What passes it came
// by one of our names, from our own pages or from nobody's, and (but for public
// paths) from somebody: PrincipalFrom knows whom. Surfaces never come through
// it; who mounts Guard sends their hosts to package proxy before.
//
//	421  foreign Host            403  foreign, absent or null Origin, other site
//	303  page load by a program's name, to the control host
//	401  nobody                  429  too many wrong tokens
func (a *Auth) Guard(next http.Handler) http.Handler {
	inner := http.NewServeMux()
	inner.Handle("/", a.requireLogin(next))
	inner.HandleFunc("/login/{code}", a.useLink)
	inner.HandleFunc("GET /login", a.loginOrBack)
	inner.HandleFunc("POST /logout", a.logout)
	if a.oidc != nil {
		inner.HandleFunc("GET "+beginPath, a.beginLogin)
		inner.HandleFunc("GET "+callbackPath, a.finishLogin)
		inner.HandleFunc("GET "+leavePath, a.leaveProvider)
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		a.at(r).secure(w.Header())
		switch a.KindOf(r) {
		case Control:
			a.control(w, r, inner)
		case Program:
			a.program(w, r, next)
		case Probe:
			a.answerProbe(w, r)
		default:
			a.Misdirected(w, r)
		}
	})
}

// Misdirected refuses a host name that is not ours.
func (a *Auth) Misdirected(w http.ResponseWriter, r *http.Request) {
	Answer(w, r, http.StatusMisdirectedRequest, Page{
		Title:    "Not a name of this server",
		Detail:   fmt.Sprintf("Volundr does not answer to this host name; open %s instead.", a.at(r).origin()),
		Link:     a.at(r).origin() + "/",
		LinkText: "Open Volundr",
	})
}

func (a *Auth) control(w http.ResponseWriter, r *http.Request, inner http.Handler) {
	seen := a.live.count()
	login, err := a.byToken(r)
	if why := Forged(r, a.at(r).origin(), err != nil); why != "" {
		refuse(w, r, why)
		return
	}
	switch {
	case err == nil:
		a.admit(w, r, login, seen, func() (store.Login, error) { return a.byToken(r) }, inner)
	case r.Header.Get("Authorization") != "":
		a.wrongToken(w, r, err)
	default:
		inner.ServeHTTP(w, r)
	}
}

// program serves 127.0.0.1 and localhost. No cookie is looked at, for any
// server on any port of those names can set one.
func (a *Auth) program(w http.ResponseWriter, r *http.Request, next http.Handler) {
	if why := Forged(r, "http://"+r.Host, false); why != "" {
		refuse(w, r, why)
		return
	}
	seen := a.live.count()
	login, err := a.byToken(r)
	switch {
	case err == nil:
		r.Header.Del("Cookie")
		a.admit(noCookies{w}, r, login, seen, func() (store.Login, error) { return a.byToken(r) }, next)
	case r.Header.Get("Authorization") != "":
		a.wrongToken(w, r, err)
	case a.open(r):
		next.ServeHTTP(noCookies{w}, r)
	case isTopLevel(r):
		http.Redirect(w, r, a.ControlOrigin()+r.URL.RequestURI(), http.StatusSeeOther)
	default:
		unauthorized(w, r, "Missing Authorization header")
	}
}

// requireLogin lets somebody pass, and everybody to what is public.
func (a *Auth) requireLogin(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if _, ok := LoginFrom(r.Context()); ok { // by token
			next.ServeHTTP(w, r)
			return
		}
		seen := a.live.count()
		login, err := a.byCookie(r)
		switch {
		case err == nil:
			a.prolong(w, r, login)
			a.admit(w, r, login, seen, func() (store.Login, error) { return a.byCookie(r) }, next)
		case !errors.Is(err, store.ErrNotFound):
			a.log.ErrorContext(r.Context(), "Cannot read logins", "error", err)
			Answer(w, r, http.StatusInternalServerError, Page{Title: "Internal error", Detail: "Internal error."})
		case a.open(r):
			next.ServeHTTP(w, r)
		case isCrossSite(r):
			a.comeBack(w, r)
		case mayBelieve(r):
			if login, ok := a.believe(w, r); ok {
				a.admit(w, r, login, seen, func() (store.Login, error) { return a.db.LoginByHash(r.Context(), login.Hash, time.Now()) }, next)
			}
		case IsPageLoad(r):
			a.loginPage.ServeHTTP(w, r)
		default:
			unauthorized(w, r, "Missing Authorization header")
		}
	})
}

func refuse(w http.ResponseWriter, r *http.Request, why string) {
	Answer(w, r, http.StatusForbidden, Page{Title: "Refused", Detail: why})
}

func unauthorized(w http.ResponseWriter, r *http.Request, detail string) {
	w.Header().Set("WWW-Authenticate", "Bearer")
	Answer(w, r, http.StatusUnauthorized, Page{Title: "Not logged in", Detail: detail, Hint: "volundr open"})
}

// wrongToken answers a token that err says is none.
func (a *Auth) wrongToken(w http.ResponseWriter, r *http.Request, err error) {
	switch {
	case !errors.Is(err, store.ErrNotFound):
		a.fail(w, r, "Cannot read tokens", err)
	case !a.another(r, "token"):
		tooMany(w, r)
	case strings.Contains(r.Header.Get("Authorization"), " "+tokenPrefix) || a.at(r) != a.hosts:
		unauthorized(w, r, "This token is not valid: it has expired, was revoked, or never was one. Make a new one in the settings, or with `volundr tokens create`.")
	default:
		unauthorized(w, r, "This token is not valid; the file that `volundr status --json` names as token_file holds the one that is.")
	}
}

func tooMany(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Retry-After", "1")
	Answer(w, r, http.StatusTooManyRequests, Page{Title: "Too many attempts", Detail: "Too many wrong codes or tokens; try again in a second."})
}

// noCookies keeps Set-Cookie off the names that every server of the machine
// shares.
type noCookies struct{ http.ResponseWriter }

func (w noCookies) WriteHeader(status int) {
	w.Header().Del("Set-Cookie")
	w.ResponseWriter.WriteHeader(status)
}

func (w noCookies) Write(b []byte) (int, error) {
	w.Header().Del("Set-Cookie")
	return w.ResponseWriter.Write(b)
}

// Unwrap is for http.ResponseController: flushing, hijacking.
func (w noCookies) Unwrap() http.ResponseWriter { return w.ResponseWriter }

// localPath is a path on our own origin to go on to, "/" when it is not one.
func localPath(path string) string {
	if !strings.HasPrefix(path, "/") || strings.HasPrefix(path, "//") || strings.ContainsAny(path, "\\\r\n\t") {
		return "/"
	}
	return path
}
